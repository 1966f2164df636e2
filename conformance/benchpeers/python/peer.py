"""What the peers written in Python share: the flags, the output and the exit codes that `zeroduplex bench --outside` expects."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

EXIT_FAILED: Final = 1
EXIT_UNSUPPORTED: Final = 3
TIMEOUT_S: Final = 10.0
"""How long a client waits for a response before the server counts as lost."""


class Failed(Exception):
    """Ends the program with one line on stderr."""


class Unsupported(Exception):
    """What the peer cannot do."""


class Client(Protocol):
    """The measuring side of a peer. Frames are numbered from 1 on."""

    def send(self, n: int) -> None:
        """Fills frame n and sends it."""

    def receive(self, n: int) -> None:
        """Awaits the response to frame n, the oldest one on its way, and checks it."""


def number(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return parse


def parse(program: str, args: list[str]) -> argparse.Namespace:
    """The control file and the threads are for the project's own clients: they are accepted and left alone."""
    flags = argparse.ArgumentParser(
        program, description="One side of a measurement; zeroduplex bench --outside starts it.", allow_abbrev=False
    )
    flags.add_argument("--name", required=True)
    flags.add_argument("--size", type=number(1), default=64, help="bytes of a frame")
    flags.add_argument("--inflight", type=number(1), default=1, help="frames on their way at the same time")
    flags.add_argument("--wait", choices=["spin", "hybrid", "block"], default="block")
    flags.add_argument("--touch", choices=["none", "fill", "page", "all"], default="none")
    flags.add_argument("--cpu", type=number(-1), default=-1, help="CPU to run on, -1 for any")
    flags.add_argument("--limit-object", help=argparse.SUPPRESS)
    if program == "bench-client":
        flags.add_argument("--count", type=number(1), default=1000, help="frames to measure")
        flags.add_argument("--warmup", type=number(0), default=100, help="frames to send before")
        flags.add_argument("--threads-cpu", help=argparse.SUPPRESS)
    else:
        flags.add_argument("--corrupt", type=number(0), default=0, help="answer this frame with a wrong byte, counted from 1")
    return flags.parse_args(args)


class Measurement:
    def __init__(self, o: argparse.Namespace, client: Client) -> None:
        self.o = o
        self.client = client
        self.next = 1
        self.samples: list[int] = []
        readings = [time.perf_counter_ns() for _ in range(1001)]
        gaps = sorted(b - a for a, b in zip(readings, readings[1:], strict=False))
        self.clock = gaps[len(gaps) // 2]

    def run(self) -> dict[str, int]:
        block = self.round_trips if self.o.inflight == 1 else self.pipelined
        block(self.o.warmup)
        self.samples.clear()
        begin = time.perf_counter_ns()
        block(self.o.count)
        elapsed = time.perf_counter_ns() - begin
        self.samples.sort()
        return {
            "p50_ns": self.percentile(0.50),
            "p99_ns": self.percentile(0.99),
            "p999_ns": self.percentile(0.999),
            "samples": len(self.samples),
            "cpu": self.o.cpu,
            "clock_ns": self.clock,
            "limit_p50_ns": 0,
            "elapsed_ns": elapsed,
        }

    def percentile(self, q: float) -> int:
        return self.samples[min(len(self.samples) - 1, int(len(self.samples) * q))]

    def round_trips(self, frames: int) -> None:
        """Sends a frame only when the one before it is back. Consecutive samples share a clock reading."""
        send, receive, sample, clock, now = self.client.send, self.client.receive, self.samples.append, self.clock, time.perf_counter_ns
        before = now()
        for n in range(self.next, self.next + frames):
            send(n)
            receive(n)
            after = now()
            sample(max(0, after - before - clock))
            before = after
        self.next += frames

    def pipelined(self, frames: int) -> None:
        """Keeps several frames on their way and receives the oldest first."""
        underway: deque[tuple[int, int]] = deque()
        end = self.next + frames
        while self.next < end or underway:
            while self.next < end and len(underway) < self.o.inflight:
                underway.append((self.next, time.perf_counter_ns()))
                self.client.send(self.next)
                self.next += 1
            n, at = underway.popleft()
            self.client.receive(n)
            self.samples.append(max(0, time.perf_counter_ns() - at - self.clock))


def stop_on_signal() -> None:
    """Makes SIGTERM and SIGINT end the program as if all was said: contexts are left on the way."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def main(
    serve: Callable[[argparse.Namespace, Callable[[], None]], None],
    connect: Callable[[argparse.Namespace], AbstractContextManager[Client]],
    unsupported: Callable[[argparse.Namespace], str | None] = lambda o: None,
) -> None:
    """The main function of a peer. Its first argument is bench-server or bench-client. serve calls its second argument when a client can
    connect, and ends by SystemExit."""
    program = sys.argv[1] if len(sys.argv) > 1 else ""
    if program not in ("bench-server", "bench-client"):
        raise SystemExit("the first argument is neither bench-server nor bench-client")
    o = parse(program, sys.argv[2:])
    try:
        if (why := unsupported(o)) is not None:
            raise Unsupported(why)
        if o.cpu >= 0:
            os.sched_setaffinity(0, {o.cpu})
        if program == "bench-server":
            stop_on_signal()
            serve(o, lambda: print("ready", flush=True))
            raise Failed("serving ended")
        with connect(o) as client:
            result = Measurement(o, client).run()
        print(json.dumps(result))
    except Unsupported as reason:
        print(f"{program}: not supported: {reason}", file=sys.stderr)
        sys.exit(EXIT_UNSUPPORTED)
    except (Failed, OSError, EOFError) as reason:
        print(f"{program}: {reason or type(reason).__name__}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
