"""The writer's end of a v1 ring: where its next frame goes.

Nothing here locks; the owner serialises the calls.
"""

from __future__ import annotations

from typing import Final

from .._generated import wire
from ..errors import FrameTooLargeError, FrameUnplaceableError, InvalidFrameSizeError, SystemError
from .stream import POSITION, SEQUENCE, Stream

HEADER: Final = wire.FRAME_HEADER_V1_SIZE


class WriterRing:
    """Goes on where the former writer stopped."""

    def __init__(self, stream: Stream, payload_size: int) -> None:
        self._stream = stream
        self._words = stream.words
        self._size = payload_size
        self.need = 0
        """Free bytes that the placed frame needs."""
        self._waste = 0

    @property
    def most(self) -> int:
        """Size of the largest frame that any position has room for, 0 or less when there is none."""
        return min(self._size - HEADER, wire.MAX_FRAME_DATA)

    def fitting(self, size: int) -> int:
        """The largest size, at most this one, that can be placed at the present position. 0 or less when there is none."""
        position = self._words[POSITION]
        room = self._size - position
        total = min(size + HEADER, max(room, position))
        if not (total == room or room - total >= HEADER or total <= position):
            total = max(room - HEADER, position)
        return total - HEADER

    def check(self, size: int) -> None:
        """Refuses what finds room at no position. InvalidFrameSizeError, FrameTooLargeError.

        A frame never leaves a rest of 1 to 15 bytes behind it, which no marker fits and published readers misread; it goes to the start of
        the ring instead. So a payload takes one frame that fills it exactly, but none that is shorter by less than a header.
        """
        if size <= 0:
            raise InvalidFrameSizeError(f"{size} bytes")
        payload, total = self._size, size + HEADER
        if size > wire.MAX_FRAME_DATA:
            raise FrameTooLargeError(f"{size} bytes; no frame holds more than {wire.MAX_FRAME_DATA}")
        if total > payload:
            raise FrameTooLargeError(f"header and data take {total} bytes of a payload of {payload}")
        if 0 < payload - total < HEADER:
            raise FrameTooLargeError(
                f"{size} bytes would leave {payload - total} bytes of the payload of {payload}, too few for a wrap marker; "
                f"at most {payload - 2 * HEADER} bytes, or exactly {payload - HEADER}"
            )

    def place(self, size: int) -> int:
        """Where the data of a frame of this size, which was checked, stands. FrameUnplaceableError."""
        payload, total = self._size, size + HEADER
        position = self._words[POSITION]
        room = payload - position
        if room == total or room - total >= HEADER:
            self._waste, self.need = 0, total
            return position + HEADER
        if total > position:
            raise FrameUnplaceableError(
                f"header and data take {total} bytes, at position {position} of a payload of {payload} there are {room} behind "
                f"and {position} before it"
            )
        self._waste, self.need = room, room + total
        return HEADER

    def publish(self, size: int) -> int:
        """Publishes the frame that was placed last and has as many bytes, and returns its number."""
        problem = self._stream.publish(self._waste, size)
        sequence = self._words[SEQUENCE]
        if problem:
            raise SystemError(f"frame {sequence} was published, but posting its semaphore failed: errno {problem}")
        return sequence

    @property
    def next_sequence(self) -> int:
        return self._words[SEQUENCE] + 1
