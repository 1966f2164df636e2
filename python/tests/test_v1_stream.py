"""A reader and a writer of one v1 buffer in one process."""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import SOON

import zeroduplex as z
from zeroduplex._generated import wire

SMALL = z.BufferConfig(256, 1024)
Ends = Callable[..., tuple[z.Reader, z.Writer]]


@pytest.fixture
def ends(name: str) -> Iterator[Ends]:
    """Makes a reader and a writer of the test's name; they are closed at the end."""
    made: list[z.Reader | z.Writer] = []

    def make(config: z.BufferConfig = SMALL, **options: Any) -> tuple[z.Reader, z.Writer]:
        reader = z.Reader(name, config, **options)
        made.append(reader)
        made.append(z.Writer(name, **options))
        return reader, made[-1]  # type: ignore[return-value]

    yield make
    for one in reversed(made):
        one.close()


def block(name: str) -> bytes:
    return Path(wire.object_path(name)).read_bytes()


def words(name: str) -> dict[str, int]:
    """What stands in the block, but for process ids."""
    image = block(name)
    fields = next(s for s in wire.STRUCTS if s.name == "oieb_v1").fields
    found = {}
    for field in fields:
        if field.format == "<Q" and not field.name.endswith("_pid"):
            (found[field.name],) = struct.unpack_from("<Q", image, getattr(wire, f"OIEB_V1_{field.name.upper()}_OFFSET"))
    return found


def tokens(name: str) -> tuple[int, int]:
    """Of data_written and data_read."""
    files = wire.semaphore_path(wire.data_written_semaphore(name)), wire.semaphore_path(wire.data_read_semaphore(name))
    written, read = (int.from_bytes(Path(file).read_bytes()[:4], "little") for file in files)
    return written, read


# What stands in shared memory after each step is written down by hand.

EMPTY = {
    "metadata_size": 256, "metadata_free_bytes": 256, "metadata_written_bytes": 0, "payload_size": 1024, "payload_free_bytes": 1024,
    "payload_write_pos": 0, "payload_read_pos": 0, "payload_written_count": 0, "payload_read_count": 0,
}  # fmt: skip


def test_every_byte_of_a_buffer_without_frames(name: str, ends: Ends) -> None:
    reader, writer = ends()
    image = bytearray(block(name))
    assert len(image) == 128 + 256 + 1024
    assert image[:8] == bytes([128, 0, 0, 0, 1, 0, 0, 0])
    assert image[80:96] == struct.pack("<QQ", os.getpid(), os.getpid())  # writer, reader
    assert words(name) == EMPTY
    assert image[96:] == bytes(len(image) - 96)
    assert tokens(name) == (0, 0)
    writer.set_metadata(b"abc")
    assert block(name)[128 : 128 + 12] == struct.pack("<Q", 3) + b"abc\0"
    assert words(name) == {**EMPTY, "metadata_free_bytes": 245, "metadata_written_bytes": 11}
    writer.close()
    assert block(name)[80:88] == bytes(8)
    reader.close()
    assert not os.path.exists(wire.object_path(name))


def test_every_word_of_a_short_life(name: str, ends: Ends) -> None:
    reader, writer = ends()
    now = dict(EMPTY)
    assert writer.write_frame(b"x" * 400) == 1
    assert block(name)[384 : 384 + 417] == struct.pack("<QQ", 400, 1) + b"x" * 400 + b"\0"
    now |= {"payload_free_bytes": 608, "payload_write_pos": 416, "payload_written_count": 1}
    assert words(name) == now
    assert tokens(name) == (1, 0)
    first = reader.read_frame()
    now |= {"payload_read_pos": 416, "payload_read_count": 1}
    assert words(name) == now
    assert tokens(name) == (0, 0)
    first.release()
    now |= {"payload_free_bytes": 1024}
    assert words(name) == now
    assert tokens(name) == (0, 1)
    with writer.acquire_frame_buffer(492) as buffer:
        buffer.data[:] = b"y" * 492
        assert words(name) == now  # nothing shows before it is committed
        assert tokens(name) == (0, 1)
    reader.read_frame().release()
    now |= {"payload_write_pos": 924, "payload_read_pos": 924, "payload_written_count": 2, "payload_read_count": 2}
    assert words(name) == now
    writer.write_frame(b"z" * 200)  # behind a marker of the last 100 bytes
    assert block(name)[384 + 924 : 384 + 940] == bytes(16)
    assert block(name)[384 : 384 + 216] == struct.pack("<QQ", 200, 3) + b"z" * 200
    now |= {"payload_free_bytes": 708, "payload_write_pos": 216, "payload_written_count": 4}
    assert words(name) == now
    last = reader.read_frame()
    now |= {"payload_free_bytes": 808, "payload_read_pos": 216, "payload_read_count": 4}
    assert words(name) == now
    last.release()
    now |= {"payload_free_bytes": 1024}
    assert words(name) == now
    writer.write_frame(b"w" * (1024 - 216 - 16))  # fits exactly
    reader.read_frame().release()
    now |= {"payload_write_pos": 0, "payload_read_pos": 0, "payload_written_count": 5, "payload_read_count": 5}
    assert words(name) == now


def test_frames_and_metadata(ends: Ends) -> None:
    reader, writer = ends()
    assert reader.metadata is None
    writer.set_metadata(b"")
    assert reader.metadata == b""
    assert (reader.name, writer.name) == (writer.name, reader.name)
    assert reader.is_writer_connected
    assert writer.is_reader_connected
    for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"view")[1:], struct.pack("<3d", 1, 2, 3)):
        sequence = writer.write_frame(data)
        with reader.read_frame() as frame:
            assert (frame.sequence, frame.size, frame.data) == (sequence, len(data), data)
    assert writer.usage == reader.usage == z.BufferUsage(1024, 1024, 4, 4)
    writer.write_frame(b"x")
    with reader.read_frame() as frame:
        assert repr(frame) == "<ReceivedFrame 5, 1 bytes>"
    assert repr(frame) == "<ReceivedFrame 5, 1 bytes, released>"
    assert repr(writer) == f"<Writer {writer.name!r}>"


def test_metadata_is_written_once(name: str, ends: Ends) -> None:
    reader, writer = ends()
    with pytest.raises(z.MetadataTooLargeError, match="249 bytes, room for 248"):
        writer.set_metadata(bytes(249))
    writer.set_metadata(bytes(248))
    with pytest.raises(z.MetadataAlreadyWrittenError):
        writer.set_metadata(b"again")
    writer.close()
    with z.Writer(name) as second, pytest.raises(z.MetadataAlreadyWrittenError):
        second.set_metadata(b"of another writer")
    assert reader.metadata == bytes(248)
    with open(wire.object_path(name), "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        for written, length, message in ((7, 0, "metadata_written_bytes 7"), (257, 0, "in a block of"), (12, 5, "length prefix 5")):
            struct.pack_into("<Q", memory, wire.OIEB_V1_METADATA_WRITTEN_BYTES_OFFSET, written)
            struct.pack_into("<Q", memory, 128, length)
            with pytest.raises(z.CorruptedError, match=message):
                _ = reader.metadata
        struct.pack_into("<Q", memory, wire.OIEB_V1_METADATA_WRITTEN_BYTES_OFFSET, 12)
        struct.pack_into("<Q", memory, 128, 3)
        assert reader.metadata == bytes(3)  # shorter than what is said to be written


@pytest.mark.parametrize("config", [z.BufferConfig(0, 64), z.BufferConfig(0, 0)])
def test_the_smallest_buffers(ends: Ends, config: z.BufferConfig) -> None:
    reader, writer = ends(config)
    with pytest.raises(z.MetadataTooLargeError, match="room for 0"):
        writer.set_metadata(b"")
    with pytest.raises(z.FrameTooLargeError):
        writer.write_frame(bytes(49))
    if config.payload_size:
        for _ in range(5):
            writer.write_frame(bytes(48))
            reader.read_frame().release()


def test_frames_may_be_held_and_released_in_any_order(ends: Ends) -> None:
    reader, writer = ends()
    for n in range(4):
        writer.write_frame(bytes([n]) * 240)
    frames = [reader.read_frame() for _ in range(4)]
    for frame in reversed(frames):
        with pytest.raises(z.BufferFullError, match="payload_free_bytes=0"):
            writer.write_frame(b"x", 0)
        assert frame.data == bytes([frame.sequence - 1]) * 240
        frame.release()
    assert reader.usage.payload_free_bytes == 1024


def test_use_after_release(ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"abc")
    frame = reader.read_frame()
    view = frame.data
    frame.release()
    frame.release()
    with pytest.raises(ValueError, match="released"):
        view[0]
    for use in (lambda: frame.data, lambda: frame.size, lambda: frame.as_numpy(), frame.__enter__):
        with pytest.raises(z.FrameReleasedError, match="frame 1 of"):
            use()
    assert frame.sequence == 1
    buffer = writer.acquire_frame_buffer(3)
    view = buffer.data
    assert buffer.commit() == 2
    buffer.abort()
    with pytest.raises(ValueError, match="released"):
        view[0] = 1
    for call in (buffer.commit, lambda: buffer.data, buffer.__enter__):
        with pytest.raises(z.FrameReleasedError, match="the frame buffer of"):
            call()


def test_views_that_are_kept(ends: Ends) -> None:
    np = pytest.importorskip("numpy")
    reader, writer = ends()
    with writer.acquire_frame_buffer(8) as buffer:
        buffer.as_numpy("<u2")[:] = [1, 2, 3, 4]
    frame = reader.read_frame()
    array = frame.as_numpy("<u2", (2, 2))
    assert array.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(z.ViewInUseError):
        frame.release()
    assert np.sum(array) == 10
    del array
    frame.release()
    assert reader.usage.payload_free_bytes == 1024


def test_frames_that_nobody_releases_are_given_back(ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(bytes(400))
    with pytest.warns(ResourceWarning, match="frame 1 of"):
        reader.read_frame()
    with pytest.warns(ResourceWarning, match="the frame buffer of"):
        writer.acquire_frame_buffer(400)
    writer.write_frame(bytes(592))
    assert reader.usage.payload_free_bytes == 416
    reader.read_frame().release()


def test_an_acquired_buffer(ends: Ends) -> None:
    reader, writer = ends()
    buffer = writer.acquire_frame_buffer(100)
    before = reader.usage
    assert (buffer.size, len(buffer.data)) == (100, 100)
    for call in (lambda: writer.write_frame(b"x", 0.05), lambda: writer.acquire_frame_buffer(1, 0)):
        with pytest.raises(z.AcquisitionOpenError):
            call()
    queued: list[int] = []
    thread = threading.Thread(target=lambda: queued.append(writer.write_frame(b"queued", 20)))
    thread.start()
    buffer.abort()
    thread.join(20)
    assert queued == [1]  # an abort leaves no gap
    assert before == z.BufferUsage(1024, 1024, 0, 0)
    with reader.read_frame() as frame:
        assert (frame.sequence, frame.data) == (1, b"queued")
    with pytest.raises(RuntimeError, match="in the block"), writer.acquire_frame_buffer(10):
        raise RuntimeError("in the block")
    with writer.acquire_frame_buffer(2) as buffer:
        buffer.data[:] = b"ok"
    with reader.read_frame() as frame:
        assert frame.data == b"ok"


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_a_writer_waits_for_room(ends: Ends, wait: z.WaitStrategy) -> None:
    reader, writer = ends(wait=wait)
    writer.write_frame(bytes(1008))
    before = time.monotonic()
    with pytest.raises(z.BufferFullError):
        writer.write_frame(b"x", 0.25)
    assert 0.25 <= time.monotonic() - before < SOON
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(writer.write_frame(b"next", 20)))
    thread.start()
    reader.read_frame().release()
    thread.join(20)
    assert done == [2]
    with reader.read_frame() as frame:
        assert frame.data == b"next"


def test_stale_tokens_do_not_let_a_writer_overrun_its_deadline(ends: Ends) -> None:
    reader, writer = ends(wait=z.WaitStrategy.BLOCK)
    for _ in range(100):
        writer.write_frame(b"x")
        reader.read_frame().release()
    writer.write_frame(bytes(400))
    before = time.monotonic()
    with pytest.raises(z.BufferFullError):
        writer.write_frame(bytes(500), 0.2)
    assert 0.2 <= time.monotonic() - before < SOON


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_tokens_without_frames_do_not_hold_a_reader(name: str, ends: Ends, wait: z.WaitStrategy) -> None:
    stored = 1_000_000
    reader, writer = ends(wait=wait)
    with open(wire.semaphore_path(wire.data_written_semaphore(name)), "r+b") as file:
        file.write(stored.to_bytes(4, "little"))
    with pytest.raises(z.TimeoutError):
        reader.read_frame(0)
    assert tokens(name)[0] > stored - 100  # no look takes them all: there may be any number of them
    writer.write_frame(b"x")
    with reader.read_frame() as frame:
        assert frame.data == b"x"


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_a_reader_waits_for_frames(ends: Ends, wait: z.WaitStrategy) -> None:
    reader, writer = ends(wait=wait)
    before = time.monotonic()
    with pytest.raises(z.TimeoutError):
        reader.read_frame(0.25)
    assert 0.25 <= time.monotonic() - before < SOON
    with pytest.raises(z.TimeoutError):
        reader.read_frame(0)
    writer.write_frame(b"now")
    reader.read_frame(0).release()
    got: list[bytes] = []

    def read() -> None:
        with reader.read_frame(20) as frame:
            got.append(bytes(frame.data))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(4):
        writer.write_frame(bytes([n]))
    for thread in threads:
        thread.join(20)
    assert sorted(got) == [b"\0", b"\1", b"\2", b"\3"]


def test_never_connected_is_no_death(name: str) -> None:
    with z.Reader(name, SMALL) as reader:
        with pytest.raises(z.TimeoutError):
            reader.read_frame(0.3)
        assert not reader.is_writer_connected


def test_a_writer_that_closed(name: str, ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"last words")
    writer.close()
    with reader.read_frame() as frame:
        assert frame.data == b"last words"
    before = time.monotonic()
    for _ in range(2):
        with pytest.raises(z.WriterDeadError):
            reader.read_frame(20)
    assert time.monotonic() - before < SOON
    with pytest.raises(z.WriterDeadError):
        reader.read_frame(0)
    with z.Writer(name) as second:
        assert second.write_frame(b"of a new writer") == 1
        with reader.read_frame() as frame:
            assert (frame.sequence, frame.data) == (1, b"of a new writer")
        with pytest.raises(z.TimeoutError):
            reader.read_frame(0.01)


def test_a_reader_notices_the_end_of_a_writer_while_it_waits(ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"x")
    reader.read_frame().release()  # else a writer that leaves before the reader's first look was never there
    ended: list[tuple[type, float]] = []

    def read() -> None:
        try:
            reader.read_frame(20)
        except z.ZeroDuplexError as e:
            ended.append((type(e), time.monotonic()))

    thread = threading.Thread(target=read)
    thread.start()
    while not reader._calls:
        pass
    before = time.monotonic()
    writer.close()
    thread.join(20)
    assert ended[0][0] is z.WriterDeadError
    assert ended[0][1] - before < SOON


def test_a_reader_that_closed(name: str, ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"x")
    with open(wire.semaphore_path(wire.data_read_semaphore(name)), "rb") as data_read:
        reader.close()
        assert data_read.read(4) == bytes(4)  # nobody waited for room, so nobody finds a token
    reader.close()
    assert not writer.is_reader_connected
    for call in (lambda: writer.write_frame(b"y"), lambda: writer.acquire_frame_buffer(1), lambda: writer.set_metadata(b"m")):
        with pytest.raises(z.ReaderDeadError):
            call()
    for use in (lambda: reader.read_frame(0), lambda: reader.metadata, lambda: reader.usage):
        with pytest.raises(z.ClosedError):
            use()
    assert not reader.is_writer_connected
    assert "closed" in repr(reader)


def test_a_writer_that_waits_for_room_notices_the_end_of_its_reader(ends: Ends) -> None:
    reader, writer = ends(wait=z.WaitStrategy.BLOCK)
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
    reader.close()
    thread.join(20)
    assert ended == [z.ReaderDeadError]
    assert time.monotonic() - before < SOON


def test_closing_wakes_those_who_wait(ends: Ends) -> None:
    reader, _ = ends(wait=z.WaitStrategy.BLOCK)
    ended: list[type] = []

    def run(call: Callable[[], object]) -> threading.Thread:
        def body() -> None:
            try:
                call()
            except z.ZeroDuplexError as e:
                ended.append(type(e))

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    readers = [run(lambda: reader.read_frame(20)) for _ in range(3)]
    while reader._calls < 3:
        pass
    before = time.monotonic()
    reader.close()
    for thread in readers:
        thread.join(20)
    assert ended == [z.ClosedError] * 3
    assert time.monotonic() - before < SOON


def test_closing_wakes_writers_that_wait(ends: Ends) -> None:
    _, writer = ends(wait=z.WaitStrategy.BLOCK)
    writer.write_frame(bytes(1008))
    ended: list[type] = []

    def write() -> None:
        try:
            writer.write_frame(b"x", 20)
        except z.ZeroDuplexError as e:
            ended.append(type(e))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    while writer._calls < 3:
        pass
    before = time.monotonic()
    writer.close()
    for thread in threads:
        thread.join(20)
    assert ended == [z.ClosedError] * 3
    assert time.monotonic() - before < SOON


def test_frames_outlive_their_reader(name: str, ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"still here")
    frame = reader.read_frame()
    reader.close()
    assert not os.path.exists(wire.object_path(name))
    assert frame.data == b"still here"
    with z.Reader(name, SMALL) as second:  # the name is free
        assert second.usage.written_count == 0
        frame.release()
        with pytest.raises(z.FrameReleasedError):
            _ = frame.data


def test_a_buffer_outlives_its_writer(name: str, ends: Ends) -> None:
    reader, writer = ends()
    buffer = writer.acquire_frame_buffer(5)
    writer.close()
    with z.Writer(name) as second:  # of the same process
        buffer.data[:] = b"12345"
        with pytest.raises(z.ClosedError):
            buffer.commit()
        assert reader.is_writer_connected  # the second one still is
        second.write_frame(b"x")
    assert reader.usage.written_count == 1


def test_corruption_ends_reading_for_good(name: str, ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"abc")
    with open(wire.object_path(name), "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        struct.pack_into("<Q", memory, 384 + wire.FRAME_HEADER_V1_SEQUENCE_NUMBER_OFFSET, 7)
        for _ in range(2):
            with pytest.raises(z.SequenceError, match="number 7, expected 1") as error:
                reader.read_frame()
            assert (error.value.expected, error.value.got) == (1, 7)
        struct.pack_into("<Q", memory, 384 + wire.FRAME_HEADER_V1_SEQUENCE_NUMBER_OFFSET, 1)
        with pytest.raises(z.SequenceError):  # nothing brings it back
            reader.read_frame()
        struct.pack_into("<Q", memory, wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, 5000)
    for _ in range(2):
        with pytest.raises(z.CorruptedError, match="5000 bytes are free in a payload of 1024"):
            writer.write_frame(b"x")


def test_too_many_free_bytes_after_a_release(name: str, ends: Ends) -> None:
    reader, writer = ends()
    writer.write_frame(b"abc")
    frame = reader.read_frame()
    with open(wire.object_path(name), "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        struct.pack_into("<Q", memory, wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, 1024)
    frame.release()  # raises nothing, but
    with pytest.raises(z.CorruptedError, match="1043 bytes are free"):
        reader.read_frame()


@pytest.mark.parametrize("data", ["text", 5, memoryview(bytes(16))[::2]])
def test_what_is_no_data(ends: Ends, data: Any) -> None:
    _, writer = ends()
    with pytest.raises(z.InvalidArgumentError, match="no contiguous buffer"):
        writer.write_frame(data)
    with pytest.raises(z.InvalidFrameSizeError):
        writer.write_frame(b"")
    with pytest.raises(z.InvalidFrameSizeError):
        writer.acquire_frame_buffer(0)
    with pytest.raises(z.InvalidArgumentError, match="a timeout"):
        writer.write_frame(b"x", -1)
    assert writer.write_frame(b"x") == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_several_threads_write_and_read(ends: Ends, threads: int) -> None:
    reader, writer = ends()
    count, got, lock = 300, {}, threading.Lock()

    def write(of: int) -> None:
        for n in range(count):
            writer.write_frame(struct.pack("<HH", of, n) * (1 + n % 50), 20)

    def read() -> None:
        for _ in range(count):
            with reader.read_frame(20) as frame:
                key = struct.unpack_from("<HH", frame.data)
                assert frame.data == struct.pack("<HH", *key) * (1 + key[1] % 50)
                with lock:
                    got[frame.sequence] = key

    running = [threading.Thread(target=write, args=(n,)) for n in range(threads)] + [threading.Thread(target=read) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert sorted(got) == list(range(1, threads * count + 1))
    for of in range(threads):
        assert [n for _, (t, n) in sorted(got.items()) if t == of] == list(range(count))
    assert reader.usage.payload_free_bytes == 1024


def test_a_buffer_in_given_memory(name: str) -> None:
    view = z.SharedMemoryView(mmap.mmap(-1, 4096))
    config = z.BufferConfig.over_v1(view, 100)
    assert config.payload_size == 4096 - 128 - 128
    with pytest.raises(z.InvalidArgumentError, match="does not fit"):
        z.BufferConfig.over_v1(view, 4000)
    with pytest.raises(z.InvalidArgumentError, match="the memory has 4096 bytes"):
        z.Reader(name, z.BufferConfig(0, 4096, view))
    with pytest.raises(z.BufferNotFoundError, match="not ready"):
        z.Writer(name, memory=view, connect_timeout=0)
    with z.Reader(name, config) as reader, z.Writer(name, memory=view) as writer:
        assert not os.path.exists(wire.object_path(name))
        with pytest.raises(z.WriterAlreadyConnectedError):
            z.Writer(name, memory=view, connect_timeout=0)
        with pytest.raises(z.ReaderAlreadyConnectedError):
            z.Reader(name, config)
        writer.write_frame(b"x")
        with reader.read_frame() as frame:
            assert frame.data == b"x"
        writer.close()
        with pytest.raises(z.WriterDeadError):
            reader.read_frame(20)
    with pytest.raises(z.BufferNotFoundError, match="closed it"):
        z.Writer(name, memory=view, connect_timeout=0)
    with pytest.raises(z.InvalidArgumentError, match="only 64 bytes"):
        z.Writer(name, memory=z.SharedMemoryView(mmap.mmap(-1, 4096)[:0] or memoryview(mmap.mmap(-1, 4096))[:64]), connect_timeout=0)
    with z.Reader(name, config):  # once more over the same memory
        pass


def test_the_default_is_large(name: str) -> None:
    assert z.BufferConfig.default_v1() == z.BufferConfig(4096, 256 << 20)
    with z.Reader(name) as reader, z.Writer(name) as writer:
        assert reader.usage.payload_size == 256 << 20
        writer.write_frame(bytes(100 << 20))
        with reader.read_frame() as frame:
            assert frame.size == 100 << 20
