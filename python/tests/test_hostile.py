"""Short runs of the programs of hostile.py, and the ones that once found something."""

from __future__ import annotations

import hostile
import hostile_channel
import hostile_stream
import pytest

from zeroduplex import CorruptedError, Response
from zeroduplex._channel_receive import ReceivingChannel
from zeroduplex._generated.wire import FrameState
from zeroduplex._ops import BACKEND, CURSOR, ops
from zeroduplex._ops_fallback import FallbackOps
from zeroduplex._ring_server import Claimed, ServerRing
from zeroduplex._state import Record
from zeroduplex._v1.ring_reader import ReaderRing
from zeroduplex._v1.stream import POSITION, SEEN_SEQUENCE, SEEN_SIZE
from zeroduplex._v1.stream_fallback import FallbackStream

PROGRAMS = 1500


def test_programs_of_a_fixed_seed_do_what_they_are_for() -> None:
    fuzzer = hostile.Fuzzer([lambda: ops, FallbackOps])
    for number in range(PROGRAMS):
        fuzzer.run(hostile.make(1, number), number)
    tally = fuzzer.tally
    assert tally["programs"] == PROGRAMS
    done = ["sent", "taken", "answered", "received", "cancelled", "abandoned", "corrupted", "writes", "interposed", "refused", "accepted"]
    if BACKEND == "native":
        done += ["called", "taken at once"]
    for what in done:
        assert tally[what] > PROGRAMS // 20, f"{what}: {tally}"


def _believes(self: ServerRing, frame: Claimed, header: tuple[int, ...], position: int, room: int) -> None:
    frame.size, frame.sequence, frame.capacity, state, _, _, frame.opcode, flags = header
    frame.one_way, frame.cancelled = flags & 1 != 0, state == FrameState.CANCELLED
    frame.position, frame.start, frame.end = position, position + hostile.HEADER, self._words[CURSOR] + hostile.HEADER + frame.capacity


def _believes_all_but_the_state(self: ServerRing, frame: Claimed, header: tuple[int, ...], position: int, room: int) -> None:
    """The server serves on: it would look for ever at a state that nobody can take, and a sum beyond 64 bits would end its thread."""
    if header[3] not in (FrameState.REQUEST, FrameState.CANCELLED):
        raise CorruptedError(f"state {header[3]}")
    _believes(self, frame, header, position, room)
    frame.end %= 1 << 64


def test_a_wrong_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness notices a ring that checks nothing."""
    monkeypatch.setattr(ServerRing, "_check", _believes)
    fuzzer = hostile.Fuzzer([lambda: ops])
    with pytest.raises(hostile.Wrong):
        for number in range(PROGRAMS):
            fuzzer.run(hostile.make(2, number))


def test_programs_on_both_ends_of_a_stream_do_what_they_are_for() -> None:
    programs = 400
    fuzzer = hostile_stream.Fuzzer(hostile_stream.both_streams())
    for number in range(programs):
        fuzzer.run(hostile.make(1, number), number)
    tally = fuzzer.tally
    assert tally["programs"] == programs
    for what in ("written", "read", "released", "writers", "corrupted", "writes", "interposed"):
        assert tally[what] > programs // 20, f"{what}: {tally}"


def test_a_reader_that_believes_headers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness notices a ring that checks no size."""

    def believes(self: ReaderRing) -> tuple[int, int, int, int, int]:
        words = self._words
        return words[POSITION], 0, 1, words[SEEN_SIZE], words[SEEN_SEQUENCE]

    monkeypatch.setattr(ReaderRing, "_resolve", believes)
    fuzzer = hostile_stream.Fuzzer([FallbackStream])
    with pytest.raises(hostile.Wrong):
        for number in range(PROGRAMS):
            fuzzer.run(hostile.make(2, number))


def test_clients_and_servers_survive_a_hostile_other_side(name: str) -> None:
    programs = 320
    peer = hostile_channel.Peer(name)
    for number in range(programs):
        peer.run(hostile.make(3, number), number)
    tally = peer.tally
    assert tally["programs"] == programs
    for what in ("attached", "received", "handled", "writes", "foreseen", "forged", "CorruptedError"):
        assert tally[what] > programs // 20, f"{what}: {tally}"


def test_a_server_that_believes_headers_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerRing, "_check", _believes_all_but_the_state)
    peer = hostile_channel.Peer(name)
    with pytest.raises(hostile.Wrong):
        for number in range(PROGRAMS):
            peer.run(hostile.make(2, number), number)


def test_a_client_that_believes_sizes_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = ReceivingChannel._deliver

    def believes(self: ReceivingChannel, record: Record, answer: int) -> Response:
        return deliver(self, record, min(answer, record.capacity))

    monkeypatch.setattr(ReceivingChannel, "_deliver", believes)
    peer = hostile_channel.Peer(name)
    with pytest.raises(hostile.Wrong):
        for number in range(PROGRAMS):
            peer.run(hostile.make(2, number), number)
