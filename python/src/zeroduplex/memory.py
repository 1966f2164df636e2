"""Where the memory of a segment comes from."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from typing import Any

from ._generated import wire
from ._pages import NO_WISH, NOT_OURS, NOTHING, MemoryReport, PageWish
from ._shm import SharedObject
from .errors import InvalidArgumentError


def address_of(memory: memoryview) -> int:
    """Where memory stands. Whoever uses the address keeps the memory alive."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def flat(data: Any) -> memoryview:
    """The bytes of any contiguous buffer. InvalidArgumentError for everything else."""
    try:
        return memoryview(data).cast("B")
    except TypeError as e:
        raise InvalidArgumentError(f"the data is no contiguous buffer: {e}") from e


class MemoryProvider(ABC):
    """Supplies the memory of a segment. Not thread-safe."""

    @abstractmethod
    def allocate(self, name: str, size: int, mode: int) -> None:
        """Makes `size` bytes of new, zeroed memory under a name. A provider of existing memory refuses."""

    @property
    @abstractmethod
    def memory(self) -> memoryview:
        """The memory. The provider owns it until close."""

    @property
    @abstractmethod
    def has_liveness(self) -> bool:
        """Whether the death of a peer can be noticed."""

    @abstractmethod
    def close(self) -> None:
        """Gives the memory back. BufferError while a view of it is alive: nothing is ever unmapped under a view."""


class SharedMemory(MemoryProvider):
    """A POSIX shared-memory object. Every page is reserved when it is allocated, so that a full /dev/shm is an error then and never a
    signal later."""

    def __init__(self) -> None:
        self._object: SharedObject | None = None
        self._wish = NO_WISH
        """Of the server or reader that allocates it."""

    @classmethod
    def of(cls, shared: SharedObject) -> SharedMemory:
        """Takes over an opened object."""
        own = cls()
        own._object = shared
        return own

    def allocate(self, name: str, size: int, mode: int = wire.DEFAULT_V2_OBJECT_MODE) -> None:
        """Makes and maps an object that has no name yet; the channel gives it its name when it is complete."""
        if self._object is not None:
            raise InvalidArgumentError(f"this provider holds the memory of {self._object.name!r} already")
        self._object = SharedObject.create(name, size, mode, self._wish)

    @property
    def object(self) -> SharedObject:
        if self._object is None:
            raise InvalidArgumentError("nothing was allocated")
        return self._object

    @property
    def memory(self) -> memoryview:
        return self.object.memory

    @property
    def has_liveness(self) -> bool:
        return True

    def close(self) -> None:
        """Unmaps the memory. It does not remove a name."""
        if self._object is not None:
            self._object.close()
            self._object = None


class SharedMemoryView(MemoryProvider):
    """Existing memory: a mapping of the caller's own, or memory of this process for both ends of a channel in it.

    It refuses to allocate and has no liveness: no lock tells whether the other side lives, so a peer that dies without closing is not
    noticed. It takes any writable buffer that starts on a 64-byte boundary, such as an anonymous `mmap.mmap(-1, size)`.
    """

    def __init__(self, buffer: Any) -> None:
        try:
            self._memory = memoryview(buffer).cast("B")
        except TypeError as e:
            raise InvalidArgumentError(f"this is no contiguous buffer: {e}") from e
        if self._memory.readonly or not self._memory:
            raise InvalidArgumentError("the memory is empty or read-only")
        if address_of(self._memory) % wire.BLOCK_ALIGNMENT:
            raise InvalidArgumentError(f"the memory does not start on a {wire.BLOCK_ALIGNMENT}-byte boundary")

    def allocate(self, name: str, size: int, mode: int) -> None:
        raise InvalidArgumentError(f"a view maps existing memory and cannot allocate {size} bytes for {name!r}")

    @property
    def memory(self) -> memoryview:
        return self._memory

    @property
    def has_liveness(self) -> bool:
        return False

    def close(self) -> None:
        """Does nothing: the memory is the caller's."""


def report_on(provider: MemoryProvider, wish: PageWish) -> MemoryReport:
    """What became of a wish for memory that is ready."""
    if isinstance(provider, SharedMemory):
        return provider.object.report
    return NOTHING if wish == NO_WISH else NOT_OURS
