"""bench-client is the measuring side of a measurement. See tools/README.md for the flags."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import bench_work
from bench_copies import Copies
from bench_threads import Threads
from bench_usage import Note, Usage, shared_memory
from line import ASK_LINE, ASK_MEMORY, ASK_NOTE, ASK_NOTHING, ASK_SEMAPHORES, ROUNDS, SEMAPHORE_ROUNDS, Line, least_cost, median
from program import Flags, number, pin_to_cpu, run

from zeroduplex import DualBufferDuplexChannel, DuplexChannelFactory, DuplexClient

BLOCKS: Final = 20
COPY_UP_TO: Final = 4096
"""Size up to which copying a frame is cheaper than the two more calls of filling it in place."""
now: Final = time.perf_counter_ns


class Measurement:
    """One client at work. Frame n has the sequence number n, and n is what it is filled with."""

    def __init__(self, o: argparse.Namespace, client: DuplexClient, line: Line, threads: Threads | None) -> None:
        self.o = o
        self.client = client
        self.line = line
        self.threads = threads
        self.copies = Copies(o.size)
        self.own, self.server = Usage(), Usage()
        self.fill, self.check = bench_work.FILL[o.touch], bench_work.CHECK[o.touch]
        self.small = o.size <= COPY_UP_TO and o.touch == "none"
        self.data = bytearray(o.size if self.small else 0)
        self.view = memoryview(self.data)
        self.next = 1
        self.elapsed = 0
        self.samples: list[int] = []
        self.line_samples: list[int] = []
        self.semaphore_samples: list[int] = []
        self.thread_samples: list[int] = []
        self.clock = least_cost(clock_cost)

    def run(self) -> None:
        self.block(self.o.warmup)
        self.samples.clear()
        blocks = min(BLOCKS, self.o.count)
        for i in range(blocks):
            frames = self.o.count * (i + 1) // blocks - self.o.count * i // blocks
            self.counted(frames)
            self.limit_batches()
            self.copies.batch(self.clock)
            if self.threads is not None:
                self.thread_samples += self.threads.block(frames + 1, self.clock)
        self.own.shared = shared_memory(self.o.name)
        self.ask(ASK_MEMORY, lambda: None)
        self.server.shared = self.line.read_memory()

    def counted(self, frames: int) -> None:
        """A block during which time and what both processes use up are counted."""
        server, own = self.server_note(), Note.of_self()
        began = now()
        self.block(frames)
        self.elapsed += now() - began
        self.own.add(own, Note.of_self())
        self.server.add(server, self.server_note())

    def server_note(self) -> Note:
        self.ask(ASK_NOTE, lambda: None)
        return self.line.read_note()

    def block(self, frames: int) -> None:
        if self.o.inflight > 1:
            self.pipelined(frames)
        elif self.small:
            self.calls(frames)
        else:
            self.round_trips(frames)

    def sample(self, before: int, after: int) -> None:
        self.samples.append(max(0, after - before - self.clock))

    def calls(self, frames: int) -> None:
        """Small frames as an application sends them: copied by a call."""
        call, check, data, size = self.client.call, self.check, self.data, self.o.size
        before = now()
        for _ in range(frames):
            n = self.next
            self.fill(self.view, n)
            self.next += 1
            response = call(data)
            check(response.data, n, size)
            response.release()
            after = now()
            self.sample(before, after)
            before = after

    def round_trips(self, frames: int) -> None:
        before = now()
        for _ in range(frames):
            self.receive(self.send())
            after = now()
            self.sample(before, after)
            before = after

    def pipelined(self, frames: int) -> None:
        """Keeps several frames on their way and receives the oldest first. A frame is sent when the one before it was received."""
        underway: deque[tuple[int, int]] = deque()
        left, after = frames, now()
        while left or underway:
            while left and len(underway) < self.o.inflight:
                underway.append((self.send(), after))
                left -= 1
            sequence, at = underway.popleft()
            self.receive(sequence)
            after = now()
            self.sample(at, after)

    def send(self) -> int:
        if self.small:
            self.fill(self.view, self.next)
            self.next += 1
            return self.client.send_request(self.data)
        buffer = self.client.acquire_request_buffer(self.o.size)
        self.fill(buffer.data, self.next)
        self.next += 1
        return buffer.commit()

    def receive(self, sequence: int) -> None:
        with self.client.receive_response(sequence=sequence) as response:
            self.check(response.data, sequence, self.o.size)

    def limit_batches(self) -> None:
        if "line" in self.o.limits:
            self.line.prepare(ROUNDS)
            self.ask(ASK_LINE, lambda: self.line_samples.extend(self.line.serve()))
        if "semaphore" in self.o.limits:
            self.line.prepare(SEMAPHORE_ROUNDS)
            self.ask(ASK_SEMAPHORES, lambda: self.semaphore_samples.extend(self.line.serve_semaphores()))

    def ask(self, what: int, part: Callable[[], None]) -> None:
        """Sends a frame that the server's handler does something else with, while we do our part. Nothing else is underway."""
        self.line.asked[0] = what
        buffer = self.client.acquire_request_buffer(self.o.size)
        self.next += 1
        sequence = buffer.commit()
        part()
        self.client.receive_response(sequence=sequence).release()
        self.line.asked[0] = ASK_NOTHING

    def copied(self) -> int:
        """Bytes that the SDK copies per frame: small requests, and a v1 server every request into its response's place."""
        calls = int(self.small) + int(isinstance(self.client, DualBufferDuplexChannel))
        return calls * int(self.o.size)

    def result(self) -> dict[str, object]:
        return {
            "p50_ns": percentile(self.samples, 0.50),
            "p99_ns": percentile(self.samples, 0.99),
            "p999_ns": percentile(self.samples, 0.999),
            "samples": len(self.samples),
            "elapsed_ns": self.elapsed,
            "limit_p50_ns": percentile(self.line_samples, 0.50),
            "limit_semaphore_p50_ns": percentile(self.semaphore_samples, 0.50),
            "memcpy_p50_ns": percentile(self.copies.samples, 0.50),
            "cpu": self.o.cpu,
            "clock_ns": self.clock,
            "threads_p50_ns": percentile(self.thread_samples, 0.50),
            "threads_p99_ns": percentile(self.thread_samples, 0.99),
            "copied_bytes": self.copied(),
            "client": self.own.as_json(),
            "server": self.server.as_json(),
        }


def clock_cost() -> int:
    """What reading the clock takes: the median of 100 readings that follow each other at once."""
    readings = [now() for _ in range(101)]
    return median([b - a for a, b in zip(readings, readings[1:], strict=False)])


def percentile(samples: list[int], q: float) -> int:
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * q))] if samples else 0


def main() -> None:
    flags = Flags("bench-client", "the measuring side of a measurement")
    bench_work.add_flags(flags)
    flags.add_argument("--count", type=number(1), default=1000, help="frames to measure")
    flags.add_argument("--warmup", type=number(0), default=100, help="frames to send before")
    flags.add_argument("--threads-cpu", type=number(-1), default=-1, help="CPU of the helper thread, -1 for no such measurement")
    flags.add_argument("--limits", type=limits, default="line", help="raw limits to measure: line and semaphore, or none")
    o = flags.parse_args()

    pin_to_cpu(o.cpu)
    line = Line(o.limit_object)
    threads = Threads(o.size, o.threads_cpu, o.touch) if o.threads_cpu >= 0 else None
    with DuplexChannelFactory().create_client(o.name, wait=o.wait, response_config=bench_work.room(o)) as client:
        measurement = Measurement(o, client, line, threads)
        measurement.run()
    if threads is not None:
        threads.stop()
    print(json.dumps(measurement.result()))


def limits(text: str) -> set[str]:
    """The raw limits of --limits."""
    names = set() if text == "none" else set(text.split(","))
    if unknown := names - {"line", "semaphore"}:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))!r} is neither line nor semaphore")
    return names


if __name__ == "__main__":
    run("bench-client", main)
