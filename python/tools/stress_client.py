"""stress-client sends frames of random sizes and checks every byte of what comes back. See tools/README.md for the flags."""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from pattern import DELAY_MASK, FAIL, GROW, STATUS_ASKED, inverted, mismatch, pattern
from program import Failed, Flags, number, run

from zeroduplex import DuplexChannelFactory, DuplexClient, HandlerFailedError, TimeoutError
from zeroduplex._generated.wire import DEFAULT_V2_CONNECT_TIMEOUT

FAILED = -1


class Attachment:
    """One connection with its sender and its receiver, which runs on a thread of its own."""

    def __init__(self, client: DuplexClient, options: argparse.Namespace, chance: random.Random, totals: dict[str, int]) -> None:
        self.client = client
        self.o = options
        self.chance = chance
        self.totals = totals
        self.window = threading.Semaphore(options.inflight)
        self.expected: dict[int, int] = {}
        """Size of the answer to each frame on its way, or FAILED. Each answer takes its entry out: one that comes twice is an error."""
        self.error: BaseException | None = None

    def exchange(self) -> None:
        receiver = threading.Thread(target=self.receive_all)
        receiver.start()
        try:
            for n in range(1, self.o.count + 1):
                self.send(n)
        except BaseException as e:
            self.error = self.error or e
            self.client.close()  # the receiver must not wait for what is never sent
        receiver.join()
        if self.error is not None:
            raise self.error

    def fails(self, n: int) -> bool:
        return bool(self.o.fail_every) and n % self.o.fail_every == 0

    def one_way(self, n: int) -> bool:
        return bool(self.o.one_way_every) and n % self.o.one_way_every == 0 and not self.fails(n)

    def send(self, n: int) -> None:
        size = expected = self.chance.randint(self.o.min, self.o.max)
        opcode = self.chance.randint(0, self.o.delay_max)
        capacity = size
        if self.fails(n):
            opcode |= FAIL
            capacity = max(size, 64)  # room for the message
            expected = FAILED
        elif self.o.grow_max:
            opcode |= GROW
            capacity = size + self.chance.randint(0, self.o.grow_max)
            expected = (capacity + 63) // 64 * 64
        one_way = self.one_way(n)
        if not one_way:
            self.window.acquire()
            if self.error is not None:
                raise self.error
        buffer = self.client.acquire_request_buffer(size, capacity)
        buffer.data[:] = pattern(n, size)
        buffer.opcode, buffer.one_way = opcode, one_way
        if one_way:
            self.totals["one_way"] += 1
        else:
            self.expected[n] = expected  # before the commit: the answer may be faster than we are
        sequence = buffer.commit()
        if sequence != n:
            raise Failed(f"sending frame {n}: commit gave it the sequence number {sequence}")

    def receive_all(self) -> None:
        highest = 0
        try:
            for _ in range(sum(not self.one_way(n) for n in range(1, self.o.count + 1))):
                sequence = self.receive()
                self.totals["out_of_order"] += sequence < highest
                highest = max(highest, sequence)
                self.window.release()
        except BaseException as e:
            self.error = self.error or e
            self.window.release(self.o.inflight)  # the sender must not wait for ever

    def receive(self) -> int:
        """Takes the next answer, whichever it is, and checks it."""
        try:
            response = self.client.receive_response()
        except HandlerFailedError as failure:
            n = failure.sequence
            if self.take(n) != FAILED or (failure.status, failure.message) != (STATUS_ASKED, f"stress failure {n}"):
                raise Failed(f"frame {n} failed with status {failure.status} and message {failure.message!r}") from failure
            self.totals["failed"] += 1
            return n
        with response:
            n = response.sequence
            size = self.take(n)
            if size == FAILED:
                raise Failed(f"frame {n} was answered, it should have failed")
            if response.size != size:
                raise Failed(f"response {n} has {response.size} bytes, expected {size}")
            wrong = mismatch(response.data, inverted(pattern(n, size)))
            if wrong >= 0:
                raise Failed(f"byte {wrong} of response {n} is wrong")
        self.totals["round_trips"] += 1
        return n

    def take(self, n: int) -> int:
        if n not in self.expected:
            raise Failed(f"answer to frame {n}, which is not on its way")
        return self.expected.pop(n)

    def wait_for_nothing(self) -> None:
        print("idle", flush=True)
        try:
            response = self.client.receive_response(self.o.idle / 1000)
        except TimeoutError:
            return
        with response:
            raise Failed(f"response {response.sequence} came, though nothing was asked")


def main() -> None:
    flags = Flags("stress-client", "sends frames and checks every byte of the answers")
    flags.add_name_and_wait()
    flags.add_argument("--count", type=number(0), default=1000, help="frames per attachment")
    flags.add_argument("--inflight", type=number(1), default=1, help="frames on their way at the same time")
    flags.add_argument("--min", type=number(0), default=64, help="smallest frame")
    flags.add_argument("--max", type=number(0), default=64, help="largest frame")
    flags.add_argument("--seed", type=number(0), default=1, help="start of the random numbers")
    flags.add_argument("--delay-max", type=number(0, DELAY_MASK), default=0, help="longest delay in the handler, in µs")
    flags.add_argument("--grow-max", type=number(0), default=0, help="most bytes that a response may be larger than its request")
    flags.add_argument("--fail-every", type=number(0), default=0, help="ask every so many frames to fail")
    flags.add_argument("--one-way-every", type=number(0), default=0, help="send every so many frames one-way")
    flags.add_argument("--reconnects", type=number(1), default=1, help="attachments after each other")
    flags.add_argument("--idle", type=number(0), default=0, help="ms to wait, at the end, for a response that never comes")
    flags.add_argument("--connect-timeout", type=number(0), default=int(DEFAULT_V2_CONNECT_TIMEOUT.total_seconds() * 1000),
                       help="ms that connecting may take; 0 tries once")  # fmt: skip
    o = flags.parse_args()
    if o.max < o.min:
        flags.error("--min must not be above --max")

    chance = random.Random(o.seed)
    totals = {"round_trips": 0, "failed": 0, "one_way": 0, "out_of_order": 0, "attachments": 0, "errors": 0}
    while totals["attachments"] < o.reconnects:
        with DuplexChannelFactory().create_client(o.name, wait=o.wait, connect_timeout=o.connect_timeout / 1000) as client:
            attachment = Attachment(client, o, chance, totals)
            attachment.exchange()
            totals["attachments"] += 1
            if totals["attachments"] == o.reconnects and o.idle:
                attachment.wait_for_nothing()
    print(json.dumps(totals))


if __name__ == "__main__":
    run("stress-client", main)
