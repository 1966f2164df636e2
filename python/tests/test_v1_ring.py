"""Both ends of a v1 ring on plain memory, with both implementations of the memory operations."""

from __future__ import annotations

import mmap
import random
import struct
import threading
from collections import deque
from collections.abc import Callable

import pytest

from zeroduplex import CorruptedError, FrameTooLargeError, FrameUnplaceableError, InvalidFrameSizeError, SequenceError, SystemError
from zeroduplex._generated import wire
from zeroduplex._v1.ring_reader import ReaderRing, Slot
from zeroduplex._v1.ring_writer import WriterRing
from zeroduplex._v1.stream import FRAME, NO_FRAME, POKED, READER_CLOSED, TOKEN, Stream
from zeroduplex._v1.stream_fallback import FallbackStream
from zeroduplex.memory import address_of

try:
    from zeroduplex._v1.stream_native import NativeStream

    STREAMS: list[Callable[[int, int, int], Stream]] = [NativeStream, FallbackStream]
except ImportError:  # the suite runs without the helper
    STREAMS = [FallbackStream]

SEMAPHORES = 1024
PAYLOAD = 4096


class Ring:
    """A buffer in anonymous memory with both of its ends."""

    def __init__(self, stream: Callable[[int, int, int], Stream], size: int) -> None:
        self.memory = memoryview(mmap.mmap(-1, PAYLOAD + max(size, 64)))
        base = address_of(self.memory)
        for i in range(2):
            struct.pack_into("<I", self.memory, SEMAPHORES + 32 * i + wire.NAMED_SEMAPHORE_SHARED_OFFSET, wire.SEMAPHORE_SHARED_FLAG)
        self.payload = self.memory[PAYLOAD : PAYLOAD + size]
        self.set(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, size)
        self.set(wire.OIEB_V1_READER_PID_OFFSET, 1)
        self.reading, self.writing = (stream(base, base + PAYLOAD, size) for _ in range(2))
        for end in (self.reading, self.writing):
            end.set_semaphores(base + SEMAPHORES, base + SEMAPHORES + 32)
        self.reader, self.writer = ReaderRing(self.reading, size), WriterRing(self.writing, size)

    def set(self, offset: int, value: int) -> None:
        struct.pack_into("<Q", self.memory, offset, value)

    def word(self, offset: int) -> int:
        value: int = struct.unpack_from("<Q", self.memory, offset)[0]
        return value

    @property
    def free(self) -> int:
        return self.word(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET)

    @property
    def counts(self) -> tuple[int, int]:
        return self.word(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET), self.word(wire.OIEB_V1_PAYLOAD_READ_COUNT_OFFSET)

    @property
    def positions(self) -> tuple[int, int]:
        return self.word(wire.OIEB_V1_PAYLOAD_WRITE_POS_OFFSET), self.word(wire.OIEB_V1_PAYLOAD_READ_POS_OFFSET)

    def tokens(self) -> tuple[int, int]:
        """Of data_written and data_read."""
        written, read = (struct.unpack_from("<I", self.memory, SEMAPHORES + 32 * i)[0] for i in range(2))
        return written, read

    def set_tokens(self, semaphore: int, value: int) -> None:
        struct.pack_into("<I", self.memory, SEMAPHORES + 32 * semaphore, value)

    def header(self, position: int, size: int, sequence: int) -> None:
        struct.pack_into("<QQ", self.payload, position, size, sequence)

    def write(self, data: bytes) -> int | None:
        """The frame's number, None when there is no room now."""
        self.writer.check(len(data))
        start = self.writer.place(len(data))
        if self.writing.space(0, 0) < self.writer.need:
            return None
        self.payload[start : start + len(data)] = data
        return self.writer.publish(len(data))

    def read(self) -> Slot | None:
        return self.reader.take() if self.reading.next(0) == FRAME else None

    def data(self, slot: Slot) -> bytes:
        return bytes(self.payload[slot.start : slot.start + slot.size])

    def pass_on(self, size: int) -> None:
        """Writes a frame, reads it and gives it back."""
        assert self.write(bytes(size)) is not None
        slot = self.read()
        assert slot is not None
        self.reader.end(slot)


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> Callable[[int, int, int], Stream]:
    chosen: Callable[[int, int, int], Stream] = request.param
    return chosen


@pytest.mark.parametrize("seed", range(4))
def test_random_frames_keep_their_bytes_and_every_byte_is_accounted_for(stream: Callable[[int, int, int], Stream], seed: int) -> None:
    chance = random.Random(seed)
    ring = Ring(stream, 1024)
    waiting: deque[bytes] = deque()
    out: list[tuple[Slot, bytes]] = []
    written = read = 0
    while read < 3000:
        step = chance.random()
        if step < 0.4 and written < 3000:
            data = chance.randbytes(chance.randint(1, 300))
            number = ring.write(data)
            if number is not None:
                written += 1
                assert number == written
                waiting.append(data)
        elif step < 0.7:
            slot = ring.read()
            assert (slot is None) == (not waiting)
            if slot is not None:
                read += 1
                assert slot.sequence == read
                out.append((slot, waiting.popleft()))
        elif out:
            slot, data = out.pop(chance.randrange(len(out)))  # in any order
            assert ring.data(slot) == data  # nothing has been written over it
            ring.reader.end(slot)
    for slot, data in out:
        assert ring.data(slot) == data
        ring.reader.end(slot)
    assert ring.free == 1024
    assert ring.counts[0] == ring.counts[1] > 3000
    assert ring.positions[0] == ring.positions[1]
    assert ring.tokens() == (0, wire.DATA_READ_TOKEN_LIMIT)


@pytest.mark.parametrize(
    ("rest", "size", "start", "counted", "position"),
    [
        (100, 84, 924, 1, 0),  # fits exactly
        (100, 68, 924, 1, 1008),  # leaves room for a marker
        (100, 69, 0, 2, 85),  # would leave 15 bytes: goes to the start, behind a marker
        (100, 83, 0, 2, 99),  # would leave 1
        (100, 85, 0, 2, 101),
        (16, 1, 0, 2, 17),  # a marker fits just so
        (17, 1, 1007, 1, 0),
    ],
)
def test_where_a_frame_goes(
    stream: Callable[[int, int, int], Stream], rest: int, size: int, start: int, counted: int, position: int
) -> None:
    ring = Ring(stream, 1024)
    ring.pass_on(400)
    ring.pass_on(1024 - rest - 400 - 32)
    assert ring.write(b"x" * size) == 3
    assert ring.positions[0] == position
    assert ring.counts[0] == 2 + counted
    if counted == 2:
        assert bytes(ring.payload[1024 - rest : 1024 - rest + 16]) == bytes(16)
        assert ring.free == 1024 - rest - 16 - size
    slot = ring.read()
    assert slot is not None
    assert (slot.start, ring.data(slot)) == (start + 16, b"x" * size)
    assert ring.positions == (position, position)
    assert ring.free == 1024 - 16 - size  # what was wasted is free as soon as it is passed
    ring.reader.end(slot)
    assert ring.free == 1024
    assert ring.counts[0] == ring.counts[1]


def test_frames_that_never_fit(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    with pytest.raises(InvalidFrameSizeError):
        ring.writer.check(0)
    for size in (1009, 2000, wire.MAX_FRAME_DATA + 1):
        with pytest.raises(FrameTooLargeError) as refused:
            ring.writer.check(size)
        assert not isinstance(refused.value, FrameUnplaceableError)
    for size in range(993, 1008):
        with pytest.raises(FrameTooLargeError, match=r"too few for a wrap marker; at most 992 bytes, or exactly 1008"):
            ring.writer.check(size)
    for size in (992, 1008):
        ring = Ring(stream, 1024)
        ring.writer.check(size)
        ring.pass_on(size)


def test_frames_that_do_not_fit_now(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.pass_on(484)
    assert ring.free == 1024
    with pytest.raises(FrameUnplaceableError, match="at position 500 of a payload of 1024 there are 524 behind and 500 before it"):
        ring.write(bytes(584))
    ring.pass_on(484)  # a smaller one first: exactly half of what is before it
    ring.pass_on(584)


@pytest.mark.parametrize("size", [0, 64])
def test_the_largest_answer_that_fits(stream: Callable[[int, int, int], Stream], size: int) -> None:
    for position in range(17, size - 16):
        ring = Ring(stream, size)
        ring.pass_on(position - 16)
        assert ring.writer.fitting(0) == 0
        for wanted in range(1, 100):
            found = ring.writer.fitting(wanted)
            assert 0 < found <= wanted
            ring.writer.check(found)
            ring.writer.place(found)
    assert Ring(stream, size).writer.fitting(100) == (48 if size else -16)


@pytest.mark.parametrize("rest", [1, 8, 15])
def test_a_rest_too_small_for_a_marker(stream: Callable[[int, int, int], Stream], rest: int) -> None:
    """Published writers leave such rests. A reader takes them for a wrap, and a writer that comes after one does as well."""
    ring = Ring(stream, 1024)
    ring.pass_on(400)
    # A published writer's frame of which so many bytes are left behind it.
    size = 1024 - 416 - 16 - rest
    ring.header(416, size, 2)
    ring.set(wire.OIEB_V1_PAYLOAD_WRITE_POS_OFFSET, 1024 - rest)
    ring.set(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, rest + 416)
    ring.set(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET, 2)
    ring.set_tokens(0, 1)
    slot = ring.read()
    assert slot is not None
    ring.reader.end(slot)
    assert ring.free == 1024
    ring.writing.start(1024 - rest, 2)
    assert ring.write(b"next") == 2  # of this writer
    assert ring.free == 1024 - rest - 20
    assert ring.counts == (3, 2)
    ring.header(0, 4, 3)  # as the same published writer would go on
    slot = ring.read()
    assert slot is not None
    assert (slot.start, slot.sequence, ring.data(slot)) == (16, 3, b"next")
    ring.reader.end(slot)
    assert ring.free == 1024
    assert ring.counts == (3, 3)


def test_waste_behind_a_frame_that_is_out_is_not_free(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.pass_on(84)
    ring.write(b"a" * 800)  # from 100 to 916
    held = ring.read()
    assert held is not None
    assert ring.write(b"b" * 84) == 3  # from 0 to 100, since the 108 bytes at the end would be left with 8
    wrapped = ring.read()
    assert wrapped is not None
    assert (wrapped.start, wrapped.waste) == (16, 108)
    assert ring.free == 0  # a writer that was told of the 108 would put its next frame into the one that is held
    assert ring.write(b"c" * 20) is None
    ring.reader.end(wrapped)
    assert ring.free == 0
    assert ring.data(held) == b"a" * 800
    ring.reader.end(held)
    assert ring.free == 1024


def test_waste_is_free_when_what_was_before_it_is(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.pass_on(584)
    ring.write(b"a" * 384)  # up to 1000
    ring.write(b"b" * 84)
    first, second = ring.read(), ring.read()
    assert first is not None
    assert second is not None
    assert ring.free == 500
    ring.reader.end(first)
    assert ring.free == 924  # with the 24 bytes behind it
    ring.reader.end(second)
    assert ring.free == 1024


def test_posts_are_bounded_and_one_per_frame(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 4096)
    for n in range(1, 200):
        ring.pass_on(10)
        assert ring.tokens() == (0, min(n, wire.DATA_READ_TOKEN_LIMIT))
    slots = []
    ring.set_tokens(1, 0)
    for _ in range(5):
        ring.write(b"x")
        slots.append(ring.read())
    for slot in reversed(slots[1:]):
        assert slot is not None
        ring.reader.end(slot)
        ring.reader.end(slot)  # again does nothing
    assert ring.tokens() == (0, 0)
    assert slots[0] is not None
    ring.reader.end(slots[0])
    assert ring.tokens() == (0, 5)
    assert ring.free == 4096


def test_a_full_semaphore_is_an_error(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.set_tokens(0, wire.SEMAPHORE_VALUE_MAX)
    with pytest.raises(SystemError, match="frame 1 was published, but posting its semaphore failed"):
        ring.write(b"x")
    assert ring.counts == (1, 0)


def test_a_token_for_nothing_is_ignored(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.set_tokens(0, 1)
    assert ring.reading.next(0) == FRAME
    assert ring.reader.take() is None
    assert ring.tokens() == (0, 0)
    ring.pass_on(5)
    assert ring.counts == (1, 1)


def test_a_token_stays_in_hand_until_its_frame_is_passed(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.write(b"x")
    assert ring.reading.next(0) == FRAME
    assert ring.tokens()[0] == 0
    # An exception, such as a KeyboardInterrupt, between taking the token and looking at the frame loses nothing.
    assert ring.reading.words[TOKEN]
    assert ring.reading.next(0) == ring.reading.sleep_for_frame(0) == FRAME
    assert ring.reader.take() is not None
    assert ring.reading.next(0) == NO_FRAME


def test_pokes_wake_without_being_taken_for_frames(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.reading.poke()
    assert ring.reading.next(0) == POKED
    assert ring.reading.next(0) == NO_FRAME
    ring.write(b"x")
    ring.reading.poke()
    assert ring.reading.next(0) == POKED  # first, since tokens are alike
    slot = ring.read()
    assert slot is not None
    assert ring.reading.next(0) == NO_FRAME
    assert ring.tokens()[0] == 0
    assert ring.counts == (1, 1)
    results: list[int] = []
    for wait in (lambda: ring.reading.sleep_for_frame(20 * 10**9), lambda: ring.reading.next(20 * 10**9)):
        thread = threading.Thread(target=lambda wait=wait: results.append(wait()))
        thread.start()
        ring.reading.poke()
        thread.join(10)
    assert results == [POKED, POKED]


def test_a_wait_for_room_ends_when_the_reader_closes(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    assert ring.writing.space(2000, 1000) == 1024
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(ring.writing.space(2000, 20 * 10**9)))
    thread.start()
    ring.set(wire.OIEB_V1_READER_PID_OFFSET, wire.PID_NONE)
    thread.join(10)
    assert results == [READER_CLOSED]


@pytest.mark.parametrize(
    ("position", "size", "sequence", "first", "message"),
    [
        (0, 0, 0, None, "a wrap marker, or no room for a frame, at the start"),
        (500, 0, 0, (0, 0), "a wrap marker at the start"),
        (500, 0, 0, (1009, 3), "the frame at 0 has 1009 bytes, room for 1008"),
        (500, 0, 2, None, "the frame at 500 has 0 bytes, room for 508"),
        (500, 509, 2, None, "the frame at 500 has 509 bytes"),
        (0, 2**64 - 16, 2, None, "the frame at 0 has 18446744073709551600 bytes"),
        (1012, 0, 0, (0, 0), "a wrap marker at the start"),
    ],
)
def test_headers_that_no_writer_writes(
    stream: Callable[[int, int, int], Stream], position: int, size: int, sequence: int, first: tuple[int, int] | None, message: str
) -> None:
    ring = Ring(stream, 1024)
    ring.reading.start(position, 1)
    ring.set(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET, 2)
    if position < 1009:
        ring.header(position, size, sequence)
    if first is not None:
        ring.header(0, *first)
    ring.set_tokens(0, 1)
    for _ in range(2):  # and it stays so
        with pytest.raises(CorruptedError, match=message):
            ring.read()
    assert ring.free == 1024
    assert ring.positions[1] == 0  # nothing was changed


def test_sequence_numbers(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.pass_on(10)
    ring.write(b"x")
    for wrong in (0, 3, 2**64 - 1):
        ring.header(26, 1, wrong)
        with pytest.raises(SequenceError, match=f"has sequence number {wrong}, expected 2") as error:
            ring.read()
        assert (error.value.expected, error.value.got) == (2, wrong)
        assert isinstance(error.value, CorruptedError)
    ring.header(26, 1, 2)
    assert ring.read() is not None
    ring.writing.start(43, 2)
    fresh = WriterRing(stream_after(ring, stream), 1024)
    start = fresh.place(1)
    ring.payload[start] = 7
    assert fresh.publish(1) == 1
    slot = ring.read()
    assert slot is not None
    assert (slot.sequence, ring.data(slot)) == (1, b"\7")  # a new writer's first
    assert fresh.place(1)
    assert fresh.publish(1) == 2
    slot = ring.read()
    assert slot is not None
    assert slot.sequence == 2


def stream_after(ring: Ring, stream: Callable[[int, int, int], Stream]) -> Stream:
    """A new writer's end of the same ring, where the former one stopped."""
    base = address_of(ring.memory)
    fresh = stream(base, base + PAYLOAD, len(ring.payload))
    fresh.set_semaphores(base + SEMAPHORES, base + SEMAPHORES + 32)
    fresh.start(ring.positions[0], ring.counts[0])
    return fresh


def test_more_free_bytes_than_bytes_is_corruption(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    ring.write(b"x" * 500)
    slot = ring.read()
    assert slot is not None
    ring.set(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, 1000)
    with pytest.raises(CorruptedError, match="1516 bytes are free in a payload of 1024"):
        ring.reader.end(slot)
    ring.set(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, 2**64 - 5)
    assert ring.writing.space(0, 0) > 1024


def test_what_a_writer_left_without_a_token_is_found(stream: Callable[[int, int, int], Stream]) -> None:
    ring = Ring(stream, 1024)
    assert ring.reader.recover() is None
    ring.write(b"abc")
    ring.set_tokens(0, 0)  # it died between publishing and posting
    assert ring.read() is None
    slot = ring.reader.recover()
    assert slot is not None
    assert ring.data(slot) == b"abc"
    assert ring.reader.recover() is None
    ring.write(b"def")
    ring.set_tokens(0, 0)
    for size, sequence in ((3, 1), (3, 3), (2000, 2), (0, 0)):
        ring.header(19, size, sequence)
        assert ring.reader.recover() is None
    ring.header(19, 3, 2)
    assert ring.reader.recover() is not None


def test_both_ends_at_once(stream: Callable[[int, int, int], Stream]) -> None:
    """The free bytes are changed by both sides at the same time, and none is lost."""
    ring = Ring(stream, 512)
    count = 20_000 if stream is not FallbackStream else 3000

    def write() -> None:
        for n in range(count):
            data = bytes([n % 256]) * (1 + n * 7 % 200)
            start = ring.writer.place(len(data))
            while ring.writing.space(ring.writer.need, 10**9) < ring.writer.need:
                pass
            ring.payload[start : start + len(data)] = data
            ring.writer.publish(len(data))

    thread = threading.Thread(target=write)
    thread.start()
    for n in range(count):
        while ring.reading.sleep_for_frame(10**9) != FRAME:
            pass
        slot = ring.reader.take()
        assert slot is not None
        assert ring.data(slot) == bytes([n % 256]) * (1 + n * 7 % 200)
        ring.reader.end(slot)
    thread.join()
    assert ring.free == 512
    assert ring.counts[0] == ring.counts[1]
