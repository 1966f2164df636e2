"""Both ends of the ring on plain memory, with both implementations of the memory operations."""

from __future__ import annotations

import mmap
import random
import struct
import threading
from collections.abc import Callable

import pytest

from zeroduplex import CorruptedError, FrameTooLargeError, _ring_client, _ring_server
from zeroduplex._generated import wire
from zeroduplex._generated.wire import FrameState, FrameStatus
from zeroduplex._ops import ANSWER_FAILED, ANSWER_IMPOSSIBLE, ANSWER_PENDING, Ops
from zeroduplex._ops_fallback import FallbackOps
from zeroduplex._ring_client import ClientRing
from zeroduplex._ring_server import Claimed, ServerRing
from zeroduplex._state import Record
from zeroduplex.memory import address_of

try:
    from zeroduplex._ops_native import NativeOps

    BACKENDS: list[Callable[[], Ops]] = [NativeOps, FallbackOps]
except ImportError:  # the suite runs without the helper
    BACKENDS = [FallbackOps]

SEMAPHORES = 1024


class Ring:
    """A segment's shared part in anonymous memory, with a client's and a server's end."""

    def __init__(self, ops: Ops, payload: int, eager: bool = True) -> None:
        self.memory = memoryview(mmap.mmap(-1, 4096 + payload))
        base = address_of(self.memory)
        for i in range(4):
            struct.pack_into("<I", self.memory, SEMAPHORES + 32 * i + wire.NAMED_SEMAPHORE_SHARED_OFFSET, wire.SEMAPHORE_SHARED_FLAG)
        self.payload = self.memory[4096:]
        self.ops = ops
        self.port = ops.port(base, base + wire.OIEB_V2_SIZE, base + 4096)
        self.port.set_semaphores(*(base + SEMAPHORES + 32 * i for i in range(4)))
        self.client = ClientRing(self.port, base, payload, eager)
        self.server = ServerRing(self.port, base, base + wire.OIEB_V2_SIZE, self.payload)
        self.server.reset()

    def block(self, response: bool, offset: int) -> int:
        value: int = struct.unpack_from("<Q", self.memory, offset + (wire.OIEB_V2_SIZE if response else 0))[0]
        return value

    def set_block(self, offset: int, value: int) -> None:
        struct.pack_into("<Q", self.memory, offset, value)

    def semaphore(self, index: int) -> int:
        value: int = struct.unpack_from("<I", self.memory, SEMAPHORES + 32 * index)[0]
        return value

    def send(self, data: bytes, capacity: int | None = None, opcode: int = 0, one_way: bool = False) -> Record:
        self.client.reclaim()
        start = self.client.reserve(len(data), len(data) if capacity is None else capacity)
        assert start >= 0
        self.payload[start : start + len(data)] = data
        return self.client.publish(len(data), opcode, one_way, False)

    def take(self) -> Claimed:
        claimed = Claimed()
        assert self.server.next(claimed)
        assert self.server.take(claimed)
        return claimed

    def data(self, frame: Claimed | Record, size: int) -> bytes:
        start = frame.position + wire.FRAME_HEADER_V2_SIZE
        return bytes(self.payload[start : start + size])

    def header(self, position: int, offset: int, code: str, value: int) -> None:
        struct.pack_into("<" + code, self.payload, position + offset, value)


@pytest.fixture(params=BACKENDS)
def ops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ops:
    chosen: Ops = request.param()
    monkeypatch.setattr(_ring_client, "ops", chosen)
    monkeypatch.setattr(_ring_server, "ops", chosen)
    return chosen


@pytest.mark.parametrize("eager", [True, False])
def test_frames_of_random_sizes_keep_their_bytes(ops: Ops, eager: bool) -> None:
    chance = random.Random(eager)
    ring = Ring(ops, 1024, eager)
    sent: list[tuple[Record, bytes]] = []
    taken: list[tuple[Claimed, bytes]] = []
    published = answered = 0
    while published < 3000 or sent:
        step = chance.random()
        if step < 0.4 and published < 3000:
            data = chance.randbytes(chance.randint(0, 400))
            ring.client.reclaim()
            start = ring.client.reserve(len(data), len(data) + chance.randint(0, 100))
            if start < 0:
                continue
            ring.payload[start : start + len(data)] = data
            sent.append((ring.client.publish(len(data), 5, False, False), data))
            published += 1
        elif step < 0.6:
            claimed = Claimed()
            if ring.server.next(claimed):
                assert ring.server.take(claimed)
                _, data = sent[[r.sequence for r, _ in sent].index(claimed.sequence)]
                assert ring.data(claimed, claimed.size) == data
                taken.append((claimed, data))
        elif step < 0.8 and taken:
            claimed, data = taken.pop(chance.randrange(len(taken)))  # in any order
            start = claimed.position + wire.FRAME_HEADER_V2_SIZE
            ring.payload[start : start + len(data)] = bytes(255 - b for b in data)
            ring.server.answer(claimed, claimed.size, 0, False)
            answered += 1
        elif sent:
            index = chance.randrange(len(sent))
            record, data = sent[index]
            answer = ring.port.answer_at(record.position, 0)
            if answer != ANSWER_PENDING:
                assert answer == len(data)
                assert ring.data(record, answer) == bytes(255 - b for b in data)
                ring.client.release(record)
                del sent[index]
    assert answered == 3000
    assert ring.server.drained()
    ring.client.reclaim()
    for response in (False, True):
        assert ring.block(response, wire.OIEB_V2_PAYLOAD_FREE_BYTES_OFFSET) == 1024
    assert ring.block(False, wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET) == 3000
    assert [ring.semaphore(i) for i in range(4)] == [1, 1, 1, 1]  # posted once each, since nobody took a token


@pytest.mark.parametrize("residue", range(0, 1024, 64))
def test_exact_fit_at_every_position(ops: Ops, residue: int) -> None:
    ring = Ring(ops, 1024, eager=False)

    def round_trip(size: int) -> None:
        record = ring.send(b"x" * size)
        claimed = ring.take()
        assert (claimed.sequence, claimed.size, claimed.position) == (record.sequence, size, record.position)
        ring.server.answer(claimed, size, 0, False)
        ring.client.release(record)

    for _ in range(residue // 64):
        round_trip(0)
    round_trip(1024 - 64)
    round_trip(1024 - 64)
    with pytest.raises(FrameTooLargeError):
        ring.client.reserve(1024 - 63, 1024 - 63)


def test_marked_wrap_goes_to_the_start(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    first, second = ring.send(b"a" * 448), ring.send(b"b" * 64)
    claimed = ring.take()
    ring.server.answer(claimed, claimed.size, 0, False)
    ring.client.release(first)
    third = ring.send(b"c" * 400)  # 384 bytes are left to the end
    assert (second.position, third.position, third.waste) == (512, 0, 384)
    assert ring.take().position == 512
    assert ring.client.free == 0
    claimed = ring.take()
    assert (claimed.position, claimed.sequence) == (0, 3)
    ring.client.reclaim()  # only now the waste is free, and it stays so behind the second frame
    assert third.waste == 384
    for record in (second, third):
        answered = Claimed()
        answered.position = record.position
        ring.server.answer(answered, 0, 0, False)
        ring.client.release(record)
    assert ring.client.free == 1024


def test_no_room_is_no_error(ops: Ops) -> None:
    ring = Ring(ops, 256)
    ring.send(b"x" * 64)
    assert ring.client.reserve(128, 128) == -1
    assert ring.client.reserve(64, 64) >= 0
    ring.client.abort()
    assert ring.client.free == 128


def test_cancel_or_take_exactly_one_wins(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    first, second = ring.send(b"1"), ring.send(b"2")
    claimed = Claimed()
    assert ring.server.next(claimed)
    assert ring.client.cancel(first)
    assert not ring.server.take(claimed)  # cancelled between look and take
    claimed = Claimed()
    assert ring.server.next(claimed)
    assert claimed.cancelled
    ring.server.skip(claimed)
    assert ring.take().sequence == 2
    assert not ring.client.cancel(second)
    ring.client.reclaim()
    assert [r.sequence for r in ring.client.frames] == [2]


def test_abandoned_answers_are_released(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    record = ring.send(b"x")
    claimed = ring.take()
    ring.client.abandon(record)
    assert ring.semaphore(3) == 0
    ring.server.answer(claimed, 1, 0, False)
    assert ring.semaphore(3) == 1  # space-available, because the frame is abandoned
    ring.client.reclaim()
    assert not ring.client.frames
    late = ring.send(b"y")
    ring.server.answer(ring.take(), 1, 0, False)
    ring.client.abandon(late)  # answered already: released at once
    ring.client.reclaim()
    assert ring.server.drained()


def test_one_way_frames_are_believed_by_their_state(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    record = ring.send(b"x", one_way=True)
    claimed = ring.take()
    assert claimed.one_way
    ring.client.reclaim()
    assert len(ring.client.frames) == 1
    ring.server.finish(claimed)
    ring.client.reclaim()
    assert not ring.client.frames
    record = ring.send(b"x", one_way=True)
    ring.header(record.position, wire.FRAME_HEADER_V2_STATE_OFFSET, "i", FrameState.RESPONSE)
    with pytest.raises(CorruptedError, match="one-way or cancelled frame 2 has state 3"):
        ring.client.reclaim()


def test_answers_say_what_they_are(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    record = ring.send(b"xyz", capacity=100)
    claimed = ring.take()
    assert (claimed.capacity, claimed.opcode) == (128, 0)
    assert ring.port.answer_at(record.position, 1000) == ANSWER_PENDING
    ring.server.answer(claimed, 70, -1, True)
    assert ring.port.answer_at(record.position, 1000) == ANSWER_FAILED
    assert (ring.port.status_at(record.position), ring.port.size_at(record.position)) == (FrameStatus.HANDLER_FAILED, 70)
    ring.header(record.position, wire.FRAME_HEADER_V2_STATE_OFFSET, "i", FrameState.RESPONSE)
    assert ring.port.answer_at(record.position, 0) == 70
    ring.header(record.position, wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET, "Q", 2**64 - 1)
    assert ring.port.answer_at(record.position, 0) == ANSWER_IMPOSSIBLE


STATE, SEQUENCE = wire.FRAME_HEADER_V2_STATE_OFFSET, wire.FRAME_HEADER_V2_SEQUENCE_NUMBER_OFFSET
CAPACITY, SIZE = wire.FRAME_HEADER_V2_CAPACITY_OFFSET, wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET


@pytest.mark.parametrize(
    ("offset", "code", "value", "message"),
    [
        (STATE, "i", FrameState.FREE, "frame 1 has state 0"),
        (STATE, "i", FrameState.PROCESSING, "frame 1 has state 2"),
        (STATE, "i", -5, "frame 1 has state -5"),
        (STATE, "i", FrameState.WRAP, "wrap marker at 0 where none can be"),
        (SEQUENCE, "Q", 2, "frame 1 has sequence number 2"),
        (CAPACITY, "Q", 63, "frame 1 has capacity 63"),
        (CAPACITY, "Q", 128, "frame 1 has capacity 128, room for 64"),
        (CAPACITY, "Q", 2**64 - 64, "room for 64"),
        (SIZE, "Q", 65, "frame 1 has 65 bytes in a capacity of 64"),
    ],
)
def test_server_refuses_corrupt_headers(ops: Ops, offset: int, code: str, value: int, message: str) -> None:
    ring = Ring(ops, 1024)
    ring.send(b"x" * 64)
    ring.header(0, offset, code, value)
    with pytest.raises(CorruptedError, match=message):
        ring.server.next(Claimed())


@pytest.mark.parametrize(
    ("count", "written", "message"),
    [
        (1, 63, "does not follow the cursor"),
        (1, 3 * 1024, "does not follow the cursor"),
        (1, 2**64 - 64, "does not follow the cursor"),
        (1, 0, "frame 1 counted but only 0 bytes"),
        (1, 64, "room for 0"),
    ],
)
def test_server_refuses_corrupt_counters(ops: Ops, count: int, written: int, message: str) -> None:
    ring = Ring(ops, 1024)
    ring.send(b"x" * 64)
    ring.set_block(wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, count)
    ring.set_block(wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, written)
    with pytest.raises(CorruptedError, match=message):
        ring.server.next(Claimed())


def test_server_refuses_a_count_that_goes_back(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    ring.send(b"x")
    ring.send(b"y")
    ring.take()
    ring.take()
    ring.set_block(wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, 1)
    with pytest.raises(CorruptedError, match="went back from 2 to 1"):
        ring.server.next(Claimed())


def test_server_refuses_wrong_markers(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    ring.send(b"x" * 64)
    ring.take()
    ring.send(b"y" * 64)
    ring.header(128, STATE, "i", FrameState.WRAP)
    with pytest.raises(CorruptedError, match="with no frame behind it"):
        ring.server.next(Claimed())
    ring.set_block(wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, 1024 + 128)
    ring.header(0, STATE, "i", FrameState.WRAP)
    with pytest.raises(CorruptedError, match="wrap marker at 0 where none can be"):
        ring.server.next(Claimed())


def test_semaphores_wake_and_time_out(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    semaphore = address_of(ring.memory) + SEMAPHORES
    assert ops.wait(semaphore, 1_000_000) == 0
    ops.post_if_zero(semaphore)
    ops.post_if_zero(semaphore)
    assert ring.semaphore(0) == 1
    assert ops.wait(semaphore, 10_000_000_000) == 1
    assert ring.semaphore(0) == 0


def test_words(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    address = address_of(ring.memory)
    ops.store64(address, 2**64 - 1)
    assert ops.load64(address) == 2**64 - 1
    assert not ops.cas64(address, 5, 6)
    assert ops.cas64(address, 2**64 - 1, 6)
    assert ops.load64(address) == 6


def test_spins_end(ops: Ops) -> None:
    ring = Ring(ops, 1024)
    assert ring.port.spin_for_responses(0, 10_000) == 0
    assert ring.port.spin_for_request(0, 10_000) == 0
    ring.port.kick()
    assert ring.semaphore(0) == 1
    spinning = threading.Thread(target=lambda: results.append(ring.port.spin_for_request(0, 20_000_000_000)))
    results: list[int] = []
    spinning.start()
    while spinning.is_alive():  # only a kick during the spin ends it
        ring.port.kick()
    assert results == [1]
    ring.send(b"x")
    assert ring.port.spin_for_request(0, 10_000_000_000) == 1
    ring.server.answer(ring.take(), 1, 0, False)
    assert ring.port.spin_for_responses(0, 10_000_000_000) == 1
