"""One mapped segment, as both sides use it."""

from __future__ import annotations

import struct
from typing import Final

from ._generated import wire
from ._liveness import Liveness
from ._ops import ops
from ._semaphore import Semaphores
from .errors import ClosedError, CorruptedError, InvalidNameError, MetadataTooLargeError
from .memory import MemoryProvider, address_of

_PREFIX: Final = struct.Struct("<Q")


class Segment:
    """The regions of a segment over memory whose length was checked against the layout."""

    def __init__(self, name: str, provider: MemoryProvider, layout: wire.SegmentV2) -> None:
        self.name = name
        self.provider = provider
        self._liveness: Liveness | None = None
        self._semaphores: Semaphores | None = None
        memory = provider.memory
        base = address_of(memory)

        def region(r: wire.Region) -> memoryview:
            return memory[r.offset : r.offset + r.size]

        self.request = base + layout.oieb_request.offset
        self.response = base + layout.oieb_response.offset
        self.metadata_request = region(layout.metadata_request)
        self.metadata_response = region(layout.metadata_response)
        self.payload = region(layout.payload)
        self.port = ops.port(self.request, self.response, base + layout.payload.offset)

    @property
    def life(self) -> Liveness:
        if self._liveness is None:
            raise ClosedError(f"{self.name!r} has no liveness")
        return self._liveness

    @life.setter
    def life(self, liveness: Liveness) -> None:
        self._liveness = liveness

    @property
    def semaphores(self) -> Semaphores:
        if self._semaphores is None:
            raise ClosedError(f"{self.name!r} has no semaphores")
        return self._semaphores

    @semaphores.setter
    def semaphores(self, all_four: Semaphores) -> None:
        self._semaphores = all_four
        self.port.set_semaphores(all_four.request_ready, all_four.response_ready, all_four.response_consumed, all_four.space_available)

    def unmap(self) -> None:
        """Ends this process's use of the segment. Nobody may use it, its frames or its semaphores any more."""
        if self._semaphores is not None:
            self._semaphores.close()
            self._semaphores = None
        self.close_descriptors()
        for region in (self.metadata_request, self.metadata_response, self.payload):
            region.release()
        self.provider.close()

    def close_descriptors(self) -> None:
        """Closes what carries locks, without unlocking. In a forked child this is all that may be done."""
        if self._liveness is not None:
            self._liveness.close()


def write_metadata(block: int, area: memoryview, content: bytes) -> None:
    """Stores content into a side's own metadata block, written_bytes last. Pairs with read_metadata on the other side."""
    written = wire.METADATA_PREFIX_SIZE + len(content)
    if written > len(area):
        room = max(len(area) - wire.METADATA_PREFIX_SIZE, 0)
        raise MetadataTooLargeError(f"metadata of {len(content)} bytes, room for {room}")
    area[wire.METADATA_PREFIX_SIZE : written] = content
    _PREFIX.pack_into(area, wire.METADATA_BLOCK_CONTENT_LENGTH_OFFSET, len(content))
    ops.store64(block + wire.OIEB_V2_METADATA_FREE_BYTES_OFFSET, len(area) - written)
    ops.store64(block + wire.OIEB_V2_METADATA_WRITTEN_BYTES_OFFSET, written)


def read_metadata(block: int, area: memoryview) -> bytes | None:
    """A copy of the other side's metadata, None when it has written none. Pairs with write_metadata."""
    written = ops.load64(block + wire.OIEB_V2_METADATA_WRITTEN_BYTES_OFFSET)
    if written == 0:
        return None
    if not wire.METADATA_PREFIX_SIZE <= written <= len(area):
        raise CorruptedError(f"metadata_written_bytes {written} in a block of {len(area)}")
    (length,) = _PREFIX.unpack_from(area, wire.METADATA_BLOCK_CONTENT_LENGTH_OFFSET)
    if length != written - wire.METADATA_PREFIX_SIZE:
        raise CorruptedError(f"metadata length prefix {length}, metadata_written_bytes {written}")
    return bytes(area[wire.METADATA_PREFIX_SIZE : written])


def check_name(name: str) -> None:
    """Applies the name rules."""
    if not wire.valid_name(name):
        raise InvalidNameError(f"the name {name!r} of {len(name)} characters")
