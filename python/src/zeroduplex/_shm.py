"""Shared-memory objects. They raise OSError; the callers say what that means to the user."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import stat
from contextlib import suppress
from typing import Final

from ._birth import birth_of
from ._generated import wire
from ._pages import NO_WISH, NOTHING, MemoryReport, Pages, PageWish

NOT_REGULAR: Final = (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL)
"""What opening something else than a regular file gives; EINVAL is SharedObject's own."""


class SharedObject:
    """A shared-memory object, mapped or not. Not thread-safe."""

    def __init__(self, name: str, descriptor: int, temporary: str = "") -> None:
        self.name = name
        self.descriptor = descriptor
        self._temporary = temporary
        """Name to remove once it is linked, when the object could not be made without one."""
        self._map: mmap.mmap | None = None
        self._memory: memoryview | None = None
        self._pages: Pages | None = None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", wire.object_path(name))
            self.size, self.owner, self.mode = status.st_size, status.st_uid, status.st_mode & 0o777
            self._identity = (status.st_dev, status.st_ino)
        except BaseException:
            os.close(descriptor)
            raise

    @classmethod
    def create(cls, name: str, size: int, mode: int, wish: PageWish = NO_WISH) -> SharedObject:
        """Makes an object that has no name yet, reserves every page and maps it for a wish; one for huge pages prefaults as well.
        Reserving turns a full /dev/shm into ENOSPC here instead of a SIGBUS later."""
        descriptor, temporary = _create_nameless(name, mode)
        try:
            os.fchmod(descriptor, mode)  # the umask took bits away
            _check_room(size)
            os.ftruncate(descriptor, size)
        except BaseException:
            os.close(descriptor)
            if temporary:
                os.unlink(temporary)
            raise
        created = cls(name, descriptor, temporary)
        try:
            pages = created._map_pages(wish)
            pages.reserve()
            pages.prepare()
        except BaseException:
            created.close()
            raise
        return created

    @classmethod
    def open(cls, name: str) -> SharedObject:
        """Opens an existing object without mapping it."""
        # O_NONBLOCK: a FIFO under that name must not make us wait.
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        return cls(name, os.open(wire.object_path(name), flags))

    def map(self, wish: PageWish = NO_WISH) -> None:
        """Maps the whole object for a wish."""
        self._map_pages(wish)

    def prepare_pages(self) -> None:
        """Fulfils the wish of map. ENOSPC or ENOMEM when there is no memory for a page."""
        if self._pages is not None:
            self._pages.prepare()

    @property
    def report(self) -> MemoryReport:
        """What became of the wish of map."""
        return self._pages.report if self._pages is not None else NOTHING

    def _map_pages(self, wish: PageWish) -> Pages:
        self._map = mmap.mmap(self.descriptor, self.size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._memory = memoryview(self._map)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._pages = Pages(self.descriptor, address, self.size, wish)
        return self._pages

    @property
    def memory(self) -> memoryview:
        """The mapping."""
        if self._memory is None:
            raise ValueError("the object is not mapped")
        return self._memory

    def read(self, length: int) -> bytes:
        """Copies from the object without mapping it, for objects that may be too short to map safely."""
        return os.pread(self.descriptor, length, 0)

    def link(self) -> None:
        """Gives the object its name. FileExistsError when the name is taken."""
        source = self._temporary or _proc_path(self.descriptor)
        # Not os.link(follow_symlinks=True): it calls link(2), which does not follow, when no directory descriptor is given.
        folder, base = os.path.split(wire.object_path(self.name))
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.link(source, base, dst_dir_fd=directory, follow_symlinks=True)
        finally:
            os.close(directory)
        if self._temporary:
            temporary, self._temporary = self._temporary, ""
            os.unlink(temporary)

    def reopen(self) -> int:
        """Opens a second open file description of the object. A lock taken through it lives exactly as long as that description, while
        one taken through a mapped description would live as long as the mapping. The caller closes it."""
        path = _proc_path(self.descriptor)
        if not os.path.exists(path):
            path = self._temporary or wire.object_path(self.name)
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != self._identity:
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, "the name means another object by now", path)
        return descriptor

    def is_linked(self) -> bool:
        """Whether any name still leads to the object."""
        return os.fstat(self.descriptor).st_nlink > 0

    @property
    def born(self) -> int | None:
        """When it was made, as birth_of has it."""
        return birth_of(self.descriptor)

    def remove(self) -> None:
        """Unlinks the name when it still leads to this object."""
        path = wire.object_path(self.name)
        with suppress(FileNotFoundError):
            status = os.lstat(path)
            if (status.st_dev, status.st_ino) == self._identity:
                os.unlink(path)

    def close(self) -> None:
        """Unmaps and closes; a temporary name that was never linked is removed. BufferError while a view is alive."""
        if self.descriptor < 0:
            return
        if self._memory is not None:
            self._memory.release()
            self._memory = None
        if self._map is not None:
            self._map.close()
            self._map = None
        os.close(self.descriptor)
        self.descriptor = -1
        if self._temporary:
            os.unlink(self._temporary)
            self._temporary = ""


def _create_nameless(name: str, mode: int) -> tuple[int, str]:
    temporary = wire.temporary_path(name, "object")
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # a crashed predecessor may have left one behind
    with suppress(OSError):
        descriptor = os.open(os.path.dirname(temporary), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode)
        if os.path.exists(_proc_path(descriptor)):
            return descriptor, ""
        os.close(descriptor)
    # For file systems without O_TMPFILE and processes without /proc, through which link goes.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(temporary, flags, mode), temporary


def _check_room(size: int) -> None:
    """Refuses what cannot fit, before reserving page by page drives the whole machine out of memory."""
    status = os.statvfs(os.path.dirname(wire.object_path("")))
    room = status.f_bavail * status.f_frsize
    if status.f_blocks and size > room:
        raise OSError(errno.ENOSPC, f"{size} bytes wanted, {room} bytes free in shared memory")


def _proc_path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"
