"""What several test modules use."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final

from zeroduplex import Frame, Response
from zeroduplex._ops import Port
from zeroduplex._ring_client import ClientRing
from zeroduplex._state import FAST, LenderState, Record
from zeroduplex._waiting import TurnQueue

# Seconds: many slices of a wait, also on a busy machine, and still far less than the timeouts of 20 s that would pass else.
SOON: Final = 8.0


def invert(frame: Frame) -> None:
    frame.data[:] = bytes(255 - b for b in frame.data)


def echo(frame: Frame) -> None:
    pass


def frame_sizes(seed: int, total: int) -> Iterator[int]:
    """Random sizes of frames of so many bytes together."""
    chance = random.Random(seed)
    while total:
        size = min(total, chance.randint(1, 800))
        total -= size
        yield size


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Semaphore(0)

    def __call__(self, frame: Frame) -> None:
        self.entered.release()
        assert self.opened.acquire(timeout=20)

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=20)

    def let_go(self) -> None:
        self.opened.release()


class Child:
    """Python code in a process of its own, which says where it is by printing lines."""

    def __init__(self, code: str, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, f"the child said nothing: {self.process.stderr.read() if self.process.stderr else ''}"
        return line

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def signal_other_thread(self, number: int) -> None:
        signal_other_thread(self.process.pid, number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


def signal_other_thread(pid: int, number: int) -> None:
    """Gives a signal to a thread that is not the main one, as the kernel may do with any signal to a process."""
    other = next(int(task) for task in os.listdir(f"/proc/{pid}/task") if int(task) != pid)
    assert ctypes.CDLL(None).tgkill(pid, other, number) == 0


SERVER = """
import sys, zeroduplex as z
def handler(frame):
    if frame.opcode == 1:
        print("entered", flush=True)
        sys.stdin.readline()
    frame.data[:] = bytes(255 - b for b in frame.data)
server = z.DuplexChannelFactory().create_in_place_duplex_server(sys.argv[1], z.BufferConfig(4096, 65536))
server.start(handler)
print("ready", flush=True)
server.wait()
"""

CLIENT = """
import sys, zeroduplex as z
client = z.DuplexChannelFactory().create_client(sys.argv[1])
for data in sys.stdin:
    data = data.strip()
    if data == "close":
        break
    opcode, _, data = data.partition(" ")
    sequence = client.send_request(data.encode(), opcode=int(opcode))
    print("sent", sequence, flush=True)
client.close()
print("closed", flush=True)
"""


def short_calls(client: ClientRing, port: Port) -> Callable[[bytes, int, int], Record | None]:
    """How an ordinary call publishes, by data, capacity and opcode. It returns None where it does nothing, without the helper always."""
    if not FAST:
        return lambda *_: None
    state = LenderState()
    state._bind(port.address, port, client.frames, deque(), TurnQueue(), threading.Lock().locked, memoryview(b""), Response, 0)
    return state._publish_only
