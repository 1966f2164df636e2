"""Programs of bytes that write to a segment while both ends of the ring use it, as a hostile or broken peer may.

Run by test_hostile.py for a moment, and for long as a program: `python tests/hostile.py --count 100000 --seed 1`.
"""

from __future__ import annotations

import argparse
import ctypes
import mmap
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final

from support import short_calls

from zeroduplex import CorruptedError, FrameTooLargeError, MetadataTooLargeError, ZeroDuplexError, _metadata, _ring_client, _ring_server
from zeroduplex._attach import ChannelAttempt
from zeroduplex._generated import wire
from zeroduplex._metadata import MetadataBlock
from zeroduplex._ops import ANSWER_FAILED, ANSWER_PENDING, Ops, ops
from zeroduplex._ops_fallback import FallbackOps
from zeroduplex._pages import NO_WISH
from zeroduplex._ring_client import ClientRing
from zeroduplex._ring_server import Claimed, ServerRing
from zeroduplex._state import Record
from zeroduplex.memory import address_of

BLOCK: Final = wire.BLOCK_ALIGNMENT
HEADER: Final = wire.FRAME_HEADER_V2_SIZE
PAGE: Final = mmap.PAGESIZE
LONGEST_PAYLOAD: Final = 2048
METADATA: Final = 64
CANARY: Final = 0xA5
_MASK64: Final = 2**64 - 1

Field = tuple[int, int]
"""Offset and width, 4 or 8."""


def fields_of(name: str) -> list[Field]:
    fields = next(s for s in wire.STRUCTS if s.name == name).fields
    return [(f.offset, 4 if struct.calcsize(f.format) * (f.count or 1) == 4 else 8) for f in fields]


BLOCK_FIELDS: Final = fields_of("oieb_v2")
HEADER_FIELDS: Final = fields_of("frame_header_v2")


def no_call(*_: object) -> Record | None:
    """There are no short calls without the helper."""
    return None


class Wrong(AssertionError):
    """What a program showed must never happen."""


def require(holds: object, what: str) -> None:
    if not holds:
        raise Wrong(what)


class Arena:
    """Memory between two pages that nobody may touch: whoever reads or writes behind its end dies of it, and a write before what was
    given is found."""

    def __init__(self, size: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        self._size = (size + PAGE - 1) // PAGE * PAGE
        self._mapping = mmap.mmap(-1, self._size + 2 * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        base = address_of(memoryview(self._mapping))
        for guard in (base, base + PAGE + self._size):
            require(libc.mprotect(guard, PAGE, 0) == 0, f"no guard page: errno {ctypes.get_errno()}")
        self._usable = memoryview(self._mapping)[PAGE : PAGE + self._size]
        self._given = 0

    def give(self, size: int) -> memoryview:
        """`size` zeroed bytes that end where the guard begins. What was given before is void."""
        self._given = size
        before = self._size - size
        self._usable[:before] = bytes([CANARY]) * before
        self._usable[before:] = bytes(size)
        return self._usable[before:]

    def is_intact(self) -> bool:
        before = self._size - self._given
        return bytes(self._usable[:before]) == bytes([CANARY]) * before


class Program:
    """Input read as a sequence of decisions. When it has run out every decision is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def more(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, count: int) -> int:
        first = self.byte()
        return (first if count <= 256 else first << 8 | self.byte()) % count

    def value(self, current: int, payload: int) -> int:
        """What to store where `current` stands: mostly values at the borders of what is right."""
        kind, small = self.byte() % 12, self.byte()
        near = small - 256 if small >= 128 else small
        candidates: list[Callable[[], int]] = [
            lambda: small,
            lambda: small,
            lambda: current + near * BLOCK,
            lambda: current + near * BLOCK,
            lambda: current + near,
            lambda: payload + near * BLOCK,
            lambda: payload * (small % 8) + current,
            lambda: 1 << small % 64,
            lambda: (1 << small % 64) - 1,
            lambda: -small,
            lambda: small % 9,  # states and flags
            lambda: int.from_bytes(bytes(self.byte() for _ in range(8)), "little"),
        ]
        return candidates[kind]() & _MASK64

    def field(self, fields: Sequence[Field]) -> Field:
        return fields[self.below(len(fields))]


def make(seed: int, number: int) -> bytes:
    """The program of that number. The calmer it is, the more it does before somebody interferes."""
    chance = random.Random(seed << 32 | number)
    calm = number % 8
    tame = [*range(11), *range(0, 256, 16)]
    return bytes(chance.choice(tame) if chance.randrange(7) < calm else chance.randrange(256) for _ in range(200))


class Interposer:
    """Runs a hostile store between two lines of the library, so between two reads of one operation."""

    FILES: Final = tuple(str(m.__file__) for m in (_ring_client, _ring_server, _metadata, sys.modules[FallbackOps.__module__]))

    def __init__(self, files: Sequence[str] = FILES) -> None:
        self._files = files
        self.lines = 0
        self.stores = 0
        self._at: int | None = None
        self._store: Callable[[], None] | None = None

    def arm(self, after: int, store: Callable[[], None]) -> None:
        """Runs store once, when so many more lines have begun."""
        self._at, self._store = self.lines + after, store
        sys.settrace(self._call)

    def disarm(self) -> None:
        sys.settrace(None)
        self._store = None

    def _call(self, frame: FrameType, event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self._store is not None and self._at is not None and self.lines >= self._at:
                store, self._store = self._store, None
                self.stores += 1
                store()
        return self._line


class Expected:
    """What a frame must hold as long as nobody interfered."""

    def __init__(self, size: int, capacity: int, one_way: bool) -> None:
        self.size, self.capacity, self.one_way = size, capacity, one_way
        self.answer = 0
        self.failed = False


class HostileRing:
    """Both ends of a ring, and a program that decides what they do and what somebody else writes into their memory."""

    def __init__(self, backend: Ops, arena: Arena, semaphores: Arena, data: bytes, tally: Counter[str]) -> None:
        self.program = program = Program(data)
        self.arena, self.tally = arena, tally
        self.size = (2 + program.below(LONGEST_PAYLOAD // BLOCK - 1)) * BLOCK
        self.eager = program.byte() % 2 == 0
        head = wire.resolve_segment_v2(METADATA, 0, self.size)
        assert head is not None
        self.memory = arena.give(head.length)
        self.payload = self.memory[head.payload.offset :]
        self.base = address_of(self.memory)
        self.request, self.response = self.base + head.oieb_request.offset, self.base + head.oieb_response.offset
        self.blocks = (head.oieb_request.offset, head.oieb_response.offset)
        self.payload_at = head.payload.offset
        region = head.metadata_request
        self.metadata = MetadataBlock(
            self.memory[region.offset : region.offset + region.size],
            self.request + wire.OIEB_V2_METADATA_FREE_BYTES_OFFSET,
            self.request + wire.OIEB_V2_METADATA_WRITTEN_BYTES_OFFSET,
        )
        four = semaphores.give(4 * wire.NAMED_SEMAPHORE_SIZE)
        for i in range(4):
            struct.pack_into("<I", four, wire.NAMED_SEMAPHORE_SIZE * i + wire.NAMED_SEMAPHORE_SHARED_OFFSET, wire.SEMAPHORE_SHARED_FLAG)
        self.semaphores = four
        self.port = backend.port(self.request, self.response, self.base + self.payload_at)
        self.port.set_semaphores(*(address_of(four) + wire.NAMED_SEMAPHORE_SIZE * i for i in range(4)))
        self.server = ServerRing(self.port, self.request, self.response, self.payload)
        self.interposer = Interposer()
        self.reset()

    def reset(self) -> None:
        """What follows corruption: the client detaches, the server resets, a client attaches."""
        self.interposer.disarm()
        self.server.reset()
        self.metadata.clear()
        for block, metadata in zip(self.blocks, (len(self.metadata.area), 0), strict=True):
            for offset, value in (
                (wire.OIEB_V2_IDENTITY_OFFSET, wire.OIEB_V2_IDENTITY_WORD),
                (wire.OIEB_V2_METADATA_SIZE_OFFSET, metadata),
                (wire.OIEB_V2_PAYLOAD_SIZE_OFFSET, self.size),
            ):
                struct.pack_into("<Q", self.memory, block + offset, value)
        self.client = ClientRing(self.port, self.request, self.size, self.eager)
        self.call = short_calls(self.client, self.port) if self.port.address else no_call
        self.taken: list[tuple[Claimed, Expected | None]] = []
        self.frames: dict[int, Expected] = {}
        self.touched = False
        """Somebody interfered since the last reset: CorruptedError is a right answer now."""

    def run(self) -> None:
        steps = (
            self.send, self.send, self.take, self.take, self.answer, self.answer, self.receive, self.receive, self.cancel, self.abandon,
            self.reclaim, self.interfere, self.interfere, self.interpose, self.interpose, self.rest,
        )  # fmt: skip
        self.tally["programs"] += 1
        try:
            while self.program.more():
                try:
                    steps[self.program.byte() % 16]()
                except CorruptedError:
                    require(self.touched, "corruption was found where nobody interfered")
                    self.tally["corrupted"] += 1
                    self.reset()
                require(0 <= self.client.free <= self.size, f"{self.client.free} bytes are free of {self.size}")
                require(len(self.client.frames) <= self.size // HEADER, "more frames are in flight than fit")
        finally:
            self.interposer.disarm()
            self.tally["interposed"] += self.interposer.stores
        require(self.arena.is_intact(), "something was written before the segment")

    def send(self) -> None:
        one_way, size, capacity = self.program.byte() % 4 == 0, self.program.below(self.size + 1), self.program.below(self.size + 1)
        capacity = max(size, capacity)
        self.client.reclaim()
        sequence = self.client.last + 1
        data = bytes([sequence % 256]) * size
        called = self.call(data, capacity, size) if sequence % 2 and not one_way else None
        if called is not None:
            self.inside(called.start, size, called.capacity)
            self.frames[sequence] = Expected(size, called.capacity, one_way)
            self.tally["called"] += 1
            return
        try:
            start = self.client.reserve(size, capacity)
        except FrameTooLargeError:
            require(HEADER + capacity > self.size - BLOCK, "a frame that fits was refused")
            return
        if start < 0:
            return
        self.inside(start, size, capacity)
        if self.program.byte() % 8 == 7:
            self.client.abort()
            return
        self.payload[start : start + size] = data
        record = self.client.publish(size, size, one_way, False)
        self.frames[sequence] = Expected(size, record.capacity, one_way)
        self.tally["sent"] += 1

    def inside(self, start: int, size: int, capacity: int) -> None:
        require(HEADER <= start <= start + size <= start + capacity <= self.size, f"{size} of {capacity} bytes at {start} of {self.size}")

    def take(self) -> None:
        frame = Claimed()
        expected_sequence = self.server.passed + 1
        frame.cancelled = False
        at_once = bool(expected_sequence % 2) and self.server.take_next(frame)
        if not at_once and not self.server.next(frame):
            return
        self.inside(frame.start, frame.size, frame.capacity)
        require(frame.sequence == expected_sequence, "a frame came out of turn")
        sent = self.frames.get(frame.sequence)
        if not self.touched:
            assert sent is not None
            data = bytes(self.payload[frame.start : frame.start + frame.size])
            found = (frame.size, frame.capacity, frame.one_way, frame.opcode, data)
            expected = (sent.size, sent.capacity, sent.one_way, sent.size, bytes([frame.sequence % 256]) * sent.size)
            require(found == expected, "the server got another frame than was sent")
        if frame.cancelled:
            self.server.skip(frame)
        elif at_once:
            self.taken.append((frame, sent))
            self.tally["taken at once"] += 1
        elif self.touched and self.program.byte() % 16 == 15:
            self.server.pass_over(frame)
        elif self.server.take(frame):
            self.taken.append((frame, sent))
            self.tally["taken"] += 1
        else:
            require(self.touched, "a frame was taken by somebody else")

    def answer(self) -> None:
        if not self.taken:
            return
        frame, sent = self.taken.pop(self.program.below(len(self.taken)))
        if frame.one_way:
            self.server.finish(frame)
            return
        size, failed = self.program.below(frame.capacity + 1), self.program.byte() % 4 == 0
        self.payload[frame.start : frame.start + size] = bytes([frame.sequence % 256 ^ 0xFF]) * size
        if sent is not None:
            sent.answer, sent.failed = size, failed
        self.server.answer(frame, size, size, failed)
        self.tally["answered"] += 1

    def pick(self) -> Record | None:
        frames = self.client.frames
        if not frames:
            return None
        record = frames[self.program.below(len(frames))]
        return None if record.released or record.cancelled or record.abandoned or record.one_way else record

    def receive(self) -> None:
        record = self.pick()
        if record is None:
            return
        size = self.port.answer_at(record.position, 0)
        if size == ANSWER_PENDING:
            return
        failed = size == ANSWER_FAILED
        if failed:
            size = self.port.size_at(record.position)
        if not 0 <= size <= record.capacity:
            raise CorruptedError(f"response {record.sequence} has {size} bytes, its capacity is {record.capacity}")
        self.inside(record.start, size, record.capacity)
        if not self.touched:
            sent = self.frames[record.sequence]
            data = bytes(self.payload[record.start : record.start + size])
            expected = (sent.answer, sent.failed, bytes([record.sequence % 256 ^ 0xFF]) * sent.answer)
            require((size, failed, data) == expected, "the client got another answer than was given")
        self.tally["received"] += 1
        self.client.release(record)

    def cancel(self) -> None:
        record = self.pick()
        if record is not None and self.client.cancel(record):
            self.tally["cancelled"] += 1

    def abandon(self) -> None:
        record = self.pick()
        if record is not None:
            self.client.abandon(record)
            self.tally["abandoned"] += 1

    def reclaim(self) -> None:
        self.client.reclaim()

    def rest(self) -> None:
        choice = self.program.byte() % 4
        if choice == 0:
            self.reset()
        elif choice == 1:
            try:
                self.metadata.write(bytes(self.program.below(METADATA + 1)))
            except MetadataTooLargeError:
                require(METADATA <= BLOCK, "never")
        elif choice == 2:
            found = self.metadata.read()
            require(found is None or len(found) <= len(self.metadata.area) - wire.METADATA_PREFIX_SIZE, "metadata beyond its block")
        else:
            self.attach()

    def attach(self) -> None:
        """A client that attaches believes nothing."""
        attempt = ChannelAttempt("fuzz", 0, None, False, NO_WISH)
        length = self.program.below(len(self.memory) // 8 + 1) * 8 if self.program.byte() % 4 == 0 else len(self.memory)
        if length < wire.OIEB_V1_SIZE:
            return
        memory = self.memory[len(self.memory) - length :]
        if address_of(memory) % 8:
            return
        try:
            layout = attempt._validate(memory, exact=self.program.byte() % 2 == 0)
        except ZeroDuplexError:
            self.tally["refused"] += 1
            return
        require(layout.payload.offset + layout.payload.size <= length, "a segment larger than its memory")
        self.tally["accepted"] += 1

    def hostile_store(self) -> Callable[[], None]:
        """Decides what somebody stores where."""
        program, memory = self.program, self.memory
        place = program.byte() % 8
        if place <= 2:
            offset, width = program.field(BLOCK_FIELDS)
            at = self.blocks[program.below(2)] + offset
        elif place <= 5:
            position = program.below(self.size // BLOCK) * BLOCK
            if self.client.frames and program.byte() % 4:
                position = self.client.frames[position // BLOCK % len(self.client.frames)].position
            offset, width = program.field(HEADER_FIELDS)
            at = self.payload_at + position + offset
        elif place == 6:
            at, width = program.below(len(memory) // 8) * 8, 8
        else:
            memory, width = self.semaphores, 4
            at = program.below(4) * wire.NAMED_SEMAPHORE_SIZE + program.below(2) * 4
        code = "<I" if width == 4 else "<Q"
        (current,) = struct.unpack_from(code, memory, at)
        value = program.value(current, self.size) & (2 ** (8 * width) - 1)

        def store() -> None:
            self.touched = True
            self.tally["writes"] += 1
            struct.pack_into(code, memory, at, value)

        return store

    def interfere(self) -> None:
        self.hostile_store()()

    def interpose(self) -> None:
        store = self.hostile_store()
        self.touched = True  # from now on it may happen at any moment
        self.interposer.arm(1 + self.program.byte() % 32, store)


class Fuzzer:
    """Runs programs, each on both implementations in turn."""

    def __init__(self, backends: Sequence[Callable[[], Ops]]) -> None:
        self._backends = [make_backend() for make_backend in backends]
        self._arena, self._semaphores = Arena(LONGEST_PAYLOAD + 1024), Arena(4 * wire.NAMED_SEMAPHORE_SIZE)
        self.tally: Counter[str] = Counter()

    def run(self, data: bytes, number: int = 0) -> None:
        HostileRing(self._backends[number % len(self._backends)], self._arena, self._semaphores, data, self.tally).run()


def run_many(title: str, run: Callable[[bytes, int], None], tally: Counter[str]) -> int:
    """Runs programs as the command line says, and prints how many."""
    parser = argparse.ArgumentParser(description="Gives the library hostile segments.")
    parser.add_argument("--count", type=int, default=0, help="how many programs, 0 for as many as the time allows")
    parser.add_argument("--time", type=float, default=0, help="seconds, 0 for as long as the count takes")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.count and not arguments.time:
        parser.error("say how much: --count or --time")
    start = time.monotonic()
    number = 0
    while (not arguments.count or number < arguments.count) and (not arguments.time or time.monotonic() - start < arguments.time):
        data = make(arguments.seed, number)
        try:
            run(data, number)
        except BaseException:
            print(f"program {number} of seed {arguments.seed}: {data.hex()}", file=sys.stderr)
            raise
        number += 1
    did = ", ".join(f"{name} {count}" for name, count in tally.items())
    print(f"{title}: {number} executions in {time.monotonic() - start:.1f} s, seed {arguments.seed}: {did}")
    return 0


if __name__ == "__main__":
    fuzzer = Fuzzer([lambda: ops, FallbackOps])
    sys.exit(run_many("ring", fuzzer.run, fuzzer.tally))
