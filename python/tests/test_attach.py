"""Creating and connecting: who is refused, and why."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import Connect, Serve
from support import SOON, Gate, echo, wait_for

import zeroduplex as z
from zeroduplex import _locks
from zeroduplex._generated import wire

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make another user's objects")


@contextmanager
def object_file(name: str, content: bytes) -> Iterator[str]:
    path = wire.object_path(name)
    with open(path, "wb") as file:
        file.write(content)
    try:
        yield path
    finally:
        if os.path.exists(path):
            os.unlink(path)


def segment(metadata: int = 16, payload: int = 1024, **changes: int) -> bytes:
    """A segment as it would be with a living server, and changed fields by the names of their offsets."""
    layout = wire.resolve_segment_v2(metadata, 0, payload)
    assert layout is not None
    image = bytearray(layout.length)
    for block in (0, wire.OIEB_V2_SIZE):
        for offset, value in (
            (wire.OIEB_V2_IDENTITY_OFFSET, wire.OIEB_V2_IDENTITY_WORD),
            (wire.OIEB_V2_METADATA_SIZE_OFFSET, layout.metadata_response.size if block else layout.metadata_request.size),
            (wire.OIEB_V2_PAYLOAD_SIZE_OFFSET, layout.payload.size),
        ):
            struct.pack_into("<Q", image, block + offset, value)
    for change, value in changes.items():
        block = wire.OIEB_V2_SIZE if change.startswith("response_") else 0
        offset = getattr(wire, f"OIEB_V2_{change.split('_', 1)[1].upper()}_OFFSET")
        struct.pack_into("<Q", image, block + offset, value)
    return bytes(image)


def test_no_server(factory: z.DuplexChannelFactory, name: str) -> None:
    before = time.monotonic()
    with pytest.raises(z.ServerNotFoundError, match="no object of that name"):
        factory.create_client(name, connect_timeout=0)
    with pytest.raises(z.ServerNotFoundError):
        factory.create_client(name, connect_timeout=0.1)
    assert 0.1 <= time.monotonic() - before < SOON


def test_a_client_waits_for_its_server(serve: Serve, factory: z.DuplexChannelFactory, name: str) -> None:
    clients: list[z.DuplexClient] = []
    thread = threading.Thread(target=lambda: clients.append(factory.create_client(name, connect_timeout=20)))
    thread.start()
    serve(echo)
    thread.join(20)
    clients[0].call(b"x").release()
    clients[0].close()


def test_second_client(serve: Serve, connect: Connect, factory: z.DuplexChannelFactory, name: str) -> None:
    serve(echo)
    first = connect()
    with pytest.raises(z.WriterAlreadyConnectedError):
        factory.create_client(name, connect_timeout=0.05)
    first.call(b"still works").release()
    first.close()
    connect().call(b"x").release()


def test_second_server(serve: Serve, connect: Connect, factory: z.DuplexChannelFactory, name: str) -> None:
    serve(echo)
    client = connect()
    with pytest.raises(z.NameInUseError):
        factory.create_in_place_duplex_server(name)
    client.call(b"unharmed").release()


def test_second_server_with_separate_tmp_folders(
    serve: Serve, connect: Connect, factory: z.DuplexChannelFactory, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    serve(echo)
    client = connect()
    monkeypatch.setattr(wire, "lock_path", lambda n: f"{tmp_path}/{n}.lock")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(z.NameInUseError, match="a living server has the name"):
        factory.create_in_place_duplex_server(name)
    client.call(b"unharmed").release()
    assert os.listdir(str(tmp_path)) in ([], ["zerobuffer"])  # the owner files are gone again


def test_owner_files_keep_v1_away(serve: Serve, name: str) -> None:
    serve()
    for path in (wire.lock_path(name), wire.lock_csharp_path(os.environ.get("TMPDIR", "/tmp"), name)):
        with open(path) as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_held_owner_file_is_respected(factory: z.DuplexChannelFactory, name: str) -> None:
    path = wire.lock_path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(z.NameInUseError, match="holds its owner lock"):
            factory.create_in_place_duplex_server(name)
        os.unlink(path)


@pytest.mark.parametrize("content", [b"x", b"foreign content" * 20, bytes(50), struct.pack("<Q", wire.OIEB_V1_IDENTITY_WORD)])
def test_foreign_files_are_never_removed(factory: z.DuplexChannelFactory, name: str, content: bytes) -> None:
    with object_file(name, content) as path:
        with pytest.raises(z.NameInUseError, match="not ours"):
            factory.create_in_place_duplex_server(name)
        with open(path, "rb") as file:
            assert file.read() == content


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_what_is_no_file(factory: z.DuplexChannelFactory, name: str, kind: str) -> None:
    path = wire.object_path(name)
    {"folder": os.mkdir, "link": lambda p: os.symlink("/etc/passwd", p), "fifo": os.mkfifo}[kind](path)
    try:
        with pytest.raises(z.NameInUseError, match="no shared-memory object"):
            factory.create_in_place_duplex_server(name)
        with pytest.raises(z.CorruptedError, match="no shared-memory object"):
            factory.create_client(name)
    finally:
        os.rmdir(path) if kind == "folder" else os.unlink(path)


@pytest.mark.parametrize("content", [b"", bytes(200), segment()])
def test_what_a_dead_server_left_is_replaced(serve: Serve, connect: Connect, name: str, content: bytes) -> None:
    with open(wire.object_path(name), "wb") as file:
        file.write(content)
    for leftover in (wire.temporary_path(name, "object"), wire.temporary_path(name, "request-ready")):
        open(leftover, "w").close()
    serve(echo)
    connect().call(b"x").release()


def v1_object(writer: int, reader: int) -> bytes:
    image = bytearray(4096)
    struct.pack_into("<Q", image, wire.OIEB_V1_IDENTITY_OFFSET, wire.OIEB_V1_IDENTITY_WORD)
    struct.pack_into("<Q", image, wire.OIEB_V1_WRITER_PID_OFFSET, writer)
    struct.pack_into("<Q", image, wire.OIEB_V1_READER_PID_OFFSET, reader)
    return bytes(image)


def test_a_living_v1_process_keeps_its_name(factory: z.DuplexChannelFactory, name: str) -> None:
    for pids in ((os.getpid(), 0), (0, os.getpid())):
        with object_file(name, v1_object(*pids)) as path:
            with pytest.raises(z.NameInUseError, match=f"pid {os.getpid()}"):
                factory.create_in_place_duplex_server(name)
            assert os.path.exists(path)


def test_a_dead_v1_buffer_is_replaced(serve: Serve, name: str) -> None:
    with open(wire.object_path(name), "wb") as file:
        file.write(v1_object(2**31 - 1, 2**40))
    serve()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (v1_object(0, 0), z.VersionMismatchError, "ZeroBuffer v1.0.0, this client speaks v2.0.0"),
        (segment(request_identity=88 | 3 << 32), z.VersionMismatchError, "v3.0.0"),
        (segment(request_identity=99 | 2 << 32), z.CorruptedError, "oieb_size 99"),
        (segment(response_identity=88 | 1 << 32), z.CorruptedError, "the two blocks are v2.0.0 and v1.0.0"),
        (segment(response_payload_size=2048), z.CorruptedError, "1024 and 2048 bytes of payload"),
        (segment(request_payload_size=1025, response_payload_size=1025), z.CorruptedError, "make no segment"),
        (segment(request_payload_size=64, response_payload_size=64), z.CorruptedError, "make no segment"),
        (segment(request_metadata_size=15), z.CorruptedError, "make no segment"),
        (segment(response_metadata_size=2**64 - 1), z.CorruptedError, "make no segment"),
        (segment()[:-64], z.CorruptedError, "the segment says 1216 bytes, the memory has 1152"),
        (segment() + bytes(64), z.CorruptedError, "the memory has 1280"),
        (segment()[:150], z.CorruptedError, "the memory has only 150 bytes"),
        (segment()[:100], z.CorruptedError, "the object has only 100 bytes"),
        (segment(), z.ServerNotFoundError, "its server is dead"),
        (bytes(1216), z.ServerNotFoundError, "not ready yet"),
        (b"", z.ServerNotFoundError, "still empty"),
    ],
)
def test_refused_segments(factory: z.DuplexChannelFactory, name: str, content: bytes, error: type[z.ZeroDuplexError], message: str) -> None:
    with object_file(name, content), pytest.raises(error, match=message):
        factory.create_client(name, connect_timeout=0)


def test_semaphores_are_checked(factory: z.DuplexChannelFactory, name: str) -> None:
    paths = [
        wire.semaphore_path(of(name))
        for of in (
            wire.request_ready_semaphore,
            wire.response_ready_semaphore,
            wire.response_consumed_semaphore,
            wire.space_available_semaphore,
        )
    ]
    with object_file(name, segment()) as path, open(path, "r+b") as held:
        assert _locks.try_lock_byte(held.fileno(), wire.LOCK_BYTE_SERVER)
        with pytest.raises(z.ServerNotFoundError, match="semaphores cannot be opened"):
            factory.create_client(name, connect_timeout=0)
        try:
            for image, message in ((bytes(31), "not a semaphore: 31 bytes"), (bytes(32), r"glibc semaphore \(flag 0\)")):
                for semaphore in paths:
                    with open(semaphore, "wb") as file:
                        file.write(image)
                with pytest.raises(z.ServerNotFoundError, match=message):
                    factory.create_client(name, connect_timeout=0)
        finally:
            for semaphore in paths:
                os.unlink(semaphore)
        assert not _locks.byte_held(held.fileno(), wire.LOCK_BYTE_CLIENT)


@needs_root
def test_another_users_object(serve: Serve, factory: z.DuplexChannelFactory, name: str) -> None:
    serve(echo, mode=0o666)
    path = wire.object_path(name)
    assert os.stat(path).st_mode & 0o777 == 0o666
    os.chown(path, 12345, 12345)
    with pytest.raises(z.PermissionDeniedError, match="belongs to user 12345") as caught:
        factory.create_client(name)
    assert isinstance(caught.value, PermissionError)
    with factory.create_client(name, allow_other_users=True) as client:
        client.call(b"x").release()


@needs_root
def test_an_object_that_denies_access(serve: Serve, factory: z.DuplexChannelFactory, name: str) -> None:
    serve(echo)
    assert os.stat(wire.object_path(name)).st_mode & 0o777 == 0o600
    os.seteuid(12345)
    try:
        with pytest.raises(z.PermissionDeniedError, match="mode does not let us in"):
            factory.create_client(name)
        with pytest.raises(z.NameInUseError):
            factory.create_in_place_duplex_server(name)
    finally:
        os.seteuid(0)


def test_a_handler_of_a_client_that_left_makes_the_server_busy(
    serve: Serve, factory: z.DuplexChannelFactory, connect: Connect, name: str
) -> None:
    gate = Gate()
    server = serve(gate, reset_timeout=20)
    server_metadata = b"survives a reset"
    server.set_metadata(server_metadata)
    client = connect()
    client.send_request(b"x")
    gate.wait_entered()
    client.close()
    with pytest.raises(z.ServerBusyError):
        factory.create_client(name, connect_timeout=0.05)
    gate.let_go()
    second = connect()
    assert second.server_metadata == server_metadata
    gate.let_go()
    with second.call(b"y") as response:
        assert (response.sequence, bytes(response.data)) == (1, b"y")


def test_a_handler_that_never_ends_loses_its_segment(serve: Serve, connect: Connect, name: str, errors: list[z.ZeroDuplexError]) -> None:
    gate = Gate()
    late: list[BaseException] = []

    def handler(frame: z.Frame) -> None:
        if frame.opcode == 1:
            gate(frame)
            try:
                frame.data[:] = b"late"  # to the old mapping, where nobody sees it
            except BaseException as e:
                late.append(e)

    server = serve(handler, reset_timeout=0.1)
    server.set_metadata(b"kept")
    client = connect()
    client.send_request(b"hang", opcode=1)
    gate.wait_entered()
    inode = os.stat(wire.object_path(name)).st_ino
    client.close()
    second = connect()
    assert os.stat(wire.object_path(name)).st_ino != inode
    assert second.server_metadata == b"kept"
    with second.call(b"good") as response:
        assert bytes(response.data) == b"good"
        gate.let_go()
        with second.call(b"more") as more:
            assert bytes(more.data) == b"more"
        assert bytes(response.data) == b"good"
    second.close()
    server.stop(2)
    assert late == []
    assert errors == []


def test_corruption_found_by_the_server(serve: Serve, connect: Connect, name: str, errors: list[z.ZeroDuplexError]) -> None:
    serve(echo)
    client = connect()
    client.call(b"x").release()
    with open(wire.object_path(name), "r+b") as file:
        file.seek(wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET)
        file.write(struct.pack("<Q", 0))
    with pytest.raises(z.CorruptedError, match=r"the server .* found the segment corrupted"):
        client.receive_response(5)
    with pytest.raises(z.CorruptedError):
        client.call(b"y")
    client.close()
    wait_for(lambda: errors)  # reported when the client has been told
    assert [type(e) for e in errors] == [z.CorruptedError]
    connect().call(b"the next client is served").release()


def test_a_server_that_stops_during_the_look_at_it_is_dead_and_nothing_else(serve: Serve, connect: Connect) -> None:
    # It lets go of its lock first and disowns the segment then; both may fall between a client's two looks.
    server = serve(echo)
    client = connect()
    assert isinstance(client, z.InPlaceDuplexChannel)
    client.call(b"x").release()
    life = client._segment.life
    looks = []

    class StopsBehindTheLook:
        def server_alive(self) -> bool:
            alive: bool = life.server_alive()
            looks.append(alive)
            server.stop(5)
            return alive

        def __getattr__(self, name: str) -> object:
            return getattr(life, name)

    client._segment.life = StopsBehindTheLook()  # type: ignore[assignment]
    assert client.is_server_connected, "it saw the server alive"
    with pytest.raises(z.ServerDeadError):
        client.call(b"y")
    assert looks[0] and not looks[-1]
    client.close()


def test_corruption_found_by_the_client(serve: Serve, connect: Connect, name: str) -> None:
    serve(echo, metadata_size=0)
    client = connect()
    sequence = client.send_request(b"x")
    layout = z.BufferConfig(0, 65536).layout()
    gate_response = client.call(b"y")  # both are answered
    with open(wire.object_path(name), "r+b") as file:
        file.seek(layout.payload.offset + wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET)
        file.write(struct.pack("<Q", 65))
    with pytest.raises(z.CorruptedError, match="response 1 has 65 bytes, its capacity is 64"):
        client.receive_response(sequence=sequence)
    with pytest.raises(z.CorruptedError):
        client.send_request(b"z")
    gate_response.release()
    client.close()
    connect().call(b"the next client is served").release()


def test_corrupt_metadata(serve: Serve, connect: Connect, name: str) -> None:
    server = serve(echo, metadata_size=64)
    client = connect()
    client.set_metadata(b"abc")
    with open(wire.object_path(name), "r+b") as file:
        for written, message in ((7, "metadata_written_bytes 7"), (2**40, "in a block of"), (12, "length prefix 3")):
            file.seek(wire.OIEB_V2_METADATA_WRITTEN_BYTES_OFFSET)
            file.write(struct.pack("<Q", written))
            file.flush()
            with pytest.raises(z.CorruptedError, match=message):
                _ = server.client_metadata
