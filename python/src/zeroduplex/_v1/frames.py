"""What the ends of a stream lend: frames to read, and room for frames to fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._loans import LentToFill, LentToRead
from .ring_reader import Slot

if TYPE_CHECKING:
    from .reader import Reader
    from .writer import Writer


class ReceivedFrame(LentToRead["Reader"]):
    """A frame in shared memory. Its bytes are the reader's to read and write until release, which any thread may call; frames may be
    released in any order. Use it as a context manager, or release it.

    It outlives its reader: the memory stays mapped until the last frame is released.
    """

    def __init__(self, reader: Reader, slot: Slot, payload: memoryview) -> None:
        self._lender = reader
        self._slot = slot
        self._sequence = slot.sequence
        self._payload = payload
        self._start = slot.start
        self._size = slot.size

    def _title(self) -> str:
        return f"frame {self._sequence} of {self._lender.name!r}"

    @property
    def sequence(self) -> int:
        """The writer's number of the frame, 1 for its first."""
        return self._sequence

    def __repr__(self) -> str:
        return f"<ReceivedFrame {self._sequence}, {self._size} bytes{'' if self._live else ', released'}>"


class FrameBuffer(LentToFill["Writer"]):
    """Ring space for one frame. Fill data, then commit or abort; until then other writers of the process wait. It belongs to one thread.

    As a context manager it commits at the end of the block unless it was committed or aborted in it, and aborts when the block raises.
    """

    def __init__(self, writer: Writer, payload: memoryview, start: int, size: int) -> None:
        self._lender = writer
        self._payload = payload
        self._start = start
        self._size = size

    def _title(self) -> str:
        return f"the frame buffer of {self._lender.name!r}"

    def commit(self) -> int:
        """Publishes the frame and returns its sequence number. ViewInUseError while a view of the data is alive: the buffer then is what it
        was before. FrameReleasedError after commit or abort; ClosedError and ReaderDeadError abort it."""
        if not self._end():
            self._released()
        return self._lender._commit(self, self._size)

    def __repr__(self) -> str:
        return f"<FrameBuffer of {self._size} bytes{'' if self._live else ', ended'}>"
