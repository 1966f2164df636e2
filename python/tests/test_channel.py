"""Round trips between a client and a server."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from conftest import Connect, Serve
from support import SOON, Gate, echo, invert

import zeroduplex as z


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 4095, 4096, 4097, 30000])
def test_call_answers_in_place(serve: Serve, connect: Connect, size: int, wait: z.WaitStrategy) -> None:
    serve(invert, wait=wait)
    client = connect(wait=wait)
    request = random.Random(size).randbytes(size)
    with client.call(request, opcode=7) as response:
        assert bytes(response.data) == bytes(255 - b for b in request)
        assert (response.size, response.sequence, response.status, response.opcode) == (size, 1, 0, 7)


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"a1b2c3")[0:3]])
def test_sends_any_contiguous_buffer(serve: Serve, connect: Connect, data: bytes) -> None:
    serve(echo)
    with connect().call(data) as response:
        assert bytes(response.data) == bytes(data)


def test_refuses_what_is_no_contiguous_buffer(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    for wrong in (memoryview(b"abcdef")[::2], "text", 5):
        with pytest.raises(z.InvalidArgumentError, match="contiguous buffer"):
            client.send_request(wrong)
    client.call(b"still works").release()


@pytest.mark.parametrize("lap", list(z.LapMode))
def test_acquired_buffer_is_where_the_response_stands(serve: Serve, connect: Connect, lap: z.LapMode) -> None:
    serve(invert)
    client = connect(lap=lap)
    for n in range(1, 200):
        buffer = client.acquire_request_buffer(700)
        buffer.data[:] = bytes([n]) * 700
        buffer.opcode = n
        sequence = buffer.commit()
        assert sequence == n
        with client.receive_response(sequence=sequence) as response:
            assert response.data == bytes([255 - n]) * 700
            assert response.opcode == n


def test_every_ring_position_takes_the_largest_frame(serve: Serve, connect: Connect) -> None:
    serve(invert, payload_size=1024)
    client = connect(lap=z.LapMode.NEEDED)
    for n in range(100):
        with client.call(bytes([n]) * 64) as small:
            assert small.data[0] == 255 - n
        with client.call(bytes([n]) * 960) as exact:
            assert exact.data == bytes([255 - n]) * 960


def test_pipelined_frames_of_all_sizes_wrap_constantly(serve: Serve, connect: Connect) -> None:
    serve(invert, payload_size=8192)
    client = connect()
    chance = random.Random(5)
    pending: dict[int, bytes] = {}
    for _ in range(3000):
        while len(pending) >= chance.randint(1, 12):
            with client.receive_response() as response:
                assert response.data == bytes(255 - b for b in pending.pop(response.sequence))
        data = chance.randbytes(chance.randint(0, 500))
        pending[client.send_request(data)] = data
    while pending:
        with client.receive_response() as response:
            assert response.data == bytes(255 - b for b in pending.pop(response.sequence))


def test_a_response_may_use_the_capacity(serve: Serve, connect: Connect) -> None:
    def grow(frame: z.Frame) -> None:
        assert frame.capacity == 320
        before = frame.data
        frame.resize(frame.capacity)
        assert before[:3] == b"abc"
        frame.data[:] = b"x" * 320

    serve(grow)
    with connect().call(b"abc", capacity=300) as response:
        assert response.data == b"x" * 320


def test_a_response_may_shrink(serve: Serve, connect: Connect) -> None:
    serve(lambda frame: frame.resize(1))
    with connect().call(b"abc") as response:
        assert response.data == b"a"


def test_resize_refuses_nonsense(serve: Serve, connect: Connect) -> None:
    serve(lambda frame: frame.resize(frame.opcode - 5))
    client = connect()
    with pytest.raises(z.ResponseTooLargeError) as too_large:
        client.call(b"abc", opcode=70)
    assert (too_large.value.status, too_large.value.sequence) == (-2, 1)
    assert "65 bytes, its capacity is 64" in too_large.value.message
    with pytest.raises(z.HandlerFailedError, match="to -1 bytes"):
        client.call(b"abc", opcode=4)


def test_handler_failures_are_answers(serve: Serve, connect: Connect) -> None:
    def handler(frame: z.Frame) -> None:
        if frame.opcode == 1:
            raise z.Failure(42, "no such picture")
        if frame.opcode == 2:
            raise RuntimeError("broken")
        if frame.opcode == 3:
            raise KeyError
        if frame.opcode == 4:
            raise z.Failure(1, "ä" * 100)

    serve(handler)
    client = connect()
    for opcode, capacity, status, message in ((1, 64, 42, "no such picture"), (2, 64, -1, "broken"), (3, 64, -1, "KeyError"),
                                              (4, 64, 1, "ä" * 32), (4, 0, 1, "")):  # fmt: skip
        with pytest.raises(z.HandlerFailedError) as failed:
            client.call(b"", opcode=opcode, capacity=capacity)
        assert (failed.value.status, failed.value.message) == (status, message)
    client.call(b"the server goes on").release()


def test_failure_codes_are_the_applications() -> None:
    for code in (0, -1, 2**31):
        with pytest.raises(z.InvalidArgumentError):
            z.Failure(code, "x")


def test_one_way_requests_are_run_and_not_answered(serve: Serve, connect: Connect) -> None:
    seen: list[tuple[bytes, bool]] = []
    done = threading.Event()

    def handler(frame: z.Frame) -> None:
        seen.append((bytes(frame.data), frame.one_way))
        if frame.opcode == 9:
            done.set()

    serve(handler, payload_size=1024)
    client = connect()
    for i in range(100):  # many more than fit at once
        client.send_request(bytes([i]) * 100, one_way=True)
    with client.acquire_request_buffer(1) as buffer:
        buffer.data[0] = 1
        buffer.one_way = True
        buffer.opcode = 9
    assert done.wait(10)
    assert seen == [(bytes([i]) * 100, True) for i in range(100)] + [(b"\1", True)]
    with pytest.raises(z.UnknownSequenceError):
        client.receive_response(0, sequence=101)


def test_failing_one_way_handlers_are_told_to_the_server(serve: Serve, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    def handler(frame: z.Frame) -> None:
        if frame.one_way:
            raise z.Failure(3, "one-way trouble")

    serve(handler)
    client = connect()
    client.send_request(b"x", one_way=True)
    client.call(b"behind it").release()
    assert [(type(e), str(e).split(" (")[0]) for e in errors] == [(z.HandlerFailedError, "one-way request 1: one-way trouble")]


def test_workers_answer_out_of_order(serve: Serve, connect: Connect) -> None:
    gate = Gate()

    def handler(frame: z.Frame) -> None:
        if frame.opcode == 1:
            gate(frame)

    serve(handler, workers=2)
    client = connect()
    slow, quick = client.send_request(b"slow", opcode=1), client.send_request(b"quick")
    with client.receive_response() as response:
        assert response.sequence == quick
    gate.let_go()
    with client.receive_response() as response:
        assert (response.sequence, bytes(response.data)) == (slow, b"slow")


def test_receive_any_leaves_what_others_wait_for(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate)
    client = connect()
    first, second = client.send_request(b"1"), client.send_request(b"2")
    got: list[int] = []

    def receive_first() -> None:
        with client.receive_response(sequence=first) as response:
            got.append(response.sequence)

    thread = threading.Thread(target=receive_first)
    thread.start()
    gate.wait_entered()
    while True:  # until the thread has its claim
        try:
            client.receive_response(0, sequence=first)
        except z.UnknownSequenceError:
            break
        except z.TimeoutError:
            continue
    gate.let_go()
    gate.let_go()
    with client.receive_response() as response:
        assert response.sequence == second
    thread.join(10)
    assert got == [first]


def test_many_threads_share_a_client(serve: Serve, connect: Connect) -> None:
    serve(invert, workers=3, payload_size=4096)
    client = connect()
    problems: list[object] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(150):
                data = chance.randbytes(chance.randint(0, 900))
                with client.call(data, 20) as response:
                    assert response.data == bytes(255 - b for b in data)
        except BaseException as e:
            problems.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


def test_cancel_takes_back_what_was_not_taken(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate)
    client = connect()
    taken, waiting = client.send_request(b"a"), client.send_request(b"b")
    gate.wait_entered()
    assert client.cancel(waiting) is True
    assert client.cancel(taken) is False
    for unknown in (waiting, 77):
        with pytest.raises(z.UnknownSequenceError):
            client.cancel(unknown)
    with pytest.raises(z.UnknownSequenceError):
        client.receive_response(0, sequence=waiting)
    gate.let_go()
    client.receive_response(sequence=taken).release()
    gate.let_go()
    client.call(b"the ring goes on").release()


def test_cancelling_wakes_who_waits_for_it(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate)
    client = connect(wait=z.WaitStrategy.BLOCK)
    client.send_request(b"a")
    waiting = client.send_request(b"b")
    gate.wait_entered()
    caught: list[type] = []

    def receive() -> None:
        try:
            client.receive_response(20, sequence=waiting)
        except z.ZeroDuplexError as e:
            caught.append(type(e))

    thread = threading.Thread(target=receive)
    thread.start()
    while True:  # until the thread has its claim
        try:
            client.receive_response(0, sequence=waiting)
        except z.UnknownSequenceError:
            break
        except z.TimeoutError:
            continue
    assert client.cancel(waiting)
    thread.join(10)
    assert caught == [z.CancelledError]
    gate.let_go()


def test_timed_out_call_drops_its_late_answer(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate, payload_size=256)
    client = connect()
    with pytest.raises(z.TimeoutError) as caught:
        client.call(b"late", 0.05)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.retryable
    gate.let_go()
    gate.let_go()
    # The late answer is released unread: there is room for a frame that needs the whole payload.
    with client.call(b"x" * 192) as response:
        assert response.sequence == 2


def test_timed_out_call_takes_back_what_was_not_taken(serve: Serve, connect: Connect) -> None:
    seen: list[bytes] = []
    server = serve()
    client = connect()
    with pytest.raises(z.TimeoutError):
        client.call(b"never", 0)
    server.start(lambda frame: seen.append(bytes(frame.data)))
    client.call(b"now").release()
    assert seen == [b"now"]


def test_timed_out_receive_may_be_repeated(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(call_timeout=0.01)
    sequence = client.send_request(b"x")
    with pytest.raises(z.TimeoutError, match="1 requests in flight"):
        client.receive_response(sequence=sequence)
    with pytest.raises(z.TimeoutError):
        client.receive_response()
    server.start(invert)
    with client.receive_response(10, sequence=sequence) as response:
        assert response.data == bytes([255 - ord("x")])


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_timeouts_are_kept(serve: Serve, connect: Connect, wait: z.WaitStrategy) -> None:
    serve()
    client = connect(wait=wait)
    for call in (lambda: client.call(b"x", 0.15), lambda: client.receive_response(0.15)):
        before = time.monotonic()
        with pytest.raises(z.TimeoutError):
            call()
        assert 0.15 <= time.monotonic() - before < SOON


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_full_ring(serve: Serve, connect: Connect, wait: z.WaitStrategy) -> None:
    server = serve(payload_size=256)
    client = connect(wait=wait)
    client.send_request(b"x" * 64)
    client.send_request(b"x" * 64)
    with pytest.raises(z.BufferFullError, match="0 bytes free, 2 frames in flight"):
        client.send_request(b"x", timeout=0.05)
    server.start(echo)
    received = threading.Thread(target=lambda: client.receive_response(sequence=1).release())
    received.start()
    client.send_request(b"x" * 64, timeout=10)  # waits until the thread has released one
    received.join()
    client.receive_response().release()
    client.receive_response().release()


def test_one_acquired_buffer_at_a_time(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    buffer = client.acquire_request_buffer(10)
    with pytest.raises(z.AcquisitionOpenError) as caught:
        client.send_request(b"x", timeout=0.02)
    assert isinstance(caught.value, z.BufferFullError)
    sent: list[int] = []
    thread = threading.Thread(target=lambda: sent.append(client.send_request(b"queued", timeout=10)))
    thread.start()
    buffer.data[:] = b"0123456789"
    assert buffer.commit() == 1
    thread.join(10)
    assert sent == [2]


def test_abort_gives_the_space_back(serve: Serve, connect: Connect) -> None:
    serve(echo, payload_size=256)
    client = connect()
    for _ in range(20):
        buffer = client.acquire_request_buffer(192)
        buffer.abort()
        buffer.abort()
        with pytest.raises(z.FrameReleasedError):
            buffer.commit()
        with pytest.raises(z.FrameReleasedError):
            _ = buffer.data
    with client.call(b"x" * 192) as response:
        assert response.sequence == 1


def test_request_buffer_is_a_context_manager(serve: Serve, connect: Connect) -> None:
    serve(invert)
    client = connect()
    with client.acquire_request_buffer(2) as buffer:
        buffer.data[:] = b"\0\1"
    with pytest.raises(ZeroDivisionError), client.acquire_request_buffer(2):
        raise ZeroDivisionError  # aborts
    with client.acquire_request_buffer(1) as buffer:
        buffer.data[0] = 9
        assert buffer.commit() == 2
    with client.receive_response(sequence=1) as response:
        assert response.data == b"\xff\xfe"
    client.receive_response(sequence=2).release()


def test_bad_arguments(serve: Serve, connect: Connect) -> None:
    serve(echo, payload_size=1024)
    client = connect()
    for wrong in (
        lambda: client.acquire_request_buffer(-1),
        lambda: client.acquire_request_buffer(10, 9),
        lambda: client.send_request(b"x", opcode=-1),
        lambda: client.send_request(b"x", opcode=2**32),
        lambda: client.send_request(b"x", timeout=-1),
        lambda: client.call(b"x", float("nan")),
        lambda: client.call(b"x", float("inf")),
    ):
        with pytest.raises(z.InvalidArgumentError) as caught:
            wrong()
        assert isinstance(caught.value, ValueError)
    buffer = client.acquire_request_buffer(1)
    with pytest.raises(z.InvalidArgumentError):
        buffer.opcode = 2**32
    buffer.abort()
    for large in (961, 2**31):
        with pytest.raises(z.FrameTooLargeError):
            client.acquire_request_buffer(large)
    client.call(b"x" * 960).release()


def test_metadata_both_ways(serve: Serve, connect: Connect) -> None:
    server = serve(echo, metadata_size=64)
    client = connect()
    assert client.server_metadata is None
    assert server.client_metadata is None
    server.set_metadata(b"from the server")
    client.set_metadata(b"from the client")
    assert client.server_metadata == b"from the server"
    assert server.client_metadata == b"from the client"
    for side in (server, client):
        with pytest.raises(z.MetadataAlreadyWrittenError):
            side.set_metadata(b"again")
    client.close()
    second = connect()
    assert second.server_metadata == b"from the server"  # once per server
    assert server.client_metadata is None  # once per attachment
    with pytest.raises(z.MetadataTooLargeError, match="room for 72"):
        second.set_metadata(b"x" * 73)  # stored size 80: the block ends on a multiple of 64
    second.set_metadata(b"x" * 72)
    assert server.client_metadata == b"x" * 72


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_close_wakes_waiting_calls(serve: Serve, connect: Connect, wait: z.WaitStrategy) -> None:
    serve(payload_size=256)
    client = connect(wait=wait)
    client.send_request(b"x" * 192)
    caught: list[type] = []
    waiting = threading.Barrier(5)

    def run(call: Callable[[], object]) -> None:
        waiting.wait()
        try:
            call()
        except z.ZeroDuplexError as e:
            caught.append(type(e))

    calls = (
        lambda: client.receive_response(20),
        lambda: client.receive_response(20, sequence=1),
        lambda: client.send_request(b"full", timeout=20),
        lambda: client.send_request(b"in the queue", timeout=20),
    )
    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    waiting.wait()
    client.close()
    client.close()
    for thread in threads:
        thread.join(10)
    assert caught == [z.ClosedError] * 4


def test_everything_refuses_after_close(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    client = connect()
    response = client.call(b"x")
    client.close()
    assert bytes(response.data) == b"x"  # a response that is out stays readable
    response.release()
    calls = (
        lambda: client.send_request(b"x"),
        lambda: client.acquire_request_buffer(1),
        lambda: client.receive_response(),
        lambda: client.receive_response(sequence=1),
        lambda: client.call(b"x"),
        lambda: client.cancel(1),
        lambda: client.set_metadata(b"x"),
        lambda: client.server_metadata,
    )
    for call in calls:
        with pytest.raises(z.ClosedError):
            call()
    assert not client.is_server_connected
    server.stop(1)
    for refused in (lambda: server.set_metadata(b"x"), lambda: server.client_metadata, lambda: server.start(echo)):
        with pytest.raises(z.ClosedError):
            refused()
    server.stop(1)
    server.close()
    assert server.wait(0)


def test_disconnect_follows_the_last_release(serve: Serve, connect: Connect, factory: z.DuplexChannelFactory, name: str) -> None:
    serve(echo)
    client = connect()
    response = client.call(b"x")
    buffer = client.acquire_request_buffer(1)
    client.close()
    with pytest.raises(z.WriterAlreadyConnectedError):
        factory.create_client(name, connect_timeout=0)
    response.release()
    with pytest.raises(z.ClosedError):
        buffer.commit()
    connect().call(b"y").release()


def test_reconnecting_does_not_wait_out_a_slice(serve: Serve, factory: z.DuplexChannelFactory, name: str) -> None:
    serve(echo)
    before = time.monotonic()
    for _ in range(300):
        with factory.create_client(name) as client:
            client.call(b"x").release()
    assert time.monotonic() - before < 15  # 300 slices would be 30 s


def test_stop_waits_for_handlers_and_responses(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    server = serve(gate)
    client = connect()
    sequence, untaken = client.send_request(b"x"), client.send_request(b"y")
    gate.wait_entered()
    stopping = threading.Thread(target=server.stop, args=(20,))
    stopping.start()
    gate.let_go()
    with client.receive_response(sequence=sequence) as response:
        assert response.data == b"x"
        assert not server.wait(0.01)  # the response is not consumed
    stopping.join(10)
    assert server.wait(0)
    with pytest.raises(z.ServerDeadError, match=f"request {untaken} is lost"):
        client.receive_response(sequence=untaken)
    assert not client.is_server_connected


def test_stop_times_out_and_removes_the_channel_all_the_same(serve: Serve, connect: Connect, name: str) -> None:
    server = serve(echo)
    client = connect()
    sequence = client.send_request(b"x")
    response = client.receive_response(sequence=sequence)
    with pytest.raises(z.TimeoutError, match="handlers or responses were left"):
        server.stop(0.05)
    assert bytes(response.data) == b"x"
    response.release()


def test_server_is_started_once(serve: Serve) -> None:
    server = serve(echo)
    with pytest.raises(z.InvalidArgumentError, match="started before"):
        server.start(echo)
    with pytest.raises(z.InvalidArgumentError, match="cannot be called"):
        server.start(None)  # type: ignore[arg-type]


def test_server_knows_its_client(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    assert not server.is_client_connected
    client = connect()
    assert server.is_client_connected
    client.close()
    assert not server.is_client_connected


def test_representations_touch_no_shared_memory(serve: Serve, connect: Connect, name: str) -> None:
    server = serve(lambda frame: representations.append(repr(frame)))
    representations: list[str] = []
    client = connect()
    buffer = client.acquire_request_buffer(3)
    representations.append(repr(buffer))
    buffer.commit()
    response = client.receive_response()
    representations += [repr(response), repr(client), repr(server)]
    response.release()
    client.close()
    server.stop(1)
    representations += [repr(buffer), repr(response), repr(client), repr(server)]
    assert representations == [
        "<RequestBuffer of 3 bytes>",
        "<Frame 1, 3 bytes>",
        "<Response 1, 3 bytes>",
        f"<InPlaceDuplexChannel {name!r}>",
        f"<InPlaceDuplexServer {name!r} serving>",
        "<RequestBuffer of 3 bytes, ended>",
        "<Response 1, 3 bytes, released>",
        f"<InPlaceDuplexChannel {name!r} closed>",
        f"<InPlaceDuplexServer {name!r} stopped>",
    ]
