"""Named semaphores as glibc keeps them: files of 32 bytes in /dev/shm."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from ._birth import birth_of, is_before
from ._generated import wire
from .memory import address_of

if TYPE_CHECKING:
    from typing_extensions import Self

_SIZE: Final = wire.NAMED_SEMAPHORE_SIZE
_HALF: Final = struct.Struct("<I")


class Semaphore:
    """A mapped named semaphore. What is done with it goes by its address; see Ops."""

    def __init__(self, descriptor: int, path: str) -> None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size < _SIZE:
            raise OSError(errno.EINVAL, f"not a semaphore: {status.st_size} bytes", path)
        self.path = path
        self._inode = status.st_ino
        self.born = birth_of(descriptor)
        """As birth_of has it."""
        self._map = mmap.mmap(descriptor, _SIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        (shared,) = _HALF.unpack_from(self._map, wire.NAMED_SEMAPHORE_SHARED_OFFSET)
        if shared != wire.SEMAPHORE_SHARED_FLAG:
            # A private futex of a peer would never be woken by us, nor ours by it.
            self._map.close()
            raise OSError(errno.EINVAL, f"not a process-shared glibc semaphore (flag {shared})", path)
        with memoryview(self._map) as memory:
            self.address = address_of(memory)

    @classmethod
    def replace(cls, path: str, temporary: str, mode: int) -> Semaphore:
        """Puts a new semaphore of value 0 in place of whatever the path named before. The file is complete before it becomes visible,
        so that nobody ever maps a half-built one."""
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        try:
            os.fchmod(descriptor, mode)  # the umask took bits away
            image = bytearray(_SIZE)
            _HALF.pack_into(image, wire.NAMED_SEMAPHORE_SHARED_OFFSET, wire.SEMAPHORE_SHARED_FLAG)
            # Writing allocates the page now, so that a full /dev/shm is an error here and not a SIGBUS at the first post.
            if os.write(descriptor, image) != _SIZE:
                raise OSError(errno.ENOSPC, "wrote less than a semaphore", temporary)
            made = cls(descriptor, path)
            try:
                os.rename(temporary, path)
            except BaseException:
                made.close()
                raise
            return made
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)

    @classmethod
    def open(cls, path: str) -> Semaphore:
        """Maps the existing semaphore at a path."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return cls(descriptor, path)
        finally:
            os.close(descriptor)

    def value(self) -> int:
        """How many tokens it has, about now."""
        (value,) = _HALF.unpack_from(self._map, wire.NAMED_SEMAPHORE_VALUE_OFFSET)
        return int(value)

    def remove(self) -> None:
        """Unlinks the path when it still names this semaphore, so that a successor's is never removed."""
        with suppress(FileNotFoundError):
            if os.lstat(self.path).st_ino == self._inode:
                os.unlink(self.path)

    def close(self) -> None:
        """Unmaps the semaphore. Nobody may be using it any more."""
        self._map.close()


class SemaphoreSet:
    """The semaphores of one segment, which are made, opened and removed together."""

    _kinds: ClassVar[dict[str, Callable[[str], str]]]
    """What each is called while it is being made, and its name by the segment's."""

    def __init__(self, found: list[Semaphore]) -> None:
        self._all = found
        self.addresses = [one.address for one in found]

    @classmethod
    def replace(cls, name: str, mode: int) -> Self:
        """Puts fresh ones in place of whatever the names meant before."""
        made: list[Semaphore] = []
        try:
            for kind, of_segment in cls._kinds.items():
                made.append(Semaphore.replace(wire.semaphore_path(of_segment(name)), wire.temporary_path(name, kind), mode))
        except BaseException:
            for one in made:
                one.remove()
                one.close()
            raise
        return cls(made)

    @classmethod
    def open(cls, name: str) -> Self:
        opened: list[Semaphore] = []
        try:
            for of_segment in cls._kinds.values():
                opened.append(Semaphore.open(wire.semaphore_path(of_segment(name))))
        except BaseException:
            for one in opened:
                one.close()
            raise
        return cls(opened)

    def any_before(self, born: int | None) -> bool:
        """Whether one is known to be made before what was born then."""
        return any(is_before(one.born, born) for one in self._all)

    def remove(self) -> None:
        """Unlinks the names that still mean these semaphores."""
        for one in self._all:
            one.remove()

    def close(self) -> None:
        for one in self._all:
            one.close()


class Semaphores(SemaphoreSet):
    """The four of an in-place channel."""

    _kinds: ClassVar = {
        "request-ready": wire.request_ready_semaphore,
        "response-ready": wire.response_ready_semaphore,
        "response-consumed": wire.response_consumed_semaphore,
        "space-available": wire.space_available_semaphore,
    }

    def __init__(self, found: list[Semaphore]) -> None:
        super().__init__(found)
        self.request_ready, self.response_ready, self.response_consumed, self.space_available = self.addresses
