"""Making the segment of a server."""

from __future__ import annotations

import os
from typing import Final

from . import _locks
from ._generated import wire
from ._liveness import LockLiveness, ViewLiveness
from ._names import clear_name
from ._ops import ops
from ._pages import PageWish
from ._ring_server import ServerRing
from ._segment import Segment
from ._semaphore import Semaphores
from ._system import system_error
from .config import BufferConfig
from .errors import InvalidArgumentError, NameInUseError, SystemError, ZeroDuplexError
from .memory import MemoryProvider, SharedMemory, report_on

_ATTEMPTS: Final = 100
"""Bound of the races that a creation may lose against other creators of the name."""


def create_segment(name: str, config: BufferConfig, mode: int, metadata: bytes | None, wish: PageWish) -> Segment:
    """Makes the segment of a server that holds the owner lock of the name. Metadata of the server that is known already is there
    before any client is."""
    segment = _create(name, config, mode, metadata, wish)
    segment.report = report_on(segment.provider, wish)
    return segment


def _create(name: str, config: BufferConfig, mode: int, metadata: bytes | None, wish: PageWish) -> Segment:
    layout = config.layout()
    provider = config.memory if config.memory is not None else SharedMemory()
    try:
        if not isinstance(provider, SharedMemory):
            return _create_over(name, provider, layout, mode, metadata)
        provider._wish = wish
        for _ in range(_ATTEMPTS):
            clear_name(name, _refuse_v1)
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
    clear_name(name, _refuse_v1)
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
        segment.metadata_response.write(metadata)


def _refuse_v1(name: str, reader: int, writer: int) -> None:
    if reader or writer:
        raise NameInUseError(f"a ZeroBuffer v1 process lives in {name!r} (pid {reader or writer})")
