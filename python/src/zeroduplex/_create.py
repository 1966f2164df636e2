"""Making the segment of a server."""

from __future__ import annotations

import os
import struct
from typing import Final

from . import _locks
from ._generated import wire
from ._liveness import LockLiveness, ViewLiveness
from ._ops import ops
from ._ring_server import ServerRing
from ._segment import Segment, write_metadata
from ._semaphore import Semaphores
from ._shm import SharedObject
from ._system import system_error
from .config import BufferConfig
from .errors import InvalidArgumentError, NameInUseError, SystemError, ZeroDuplexError
from .memory import MemoryProvider, SharedMemory

_ATTEMPTS: Final = 100
"""Bound of the races that a creation may lose against other creators of the name."""


def create_segment(name: str, config: BufferConfig, mode: int, metadata: bytes | None) -> Segment:
    """Makes the segment of a server that holds the owner lock of the name. Metadata of the server that is known already is there
    before any client is."""
    layout = config.layout()
    provider = config.memory if config.memory is not None else SharedMemory()
    try:
        if not isinstance(provider, SharedMemory):
            return _create_over(name, provider, layout, mode, metadata)
        for _ in range(_ATTEMPTS):
            _clear_name(name)
            try:
                return _build_object(name, provider, layout, mode, metadata)
            except FileExistsError:
                continue
    except ZeroDuplexError:
        raise  # some are OSErrors, too
    except OSError as e:
        raise system_error(f"creating the channel {name!r}", e) from e
    raise NameInUseError(f"the channel {name!r}: others keep creating it")


def _build_object(name: str, own: SharedMemory, layout: wire.SegmentV2, mode: int, metadata: bytes | None) -> Segment:
    """Makes a named object: complete but for the first eight bytes before it gets its name, the semaphores next, those bytes last."""
    own.allocate(name, layout.length, mode)
    segment = Segment(name, own, layout)
    try:
        life = LockLiveness(own.object.reopen())
        segment.life = life
        if not _locks.try_lock_byte(life.descriptor, wire.LOCK_BYTE_SERVER):
            raise SystemError(f"creating the channel {name!r}: cannot lock a new object")
        _initialise(segment, layout, metadata)
        own.object.link()
        segment.semaphores = Semaphores.replace(name, mode)
    except BaseException:
        own.object.remove()
        segment.unmap()
        raise
    # Pairs with the acquire load of an attaching client: whoever sees the identity sees a whole segment.
    ops.store64(segment.request + wire.OIEB_V2_IDENTITY_OFFSET, wire.OIEB_V2_IDENTITY_WORD)
    return segment


def _create_over(name: str, provider: MemoryProvider, layout: wire.SegmentV2, mode: int, metadata: bytes | None) -> Segment:
    """Initialises a segment in memory that somebody else provides."""
    if len(provider.memory) < layout.length:
        raise InvalidArgumentError(f"the memory has {len(provider.memory)} bytes, the segment takes {layout.length}")
    # The semaphores go by the name, so a living server's must not be replaced.
    _clear_name(name)
    provider.memory[: layout.payload.offset] = bytes(layout.payload.offset)
    segment = Segment(name, provider, layout)
    segment.life = ViewLiveness(segment.request, segment.response)
    segment.semaphores = semaphores = Semaphores.replace(name, mode)
    try:
        _initialise(segment, layout, metadata)
    except BaseException:
        semaphores.remove()
        segment.unmap()
        raise
    # Pairs with the acquire load of an attaching client.
    ops.store64(segment.request + wire.OIEB_V2_IDENTITY_OFFSET, wire.OIEB_V2_IDENTITY_WORD)
    return segment


def _initialise(segment: Segment, layout: wire.SegmentV2, metadata: bytes | None) -> None:
    """Stores everything but the first eight bytes."""
    for block, size in (
        (segment.request, layout.metadata_request.size),
        (segment.response, layout.metadata_response.size),
    ):
        ops.store64(block + wire.OIEB_V2_METADATA_SIZE_OFFSET, size)
        ops.store64(block + wire.OIEB_V2_METADATA_FREE_BYTES_OFFSET, size)
        ops.store64(block + wire.OIEB_V2_PAYLOAD_SIZE_OFFSET, layout.payload.size)
    ServerRing(segment.port, segment.request, segment.response, segment.payload).reset()
    ops.store64(segment.request + wire.OIEB_V2_READER_PID_OFFSET, os.getpid())
    ops.store64(segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())
    ops.store64(segment.response + wire.OIEB_V2_IDENTITY_OFFSET, wire.OIEB_V2_IDENTITY_WORD)
    if metadata is not None:
        write_metadata(segment.response, segment.metadata_response, metadata)


def _clear_name(name: str) -> None:
    """Removes what a dead owner left under the name, and refuses when the owner lives or the object is not ours."""
    try:
        old = SharedObject.open(name)
    except FileNotFoundError:
        return
    except PermissionError as e:
        raise NameInUseError(f"another user's object has the name {name!r}") from e
    except OSError as e:
        raise NameInUseError(f"something that is no shared-memory object has the name {name!r}") from e
    try:
        _check_removable(name, old.read(wire.OIEB_V1_SIZE))
        # The truth about a v2 owner. We keep the byte until the name is gone, so that no two creators remove each other's objects.
        if not _locks.try_lock_byte(old.descriptor, wire.LOCK_BYTE_SERVER):
            raise NameInUseError(f"a living server has the name {name!r}")
        old.remove()
    finally:
        old.close()


def _check_removable(name: str, head: bytes) -> None:
    identity = int.from_bytes(head[:8], "little")
    if identity == wire.OIEB_V2_IDENTITY_WORD:
        return
    if identity == wire.IDENTITY_NOT_READY and (not head or len(head) >= wire.OIEB_V2_SIZE):
        return
    if identity & 0xFFFFFFFF != wire.OIEB_V1_SIZE or len(head) < wire.OIEB_V1_SIZE:
        raise NameInUseError(f"a file that is not ours has the name {name!r}")
    for offset in (wire.OIEB_V1_WRITER_PID_OFFSET, wire.OIEB_V1_READER_PID_OFFSET):
        (pid,) = struct.unpack_from("<Q", head, offset)
        if pid != wire.PID_NONE and _process_exists(pid):
            raise NameInUseError(f"a ZeroBuffer v1 process lives in {name!r} (pid {pid})")


def _process_exists(pid: int) -> bool:
    """How v1 tells a living process: by its id, in our pid namespace."""
    if not 0 < pid <= 0x7FFFFFFF:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
