"""v1 duplex channels: the server that copies, its handlers and its end."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest
from conftest import ConnectV1, StartV1
from support import SOON, Gate, echo, wait_for

import zeroduplex as z
from zeroduplex._generated import wire

# Handlers.


def test_a_handler_may_resize(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
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

    start_v1(handler)
    client = connect_v1()
    for wanted in (4, 1, 20, 500, 2000, 3, 1900, 1950, 7, 2024):
        for size in (4, 100, 600):
            request = f"{wanted:04}".encode().ljust(size, b".")
            with client.call(request) as response:
                assert response.data == request[:wanted].ljust(wanted, b"\0"), (wanted, size)
    assert set(capacities) == {4096 - 16}
    assert errors == []


def test_a_resize_that_moves_the_bytes(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    """What is asked for after a resize is never what stood elsewhere before, even when it has the same length."""
    seen: list[bytes] = []

    def handler(frame: z.Frame) -> None:
        frame.data[:] = b"before"
        frame.resize(1500)  # there is no room for so much now
        frame.resize(6)
        frame.data[:] = b"after!"
        seen.append(bytes(frame.data))

    start_v1(handler)
    client = connect_v1(response_config=z.BufferConfig(0, 2048))
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
    start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError], request_: bytes, answer: bytes, kind: type
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

    start_v1(handler)
    client = connect_v1()
    with client.call(request_) as response:
        assert bytes(response.data).startswith(answer)
    with client.call(b"next") as response:
        assert (response.sequence, response.data) == (2, b"next")
    assert [type(e) for e in errors] == [kind]
    if isinstance(errors[0], z.HandlerFailedError):
        assert (errors[0].sequence, errors[0].status) == (1, {b"failure": 7, b"large": -2}.get(request_, -1))
    kept.clear()


def test_a_failure_is_cut_to_fit(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
    def handler(frame: z.Frame) -> None:
        raise RuntimeError("ä" * frame.data[0])

    start_v1(handler)
    client = connect_v1(response_config=z.BufferConfig(0, 128))
    for length in (1, 200, 30, 200, 56, 200, 3, 200, 200, 200):
        with client.call(bytes([length])) as response:
            text = bytes(response.data).decode()
            assert text == "ä" * len(text)
            assert 0 < len(text) <= length
    wait_for(lambda: len(errors) >= 10)
    assert len(errors) == 10


def test_responses_that_the_response_buffer_cannot_take(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
    start_v1(echo)
    client = connect_v1(response_config=z.BufferConfig(0, 1024))
    with client.call(bytes(2000)) as response:  # more than the response buffer ever holds
        assert bytes(response.data).startswith(b"header and data take 2016 bytes of a payload of 1024")
    with client.call(bytes(350)) as response:
        assert response.size == 350
    with client.call(bytes(800)) as response:  # not at this position
        assert b"at position" in bytes(response.data)
    wait_for(lambda: len(errors) >= 2)
    assert [type(e) for e in errors] == [z.HandlerFailedError] * 2
    assert [e.status for e in errors if isinstance(e, z.HandlerFailedError)] == [-2, -2]


def test_a_request_larger_than_the_response_buffer(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
    def handler(frame: z.Frame) -> None:
        total = sum(frame.data) % 256
        frame.resize(1)
        frame.data[0] = total

    start_v1(handler)
    client = connect_v1(response_config=z.BufferConfig(0, 64))
    with client.call(b"\1" * 3000) as response:
        assert response.data == bytes([3000 % 256])
    assert errors == []


def test_a_response_buffer_without_room_for_any_response(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
    start_v1(echo)
    client = connect_v1(response_config=z.BufferConfig(0, 0))
    with pytest.raises(z.TimeoutError):
        client.call(b"x", 0.3)
    wait_for(lambda: len(errors) == 2)
    assert "stays unanswered" in str(errors[1])


def test_a_full_response_buffer_blocks_the_server_until_the_client_reads(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    client = connect_v1(response_config=z.BufferConfig(0, 1024))
    held = [client.call(bytes(240)) for _ in range(4)]
    sequence = client.send_request(b"x" * 240)
    with pytest.raises(z.TimeoutError):
        client.receive_response(0.3, sequence=sequence)
    held[0].release()
    with client.receive_response(sequence=sequence) as response:
        assert response.data == b"x" * 240
    for one in held[1:]:
        one.release()


def test_handlers_by_hand(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
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

    start_v1(by_hand=handler)
    client = connect_v1()
    for request, answer in (
        (b"acquire", b"abc"), (b"write", b"write"), (b"twice", b"once"), (b"number", b"4"), (b"nothing", b"no response"),
        (b"large", b"the response to request 6: 5000 bytes, its capacity is 4080"), (b"empty", b"0 bytes"), (b"write", b"write"),
    ):  # fmt: skip
        with client.call(request) as response:
            assert bytes(response.data).startswith(answer), bytes(response.data)
    assert [e.status for e in errors if isinstance(e, z.HandlerFailedError)] == [-1, -2, -1]


def test_what_a_handler_keeps_ends(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    kept: list[Any] = []

    def handler(request: z.ImmutableRequest, response: z.ImmutableResponse) -> None:
        kept.extend((request, response, request.data))
        response.write(b"x")

    start_v1(by_hand=handler)
    connect_v1().call(b"abc").release()
    request, response, view = kept
    with pytest.raises(ValueError, match="released"):
        view[0]
    for use in (lambda: request.data, lambda: response.data, lambda: response.acquire(1)):
        with pytest.raises(z.FrameReleasedError):
            use()


# Metadata.


def test_metadata(start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
    server = start_v1(echo)
    client = connect_v1()
    assert (server.client_metadata, client.server_metadata) == (None, None)
    client.set_metadata(b"client's")
    assert server.client_metadata == b"client's"
    server.set_metadata(b"server's")
    with pytest.raises(z.MetadataAlreadyWrittenError):
        server.set_metadata(b"again")
    client.call(b"x").release()
    assert client.server_metadata == b"server's"
    client.close()
    second = connect_v1()
    with pytest.raises(z.MetadataAlreadyWrittenError):
        second.set_metadata(b"second")
    assert server.client_metadata == b"client's"
    second.call(b"x").release()
    assert second.server_metadata == b"server's"
    second.close()
    third = connect_v1(response_config=z.BufferConfig(0, 4096))
    third.call(b"x").release()
    assert third.server_metadata is None
    wait_for(lambda: errors)
    assert [type(e) for e in errors] == [z.MetadataTooLargeError]


def test_metadata_while_a_client_is_attached(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    server = start_v1(echo)
    client = connect_v1()
    client.call(b"x").release()
    with pytest.raises(z.MetadataTooLargeError):
        server.set_metadata(bytes(300))
    server.set_metadata(b"now")
    assert client.server_metadata == b"now"
    server.stop(1)
    for call in (lambda: server.set_metadata(b"x"), lambda: server.client_metadata):
        with pytest.raises(z.ClosedError):
            call()


# The server's end.


def test_a_stopped_server(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    server = start_v1(echo)
    client = connect_v1()
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


def test_stopping_names_what_is_lost(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    gate = Gate()
    server = start_v1(gate)
    client = connect_v1()
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
    assert time.monotonic() - before < SOON


def test_a_handler_that_does_not_end(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    gate = Gate()
    server = start_v1(gate)
    client = connect_v1()
    client.send_request(b"x")
    gate.wait_entered()
    with pytest.raises(z.TimeoutError, match="the handler did not end"):
        server.stop(0.1)
    assert not os.path.exists(wire.object_path(f"{name}_request"))
    gate.let_go()
    with pytest.raises(z.ServerDeadError):
        client.receive_response(20)


def test_stopping_a_server_that_waits_for_room(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    server = start_v1(echo)
    client = connect_v1(response_config=z.BufferConfig(0, 1024))
    held = [client.call(bytes(240)) for _ in range(4)]
    client.send_request(bytes(240))
    wait_for(lambda: server._requests.segment.usage().read_count == 5 and server._handling)
    with pytest.raises(z.TimeoutError, match="found no room"):
        server.stop(0.1)
    for one in held:
        one.release()


def test_a_server_notices_that_its_client_is_gone(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    server = start_v1(echo)
    client = connect_v1()
    client.call(b"x").release()
    assert server._responses is not None
    client.close()
    wait_for(lambda: server._responses is None)  # its response buffer is not kept mapped
