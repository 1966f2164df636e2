"""v1 duplex channels: the client that create_client makes, and its round trips."""

from __future__ import annotations

import asyncio
import mmap
import os
import threading
import time
from typing import Any

import pytest
from conftest import SMALL, ConnectV1, StartV1
from support import Gate, echo, invert, wait_for

import zeroduplex as z
from zeroduplex._generated import wire

# Round trips.


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_round_trips(name: str, start_v1: StartV1, connect_v1: ConnectV1, wait: z.WaitStrategy) -> None:
    server = start_v1(invert, wait=wait)
    client = connect_v1(wait=wait)
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


def test_what_v1_lacks(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    client = connect_v1()
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


def test_responses_are_parked_for_whoever_asks(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    client = connect_v1()
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


def test_a_response_is_taken_when_it_is_asked_for(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    client = connect_v1()

    def counts() -> tuple[int, ...]:
        with open(wire.object_path(f"{name}_response"), "rb") as file:
            block = file.read(wire.OIEB_V1_SIZE)
        offsets = wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET, wire.OIEB_V1_PAYLOAD_READ_COUNT_OFFSET
        return tuple(int.from_bytes(block[offset : offset + 8], "little") for offset in offsets)

    for n in range(1, 4):
        client.send_request(bytes([n]))
        deadline = time.monotonic() + 20
        while counts() != (n, 0):
            assert time.monotonic() < deadline
    client.receive_response(sequence=1).release()
    assert counts() == (3, 1)
    client.receive_response(sequence=3).release()
    assert counts() == (3, 3)
    client.receive_response(0).release()


def test_one_way_requests_are_handled_and_their_responses_dropped(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    seen: list[bytes] = []
    start_v1(lambda frame: seen.append(bytes(frame.data)))
    client = connect_v1(response_config=z.BufferConfig(0, 256))
    for n in range(100):  # far more than the response buffer holds
        client.send_request(bytes([n]) * 10, one_way=True)
        with client.call(b"two ways") as response:
            assert (response.sequence, response.data) == (2 * n + 2, b"two ways")
    assert seen[::2] == [bytes([n]) * 10 for n in range(100)]


@pytest.mark.parametrize("size", [10, 900])
def test_one_way_requests_without_any_receive(start_v1: StartV1, connect_v1: ConnectV1, size: int) -> None:
    seen: list[int] = []

    def handler(frame: z.Frame) -> None:
        seen.append(frame.size)
        frame.resize(10)

    start_v1(handler, config=z.BufferConfig(0, 2048))
    client = connect_v1(response_config=z.BufferConfig(0, 64))  # which holds two answers
    for _ in range(100):
        client.send_request(bytes(size), one_way=True, timeout=5)
    client.call(b"x" * 10).release()
    assert seen == [size] * 100 + [10]


def test_a_call_that_timed_out_does_not_mix_up_the_answers(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    gate = Gate()
    start_v1(lambda frame: gate(frame) if frame.data[0] == 1 else None)
    client = connect_v1()
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


def test_many_threads(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(invert)
    client = connect_v1()
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


def test_asyncio(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(invert)
    client = connect_v1()

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


def test_asyncio_ends_with_the_channel(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    gate = Gate()
    server = start_v1(gate)
    client = connect_v1()

    async def main() -> None:
        task = asyncio.create_task(client.call_async(b"x", 20))
        await asyncio.get_running_loop().run_in_executor(None, gate.wait_entered)
        threading.Thread(target=client.close).start()
        with pytest.raises(z.ClosedError):
            await task

    asyncio.run(main())
    gate.let_go()
    server.stop(20)


# Clients that come and go.


def test_clients_one_after_the_other(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    server = start_v1(echo)
    for n in range(5):
        client = connect_v1()
        assert server.is_client_connected
        assert client.is_server_connected
        for k in range(3):
            with client.call(bytes([n, k])) as response:
                assert (response.sequence, response.data) == (k + 1, bytes([n, k]))
        client.close()
        assert not server.is_client_connected
        assert not os.path.exists(wire.object_path(f"{name}_response"))


def test_a_second_client(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    first = connect_v1()
    with pytest.raises(z.WriterAlreadyConnectedError, match="another client is attached"):
        connect_v1(connect_timeout=0.05)
    first.call(b"still works").release()
    first.close()
    connect_v1().call(b"x").release()


def test_what_a_client_left_is_worked_on_and_answered_to_nobody(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    seen: list[bytes] = []
    server = start_v1()
    first = connect_v1()
    for n in range(3):
        first.send_request(b"first" + bytes([n]), one_way=True)
    first.close()
    with pytest.raises(z.ServerBusyError, match="3 requests of a client that is gone were not read yet"):
        connect_v1(connect_timeout=0.05)
    server.start(lambda frame: seen.append(bytes(frame.data)))
    second = connect_v1()
    with second.call(b"second") as response:
        assert (response.sequence, response.data) == (1, b"second")
    assert seen == [b"first\0", b"first\1", b"first\2", b"second"]


def test_answers_of_a_client_that_left_are_dropped(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    gate = Gate()
    start_v1(lambda frame: gate(frame) if bytes(frame.data) == b"wait" else None)
    first = connect_v1()
    first.send_request(b"wait")
    gate.wait_entered()
    first.close()
    gate.let_go()
    with connect_v1().call(b"next") as response:
        assert response.data == b"next"


def test_a_client_that_leaves_a_blocked_server(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    first = connect_v1(response_config=z.BufferConfig(0, 1024))
    for _ in range(8):
        first.send_request(bytes(240))
    held = first.receive_response()
    first.close()
    with connect_v1().call(b"next") as response:
        assert response.data == b"next"
    assert held.data == bytes(240)
    held.release()


def test_a_client_without_a_response_buffer(name: str, start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]) -> None:
    seen: list[bytes] = []
    start_v1(lambda frame: seen.append(bytes(frame.data)))
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
    connect_v1().call(b"c").release()


def test_corruption_is_told_to_the_client(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo)
    client = connect_v1()
    client.call(b"x").release()
    with open(wire.object_path(f"{name}_request"), "r+b") as file:
        file.seek(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET)
        file.write((5000).to_bytes(8, "little"))
    with pytest.raises(z.CorruptedError, match="5000 bytes are free in a payload of 4096"):
        client.call(b"x")


def test_a_response_that_nobody_asked_for_is_corruption(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1()  # answers nothing, so we can
    client = connect_v1()
    with z.Writer(f"{name}_response") as writer:
        writer.write_frame(b"x")
        for _ in range(2):
            with pytest.raises(z.CorruptedError, match="response 1 to 0 requests"):
                client.receive_response(20)


def test_a_corrupted_request_buffer_is_replaced(
    name: str, start_v1: StartV1, connect_v1: ConnectV1, errors: list[z.ZeroDuplexError]
) -> None:
    start_v1(echo)
    writer = z.Writer(f"{name}_request")
    stream = writer._end.stream
    stream.words[7] = 6  # type: ignore[index]  # its next frame is number 7
    writer.write_frame(b"x")
    wait_for(lambda: errors)
    assert isinstance(errors[0], z.SequenceError)
    wait_for(lambda: not writer.is_reader_connected)
    writer.close()
    with connect_v1().call(b"y") as response:
        assert response.data == b"y"


# Creating and connecting.


def test_the_protocol_is_recognised(name: str, factory: z.DuplexChannelFactory, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    with pytest.raises(z.ServerNotFoundError, match="no object of that name"):
        connect_v1(connect_timeout=0)
    start_v1(echo)
    with connect_v1() as client:
        assert isinstance(client, z.DualBufferDuplexChannel)
    with factory.create_in_place_duplex_server(name, z.BufferConfig(0, 1024)) as server:  # comes first where both live
        server.start(echo)
        with connect_v1() as client:
            assert isinstance(client, z.InPlaceDuplexChannel)
            client.call(b"x").release()
    with connect_v1() as client:
        assert isinstance(client, z.DualBufferDuplexChannel)
        client.call(b"x").release()


def test_a_client_waits_for_either_server(start_v1: StartV1, connect_v1: ConnectV1) -> None:
    clients: list[z.DuplexClient] = []
    thread = threading.Thread(target=lambda: clients.append(connect_v1(connect_timeout=20)))
    thread.start()
    time.sleep(0.01)
    start_v1(echo)
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


def test_the_response_buffer_is_as_open_as_the_servers(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    start_v1(echo, mode=0o666)
    with connect_v1() as client:
        client.call(b"x").release()
        for path in (f"{name}_response", f"sem.sem-w-{name}_response", f"sem.sem-r-{name}_response"):
            assert os.stat(f"/dev/shm/{path}").st_mode & 0o777 == 0o666


def test_a_response_name_that_is_taken(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    server = start_v1(echo)
    with z.Reader(f"{name}_response", SMALL):
        with pytest.raises(z.WriterAlreadyConnectedError, match="still has its responses"):
            connect_v1(connect_timeout=0)
        assert not server.is_client_connected
    connect_v1().call(b"x").release()


def test_what_nobody_has_any_more_is_closed(name: str, start_v1: StartV1, factory: z.DuplexChannelFactory) -> None:
    server = start_v1(echo)
    client = factory.create_client(name, response_config=SMALL)
    client.call(b"x").release()
    del client  # at once, not when the garbage collector comes
    assert not server.is_client_connected
    assert not os.path.exists(wire.object_path(f"{name}_response"))
    reader = z.Reader(name, SMALL)
    writer = z.Writer(name)
    del writer
    assert not reader.is_writer_connected
    del reader
    assert not os.path.exists(wire.object_path(name))
