"""Creating v1 buffers and attaching to them: who is refused, and why."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import SOON, Child

import zeroduplex as z
from zeroduplex import _process
from zeroduplex._birth import birth_of, is_before
from zeroduplex._generated import wire

SMALL = z.BufferConfig(64, 1024)
LENGTH = 128 + 64 + 1024
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make another user's objects")


def image(reader: int, writer: int = 0, **changes: int) -> bytes:
    """A buffer with these process ids, and changed fields by the names of their offsets."""
    content = bytearray(LENGTH)
    fields = {
        "identity": wire.OIEB_V1_IDENTITY_WORD, "metadata_size": 64, "metadata_free_bytes": 64, "payload_size": 1024,
        "payload_free_bytes": 1024, "reader_pid": reader, "writer_pid": writer, **changes,
    }  # fmt: skip
    for field, value in fields.items():
        struct.pack_into("<Q", content, getattr(wire, f"OIEB_V1_{field.upper()}_OFFSET"), value)
    return bytes(content)


@contextmanager
def buffer_file(name: str, content: bytes, semaphores: bool = True) -> Iterator[Path]:
    """What a published reader would have left, or still has."""
    semaphore = bytearray(wire.NAMED_SEMAPHORE_SIZE)
    struct.pack_into("<I", semaphore, wire.NAMED_SEMAPHORE_SHARED_OFFSET, wire.SEMAPHORE_SHARED_FLAG)
    files = {Path(wire.object_path(name)): content}
    if semaphores:
        for of in (wire.data_written_semaphore, wire.data_read_semaphore):
            files[Path(wire.semaphore_path(of(name)))] = bytes(semaphore)
    for path, data in files.items():
        path.write_bytes(data)
    try:
        yield Path(wire.object_path(name))
    finally:
        for path in files:
            path.unlink(missing_ok=True)


def dead_pid() -> int:
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def attach(name: str, **options: Any) -> z.Writer:
    return z.Writer(name, **{"connect_timeout": 0, **options})


# Attaching.


def test_nothing_there(name: str) -> None:
    with pytest.raises(z.BufferNotFoundError, match="no object of that name"):
        attach(name)
    before = time.monotonic()
    with pytest.raises(z.BufferNotFoundError):
        attach(name, connect_timeout=0.1)
    assert 0.1 <= time.monotonic() - before < SOON


def test_a_writer_waits_for_its_reader(name: str) -> None:
    writers: list[z.Writer] = []
    thread = threading.Thread(target=lambda: writers.append(z.Writer(name, connect_timeout=20)))
    thread.start()
    with z.Reader(name, SMALL) as reader:
        thread.join(20)
        writers[0].write_frame(b"x")
        reader.read_frame().release()
        writers[0].close()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", z.BufferNotFoundError, "still empty"),
        (bytes(100), z.BufferNotFoundError, "only 100 bytes yet"),
        (bytes(LENGTH), z.BufferNotFoundError, "not ready yet"),
        (image(os.getpid(), identity=128), z.BufferNotFoundError, "not ready yet"),  # size first, then version
        (image(0), z.BufferNotFoundError, "closed it, or is not ready yet"),
        (image(0, payload_size=0), z.BufferNotFoundError, "or is not ready yet"),  # the reader's pid is last
        (image(os.getpid(), identity=128 | 2 << 32), z.VersionMismatchError, "v2.0.0 with an oieb_size of 128, a writer speaks v1.0.0"),
        (image(os.getpid(), identity=88 | 2 << 32), z.VersionMismatchError, "oieb_size of 88"),
        (b"\xff" * LENGTH, z.VersionMismatchError, "v255.255.255 with an oieb_size of 4294967295"),
        (image(os.getpid(), payload_size=2048), z.CorruptedError, f"says 2240 bytes, the memory has {LENGTH}"),
        (image(os.getpid(), payload_size=512), z.CorruptedError, "says 704 bytes"),
        (image(os.getpid(), payload_size=1000), z.CorruptedError, "sizes 64 and 1000 make no buffer"),
        (image(os.getpid(), metadata_size=2**63), z.CorruptedError, "make no buffer"),
        (image(os.getpid(), payload_write_pos=1025), z.CorruptedError, "payload_write_pos 1025 in a payload of 1024"),
    ],
)
def test_what_cannot_be_attached_to(name: str, content: bytes, error: type[z.ZeroDuplexError], message: str) -> None:
    with buffer_file(name, content) as file:
        with pytest.raises(error, match=message):
            attach(name)
        assert file.read_bytes() == content  # and nothing of it was changed


def test_a_dead_reader(name: str) -> None:
    with buffer_file(name, image(dead_pid())), pytest.raises(z.ReaderDeadError, match="its reader is dead"):
        attach(name)


def test_semaphores_that_are_not_there(name: str) -> None:
    with buffer_file(name, image(os.getpid()), semaphores=False) as file:
        with pytest.raises(z.BufferNotFoundError, match="semaphores cannot be opened"):
            attach(name)
        assert file.read_bytes() == image(os.getpid())  # no writer_pid was left


def test_a_former_readers_semaphores(name: str) -> None:
    """Published readers for Python leave theirs behind, and the next one replaces them when its buffer looks complete already."""
    with buffer_file(name, image(os.getpid())) as file:
        semaphores = [Path(wire.semaphore_path(of(name))) for of in (wire.data_written_semaphore, wire.data_read_semaphore)]
        left = [made(path) for path in semaphores]
        while True:  # the kernel's clock has ticks
            file.unlink()
            file.write_bytes(image(os.getpid()))
            if None in left or all(is_before(one, made(file)) for one in left):
                break
        for path in semaphores:
            if None not in left:  # some kernels do not keep it
                with pytest.raises(z.BufferNotFoundError, match="older than it"):
                    attach(name)
                assert file.read_bytes() == image(os.getpid())
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
        attach(name).close()


def made(path: Path) -> int | None:
    with path.open() as file:
        return birth_of(file.fileno())


def test_births() -> None:
    assert birth_of(-1) is None
    assert is_before(1, 2)
    assert not is_before(2, 1)
    assert not is_before(1, 1)  # made within a tick
    assert not is_before(None, 1)
    assert not is_before(1, None)


def test_a_second_writer(name: str) -> None:
    with z.Reader(name, SMALL) as reader, attach(name) as first:
        for _ in range(2):
            with pytest.raises(z.WriterAlreadyConnectedError, match=rf"another writer is attached \(pid {os.getpid()}\)"):
                attach(name)
        first.write_frame(b"unharmed")
        reader.read_frame().release()
        first.close()
        with attach(name) as second:
            assert second.write_frame(b"x") == 1
            reader.read_frame().release()


def test_a_dead_writers_place_is_taken(name: str) -> None:
    taken = image(os.getpid(), dead_pid(), payload_write_pos=1024, payload_free_bytes=500, payload_written_count=3, payload_read_count=1)
    with buffer_file(name, taken), attach(name) as writer:
        assert writer.write_frame(b"x") == 1  # at the start: the end of the payload is its start
        assert writer.usage == z.BufferUsage(1024, 483, 4, 1)


def test_a_published_writers_rest_is_skipped(name: str) -> None:
    with buffer_file(name, image(os.getpid(), payload_write_pos=1017)) as file:
        with attach(name) as writer:
            writer.write_frame(b"x")
            assert writer.usage == z.BufferUsage(1024, 1024 - 7 - 17, 1, 0)  # a rest of 7 bytes has no marker and does not count
        assert file.read_bytes()[192:209] == struct.pack("<QQ", 1, 1) + b"x"
        assert struct.unpack_from("<Q", file.read_bytes(), wire.OIEB_V1_WRITER_PID_OFFSET) == (0,)


@needs_root
def test_another_users_buffer(name: str) -> None:
    with z.Reader(name, SMALL) as reader:
        os.chown(wire.object_path(name), 1234, -1)
        with pytest.raises(z.PermissionDeniedError, match="belongs to user 1234"):
            attach(name)
        with attach(name, allow_other_users=True) as writer:
            writer.write_frame(b"x")
            reader.read_frame().release()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connect_timeout": -1}, "a connect timeout"),
        ({"write_timeout": float("nan")}, "a write timeout"),
        ({"spin_window": float("inf")}, "a spin window"),
    ],
)
def test_wrong_options_of_a_writer(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(z.InvalidArgumentError, match=message):
        attach(name, **options)


# Creating.


@pytest.mark.parametrize("name", ["", ".hidden", "sem.x", "a/b", "x" * 201])
def test_bad_names(name: str) -> None:
    for make in (z.Reader, z.Writer):
        with pytest.raises(z.InvalidNameError):
            make(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": z.BufferConfig(0, -1)}, "payload size -1"),
        ({"config": z.BufferConfig(2**31, 64)}, "metadata size"),
        ({"mode": 0o400}, "mode 0o400"),
        ({"read_timeout": -1}, "a read timeout"),
        ({"spin_window": -1}, "a spin window"),
        ({"wait": "doze"}, "doze"),
    ],
)
def test_wrong_options_of_a_reader(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        z.Reader(name, **options)


def test_sizes_are_rounded(name: str) -> None:
    with z.Reader(name, z.BufferConfig(100, 1000)):
        assert os.stat(wire.object_path(name)).st_size == 128 + 128 + 1024


def test_modes(name: str) -> None:
    with z.Reader(name, SMALL, mode=0o640):
        for path in (wire.object_path(name), *(wire.semaphore_path(f"sem-{kind}-{name}") for kind in "wr")):
            assert os.stat(path).st_mode & 0o777 == 0o640


def test_a_second_reader(name: str) -> None:
    with z.Reader(name, SMALL) as first, attach(name) as writer:
        with pytest.raises(z.ReaderAlreadyConnectedError, match="holds its owner lock"):
            z.Reader(name, SMALL)
        writer.write_frame(b"unharmed")
        first.read_frame().release()


def test_a_second_reader_with_separate_tmp_folders(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with z.Reader(name, SMALL) as first, attach(name) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(wire, "lock_path", lambda n: f"{tmp_path}/{n}.lock")
            patch.setenv("TMPDIR", str(tmp_path))
            with pytest.raises(z.ReaderAlreadyConnectedError, match=rf"its reader lives \(pid {os.getpid()}\)"):
                z.Reader(name, SMALL)
        writer.write_frame(b"unharmed")
        first.read_frame().release()


@pytest.mark.parametrize("of", ["cpp", "csharp"])
def test_published_owner_locks_are_respected(name: str, of: str) -> None:
    path = wire.lock_path(name) if of == "cpp" else wire.lock_csharp_path(os.environ.get("TMPDIR") or "/tmp", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(z.ReaderAlreadyConnectedError):
            z.Reader(name, SMALL)
        assert not os.path.exists(wire.object_path(name))
        os.unlink(path)


def test_a_name_of_an_in_place_channel(name: str, factory: z.DuplexChannelFactory) -> None:
    with factory.create_in_place_duplex_server(name, z.BufferConfig(0, 128)) as server:
        with pytest.raises(z.NameInUseError, match="an in-place channel has the name"):
            z.Reader(name, SMALL)
        with pytest.raises(z.VersionMismatchError, match="oieb_size of 88"):
            attach(name)
        server.close()
    with z.Reader(name, SMALL):
        with pytest.raises(z.NameInUseError, match="holds its owner lock"):
            factory.create_in_place_duplex_server(name, z.BufferConfig(0, 128))
        with pytest.raises(z.VersionMismatchError, match=r"ZeroBuffer v1\.0\.0"):
            factory.create_client(name, connect_timeout=0)


@pytest.mark.parametrize("writer_lives", [False, True])
def test_a_dead_readers_buffer_is_replaced(name: str, writer_lives: bool) -> None:
    left = image(dead_pid(), os.getpid() if writer_lives else 0, payload_written_count=5)
    with buffer_file(name, left) as file:
        inode = file.stat().st_ino
        with z.Reader(name, SMALL) as reader:
            assert file.stat().st_ino != inode
            assert reader.usage.written_count == 0
            with attach(name) as writer:
                writer.write_frame(b"x")
                reader.read_frame().release()
        assert not file.exists()


@pytest.mark.parametrize(
    ("content", "taken"),
    [(b"", False), (bytes(LENGTH), False), (b"\xff" * LENGTH, True), (b"short", True), (image(os.getpid()), True)],
)
def test_what_else_may_have_the_name(name: str, content: bytes, taken: bool) -> None:
    with buffer_file(name, content, semaphores=False) as file:
        if taken:
            with pytest.raises((z.NameInUseError, z.ReaderAlreadyConnectedError)):
                z.Reader(name, SMALL)
            assert file.read_bytes() == content
        else:
            with z.Reader(name, SMALL):
                pass


def test_semaphores_that_are_there_already_are_replaced(name: str) -> None:
    path = Path(wire.semaphore_path(wire.data_written_semaphore(name)))
    path.write_bytes(b"\7" * 32)  # Python's published reader leaves its semaphores behind
    with z.Reader(name, SMALL) as reader, attach(name) as writer:
        writer.write_frame(b"x")
        reader.read_frame().release()
    assert not path.exists()


def test_closing_removes_only_what_is_ours(name: str) -> None:
    reader = z.Reader(name, SMALL)
    for path in (wire.object_path(name), wire.semaphore_path(wire.data_read_semaphore(name))):
        os.unlink(path)
        Path(path).write_bytes(b"a successor's")
    reader.close()
    for path in (wire.object_path(name), wire.semaphore_path(wire.data_read_semaphore(name))):
        assert Path(path).read_bytes() == b"a successor's"
        os.unlink(path)
    assert not os.path.exists(wire.semaphore_path(wire.data_written_semaphore(name)))


@needs_root
def test_full_memory_leaves_nothing() -> None:
    code = """
import os, zeroduplex as z
try:
    z.Reader("full", z.BufferConfig(0, 2 << 20))
    print("created")
except z.OutOfMemoryError as e:
    print("full")
print(os.listdir("/dev/shm"))
"""
    script = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" -c "$1"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, sys.executable, code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.splitlines(), done.stderr) == (["full", "[]"], "")


def test_many_create_the_same_name(name: str) -> None:
    """Exactly one of them gets it, and no loser harms the winner."""
    winners: list[z.Reader] = []
    losers: list[type] = []
    barrier = threading.Barrier(6)

    def create() -> None:
        barrier.wait()
        try:
            winners.append(z.Reader(name, SMALL))
        except z.ZeroDuplexError as e:
            losers.append(type(e))

    for _ in range(20):
        threads = [threading.Thread(target=create) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        (winner,) = winners
        assert losers == [z.ReaderAlreadyConnectedError] * 5
        with winner, attach(name) as writer:
            writer.write_frame(b"x")
            winner.read_frame().release()
        winners.clear()
        losers.clear()


# Who lives.


def test_zombies_are_dead() -> None:
    assert _process.process_alive(os.getpid())
    assert _process.process_alive(1)
    for pid in (0, -1, 2**31, 2**63, dead_pid()):
        assert not _process.process_alive(pid)
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert not _process.process_alive(zombie.pid)
    zombie.wait()


def test_a_process_whose_main_thread_ended_lives() -> None:
    code = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("going", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
    with Child(code) as child:
        assert child.line() == "going"
        stat = Path(f"/proc/{child.process.pid}/stat")
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
            pass
        assert _process.process_alive(child.process.pid)


def test_the_name_is_free_between_readers(name: str) -> None:
    for _ in range(50):
        with z.Reader(name, SMALL) as reader, attach(name) as writer:
            writer.write_frame(b"x")
            reader.read_frame().release()
        assert not os.path.exists(wire.object_path(name))
