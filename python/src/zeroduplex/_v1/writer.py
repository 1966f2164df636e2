"""The writer of a v1 buffer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn

from .._generated import wire
from .._loans import LendsToFill
from .._names import check_name
from .._ops import ops
from .._pages import PageWish
from .._waiting import Deadline, Spinning
from ..errors import AcquisitionOpenError, BufferFullError, CorruptedError, ReaderDeadError, same_again
from ..memory import SharedMemoryView, flat
from ..options import SPIN_WINDOW, WAIT_SLICE, WaitStrategy, check_duration, check_platform, seconds
from .attach import WriterAttempt
from .ends import EndOwner, WriterEnd
from .frames import FrameBuffer
from .segment import BufferSegment, BufferUsage

_Register = Callable[[int], None]


def _nothing() -> None:
    pass


class Writer(EndOwner[WriterEnd], LendsToFill):
    """Attaches to a ZeroBuffer v1 buffer and sends its frames. All methods are thread-safe: of several threads that write, each gets its
    turn. As a context manager it closes.

    It writes what Reader and the published ZeroBuffer readers understand.
    """

    _kind = "writer"

    def __init__(
        self,
        name: str,
        *,
        connect_timeout: float = seconds(wire.DEFAULT_V1_CONNECT_TIMEOUT),
        write_timeout: float = seconds(wire.DEFAULT_V1_WRITE_TIMEOUT),
        wait: WaitStrategy = WaitStrategy.HYBRID,
        spin_window: float = SPIN_WINDOW,
        memory: SharedMemoryView | None = None,
        allow_other_users: bool = False,
        prefault: bool = False,
        huge_pages: bool = False,
    ) -> None:
        """Attaches, retrying within connect_timeout (0 tries once) what time may heal: no buffer yet, a dead reader, another writer.

        write_timeout: seconds, for writes and acquisitions that give none themselves. spin_window: how long a hybrid wait spins before it
        sleeps, in seconds. memory: attaches to a buffer in existing memory. allow_other_users: accepts another user's object.
        prefault, huge_pages: as of a server, for this process's mapping.

        BufferNotFoundError, ReaderDeadError, WriterAlreadyConnectedError, VersionMismatchError, PermissionDeniedError, CorruptedError,
        OutOfMemoryError, InvalidNameError, InvalidArgumentError, UnsupportedPlatformError.
        """
        check_platform()
        check_name(name)
        timeout = check_duration("a connect timeout", connect_timeout)
        options = check_duration("a write timeout", write_timeout), WaitStrategy(wait), check_duration("a spin window", spin_window)
        self._attached(WriterAttempt(name, timeout, memory, allow_other_users, PageWish(prefault, huge_pages)).run(), *options)

    @classmethod
    def _over(cls, segment: BufferSegment, write_timeout: float, wait: WaitStrategy, spin_window: float) -> Writer:
        """A writer of a buffer that is attached already."""
        writer = cls.__new__(cls)
        writer._attached(segment, write_timeout, wait, spin_window)
        return writer

    def _attached(self, segment: BufferSegment, write_timeout: float, wait: WaitStrategy, spin_window: float) -> None:
        self._end = WriterEnd(segment)
        self._write_timeout, self._wait, self._spin_window = write_timeout, wait, spin_window
        self._checked = time.monotonic()
        self._meanwhile: Callable[[], None] = _nothing
        """What is to be done from time to time while a write waits for room; no lock is held."""
        super().__init__(segment.name)

    def write_frame(self, data: Any, timeout: float | None = None) -> int:
        """Copies data, any contiguous buffer of 1 byte or more, into the ring and publishes it. Returns the frame's sequence number.

        BufferFullError when there was no room within so many seconds; FrameTooLargeError for what never fits, of it FrameUnplaceableError
        for what does not fit at the present position; InvalidFrameSizeError, AcquisitionOpenError, ReaderDeadError, CorruptedError,
        ClosedError; SystemError when the reader's semaphore is full, which only a broken peer can make it.
        """
        return self._write(data, self._timeout(timeout, self._write_timeout), None)

    def _write(self, data: Any, timeout: float | Deadline, register: _Register | None) -> int:
        if type(data) is not bytes:
            data = flat(data)
        size = len(data)
        with self._lock:
            start = self._claim(size, timeout)
            try:
                self._end.payload[start : start + size] = data
                return self._publish(size, register)
            finally:
                self._turn.release()

    def acquire_frame_buffer(self, size: int, timeout: float | None = None) -> FrameBuffer:
        """Claims size bytes of the ring to be filled in place. One buffer is out at a time; other writers of the process queue behind it.
        The errors of write_frame. Nothing of it shows outside before commit."""
        start = self._acquire(size, self._timeout(timeout, self._write_timeout))
        return FrameBuffer(self, self._end.payload, start, size)

    def _acquire(self, size: int, timeout: float) -> int:
        with self._lock:
            start = self._claim(size, timeout)
            self._turn.is_buffer = True
            self._out += 1
            return start

    def _claim(self, size: int, timeout: float | Deadline) -> int:
        """Gets the turn and room for a frame, and returns where its data goes; the lock is held, and may have been let go meanwhile."""
        end = self._end
        end.ring.check(size)
        if self._dropped:
            self._give_back_dropped()
        if self._failure is not None:
            raise self._failure()
        if not self._turn.try_take():
            timeout = Deadline.of(timeout)
            self._take_turn(timeout, self._expired)
        try:
            start = end.ring.place(size)
            now = time.monotonic()
            # Nobody may ever wait here, so a dead reader must be noticed here.
            ask = now - self._checked >= WAIT_SLICE
            if ask:
                self._checked = now
            if not end.has_room(ask):
                self._await_room(Deadline.of(timeout))
            return start
        except BaseException as e:
            self._turn.release()
            self._spoil(e)
            raise

    def _await_room(self, deadline: Deadline) -> None:
        """Waits for room; the lock is held and let go meanwhile. Only the holder of the turn is here, so at most one thread of the process
        sleeps on data_read."""
        end = self._end
        need, data_read = end.ring.need, end.segment.semaphores.data_read
        spinning = Spinning(self._wait, self._spin_window)
        self._calls += 1
        try:
            while True:
                left = deadline.left()
                now = time.monotonic()
                ask = left <= 0 or now - self._checked >= WAIT_SLICE
                if ask:
                    self._checked = now
                if end.has_room(ask):
                    return
                if left <= 0:
                    self._expired()
                spin = spinning.next_ns(left)
                try:
                    self._lock.release()
                    self._meanwhile()
                    if spin:
                        end.stream.space(need, spin)
                    else:
                        ops.wait(data_read, deadline.slice_ns())
                finally:
                    self._lock.acquire()
                if self._failure is not None:
                    raise self._failure()
        finally:
            self._left()

    def _publish(self, size: int, register: _Register | None) -> int:
        """Publishes the claim; the lock is held. register: is told the number just before the reader can see the frame."""
        if register is not None:
            register(self._end.ring.next_sequence)
        return self._end.ring.publish(size)

    def _commit(self, loan: Any, size: int, register: _Register | None = None) -> int:
        """Ends a claim in the application's hands by publishing it. It is aborted when the writer has failed meanwhile."""
        with self._lock:
            loan._ended = True
            self._out -= 1
            try:
                if self._failure is not None:
                    raise self._failure()
                return self._publish(size, register)
            finally:
                self._turn.release()
                self._settle()

    def _abort(self, loan: Any) -> None:
        with self._lock:
            self._abort_locked(loan)

    def _abort_locked(self, loan: Any) -> None:
        if not loan._ended:
            loan._ended = True
            self._out -= 1
            self._turn.release()
            self._settle()

    def _expired(self) -> NoReturn:
        if self._turn.is_buffer:
            raise AcquisitionOpenError(f"writing to {self._name!r}: an acquired buffer is still out")
        raise BufferFullError(f"writing to {self._name!r}: {self._end.segment.usage()}")

    def _spoil(self, error: BaseException) -> None:
        """Remembers what makes all further writing useless; the lock is held."""
        if self._failure is not None:
            return
        if isinstance(error, CorruptedError):
            self._failure = same_again(error)
        elif isinstance(error, ReaderDeadError):
            detail = error.detail
            self._failure = lambda: ReaderDeadError(detail)
        if self._failure is not None:
            self._wake_all()

    def set_metadata(self, content: bytes) -> None:
        """Writes the metadata. A buffer takes it once, whoever wrote it. MetadataAlreadyWrittenError, MetadataTooLargeError, ClosedError,
        ReaderDeadError, CorruptedError."""
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            self._end.set_metadata(content)

    @property
    def is_reader_connected(self) -> bool:
        """Whether the reader lives, now."""
        with self._lock:
            return self._failure is None and self._end.segment.reader_alive()

    @property
    def usage(self) -> BufferUsage:
        """The buffer's counters, now. ClosedError."""
        with self._lock:
            self._refuse_when_closed()
            return self._end.segment.usage()

    def _wake_all(self) -> None:
        if self._calls and not self._detached:
            ops.post_if_zero(self._end.segment.semaphores.data_read)
        self._turn.wake_all()
