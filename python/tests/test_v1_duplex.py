"""v1 duplex channels: the server that copies, and the client that create_client makes for it."""

from __future__ import annotations

import asyncio
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from support import Gate, echo, invert

import zeroduplex as z
from zeroduplex._generated import wire

SMALL = z.BufferConfig(256, 4096)
Start = Callable[..., z.ImmutableDuplexServer]
Connect = Callable[..., z.DuplexClient]


@pytest.fixture
def start(name: str, factory: z.DuplexChannelFactory, errors: list[z.ZeroDuplexError]) -> Iterator[Start]:
    """Starts a v1 server of the test's name; it is stopped at the end."""
    servers: list[z.ImmutableDuplexServer] = []

    def make(
        handler: z.Handler | None = None, by_hand: z.ImmutableHandler | None = None, config: z.BufferConfig = SMALL, **options: Any
    ) -> z.ImmutableDuplexServer:
        server = factory.create_immutable_server(name, config, **{"on_error": errors.append, **options})
        servers.append(server)
        if handler is not None:
            server.start(handler)
        if by_hand is not None:
            server.start_immutable(by_hand)
        return server

    yield make
    for server in servers:
        with suppress(z.TimeoutError):
            server.stop(1)


@pytest.fixture
def connect(name: str, start: Start, factory: z.DuplexChannelFactory) -> Iterator[Connect]:
    """Connects clients; they are closed at the end, before the server."""
    clients: list[z.DuplexClient] = []

    def attach(**options: Any) -> z.DuplexClient:
        client = factory.create_client(name, **{"response_config": SMALL, **options})
        clients.append(client)
        return client

    yield attach
    for client in clients:
        client.close()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# Round trips.


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_round_trips(name: str, start: Start, connect: Connect, wait: z.WaitStrategy) -> None:
    server = start(invert, wait=wait)
    client = connect(wait=wait)
    assert isinstance(client, z.DualBufferDuplexChannel)
    assert (client.name, server.name) == (name, name)
    for n in range(300):
        data = bytes([n % 256]) * (1 + n * 7 % 1500)
        with client.call(data) as response:
            assert (response.sequence, response.size, response.status, response.opcode) == (n + 1, len(data), 0, 0)
            assert response.data == bytes([255 - n % 256]) * len(data)
    with client.acquire_request_buffer(3) as buffer:
        buffer.data[:] = b"\1\2\3"
    with client.receive_response() as response:
        assert (response.sequence, response.data) == (301, b"\xfe\xfd\xfc")
        response.data[0] = 7
        assert response.data[0] == 7


def test_what_v1_lacks(start: Start, connect: Connect) -> None:
    start(echo)
    client = connect()
    for call in (lambda: client.call(b"x", opcode=1), lambda: client.send_request(b"x", opcode=1)):
        with pytest.raises(z.InvalidArgumentError, match="opcode 1 is not within 0 to 0"):
            call()
    buffer = client.acquire_request_buffer(1)
    with pytest.raises(z.InvalidArgumentError, match="opcode 5"):
        buffer.opcode = 5
    buffer.opcode = 0
    buffer.data[:] = b"b"
    assert buffer.commit() == 1
    for empty in (lambda: client.call(b""), lambda: client.acquire_request_buffer(0)):
        with pytest.raises(z.InvalidFrameSizeError):
            empty()
    assert client.send_request(b"x", capacity=100_000) == 2  # means nothing
    assert not client.cancel(2)
    with pytest.raises(z.UnknownSequenceError):
        client.cancel(3)
    with pytest.raises(z.UnknownSequenceError):
        client.receive_response(sequence=3)
    for _ in range(2):
        client.receive_response().release()
    with pytest.raises(z.UnknownSequenceError):
        client.cancel(2)
    with pytest.raises(z.FrameTooLargeError):
        client.call(bytes(4096))


def test_responses_are_parked_for_whoever_asks(start: Start, connect: Connect) -> None:
    start(echo)
    client = connect()
    sequences = [client.send_request(bytes([n])) for n in range(6)]
    for n in (3, 5, 0):
        with client.receive_response(sequence=sequences[n]) as response:
            assert response.data == bytes([n])
    with pytest.raises(z.UnknownSequenceError):
        client.receive_response(sequence=sequences[3])
    got = []
    for _ in range(3):
        with client.receive_response() as response:
            got.append(response.data[0])
    assert got == [1, 2, 4]
    with pytest.raises(z.TimeoutError):
        client.receive_response(0)


def test_one_way_requests_are_handled_and_their_responses_dropped(start: Start, connect: Connect) -> None:
    seen: list[bytes] = []
    start(lambda frame: seen.append(bytes(frame.data)))
    client = connect(response_config=z.BufferConfig(0, 256))
    for n in range(100):  # far more than the response buffer holds
        client.send_request(bytes([n]) * 10, one_way=True)
        with client.call(b"two ways") as response:
            assert (response.sequence, response.data) == (2 * n + 2, b"two ways")
    assert seen[::2] == [bytes([n]) * 10 for n in range(100)]


@pytest.mark.parametrize("size", [10, 900])
def test_one_way_requests_without_any_receive(start: Start, connect: Connect, size: int) -> None:
    seen: list[int] = []

    def handler(frame: z.Frame) -> None:
        seen.append(frame.size)
        frame.resize(10)

    start(handler, config=z.BufferConfig(0, 2048))
    client = connect(response_config=z.BufferConfig(0, 64))  # which holds two answers
    for _ in range(100):
        client.send_request(bytes(size), one_way=True, timeout=5)
    client.call(b"x" * 10).release()
    assert seen == [size] * 100 + [10]


def test_a_call_that_timed_out_does_not_mix_up_the_answers(start: Start, connect: Connect) -> None:
    gate = Gate()
    start(lambda frame: gate(frame) if frame.data[0] == 1 else None)
    client = connect()
    with pytest.raises(z.TimeoutError):
        client.call(b"\1 late", 0.05)
    with pytest.raises(z.UnknownSequenceError):
        client.receive_response(0, sequence=1)
    gate.let_go()
    with client.call(b"\2 next") as response:
        assert (response.sequence, response.data) == (2, b"\2 next")
    with pytest.raises(z.TimeoutError):
        client.receive_response(0.05)
    sequence = client.send_request(b"\1 slow")
    with pytest.raises(z.TimeoutError):
        client.receive_response(0.05, sequence=sequence)
    gate.let_go()
    with client.receive_response(sequence=sequence) as response:  # may be repeated
        assert response.data == b"\1 slow"


def test_many_threads(start: Start, connect: Connect) -> None:
    start(invert)
    client = connect()
    errors: list[BaseException] = []

    def work(of: int) -> None:
        try:
            for n in range(100):
                data = bytes([of, n]) * (1 + (of * n) % 40)
                with client.call(data, 20) as response:
                    assert response.data == bytes(255 - b for b in data)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def test_asyncio(start: Start, connect: Connect) -> None:
    start(invert)
    client = connect()

    async def one(n: int) -> None:
        with await client.call_async(bytes([n]) * (n + 1), 20) as response:
            assert response.data == bytes([255 - n]) * (n + 1)

    async def main() -> None:
        await asyncio.gather(*(one(n) for n in range(200)))
        first, second = client.send_request(b"\1"), client.send_request(b"\2")
        with await client.receive_async(sequence=second) as response:
            assert response.data == b"\xfd"
        with await client.receive_async() as response:
            assert response.sequence == first
        task = asyncio.create_task(client.receive_async(20))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(z.TimeoutError):
            await client.receive_async(0.05)

    asyncio.run(main())


def test_asyncio_ends_with_the_channel(start: Start, connect: Connect) -> None:
    gate = Gate()
    server = start(gate)
    client = connect()

    async def main() -> None:
        task = asyncio.create_task(client.call_async(b"x", 20))
        await asyncio.get_running_loop().run_in_executor(None, gate.wait_entered)
        threading.Thread(target=client.close).start()
        with pytest.raises(z.ClosedError):
            await task

    asyncio.run(main())
    gate.let_go()
    server.stop(20)


# Handlers.


def test_a_handler_may_resize(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    capacities: list[int] = []

    def handler(frame: z.Frame) -> None:
        before, wanted = bytes(frame.data), int(bytes(frame.data[:4]))
        capacities.append(frame.capacity)
        view = frame.data
        frame.resize(wanted)
        assert view.tobytes() == before  # what was asked for before still stands there
        kept = min(len(before), wanted)
        assert frame.data[:kept] == before[:kept]
        frame.data[kept:] = bytes(wanted - kept)

    start(handler)
    client = connect()
    for wanted in (4, 1, 20, 500, 2000, 3, 1900, 1950, 7, 2024):
        for size in (4, 100, 600):
            request = f"{wanted:04}".encode().ljust(size, b".")
            with client.call(request) as response:
                assert response.data == request[:wanted].ljust(wanted, b"\0"), (wanted, size)
    assert set(capacities) == {4096 - 16}
    assert errors == []


def test_a_resize_that_moves_the_bytes(start: Start, connect: Connect) -> None:
    """What is asked for after a resize is never what stood elsewhere before, even when it has the same length."""
    seen: list[bytes] = []

    def handler(frame: z.Frame) -> None:
        frame.data[:] = b"before"
        frame.resize(1500)  # there is no room for so much now
        frame.resize(6)
        frame.data[:] = b"after!"
        seen.append(bytes(frame.data))

    start(handler)
    client = connect(response_config=z.BufferConfig(0, 2048))
    held = client.call(b"123456")
    for _ in range(20):
        with client.call(b"123456") as response:
            assert response.data == b"after!"
    assert held.data == b"after!"
    held.release()
    assert seen == [b"after!"] * 21


@pytest.mark.parametrize(
    ("request_", "answer", "kind"),
    [
        (b"raise", b"asked to fail", z.HandlerFailedError),
        (b"silent", b"KeyError", z.HandlerFailedError),
        (b"failure", b"of the application", z.HandlerFailedError),
        (b"empty", b"no response", z.HandlerFailedError),
        (b"large", b"resizing frame 1 to 5000 bytes, its capacity is 4080", z.HandlerFailedError),
        (b"view", b"frame 1 cannot be given back: a view of its data is still alive", z.ViewInUseError),
    ],
)
def test_failures_are_answered_with_their_text(
    start: Start, connect: Connect, errors: list[z.ZeroDuplexError], request_: bytes, answer: bytes, kind: type
) -> None:
    kept: list[memoryview] = []

    def handler(frame: z.Frame) -> None:
        what = bytes(frame.data)
        if what == b"raise":
            raise RuntimeError("asked to fail")
        if what == b"silent":
            raise KeyError
        if what == b"failure":
            raise z.Failure(7, "of the application")
        if what == b"view":
            kept.append(frame.data[1:])
        if what in (b"empty", b"large"):
            frame.resize(0 if what == b"empty" else 5000)

    start(handler)
    client = connect()
    with client.call(request_) as response:
        assert bytes(response.data).startswith(answer)
    with client.call(b"next") as response:
        assert (response.sequence, response.data) == (2, b"next")
    assert [type(e) for e in errors] == [kind]
    if isinstance(errors[0], z.HandlerFailedError):
        assert (errors[0].sequence, errors[0].status) == (1, {b"failure": 7, b"large": -2}.get(request_, -1))
    kept.clear()


def test_a_failure_is_cut_to_fit(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    def handler(frame: z.Frame) -> None:
        raise RuntimeError("ä" * frame.data[0])

    start(handler)
    client = connect(response_config=z.BufferConfig(0, 128))
    for length in (1, 200, 30, 200, 56, 200, 3, 200, 200, 200):
        with client.call(bytes([length])) as response:
            text = bytes(response.data).decode()
            assert text == "ä" * len(text)
            assert 0 < len(text) <= length
    assert len(errors) == 10


def test_responses_that_the_response_buffer_cannot_take(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    start(echo)
    client = connect(response_config=z.BufferConfig(0, 1024))
    with client.call(bytes(2000)) as response:  # more than the response buffer ever holds
        assert bytes(response.data).startswith(b"header and data take 2016 bytes of a payload of 1024")
    with client.call(bytes(350)) as response:
        assert response.size == 350
    with client.call(bytes(800)) as response:  # not at this position
        assert b"at position" in bytes(response.data)
    assert [type(e) for e in errors] == [z.HandlerFailedError] * 2
    assert [e.status for e in errors if isinstance(e, z.HandlerFailedError)] == [-2, -2]


def test_a_request_larger_than_the_response_buffer(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    def handler(frame: z.Frame) -> None:
        total = sum(frame.data) % 256
        frame.resize(1)
        frame.data[0] = total

    start(handler)
    client = connect(response_config=z.BufferConfig(0, 64))
    with client.call(b"\1" * 3000) as response:
        assert response.data == bytes([3000 % 256])
    assert errors == []


def test_a_response_buffer_without_room_for_any_response(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    start(echo)
    client = connect(response_config=z.BufferConfig(0, 0))
    with pytest.raises(z.TimeoutError):
        client.call(b"x", 0.3)
    wait_for(lambda: len(errors) == 2)
    assert "stays unanswered" in str(errors[1])


def test_a_full_response_buffer_blocks_the_server_until_the_client_reads(start: Start, connect: Connect) -> None:
    start(echo)
    client = connect(response_config=z.BufferConfig(0, 1024))
    held = [client.call(bytes(240)) for _ in range(4)]
    sequence = client.send_request(b"x" * 240)
    with pytest.raises(z.TimeoutError):
        client.receive_response(0.3, sequence=sequence)
    held[0].release()
    with client.receive_response(sequence=sequence) as response:
        assert response.data == b"x" * 240
    for one in held[1:]:
        one.release()


def test_handlers_by_hand(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    def handler(request: z.ImmutableRequest, response: z.ImmutableResponse) -> None:
        assert request.data.readonly
        what = bytes(request.data)
        assert request.size == len(what)
        if what == b"acquire":
            view = response.acquire(3)
            view[:] = b"abc"
            assert response.data == b"abc"
        elif what == b"write":
            response.write(request.data)
        elif what == b"twice":
            response.write(b"once")
            with pytest.raises(z.InvalidArgumentError, match="made before"):
                response.write(b"more")
        elif what == b"large":
            assert response.capacity == 4080
            response.acquire(5000)
        elif what == b"empty":
            response.acquire(0)
        elif what == b"number":
            response.write(str(request.sequence).encode())

    start(by_hand=handler)
    client = connect()
    for request, answer in (
        (b"acquire", b"abc"), (b"write", b"write"), (b"twice", b"once"), (b"number", b"4"), (b"nothing", b"no response"),
        (b"large", b"the response to request 6: 5000 bytes, its capacity is 4080"), (b"empty", b"0 bytes"), (b"write", b"write"),
    ):  # fmt: skip
        with client.call(request) as response:
            assert bytes(response.data).startswith(answer), bytes(response.data)
    assert [e.status for e in errors if isinstance(e, z.HandlerFailedError)] == [-1, -2, -1]


def test_what_a_handler_keeps_ends(start: Start, connect: Connect) -> None:
    kept: list[Any] = []

    def handler(request: z.ImmutableRequest, response: z.ImmutableResponse) -> None:
        kept.extend((request, response, request.data))
        response.write(b"x")

    start(by_hand=handler)
    connect().call(b"abc").release()
    request, response, view = kept
    with pytest.raises(ValueError, match="released"):
        view[0]
    for use in (lambda: request.data, lambda: response.data, lambda: response.acquire(1)):
        with pytest.raises(z.FrameReleasedError):
            use()


# Metadata.


def test_metadata(start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    server = start(echo)
    client = connect()
    assert (server.client_metadata, client.server_metadata) == (None, None)
    client.set_metadata(b"client's")
    assert server.client_metadata == b"client's"
    server.set_metadata(b"server's")
    with pytest.raises(z.MetadataAlreadyWrittenError):
        server.set_metadata(b"again")
    client.call(b"x").release()
    assert client.server_metadata == b"server's"
    client.close()
    second = connect()
    with pytest.raises(z.MetadataAlreadyWrittenError):
        second.set_metadata(b"second")
    assert server.client_metadata == b"client's"
    second.call(b"x").release()
    assert second.server_metadata == b"server's"
    second.close()
    third = connect(response_config=z.BufferConfig(0, 4096))
    third.call(b"x").release()
    assert third.server_metadata is None
    wait_for(lambda: errors)
    assert [type(e) for e in errors] == [z.MetadataTooLargeError]


def test_metadata_while_a_client_is_attached(start: Start, connect: Connect) -> None:
    server = start(echo)
    client = connect()
    client.call(b"x").release()
    with pytest.raises(z.MetadataTooLargeError):
        server.set_metadata(bytes(300))
    server.set_metadata(b"now")
    assert client.server_metadata == b"now"
    server.stop(1)
    for call in (lambda: server.set_metadata(b"x"), lambda: server.client_metadata):
        with pytest.raises(z.ClosedError):
            call()


# Clients that come and go.


def test_clients_one_after_the_other(name: str, start: Start, connect: Connect) -> None:
    server = start(echo)
    for n in range(5):
        client = connect()
        assert server.is_client_connected
        assert client.is_server_connected
        for k in range(3):
            with client.call(bytes([n, k])) as response:
                assert (response.sequence, response.data) == (k + 1, bytes([n, k]))
        client.close()
        assert not server.is_client_connected
        assert not os.path.exists(wire.object_path(f"{name}_response"))


def test_a_second_client(start: Start, connect: Connect) -> None:
    start(echo)
    first = connect()
    with pytest.raises(z.WriterAlreadyConnectedError, match="another client is attached"):
        connect(connect_timeout=0.05)
    first.call(b"still works").release()
    first.close()
    connect().call(b"x").release()


def test_what_a_client_left_is_worked_on_and_answered_to_nobody(start: Start, connect: Connect) -> None:
    seen: list[bytes] = []
    server = start()
    first = connect()
    for n in range(3):
        first.send_request(b"first" + bytes([n]), one_way=True)
    first.close()
    with pytest.raises(z.ServerBusyError, match="3 requests of a client that is gone were not read yet"):
        connect(connect_timeout=0.05)
    server.start(lambda frame: seen.append(bytes(frame.data)))
    second = connect()
    with second.call(b"second") as response:
        assert (response.sequence, response.data) == (1, b"second")
    assert seen == [b"first\0", b"first\1", b"first\2", b"second"]


def test_answers_of_a_client_that_left_are_dropped(start: Start, connect: Connect) -> None:
    gate = Gate()
    start(lambda frame: gate(frame) if bytes(frame.data) == b"wait" else None)
    first = connect()
    first.send_request(b"wait")
    gate.wait_entered()
    first.close()
    gate.let_go()
    with connect().call(b"next") as response:
        assert response.data == b"next"


def test_a_client_that_leaves_a_blocked_server(start: Start, connect: Connect) -> None:
    start(echo)
    first = connect(response_config=z.BufferConfig(0, 1024))
    for _ in range(8):
        first.send_request(bytes(240))
    held = first.receive_response()
    first.close()
    with connect().call(b"next") as response:
        assert response.data == b"next"
    assert held.data == bytes(240)
    held.release()


def test_a_client_without_a_response_buffer(name: str, start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    seen: list[bytes] = []
    start(lambda frame: seen.append(bytes(frame.data)))
    with z.Writer(f"{name}_request") as writer:
        writer.write_frame(b"a")
    wait_for(lambda: seen == [b"a"])  # it left meanwhile, so nobody waits for its buffer
    assert errors == []
    writer = z.Writer(f"{name}_request")
    writer.write_frame(b"b")
    with z.Reader(f"{name}_response", SMALL) as reader:  # later than its first request
        with reader.read_frame(10) as frame:
            assert frame.data == b"b"
        writer.close()
    connect().call(b"c").release()


def test_corruption_is_told_to_the_client(name: str, start: Start, connect: Connect) -> None:
    start(echo)
    client = connect()
    client.call(b"x").release()
    with open(wire.object_path(f"{name}_request"), "r+b") as file:
        file.seek(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET)
        file.write((5000).to_bytes(8, "little"))
    with pytest.raises(z.CorruptedError, match="5000 bytes are free in a payload of 4096"):
        client.call(b"x")


def test_a_response_that_nobody_asked_for_is_corruption(name: str, start: Start, connect: Connect) -> None:
    start()  # answers nothing, so we can
    client = connect()
    with z.Writer(f"{name}_response") as writer:
        writer.write_frame(b"x")
        for _ in range(2):
            with pytest.raises(z.CorruptedError, match="response 1 to 0 requests"):
                client.receive_response(20)


def test_a_corrupted_request_buffer_is_replaced(name: str, start: Start, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    start(echo)
    writer = z.Writer(f"{name}_request")
    stream = writer._end.stream
    stream.words[7] = 6  # type: ignore[index]  # its next frame is number 7
    writer.write_frame(b"x")
    wait_for(lambda: errors)
    assert isinstance(errors[0], z.SequenceError)
    wait_for(lambda: not writer.is_reader_connected)
    writer.close()
    with connect().call(b"y") as response:
        assert response.data == b"y"


# The server's end.


def test_a_stopped_server(start: Start, connect: Connect) -> None:
    server = start(echo)
    client = connect()
    sequences = [client.send_request(bytes([n])) for n in range(3)]
    client.receive_response(sequence=sequences[2]).release()  # so all are answered
    server.stop(5)
    server.stop(5)
    with client.receive_response(sequence=sequences[0]) as response:  # its last words may be fetched
        assert response.data == b"\0"
    with client.receive_response() as response:
        assert response.sequence == 2
    for call in (lambda: client.call(b"x"), lambda: client.receive_response(20), lambda: client.set_metadata(b"x")):
        with pytest.raises(z.ServerDeadError, match="no request is lost"):
            call()
    assert not client.is_server_connected
    with pytest.raises(z.ClosedError):
        server.start(echo)


def test_stopping_names_what_is_lost(start: Start, connect: Connect) -> None:
    gate = Gate()
    server = start(gate)
    client = connect()
    first = client.send_request(b"1")
    client.send_request(b"2")
    client.send_request(b"3")
    gate.wait_entered()
    stopping = threading.Thread(target=server.stop, args=(20,))
    stopping.start()
    gate.let_go()
    stopping.join(20)
    with client.receive_response(sequence=first) as response:
        assert response.data == b"1"
    before = time.monotonic()
    with pytest.raises(z.ServerDeadError, match="2 requests from 2 to 3 are lost"):
        client.receive_response(20)
    assert time.monotonic() - before < 2


def test_a_handler_that_does_not_end(name: str, start: Start, connect: Connect) -> None:
    gate = Gate()
    server = start(gate)
    client = connect()
    client.send_request(b"x")
    gate.wait_entered()
    with pytest.raises(z.TimeoutError, match="the handler did not end"):
        server.stop(0.1)
    assert not os.path.exists(wire.object_path(f"{name}_request"))
    gate.let_go()
    with pytest.raises(z.ServerDeadError):
        client.receive_response(20)


def test_stopping_a_server_that_waits_for_room(start: Start, connect: Connect) -> None:
    server = start(echo)
    client = connect(response_config=z.BufferConfig(0, 1024))
    held = [client.call(bytes(240)) for _ in range(4)]
    client.send_request(bytes(240))
    wait_for(lambda: server._handling)
    with pytest.raises(z.TimeoutError, match="found no room"):
        server.stop(0.1)
    for one in held:
        one.release()


def test_a_server_notices_that_its_client_is_gone(start: Start, connect: Connect) -> None:
    server = start(echo)
    client = connect()
    client.call(b"x").release()
    assert server._responses is not None
    client.close()
    wait_for(lambda: server._responses is None)  # its response buffer is not kept mapped


# Creating and connecting.


def test_the_protocol_is_recognised(name: str, factory: z.DuplexChannelFactory, start: Start, connect: Connect) -> None:
    with pytest.raises(z.ServerNotFoundError, match="no object of that name"):
        connect(connect_timeout=0)
    start(echo)
    with connect() as client:
        assert isinstance(client, z.DualBufferDuplexChannel)
    with factory.create_in_place_duplex_server(name, z.BufferConfig(0, 1024)) as server:  # comes first where both live
        server.start(echo)
        with connect() as client:
            assert isinstance(client, z.InPlaceDuplexChannel)
            client.call(b"x").release()
    with connect() as client:
        assert isinstance(client, z.DualBufferDuplexChannel)
        client.call(b"x").release()


def test_a_client_waits_for_either_server(start: Start, connect: Connect) -> None:
    clients: list[z.DuplexClient] = []
    thread = threading.Thread(target=lambda: clients.append(connect(connect_timeout=20)))
    thread.start()
    time.sleep(0.01)
    start(echo)
    thread.join(20)
    clients[0].call(b"x").release()


def test_names(factory: z.DuplexChannelFactory) -> None:
    with pytest.raises(z.InvalidNameError, match="at most 191 leave room"):
        factory.create_immutable_server("x" * 192)
    with pytest.raises(z.InvalidNameError):
        factory.create_immutable_server("a/b")
    with pytest.raises(z.ServerNotFoundError):
        factory.create_client("x" * 200, connect_timeout=0)


@pytest.mark.parametrize(
    "options",
    [{"workers": 0}, {"workers": 2}, {"mode": 0o400}, {"stop_timeout": -1}, {"on_error": 5}, {"wait": "doze"}, {"spin_window": -1}],
)
def test_wrong_options(name: str, factory: z.DuplexChannelFactory, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        factory.create_immutable_server(name, SMALL, **options)


def test_the_options_of_in_place_servers_are_taken(name: str, factory: z.DuplexChannelFactory) -> None:
    with factory.create_immutable_server(name, SMALL, workers=1, reset_timeout=1, stop_timeout=1, mode=0o600) as server:
        assert not server.wait(0)
        assert repr(server) == f"<ImmutableDuplexServer {name!r} created>"
        with pytest.raises(z.NameInUseError):
            factory.create_immutable_server(name, SMALL)
        with pytest.raises(z.InvalidArgumentError, match="cannot be called"):
            server.start(5)  # type: ignore[arg-type]
        server.start(echo)
        with pytest.raises(z.InvalidArgumentError, match="started before"):
            server.start_immutable(lambda request, response: None)
    assert server.wait(0)


def test_memory_that_is_given_is_refused(name: str, factory: z.DuplexChannelFactory) -> None:
    view = z.SharedMemoryView(mmap.mmap(-1, 8192))
    with pytest.raises(z.InvalidArgumentError, match="two buffers"):
        factory.create_immutable_server(name, z.BufferConfig.over_v1(view))


def test_the_response_buffer_is_as_open_as_the_servers(name: str, start: Start, connect: Connect) -> None:
    start(echo, mode=0o666)
    with connect() as client:
        client.call(b"x").release()
        for path in (f"{name}_response", f"sem.sem-w-{name}_response", f"sem.sem-r-{name}_response"):
            assert os.stat(f"/dev/shm/{path}").st_mode & 0o777 == 0o666


def test_a_response_name_that_is_taken(name: str, start: Start, connect: Connect) -> None:
    server = start(echo)
    with z.Reader(f"{name}_response", SMALL):
        with pytest.raises(z.WriterAlreadyConnectedError, match="still has its responses"):
            connect(connect_timeout=0)
        assert not server.is_client_connected
    connect().call(b"x").release()
