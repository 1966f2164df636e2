"""v1 buffers between processes: deaths, pauses, forks, signals, and both sides at full speed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from support import SOON, Child, frame_sizes
from usage import idle_share, memory_growth

import zeroduplex as z
from zeroduplex._generated import wire

SMALL = z.BufferConfig(64, 1024)

WRITER = """
import sys, zeroduplex as z
writer = z.Writer(sys.argv[1], connect_timeout=20, wait=z.WaitStrategy(sys.argv[2]))
print("attached", flush=True)
for line in sys.stdin:
    what, _, size = line.strip().partition(" ")
    if what == "close":
        break
    if what == "acquire":
        buffer = writer.acquire_frame_buffer(int(size))
        buffer.data[:] = b"a" * int(size)
        print("acquired", flush=True)
        continue
    try:
        print("wrote", writer.write_frame(b"w" * int(size), 20), flush=True)
    except z.ZeroDuplexError as e:
        print(type(e).__name__, flush=True)
writer.close()
print("closed", flush=True)
"""

READER = """
import sys, zeroduplex as z
reader = z.Reader(sys.argv[1], z.BufferConfig(64, 1024), wait=z.WaitStrategy(sys.argv[2]))
print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "close":
        break
    try:
        with reader.read_frame(20) as frame:
            print("read", frame.sequence, frame.size, flush=True)
    except z.ZeroDuplexError as e:
        print(type(e).__name__, flush=True)
reader.close()
print("closed", flush=True)
"""


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_kill_of_the_writer(name: str, wait: z.WaitStrategy) -> None:
    with z.Reader(name, SMALL, wait=wait) as reader:
        with Child(WRITER, name, "hybrid") as writer:
            assert writer.line() == "attached"
            for n in (1, 2):
                writer.say("write 10")
                assert writer.line() == f"wrote {n}"
            writer.say("acquire 300")  # never committed, so nobody ever sees it
            assert writer.line() == "acquired"
            held = reader.read_frame()
            writer.process.kill()  # and stays a zombie meanwhile
            reader.read_frame(20).release()
            before = time.monotonic()
            with pytest.raises(z.WriterDeadError):
                reader.read_frame(20)
            assert time.monotonic() - before < SOON  # within a slice, not at the timeout
            assert not reader.is_writer_connected
            assert held.data == b"w" * 10
            held.release()
        with z.Writer(name) as successor:  # takes the dead one's place
            assert successor.write_frame(b"x" * 900) == 1
            with reader.read_frame() as frame:
                assert frame.size == 900
        assert reader.usage.payload_free_bytes == 1024


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_kill_of_a_writer_ends_a_wait(name: str, wait: z.WaitStrategy) -> None:
    with z.Reader(name, SMALL, wait=wait) as reader, Child(WRITER, name, "hybrid") as writer:
        writer.line()
        ended: list[type] = []

        def read() -> None:
            try:
                reader.read_frame(20)
            except z.ZeroDuplexError as e:
                ended.append(type(e))

        thread = threading.Thread(target=read)
        thread.start()
        while not reader._calls:
            pass
        before = time.monotonic()
        writer.kill()
        thread.join(20)
        assert ended == [z.WriterDeadError]
        assert time.monotonic() - before < SOON


def test_kill_of_the_reader(name: str) -> None:
    with Child(READER, name, "block") as reader:
        assert reader.line() == "ready"
        writer = z.Writer(name)
        writer.write_frame(bytes(1008))
        ended: list[type] = []

        def write() -> None:
            try:
                writer.write_frame(b"x", 20)
            except z.ZeroDuplexError as e:
                ended.append(type(e))

        thread = threading.Thread(target=write)
        thread.start()
        while not writer._calls:
            pass
        before = time.monotonic()
        reader.process.kill()
        thread.join(20)
        assert ended == [z.ReaderDeadError]
        assert time.monotonic() - before < SOON
        with pytest.raises(z.ReaderDeadError):
            writer.set_metadata(b"x")
        with pytest.raises(z.ReaderDeadError):
            z.Writer(name, connect_timeout=0)
        with Child(READER, name, "block") as successor:  # takes the name over although a writer still lives
            assert successor.line() == "ready"
            with z.Writer(name) as second:
                second.write_frame(b"x")
                successor.say("read")
                assert successor.line() == "read 1 1"
            assert not writer.is_reader_connected
            writer.close()
            successor.say("close")
            assert successor.line() == "closed"


def test_a_writer_that_never_waits_notices_a_dead_reader(name: str) -> None:
    with Child(READER, name, "block") as reader:
        reader.line()
        with z.Writer(name) as writer:
            writer.write_frame(b"x")
            reader.kill()
            before = time.monotonic()
            with pytest.raises(z.ReaderDeadError):
                while time.monotonic() - before < 10:
                    writer.write_frame(b"x", 0)
                    assert writer.usage.payload_free_bytes > 100, "the buffer must not be full yet"
                    time.sleep(0.01)
            assert time.monotonic() - before < SOON
    with z.Reader(name, SMALL):
        pass  # removes what the killed one left


def test_a_stopped_peer_is_alive(name: str) -> None:
    with z.Reader(name, SMALL) as reader, Child(WRITER, name, "hybrid") as writer:
        writer.line()
        writer.signal(signal.SIGSTOP)
        with pytest.raises(z.TimeoutError):
            reader.read_frame(0.3)
        assert reader.is_writer_connected
        writer.signal(signal.SIGCONT)
        writer.say("write 5")
        reader.read_frame(20).release()
        assert writer.line() == "wrote 1"


def test_ctrl_c_during_a_wait(name: str) -> None:
    code = """
import sys, zeroduplex as z
with z.Reader(sys.argv[1], z.BufferConfig(64, 1024)) as reader, z.Writer(sys.argv[1]) as writer:
    writer.write_frame(bytes(1008))
    if sys.argv[2] == "read":
        reader.read_frame().release()
    print("waiting", flush=True)
    try:
        reader.read_frame(60) if sys.argv[2] == "read" else writer.write_frame(b"x", 60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    if sys.argv[2] == "read":
        writer.write_frame(b"after")
    with reader.read_frame() as frame:
        print(frame.sequence, frame.size, flush=True)
"""
    for what, last in (("read", "2 5"), ("write", "1 1008")):
        with Child(code, name, what) as child:
            assert child.line() == "waiting"
            while Path(f"/proc/{child.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S":
                pass
            before = time.monotonic()
            child.signal(signal.SIGINT)
            assert child.line() == "interrupted"
            assert time.monotonic() - before < SOON
            assert child.line() == last
            assert child.finish()[0] == 0


def test_a_forked_child_owns_nothing(name: str) -> None:
    code = """
import os, sys, zeroduplex as z
reader = z.Reader(sys.argv[1], z.BufferConfig(64, 1024))
writer = z.Writer(sys.argv[1])
writer.write_frame(b"mine")
frame = reader.read_frame()
buffer = writer.acquire_frame_buffer(1)
if os.fork() == 0:
    failures = []
    for call in (lambda: reader.read_frame(0), lambda: reader.metadata, lambda: writer.write_frame(b"x"), lambda: writer.set_metadata(b"x"),
                 buffer.commit):
        try:
            call()
            failures.append("no error")
        except z.ClosedError as e:
            if "belongs to the parent process" not in str(e):
                failures.append(str(e))
    frame.release()
    reader.close()
    writer.close()
    print("child", failures, reader.is_writer_connected, writer.is_reader_connected, flush=True)
    os._exit(0)
os.wait()
frame.release()
buffer.abort()
print(writer.write_frame(b"unharmed"), reader.read_frame().release(), reader.usage, flush=True)
sys.stdin.readline()
"""
    with Child(code, name) as child:
        assert child.line() == "child [] False False"
        assert child.line() == f"2 None {z.BufferUsage(1024, 1024, 2, 2)}"
        assert os.path.exists(wire.object_path(name))
        child.say("end")
        code_, _, errors = child.finish()
        assert (code_, errors) == (0, "")
    assert not os.path.exists(wire.object_path(name))


def test_the_end_of_a_process_leaves_nothing(name: str) -> None:
    code = """
import sys, zeroduplex as z
reader = z.Reader(sys.argv[1], z.BufferConfig(64, 1024))
writer = z.Writer(sys.argv[1])
writer.write_frame(b"x")
frame = reader.read_frame()
print("end", flush=True)
"""
    with Child(code, name) as child:
        assert child.line() == "end"
        assert child.finish()[0] == 0
    assert not os.path.exists(wire.object_path(name))


def test_an_idle_pair_sleeps(name: str) -> None:
    with z.Reader(name, SMALL) as reader, Child(WRITER, name, "hybrid") as writer:
        writer.line()
        assert idle_share(time.thread_time, reader.read_frame) <= 0.01  # of a core


STRESS_WRITER = """
import sys
if sys.argv[6] == "libatomic":
    sys.modules["zeroduplex._native"] = None
import zeroduplex as z
assert z.BACKEND == sys.argv[6]
sys.path.insert(0, sys.argv[4])
from support import frame_sizes
name, total, wait, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[5])
with z.Writer(name, connect_timeout=20, write_timeout=60, wait=z.WaitStrategy(wait)) as writer:
    block = bytes(range(256)) * 8
    for n, size in enumerate(frame_sizes(seed, total)):
        if n % 3:
            assert writer.write_frame(block[n % 256 : n % 256 + size]) == n + 1
        else:
            with writer.acquire_frame_buffer(size) as buffer:
                buffer.data[:] = block[n % 256 : n % 256 + size]
    print("done", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(("backend", "total"), [("native", 10_000_000), ("libatomic", 1_000_000)])
def test_ten_million_bytes_each_way(name: str, backend: str, total: int) -> None:
    """Two processes write to each other at the same time, through rings of a few frames, so that both sides change the free bytes of both
    rings all the time. Afterwards every byte is accounted for."""
    here = str(Path(__file__).resolve().parent)
    other = f"{name}_response"
    with (
        z.Reader(name, z.BufferConfig(0, 4096), read_timeout=60) as reader,
        Child(STRESS_READER, other, str(total), here, backend) as mirror,
        Child(STRESS_WRITER, name, str(total), "hybrid", here, "1", backend) as child,
    ):
        assert mirror.line() == "ready"
        with z.Writer(other, connect_timeout=20, write_timeout=60) as writer:
            block = bytes(range(256)) * 8
            errors: list[BaseException] = []

            def write() -> None:
                try:
                    for n, size in enumerate(frame_sizes(2, total)):
                        assert writer.write_frame(block[n % 256 : n % 256 + size]) == n + 1
                except BaseException as e:
                    errors.append(e)

            thread = threading.Thread(target=write)
            thread.start()
            held: list[z.ReceivedFrame] = []
            frames = size = 0
            for n, expected in enumerate(frame_sizes(1, total)):
                frame = reader.read_frame()
                assert (frame.sequence, frame.size) == (n + 1, expected)
                assert frame.data == block[n % 256 : n % 256 + expected]
                frames, size = frames + 1, size + expected
                held.append(frame)
                if len(held) > n % 3:
                    for one in reversed(held):
                        one.release()
                    held.clear()
            for one in held:
                one.release()
            thread.join(120)
            assert errors == []
            assert mirror.line() == "exact"
            usage = reader.usage
            assert (size, usage.payload_free_bytes) == (total, 4096)
            assert usage.written_count == usage.read_count > frames > total / 1000
            mirror.say("end")
        assert child.line() == "done"
        child.say("end")


STRESS_READER = """
import sys
if sys.argv[4] == "libatomic":
    sys.modules["zeroduplex._native"] = None
import zeroduplex as z
assert z.BACKEND == sys.argv[4]
sys.path.insert(0, sys.argv[3])
from support import frame_sizes
with z.Reader(sys.argv[1], z.BufferConfig(0, 4096), read_timeout=60) as reader:
    print("ready", flush=True)
    block = bytes(range(256)) * 8
    for n, size in enumerate(frame_sizes(2, int(sys.argv[2]))):
        with reader.read_frame() as frame:
            assert (frame.sequence, frame.size) == (n + 1, size)
            assert frame.data == block[n % 256 : n % 256 + size]
    usage = reader.usage
    print("exact" if usage.payload_free_bytes == 4096 and usage.written_count == usage.read_count else usage, flush=True)
    sys.stdin.readline()
"""


def test_memory_does_not_grow(name: str) -> None:
    with z.Reader(name, SMALL) as reader, z.Writer(name) as writer:

        def frames(count: int) -> None:
            for _ in range(count):
                with writer.acquire_frame_buffer(64) as buffer:
                    buffer.data[:8] = b"12345678"
                with reader.read_frame() as frame:
                    assert frame.size == 64

        frames(5000)
        assert memory_growth(lambda: frames(50_000), os.getpid())[0] < 1 << 20
