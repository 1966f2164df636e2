"""What nearly every round trip does in one native call each, beside the same step by step."""

from __future__ import annotations

import random
import threading

import pytest
from conftest import Connect, Serve
from support import Gate, echo, invert, short_calls, wait_for
from test_ring import Ring

import zeroduplex as z
from zeroduplex import _state
from zeroduplex._channel_call import CallingChannel
from zeroduplex._generated import wire
from zeroduplex._generated.wire import FrameState
from zeroduplex._ops import BACKEND, SERVE_LOOK, SERVE_NOTHING, SERVE_TAKEN, SERVING, Ops, ops
from zeroduplex._ops_fallback import FallbackOps
from zeroduplex._ring_server import Claimed
from zeroduplex._state import Record

NATIVE = pytest.mark.skipif(BACKEND != "native", reason="the compiled helper is not there")
STATE = wire.FRAME_HEADER_V2_STATE_OFFSET


FIELDS = ("abandoned", "cancelled", "capacity", "one_way", "opcode", "position", "released", "sequence", "start", "total", "waste")


def call(ring: Ring, data: bytes, capacity: int | None = None, opcode: int = 0) -> Record | None:
    if not ring.port.address:
        return None
    return short_calls(ring.client, ring.port)(data, len(data) if capacity is None else capacity, opcode)


@NATIVE
@pytest.mark.parametrize("eager", [True, False])
def test_calls_leave_the_same_bytes_as_the_steps(eager: bool) -> None:
    chance = random.Random(eager)
    short, steps = Ring(ops, 1024, eager), Ring(FallbackOps(), 1024, eager)
    for _ in range(500):
        data = chance.randbytes(chance.randint(0, 900))
        capacity = min(len(data) + chance.randint(0, 100), 1024 - 64)
        record, other = call(short, data, capacity, 5), steps.send(data, capacity, 5)
        assert record is not None
        assert record.taken
        for field in FIELDS:
            assert getattr(record, field) == getattr(other, field)
        assert short.memory == steps.memory
        frame = Claimed()
        assert short.server.take_next(frame)
        by_steps = steps.take()
        for slot in ("sequence", "size", "capacity", "opcode", "one_way", "position", "start"):
            assert getattr(frame, slot) == getattr(by_steps, slot)
        assert short.server.passed == steps.server.passed
        for ring, claimed in ((short, frame), (steps, by_steps)):
            ring.server.answer(claimed, claimed.size, 0, False)
        short.client.release(record)
        steps.client.release(other)
        assert short.memory == steps.memory
        assert short.client.free == 1024


def refuses(ring: Ring, data: bytes, capacity: int | None = None) -> None:
    before = bytes(ring.memory)
    assert call(ring, data, capacity) is None
    assert bytes(ring.memory) == before


@pytest.mark.parametrize("chosen", [ops, FallbackOps()])
def test_a_call_that_is_out_of_the_ordinary_does_nothing(chosen: Ops) -> None:
    ring = Ring(chosen, 1024)
    refuses(ring, b"x" * 961)
    refuses(ring, b"", 1024)
    refuses(ring, b"x", 0)
    refuses(ring, b"", 2**64 - 1)
    assert ring.client.reserve(1, 1) >= 0
    refuses(ring, b"x")
    ring.client.abort()
    record = ring.send(b"x")
    refuses(ring, b"y")
    ring.server.answer(ring.take(), 1, 0, False)
    refuses(ring, b"y")
    ring.client.release(record)
    assert (call(ring, b"y") is not None) == (chosen is ops and BACKEND == "native")


@pytest.mark.parametrize("chosen", [ops, FallbackOps()])
def test_what_is_not_taken_at_once_is_left_to_the_steps(chosen: Ops) -> None:
    ring, frame = Ring(chosen, 1024), Claimed()
    assert not ring.server.take_next(frame)  # nothing there
    first, second = ring.send(b"1" * 400), ring.send(b"2" * 100)
    ring.set_block(wire.OIEB_V2_WRITER_PID_OFFSET, wire.RESET_WANTED)
    assert not ring.server.take_next(frame)
    ring.set_block(wire.OIEB_V2_WRITER_PID_OFFSET, 1)
    assert ring.client.cancel(first)
    assert not ring.server.take_next(frame)
    assert ring.server.next(frame)
    ring.server.skip(frame)
    ring.server.answer(ring.take(), 0, 0, False)
    ring.client.reclaim()
    third = ring.send(b"3" * 300)  # behind a marker
    assert third.waste
    assert not ring.server.take_next(frame)
    claimed = ring.take()
    assert (claimed.sequence, claimed.size) == (3, 300)
    ring.client.release(second)


@NATIVE
def test_serving_ends_by_a_request_a_kick_or_time() -> None:
    ring, frames = Ring(ops, 1024), []

    def serve(window_ns: int) -> object:
        return _state.serve(
            ring.port.address, lambda frame: frames.append((frame.sequence, frame.size, frame.opcode)), z.Frame, ring.payload, window_ns
        )

    assert serve(10_000) == SERVE_NOTHING
    found: list[object] = []
    spinning = threading.Thread(target=lambda: found.append(serve(20_000_000_000)))
    spinning.start()
    while spinning.is_alive():
        ring.port.kick()
    assert found == [SERVE_LOOK]
    record = ring.send(b"xyz", opcode=9)
    assert serve(0) == SERVE_TAKEN
    assert frames == [(1, 3, 9)]
    assert ring.port.answer_at(record.position, 0) == 3
    one_way = ring.send(b"abc", one_way=True)
    assert serve(0) == SERVE_TAKEN
    assert ring.port.state_at(one_way.position) == FrameState.CONSUMED
    ring.send(b"corrupt")
    ring.header(256, STATE, "i", FrameState.FREE)
    assert serve(10_000_000_000) == SERVE_LOOK
    with pytest.raises(TypeError, match="5 arguments"):
        _state.serve(1)  # type: ignore[call-arg]


@NATIVE
def test_what_serving_does_not_answer_is_handed_over() -> None:
    ring, kept = Ring(ops, 1024), []

    def fails(frame: z.Frame) -> None:
        raise ZeroDivisionError("no")

    for handler, raised in ((fails, ZeroDivisionError), (lambda frame: kept.append(frame.data[1:]), type(None))):
        record = ring.send(b"xyz")
        found = _state.serve(ring.port.address, handler, z.Frame, ring.payload, 0)
        assert isinstance(found, tuple)
        frame, error = found
        assert type(error) is raised
        assert frame._sequence == record.sequence
        assert frame._live == (error is not None)
        assert ring.port.words[SERVING] == 1
        assert ring.port.state_at(record.position) == FrameState.PROCESSING
    with pytest.raises(z.ViewInUseError):
        frame._end_views()
    kept.clear()
    frame._end_views()


def shared_client(connect: Connect, **options: object) -> CallingChannel:
    client = connect(**options)
    assert isinstance(client, CallingChannel)
    return client


@NATIVE
@pytest.mark.parametrize("where", ["_await_called", "_await_longer", "_answer_at"])
def test_an_interrupted_call_leaves_a_channel_that_works(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    gate = Gate()
    serve(lambda frame: gate(frame) if bytes(frame.data) == b"interrupted" else invert(frame))
    client = shared_client(connect, wait=z.WaitStrategy.BLOCK)
    client.call(b"first").release()
    struck = False

    def strikes(*arguments: object) -> object:
        nonlocal struck
        struck = True
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client, where, strikes)
        with pytest.raises(KeyboardInterrupt):
            client.call(b"interrupted")
    assert struck
    gate.let_go()
    for n in range(20):
        with client.call(bytes([n])) as response:
            assert bytes(response.data) == bytes([255 - n])
    assert (client._calls, client._out) == (0, 0)
    client.close()
    assert client._detached


@pytest.mark.parametrize("ends", ["call", "release"])
def test_what_finds_the_lock_taken_waits_for_it(serve: Serve, connect: Connect, ends: str) -> None:
    serve(invert)
    client = shared_client(connect)
    response = client.call(b"first")
    if ends == "call":
        response.release()
    done: list[bytes] = []

    def goes() -> None:
        if ends == "call":
            with client.call(b"second") as other:
                done.append(bytes(other.data))
        else:
            response.release()
            done.append(b"")

    with client._lock:
        thread = threading.Thread(target=goes)
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
        assert not done
    thread.join(20)
    assert done == [bytes(255 - b for b in b"second") if ends == "call" else b""]
    assert (client._calls, client._out) == (0, 0)


def test_a_call_that_waits_long_ends_like_any_other(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate, workers=1)
    client = shared_client(connect)
    with pytest.raises(z.TimeoutError):
        client.call(b"slow", 0.02)
    gate.wait_entered()
    gate.let_go()
    gate.let_go()
    with client.call(b"next") as response:
        assert (response.sequence, bytes(response.data)) == (2, b"next")
    assert (client._calls, client._out) == (0, 0)


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_closing_ends_a_call_under_way(serve: Serve, connect: Connect, wait: z.WaitStrategy) -> None:
    gate = Gate()
    serve(gate)
    client = connect(wait=wait)
    outcome: list[BaseException] = []

    def calls() -> None:
        try:
            client.call(b"x").release()
        except z.ZeroDuplexError as e:
            outcome.append(e)

    thread = threading.Thread(target=calls)
    thread.start()
    gate.wait_entered()
    client.close()
    thread.join(20)
    gate.let_go()
    assert [type(e) for e in outcome] == [z.ClosedError]


def test_a_failed_answer_of_a_short_call(serve: Serve, connect: Connect) -> None:
    def fail(frame: z.Frame) -> None:
        raise z.Failure(5, "no")

    serve(fail)
    client = shared_client(connect)
    for _ in range(3):
        with pytest.raises(z.HandlerFailedError, match="no"):
            client.call(b"abc")
    assert (client._calls, client._out) == (0, 0)


def test_an_impossible_answer_of_a_short_call(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = shared_client(connect)

    def grows(frame: z.Frame) -> None:
        frame._size = 1 << 20

    server.start(grows)
    with pytest.raises(z.CorruptedError, match="its capacity is 64"):
        client.call(b"x" * 64)
    assert (client._calls, client._out) == (0, 0)


def test_a_buffer_may_be_resized_as_soon_as_it_is_sent(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate)
    client, data = connect(), bytearray(5000)
    thread = threading.Thread(target=lambda: client.call(memoryview(data)).release())
    other = threading.Thread(target=lambda: client.call(data).release())
    thread.start()
    other.start()
    gate.wait_entered()
    gate.let_go()
    gate.let_go()
    thread.join(20)
    other.join(20)
    data.extend(b"more")


def test_wrong_arguments_of_a_call(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    for wrong in (memoryview(b"abcdef")[::2], "text", 5):
        with pytest.raises(z.InvalidArgumentError, match="contiguous buffer"):
            client.call(wrong)
    for capacity in (-1, 2):
        with pytest.raises(z.InvalidArgumentError, match="with capacity"):
            client.call(b"abc", capacity=capacity)
    with pytest.raises(z.FrameTooLargeError):
        client.call(b"abc", capacity=1 << 80)
    with pytest.raises(z.FrameTooLargeError):
        client.call(bytes(70000))
    with pytest.raises(z.InvalidArgumentError):
        client.call(b"abc", -1)
    with pytest.raises(z.InvalidArgumentError):
        client.call(b"abc", opcode=1 << 32)
    for timeout in (float("nan"), float("inf"), "soon"):
        with pytest.raises((z.InvalidArgumentError, TypeError)):
            client.call(b"abc", timeout)  # type: ignore[arg-type]
    for given in ((), (b"abc", 1, 2)):
        with pytest.raises(TypeError):
            client.call(*given)
    for keywords in ({"bogus": 1}, {"timeout": 1, "bogus": 1}):
        with pytest.raises(TypeError):
            client.call(b"abc", **keywords)
    with pytest.raises(TypeError):
        client.call(b"abc", 1, timeout=1)  # type: ignore[misc]
    with client.call(b"abc", 5, opcode=3, capacity=100) as response:
        assert (response.opcode, bytes(response.data), response.sequence) == (3, b"abc", 1)
    with client.call(memoryview(b"abcd").cast("I"), timeout=5.5, capacity=None) as response:
        assert bytes(response.data) == b"abcd"


def test_threads_that_call_at_the_same_time(serve: Serve, connect: Connect) -> None:
    serve(invert, workers=2)
    client, wrong = connect(), []

    def calls(n: int) -> None:
        for i in range(300):
            data = bytes([n, i % 256]) * 20
            with client.call(data) as response:
                if bytes(response.data) != bytes(255 - b for b in data):
                    wrong.append((n, i))

    threads = [threading.Thread(target=calls, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


@pytest.mark.parametrize("wait", [z.WaitStrategy.SPIN, z.WaitStrategy.HYBRID])
def test_an_only_worker_notices_stop_while_requests_come(serve: Serve, connect: Connect, wait: z.WaitStrategy) -> None:
    server = serve(echo, wait=wait)
    client = connect(wait=wait)
    answered = threading.Event()

    def calls() -> None:
        try:
            while True:
                client.call(b"x").release()
                answered.set()
        except z.ZeroDuplexError:
            pass

    thread = threading.Thread(target=calls)
    thread.start()
    assert answered.wait(20)
    server.stop(20)
    thread.join(20)
    assert not thread.is_alive()
    wait_for(lambda: not server._current.alone)
