"""How large a channel or buffer is and where its memory comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from ._generated import wire
from .errors import InvalidArgumentError
from .memory import MemoryProvider, SharedMemoryView

_Layout = TypeVar("_Layout", wire.SegmentV1, wire.SegmentV2)


@dataclass(frozen=True)
class BufferConfig:
    """How large a channel's segment is, or a v1 buffer, and where its memory comes from. Sizes are in bytes and rounded up to multiples
    of 64. The defaults are those of in-place channels; default_v1 has those of v1."""

    metadata_size: int = wire.DEFAULT_V2_METADATA_SIZE
    """Size of each of the two metadata blocks, or of the one of a v1 buffer. Eight bytes of it are a length prefix."""
    payload_size: int = wire.DEFAULT_V2_PAYLOAD_SIZE
    """Size of the ring of frames. In an in-place channel at least 128, and a frame takes a header of 64 bytes and its capacity; in v1 a
    frame takes 16 bytes and its data, and only frames of up to half the payload find room at every position."""
    memory: MemoryProvider | None = None
    """None for a shared-memory object of the channel's name, or a SharedMemoryView of existing memory."""

    @classmethod
    def over(cls, view: SharedMemoryView, metadata_size: int = wire.DEFAULT_V2_METADATA_SIZE) -> BufferConfig:
        """Puts the channel into existing memory; the payload takes all that the rest of the segment leaves. See SharedMemoryView."""
        smallest = wire.resolve_segment_v2(metadata_size, metadata_size, wire.MIN_PAYLOAD_SIZE)
        if smallest is None or len(view.memory) < smallest.length:
            raise InvalidArgumentError(f"a channel with metadata of {metadata_size} bytes does not fit {len(view.memory)} bytes")
        payload = len(view.memory) - smallest.payload.offset
        return cls(metadata_size, payload - payload % wire.BLOCK_ALIGNMENT, view)

    @classmethod
    def default_v1(cls) -> BufferConfig:
        """The sizes of a v1 buffer for whom nothing else is said."""
        return cls(wire.DEFAULT_V1_METADATA_SIZE, wire.DEFAULT_V1_PAYLOAD_SIZE)

    @classmethod
    def over_v1(cls, view: SharedMemoryView, metadata_size: int = wire.DEFAULT_V1_METADATA_SIZE) -> BufferConfig:
        """Puts a v1 buffer into existing memory; the payload takes all that the rest leaves. See SharedMemoryView."""
        smallest = wire.resolve_segment_v1(metadata_size, 0)
        if smallest is None or len(view.memory) < smallest.length:
            raise InvalidArgumentError(f"a buffer with metadata of {metadata_size} bytes does not fit {len(view.memory)} bytes")
        payload = len(view.memory) - smallest.length
        return cls(metadata_size, payload - payload % wire.BLOCK_ALIGNMENT, view)

    def layout(self) -> wire.SegmentV2:
        """Where the parts of the segment stand. InvalidArgumentError for sizes that make no segment."""
        self._check(wire.MIN_PAYLOAD_SIZE)
        return self._found(wire.resolve_segment_v2(self.metadata_size, self.metadata_size, self.payload_size))

    def layout_v1(self) -> wire.SegmentV1:
        """Where the parts of a v1 buffer stand. InvalidArgumentError for sizes that make none."""
        self._check(0)
        return self._found(wire.resolve_segment_v1(self.metadata_size, self.payload_size))

    def _check(self, least_payload: int) -> None:
        for name, value, least, most in (
            ("payload size", self.payload_size, least_payload, wire.MAX_PAYLOAD_SIZE),
            ("metadata size", self.metadata_size, 0, wire.MAX_METADATA_SIZE),
        ):
            if not least <= value <= most:
                raise InvalidArgumentError(f"{name} {value} is not within {least} to {most} bytes")

    def _found(self, layout: _Layout | None) -> _Layout:
        if layout is None:
            raise InvalidArgumentError(f"metadata size {self.metadata_size} and payload size {self.payload_size} make no segment")
        return layout
