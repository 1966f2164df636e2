"""Metadata blocks, which both protocols lay out in the same way."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from ._generated import wire
from ._ops import ops
from .errors import CorruptedError, MetadataTooLargeError

_PREFIX: Final = struct.Struct("<Q")


class MetadataBlock(NamedTuple):
    """A side's metadata and the words that speak of it."""

    area: memoryview
    free_bytes: int
    """Address of the word."""
    written_bytes: int
    """Address of the word."""

    def is_written(self) -> bool:
        return ops.load64(self.written_bytes) != 0

    def clear(self) -> None:
        """Makes it what it is before anything is written; nobody reads or writes it meanwhile."""
        ops.store64(self.written_bytes, 0)
        ops.store64(self.free_bytes, len(self.area))

    def write(self, content: bytes) -> None:
        """Stores content, written_bytes last. Pairs with read on the other side."""
        area = self.area
        written = wire.METADATA_PREFIX_SIZE + len(content)
        if written > len(area):
            room = max(len(area) - wire.METADATA_PREFIX_SIZE, 0)
            raise MetadataTooLargeError(f"metadata of {len(content)} bytes, room for {room}")
        area[wire.METADATA_PREFIX_SIZE : written] = content
        _PREFIX.pack_into(area, wire.METADATA_BLOCK_CONTENT_LENGTH_OFFSET, len(content))
        ops.store64(self.free_bytes, len(area) - written)
        ops.store64(self.written_bytes, written)

    def read(self, exact: bool = True) -> bytes | None:
        """A copy of what the other side wrote, None when it has written nothing. Pairs with write. exact: content must fill what is said
        to be written, as it does in v2."""
        area = self.area
        written = ops.load64(self.written_bytes)
        if written == 0:
            return None
        if not wire.METADATA_PREFIX_SIZE <= written <= len(area):
            raise CorruptedError(f"metadata_written_bytes {written} in a block of {len(area)}")
        (length,) = _PREFIX.unpack_from(area, wire.METADATA_BLOCK_CONTENT_LENGTH_OFFSET)
        room = written - wire.METADATA_PREFIX_SIZE
        if length > room or (exact and length != room):
            raise CorruptedError(f"metadata length prefix {length}, metadata_written_bytes {written}")
        return bytes(area[wire.METADATA_PREFIX_SIZE : wire.METADATA_PREFIX_SIZE + length])
