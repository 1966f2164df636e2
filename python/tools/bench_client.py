"""bench-client is the measuring side of a measurement. See tools/README.md for the flags."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import bench_work
from bench_threads import Threads
from line import OPCODE_LIMIT, Line, median
from program import Flags, number, pin_to_cpu, run

from zeroduplex import DualBufferDuplexChannel, DuplexChannelFactory, DuplexClient

BLOCKS: Final = 20
CALL_UP_TO: Final = 4096
"""Size up to which copying a frame is cheaper than the two more calls of filling it in place."""
now: Final = time.perf_counter_ns


class Measurement:
    """One client at work. Frame n has the sequence number n, and n is what it is filled with."""

    def __init__(self, o: argparse.Namespace, client: DuplexClient, line: Line, threads: Threads | None) -> None:
        self.o = o
        self.client = client
        self.line = line
        self.threads = threads
        self.fill, self.check = bench_work.FILL[o.touch], bench_work.CHECK[o.touch]
        self.next = 1
        self.samples: list[int] = []
        self.limit: list[int] = []
        self.thread_samples: list[int] = []
        readings = [now() for _ in range(1001)]
        self.clock = median([b - a for a, b in zip(readings, readings[1:], strict=False)])

    def run(self) -> None:
        self.block(self.o.warmup)
        self.samples.clear()
        blocks = min(BLOCKS, self.o.count)
        for i in range(blocks):
            frames = self.o.count * (i + 1) // blocks - self.o.count * i // blocks
            self.block(frames)
            self.limit_batch()
            if self.threads is not None:
                self.thread_samples += self.threads.block(frames, self.clock)

    def block(self, frames: int) -> None:
        if self.o.inflight > 1:
            self.pipelined(frames)
        elif self.o.size <= CALL_UP_TO and self.o.touch == "none":
            self.calls(frames)
        else:
            self.round_trips(frames)

    def sample(self, before: int, after: int) -> None:
        self.samples.append(max(0, after - before - self.clock))

    def calls(self, frames: int) -> None:
        """Small frames as an application sends them: copied by a call."""
        call, data = self.client.call, bytearray(self.o.size)
        view = memoryview(data)
        before = now()
        for _ in range(frames):
            self.fill(view, self.next)
            self.next += 1
            call(data).release()
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
        """Keeps several frames on their way and receives the oldest first."""
        underway: deque[tuple[int, int]] = deque()
        left = frames
        while left or underway:
            while left and len(underway) < self.o.inflight:
                at = now()
                underway.append((self.send(), at))
                left -= 1
            sequence, at = underway.popleft()
            self.receive(sequence)
            self.sample(at, now())

    def send(self) -> int:
        buffer = self.client.acquire_request_buffer(self.o.size)
        self.fill(buffer.data, self.next)
        self.next += 1
        return buffer.commit()

    def receive(self, sequence: int) -> None:
        with self.client.receive_response(sequence=sequence) as response:
            self.check(response.data, sequence)

    def limit_batch(self) -> None:
        """Bounces the ball with the server's handler. A v1 request cannot ask for that, so there is no limit to compare with then."""
        if isinstance(self.client, DualBufferDuplexChannel):
            return
        self.line.prepare()
        buffer = self.client.acquire_request_buffer(self.o.size)
        self.next += 1
        buffer.opcode = OPCODE_LIMIT
        sequence = buffer.commit()
        self.limit += self.line.serve()
        self.client.receive_response(sequence=sequence).release()


def percentile(samples: list[int], q: float) -> int:
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * q))] if samples else 0


def main() -> None:
    flags = Flags("bench-client", "the measuring side of a measurement")
    bench_work.add_flags(flags)
    flags.add_argument("--count", type=number(1), default=1000, help="frames to measure")
    flags.add_argument("--warmup", type=number(0), default=100, help="frames to send before")
    flags.add_argument("--threads-cpu", type=number(-1), default=-1, help="CPU of the helper thread, -1 for no such measurement")
    o = flags.parse_args()

    pin_to_cpu(o.cpu)
    line = Line(o.limit_object)
    threads = Threads(o.size, o.threads_cpu, o.touch) if o.threads_cpu >= 0 else None
    with DuplexChannelFactory().create_client(o.name, wait=o.wait, response_config=bench_work.room(o)) as client:
        measurement = Measurement(o, client, line, threads)
        measurement.run()
    if threads is not None:
        threads.stop()
    result = {
        "p50_ns": percentile(measurement.samples, 0.50),
        "p99_ns": percentile(measurement.samples, 0.99),
        "samples": len(measurement.samples),
        "limit_p50_ns": percentile(measurement.limit, 0.50),
        "cpu": o.cpu,
        "clock_ns": measurement.clock,
        "threads_p50_ns": percentile(measurement.thread_samples, 0.50),
        "threads_p99_ns": percentile(measurement.thread_samples, 0.99),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    run("bench-client", main)
