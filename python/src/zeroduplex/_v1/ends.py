"""One end of a buffer with what it knows of the other one. Nothing here locks or waits; the owner serialises the calls."""

from __future__ import annotations

from contextlib import suppress
from typing import Generic, TypeVar

from .._generated import wire
from .._lender import Lender
from .._pages import MemoryReport
from .._process import process_alive
from ..errors import CorruptedError, MetadataAlreadyWrittenError, ReaderDeadError
from .create import OwnedBuffer
from .ring_reader import ReaderRing, Slot
from .ring_writer import WriterRing
from .segment import BufferSegment
from .stream import FRAME, READER_CLOSED


class ReaderEnd:
    """Owns the buffer."""

    def __init__(self, owned: OwnedBuffer) -> None:
        self.owned = owned
        self.segment = owned.segment
        self.stream = owned.segment.stream
        self.payload = owned.segment.payload
        self.ring = ReaderRing(self.stream, len(self.payload))
        self._writer_seen = False

    def next(self) -> Slot | None:
        """The next frame if its token is there. CorruptedError, SequenceError."""
        while got := self.stream.next(0):
            if got == FRAME:
                # A token that stands for nothing ends the look: however many of them somebody stores, the caller gets to see the clock.
                return self.ring.take()
        return None

    def writer_left(self, ask_kernel: bool) -> bool:
        """Whether there was a writer that is gone. A dead one, which did not say so itself, shows only when the kernel is asked."""
        pid = self.segment.writer_pid
        if pid == wire.PID_NONE:
            return self._writer_seen or self.ring.anything_read
        self._writer_seen = True
        return ask_kernel and not process_alive(pid)

    def last_of_writer(self) -> Slot | None:
        """The next frame of a writer that left, which may have published it since the last look, or died before it posted its token."""
        slot = self.next()
        if slot is None and self.segment.writer_pid != wire.PID_NONE:
            slot = self.ring.recover()
        return slot

    def leave(self) -> None:
        """Says that this side is gone. It may be called again."""
        self.owned.leave()

    def close_after_fork(self) -> None:
        """Closes what carries the parent's locks, without unlocking, in a forked child."""
        self.owned.close_after_fork()

    def unmap(self) -> None:
        # A view that went past all our counting keeps the memory mapped: nothing is unmapped under it.
        with suppress(BufferError):
            self.segment.unmap()


class WriterEnd:
    """Is attached to the buffer."""

    def __init__(self, segment: BufferSegment) -> None:
        self.segment = segment
        self.stream = segment.stream
        self.payload = segment.payload
        self.ring = WriterRing(self.stream, len(self.payload))
        self._metadata_written = segment.metadata.is_written()
        self._left = False

    def has_room(self, ask_kernel: bool) -> bool:
        """Whether the frame that was placed last has room now. ReaderDeadError; a dead reader, which did not say so itself, shows only when
        the kernel is asked. CorruptedError."""
        free = self.stream.space(0, 0)
        if free == READER_CLOSED or (ask_kernel and not self.segment.reader_alive()):
            raise ReaderDeadError(f"the reader of {self.segment.name!r} is gone")
        size = len(self.payload)
        if free > size:
            raise CorruptedError(f"{free} bytes are free in a payload of {size}")
        return free >= self.ring.need

    def set_metadata(self, content: bytes) -> None:
        """MetadataAlreadyWrittenError, MetadataTooLargeError."""
        if self._metadata_written:
            raise MetadataAlreadyWrittenError(f"the metadata of the buffer {self.segment.name!r}")
        self.segment.metadata.write(content)
        self._metadata_written = True

    def leave(self) -> None:
        """Says that this side is gone. It may be called again."""
        # Once: later the id may be that of another writer of this process.
        if not self._left:
            self._left = True
            self.segment.leave_writer()

    def close_after_fork(self) -> None:
        """Has no locks."""

    def unmap(self) -> None:
        with suppress(BufferError):
            self.segment.unmap()


_End = TypeVar("_End", ReaderEnd, WriterEnd)


class EndOwner(Lender, Generic[_End]):
    """What owns one end, lends bytes of it and leaves it."""

    _end: _End

    @property
    def memory_report(self) -> MemoryReport:
        """What became of the options prefault and huge_pages, also after close."""
        return self._end.segment.report

    def _leave(self) -> None:
        self._end.leave()

    def _detach(self) -> None:
        self._end.leave()
        self._end.unmap()

    def _close_descriptors(self) -> None:
        self._end.close_after_fork()
