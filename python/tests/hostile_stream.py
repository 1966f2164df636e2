"""Programs of bytes that write to a v1 buffer while both ends of its ring use it, as a hostile or broken peer may.

Run by test_hostile.py for a moment, and for long as a program, like hostile.py.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from hostile import BLOCK, Arena, Interposer, Program, fields_of, require, run_many

from zeroduplex import CorruptedError, FrameTooLargeError, FrameUnplaceableError, InvalidFrameSizeError, SystemError, _ops_fallback
from zeroduplex._generated import wire
from zeroduplex._v1 import ring_reader, ring_writer, stream_fallback
from zeroduplex._v1.ring_reader import ReaderRing, Slot
from zeroduplex._v1.ring_writer import WriterRing
from zeroduplex._v1.stream import FRAME, READER_CLOSED, Stream
from zeroduplex._v1.stream_fallback import FallbackStream
from zeroduplex.memory import address_of

HEADER: Final = wire.FRAME_HEADER_V1_SIZE
LONGEST_PAYLOAD: Final = 1024
FIELDS: Final = fields_of("oieb_v1")
FILES: Final = tuple(str(m.__file__) for m in (ring_reader, ring_writer, stream_fallback, _ops_fallback))

MakeStream = Callable[[int, int, int], Stream]


class Sent(NamedTuple):
    """What the reader must find next, as long as nobody interfered."""

    size: int
    sequence: int
    content: int


class HostileStream:
    """Both ends of a v1 buffer, and a program that decides what they do and what somebody else writes into their memory."""

    def __init__(self, make_stream: MakeStream, arena: Arena, semaphores: Arena, data: bytes, tally: Counter[str]) -> None:
        self.program = program = Program(data)
        self.make_stream, self.arena, self.tally = make_stream, arena, tally
        self.size = program.below(LONGEST_PAYLOAD // BLOCK + 1) * BLOCK
        self.memory = arena.give(wire.OIEB_V1_SIZE + self.size)
        self.payload = self.memory[wire.OIEB_V1_SIZE :]
        self.semaphores = semaphores.give(2 * wire.NAMED_SEMAPHORE_SIZE)
        self.interposer = Interposer(FILES)
        self.content = 0
        self.reset()

    def reset(self) -> None:
        """What follows corruption: the reader closes, another one creates the buffer anew."""
        self.interposer.disarm()
        self.memory[: wire.OIEB_V1_SIZE] = bytes(wire.OIEB_V1_SIZE)
        self.semaphores[:] = bytes(len(self.semaphores))
        for i in range(2):
            offset = wire.NAMED_SEMAPHORE_SIZE * i + wire.NAMED_SEMAPHORE_SHARED_OFFSET
            struct.pack_into("<I", self.semaphores, offset, wire.SEMAPHORE_SHARED_FLAG)
        for offset, value in (
            (wire.OIEB_V1_PAYLOAD_SIZE_OFFSET, self.size),
            (wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, self.size),
            (wire.OIEB_V1_READER_PID_OFFSET, 1),
        ):
            struct.pack_into("<Q", self.memory, offset, value)
        self.reading = self.open()
        self.reader = ReaderRing(self.reading, self.size)
        self.held: list[tuple[Slot, int]] = []
        self.sent: deque[Sent] = deque()
        self.touched = False
        """Somebody interfered since the last reset: CorruptedError is a right answer now."""
        self.attach()

    def open(self) -> Stream:
        base, four = address_of(self.memory), address_of(self.semaphores)
        stream = self.make_stream(base, base + wire.OIEB_V1_SIZE, self.size)
        stream.set_semaphores(four, four + wire.NAMED_SEMAPHORE_SIZE)
        return stream

    def attach(self) -> None:
        """Another writer, as WriterAttempt lets it in."""
        position, count = self.load(wire.OIEB_V1_PAYLOAD_WRITE_POS_OFFSET), self.load(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET)
        if position > self.size:
            raise CorruptedError(f"payload_write_pos {position} in a payload of {self.size}")
        self.writing = self.open()
        self.writing.start(0 if position == self.size else position, count)
        self.writer = WriterRing(self.writing, self.size)
        self.tally["writers"] += 1

    def load(self, offset: int) -> int:
        value: int = struct.unpack_from("<Q", self.memory, offset)[0]
        return value

    def run(self) -> None:
        steps = (
            self.write, self.write, self.write, self.read, self.read, self.read, self.release, self.release, self.recover, self.attach,
            self.release, self.interfere, self.interfere, self.interpose, self.interpose, self.rest,
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
                if not self.touched and not self.held and not self.sent:
                    free = self.load(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET)
                    require(free == self.size, f"{free} bytes of an empty ring of {self.size} are free")
        finally:
            self.interposer.disarm()
            self.tally["interposed"] += self.interposer.stores
        require(self.arena.is_intact(), "something was written before the buffer")

    def write(self) -> None:
        size = self.program.below(self.size + 2)
        try:
            self.writer.check(size)
            start = self.writer.place(size)
        except FrameUnplaceableError:
            fitting = self.writer.fitting(size)
            require(fitting < size, "a frame that fits was refused")
            if fitting > 0:
                self.writer.place(fitting)  # what is said to fit does
            return
        except InvalidFrameSizeError:
            require(size == 0, "a frame with data was refused for having none")
            return
        except FrameTooLargeError:
            require(size + 2 * HEADER > self.size, "a frame that fits was refused")
            return
        free = self.writing.space(0, 0)
        if free == READER_CLOSED:
            require(self.touched, "the reader has closed, says somebody")
            return
        if free > self.size:
            raise CorruptedError(f"{free} bytes are free in a payload of {self.size}")
        if free < self.writer.need:
            return
        self.inside(start, size)
        self.content = (self.content + 1) % 256
        self.payload[start : start + size] = bytes([self.content]) * size
        try:
            sequence = self.writer.publish(size)
        except SystemError:
            require(self.touched, "a semaphore has no room for a token")
            return
        self.sent.append(Sent(size, sequence, self.content))
        self.tally["written"] += 1

    def inside(self, start: int, size: int) -> None:
        require(size > 0 and HEADER <= start <= start + size <= self.size, f"{size} bytes at {start} of {self.size}")

    def read(self) -> None:
        if self.reading.next(0) != FRAME:
            require(self.touched or not self.sent, "a frame has no token")
            return
        slot = self.reader.take()
        require(self.touched or slot is not None, "the token of a frame stands for nothing")
        self.keep(slot)

    def recover(self) -> None:
        """What a reader does when the writer died, perhaps before it posted."""
        token = self.reading.next(0) == FRAME
        slot = self.reader.take() if token else self.reader.recover()
        require(self.touched or token or slot is None, "a frame has no token")
        self.keep(slot)

    def keep(self, slot: Slot | None) -> None:
        if slot is None:
            return
        self.inside(slot.start, slot.size)
        content = 0
        if not self.touched:
            require(self.sent, "a frame came that nobody sent")
            sent = self.sent.popleft()
            content = sent.content
            require((slot.size, slot.sequence) == sent[:2] and self.is_filled(slot, content), "the reader got another frame than was sent")
        self.held.append((slot, content))
        self.tally["read"] += 1

    def is_filled(self, slot: Slot, content: int) -> bool:
        return bytes(self.payload[slot.start : slot.start + slot.size]) == bytes([content]) * slot.size

    def release(self) -> None:
        if not self.held:
            return
        slot, content = self.held.pop(self.program.below(len(self.held)))
        require(self.touched or self.is_filled(slot, content), "a frame was written over while the reader had it")
        self.payload[slot.start : slot.start + slot.size] = bytes(slot.size)
        self.tally["released"] += 1
        self.reader.end(slot)

    def rest(self) -> None:
        if self.program.byte() % 4 == 0:
            self.reset()
        else:
            self.release()

    def hostile_store(self) -> Callable[[], None]:
        """Decides what somebody stores where."""
        program, memory = self.program, self.memory
        place = program.byte() % 8
        if place <= 3 or not self.size:
            at, width = program.field(FIELDS)
        elif place <= 6:
            position = program.below(self.size)
            if place != 4:  # the next header, or a header's second half
                position = self.load(wire.OIEB_V1_PAYLOAD_READ_POS_OFFSET) + position % 2 * wire.FRAME_HEADER_V1_SEQUENCE_NUMBER_OFFSET
            at, width = wire.OIEB_V1_SIZE + min(position, self.size - 8), 8
        else:
            memory, width = self.semaphores, 4
            at = program.below(2) * wire.NAMED_SEMAPHORE_SIZE + program.below(2) * 4
        code = "<I" if width == 4 else "<Q"
        (current,) = struct.unpack_from(code, memory, at)
        value = program.value(at if program.byte() % 4 == 0 else current, self.size) & (2 ** (8 * width) - 1)

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
    """Runs programs, each on one implementation, in turn."""

    def __init__(self, streams: Sequence[MakeStream]) -> None:
        self._streams = streams
        self._arena, self._semaphores = Arena(LONGEST_PAYLOAD + wire.OIEB_V1_SIZE), Arena(2 * wire.NAMED_SEMAPHORE_SIZE)
        self.tally: Counter[str] = Counter()

    def run(self, data: bytes, number: int = 0) -> None:
        HostileStream(self._streams[number % len(self._streams)], self._arena, self._semaphores, data, self.tally).run()


def both_streams() -> list[MakeStream]:
    """The compiled implementation, where it was built, and the other one."""
    try:
        from zeroduplex._v1.stream_native import NativeStream
    except ImportError:
        return [FallbackStream]
    return [NativeStream, FallbackStream]


if __name__ == "__main__":
    fuzzer = Fuzzer(both_streams())
    sys.exit(run_many("stream", fuzzer.run, fuzzer.tally))
