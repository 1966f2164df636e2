"""Locks of the kernel: bytes of the object, which say who lives, and the owner files that ZeroBuffer v1 looks at."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import suppress
from typing import Final

from ._generated import wire
from .errors import NameInUseError

_FLOCK: Final = struct.Struct("hhqqi4x")
"""struct flock on 64-bit Linux; l_pid must be 0 for locks of open file descriptions."""


def _flock(kind: int, offset: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0)


def try_lock_byte(descriptor: int, offset: int) -> bool:
    """Takes an exclusive lock on one byte for this open file description, False when another one holds it. The kernel drops it with
    the last descriptor of the description, however the process ends."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, offset))
    except OSError as e:
        if e.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def unlock_byte(descriptor: int, offset: int) -> None:
    """Releases a byte taken through the same open file description."""
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, offset))


def byte_held(descriptor: int, offset: int) -> bool:
    """Whether another open file description holds the byte."""
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, offset))
    assert isinstance(answer, bytes)
    kind: int = _FLOCK.unpack(answer)[0]
    return kind != fcntl.F_UNLCK


_CANNOT_EXIST: Final = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ENOSPC)


class OwnerLock:
    """The pair of flock'ed files that ZeroBuffer v1 processes look at. It only keeps them away: where the files cannot be made, as with
    a read-only /tmp, the lock byte of the object decides alone."""

    def __init__(self, name: str) -> None:
        self._files: list[tuple[str, int]] = []
        try:
            for path in (wire.lock_path(name), wire.lock_csharp_path(os.environ.get("TMPDIR") or "/tmp", name)):
                try:
                    self._files.append((path, _lock_file(path)))
                except BlockingIOError:
                    raise NameInUseError(f"{name!r}: another process holds its owner lock {path}") from None
                except OSError as e:
                    if e.errno not in _CANNOT_EXIST:
                        raise
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Unlinks the files while holding their locks, then releases them explicitly: a forked child may still hold descriptors."""
        while self._files:
            path, descriptor = self._files.pop()
            with suppress(FileNotFoundError):
                os.unlink(path)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def close_after_fork(self) -> None:
        """Closes the descriptors in a forked child. The locks stay the parent's."""
        while self._files:
            os.close(self._files.pop()[1])


def _lock_file(path: str) -> int:
    _make_folders(os.path.dirname(path))
    while True:
        descriptor = _open_or_create(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder unlinks the file while it holds the lock; what we locked may no longer be what the path names.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open_or_create(path: str) -> int:
    """Avoids O_CREAT on an existing file: in sticky folders the kernel may refuse that for files of other users."""
    common = os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY | common)
        with suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | common, 0o666)


def _make_folders(folder: str) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make_folders(parent)
    with suppress(FileExistsError):
        os.mkdir(folder, wire.LOCK_FOLDER_MODE)
        os.chmod(folder, wire.LOCK_FOLDER_MODE)  # the umask took bits away that the other users of the folder need
