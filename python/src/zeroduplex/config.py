"""How large a channel is and where its memory comes from."""

from __future__ import annotations

from dataclasses import dataclass

from ._generated import wire
from .errors import InvalidArgumentError
from .memory import MemoryProvider, SharedMemoryView


@dataclass(frozen=True)
class BufferConfig:
    """How large a channel's segment is and where its memory comes from. Sizes are in bytes and rounded up to multiples of 64."""

    metadata_size: int = wire.DEFAULT_V2_METADATA_SIZE
    """Size of each of the two metadata blocks. Eight bytes of it are a length prefix."""
    payload_size: int = wire.DEFAULT_V2_PAYLOAD_SIZE
    """Size of the ring of frames, at least 128. A frame takes a header of 64 bytes and its capacity."""
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

    def layout(self) -> wire.SegmentV2:
        """Where the parts of the segment stand. InvalidArgumentError for sizes that make no segment."""
        for name, value, least, most in (
            ("payload size", self.payload_size, wire.MIN_PAYLOAD_SIZE, wire.MAX_PAYLOAD_SIZE),
            ("metadata size", self.metadata_size, 0, wire.MAX_METADATA_SIZE),
        ):
            if not least <= value <= most:
                raise InvalidArgumentError(f"{name} {value} is not within {least} to {most} bytes")
        segment = wire.resolve_segment_v2(self.metadata_size, self.metadata_size, self.payload_size)
        if segment is None:
            raise InvalidArgumentError(f"metadata size {self.metadata_size} and payload size {self.payload_size} make no segment")
        return segment
