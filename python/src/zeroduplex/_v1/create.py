"""Making a v1 buffer, which its reader does."""

from __future__ import annotations

import os
from typing import Final

from .._generated import wire
from .._locks import OwnerLock
from .._names import clear_name
from .._ops import ops
from .._pages import PageWish
from .._shm import SharedObject
from .._system import system_error
from ..config import BufferConfig
from ..errors import InvalidArgumentError, NameInUseError, ReaderAlreadyConnectedError, ZeroDuplexError
from ..memory import MemoryProvider, SharedMemory, report_on
from .segment import BufferSegment, BufferSemaphores

_WAITERS_SHIFT: Final = 8 * (wire.NAMED_SEMAPHORE_WAITERS_OFFSET - wire.NAMED_SEMAPHORE_VALUE_AND_WAITERS_OFFSET)

_ATTEMPTS: Final = 100
"""Bound of the races that a creation may lose against other creators of the name."""


class OwnedBuffer:
    """A buffer with the lock of its name."""

    def __init__(self, name: str, config: BufferConfig, mode: int, wish: PageWish) -> None:
        """ReaderAlreadyConnectedError, NameInUseError, OutOfMemoryError, PermissionDeniedError, InvalidArgumentError."""
        layout = config.layout_v1()
        try:
            self._owner = _lock(name)
            try:
                self.segment = _create(name, config, layout, mode, wish)
                self.segment.report = report_on(self.segment.provider, wish)
            except BaseException:
                self._owner.release()
                raise
        except ZeroDuplexError:
            raise  # some are OSErrors, too
        except OSError as e:
            raise system_error(f"creating the buffer {name!r}", e) from e

    def leave(self) -> None:
        """Says that the reader is gone, removes the names that are still ours, and lets go of the lock last. It may be called again."""
        segment = self.segment
        # Pairs with the writer's load in Stream.space.
        segment.store(wire.OIEB_V1_READER_PID_OFFSET, wire.PID_NONE)
        # A writer that sleeps for room looks; one that is about to sleep will, a slice later. Nobody else is to find a token.
        if ops.load64(segment.semaphores.data_read + wire.NAMED_SEMAPHORE_VALUE_AND_WAITERS_OFFSET) >> _WAITERS_SHIFT:
            ops.post_if_zero(segment.semaphores.data_read)
        try:
            segment.remove_names()
        finally:
            self._owner.release()

    def close_after_fork(self) -> None:
        self._owner.close_after_fork()


def _lock(name: str) -> OwnerLock:
    try:
        return OwnerLock(name)
    except NameInUseError as e:
        if _belongs_to_v2(name):
            raise NameInUseError(f"an in-place channel has the name {name!r}") from e
        raise ReaderAlreadyConnectedError(f"creating the buffer {name!r}: another reader holds its owner lock") from e


def _belongs_to_v2(name: str) -> bool:
    try:
        found = SharedObject.open(name)
    except OSError:
        return False
    try:
        return int.from_bytes(found.read(8), "little") == wire.OIEB_V2_IDENTITY_WORD
    finally:
        found.close()


def _refuse(name: str, reader: int, writer: int) -> None:
    # A living writer of a dead reader is no reason: it will find its reader dead.
    if reader:
        raise ReaderAlreadyConnectedError(f"creating the buffer {name!r}: its reader lives (pid {reader})")


def _create(name: str, config: BufferConfig, layout: wire.SegmentV1, mode: int, wish: PageWish) -> BufferSegment:
    provider = config.memory if config.memory is not None else SharedMemory()
    if not isinstance(provider, SharedMemory):
        return _create_over(name, provider, layout, mode)
    provider._wish = wish
    for _ in range(_ATTEMPTS):
        clear_name(name, _refuse)
        try:
            return _build_object(name, provider, layout, mode)
        except FileExistsError:
            continue
    raise NameInUseError(f"the buffer {name!r}: others keep creating it")


def _build_object(name: str, own: SharedMemory, layout: wire.SegmentV1, mode: int) -> BufferSegment:
    """Makes a named object: complete but for the reader's id and the identity before it gets its name."""
    own.allocate(name, layout.length, mode)
    segment = BufferSegment(name, own, layout)
    try:
        _initialise(segment, layout)
        own.object.link()
        segment.semaphores = BufferSemaphores.replace(name, mode)
    except BaseException:
        own.object.remove()
        segment.unmap()
        raise
    _announce(segment)
    return segment


def _create_over(name: str, provider: MemoryProvider, layout: wire.SegmentV1, mode: int) -> BufferSegment:
    """Initialises a buffer in memory that somebody else provides."""
    if len(provider.memory) < layout.length:
        raise InvalidArgumentError(f"the memory has {len(provider.memory)} bytes, the buffer takes {layout.length}")
    # The semaphores go by the name, so a living buffer's must not be replaced.
    clear_name(name, _refuse)
    provider.memory[: layout.payload.offset] = bytes(layout.payload.offset)
    segment = BufferSegment(name, provider, layout)
    try:
        _initialise(segment, layout)
        segment.semaphores = BufferSemaphores.replace(name, mode)
    except BaseException:
        segment.unmap()
        raise
    _announce(segment)
    return segment


def _initialise(segment: BufferSegment, layout: wire.SegmentV1) -> None:
    """Stores everything but the reader's id and the identity; the memory is zeroed."""
    segment.store(wire.OIEB_V1_METADATA_SIZE_OFFSET, layout.metadata.size)
    segment.store(wire.OIEB_V1_METADATA_FREE_BYTES_OFFSET, layout.metadata.size)
    segment.store(wire.OIEB_V1_PAYLOAD_SIZE_OFFSET, layout.payload.size)
    segment.store(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET, layout.payload.size)


def _announce(segment: BufferSegment) -> None:
    segment.store(wire.OIEB_V1_READER_PID_OFFSET, os.getpid())
    # Last: pairs with the acquire load of an attaching writer, which sees a whole buffer when it sees the identity.
    segment.store(wire.OIEB_V1_IDENTITY_OFFSET, wire.OIEB_V1_IDENTITY_WORD)
