"""The reader of a v1 buffer."""

from __future__ import annotations

import time
from typing import NoReturn

from .._generated import wire
from .._loans import LendsToRead
from .._names import check_name
from .._pages import PageWish
from .._waiting import Deadline, Spinning
from ..config import BufferConfig
from ..errors import CorruptedError, TimeoutError, WriterDeadError, same_again
from ..options import SPIN_WINDOW, WAIT_SLICE, WaitStrategy, check_duration, check_mode, check_platform, seconds
from .create import OwnedBuffer
from .ends import EndOwner, ReaderEnd
from .frames import ReceivedFrame
from .ring_reader import Slot
from .segment import BufferUsage
from .stream import FRAME


class Reader(EndOwner[ReaderEnd], LendsToRead):
    """Creates a ZeroBuffer v1 buffer, owns it and receives its frames. All methods are thread-safe: of several threads that read, each
    gets its turn. As a context manager it closes.

    It reads what Writer and the published ZeroBuffer writers send. A writer that left may be followed by another one, whose frames are
    numbered from 1 again.
    """

    _kind = "reader"

    def __init__(
        self,
        name: str,
        config: BufferConfig | None = None,
        *,
        mode: int = wire.DEFAULT_V2_OBJECT_MODE,
        read_timeout: float = seconds(wire.DEFAULT_V1_READ_TIMEOUT),
        wait: WaitStrategy = WaitStrategy.HYBRID,
        spin_window: float = SPIN_WINDOW,
        prefault: bool = False,
        huge_pages: bool = False,
    ) -> None:
        """Writers can attach when it returns.

        config: BufferConfig.default_v1() when None. mode: permission bits of the object and its semaphores. read_timeout: seconds, for
        reads that give none themselves. spin_window: how long a hybrid wait spins before it sleeps, in seconds.
        prefault, huge_pages: as of a server.

        ReaderAlreadyConnectedError, NameInUseError, OutOfMemoryError, PermissionDeniedError, InvalidNameError, InvalidArgumentError,
        UnsupportedPlatformError.
        """
        check_platform()
        check_name(name)
        self._read_timeout = check_duration("a read timeout", read_timeout)
        self._wait, self._spin_window = WaitStrategy(wait), check_duration("a spin window", spin_window)
        self._end = ReaderEnd(
            OwnedBuffer(name, config if config is not None else BufferConfig.default_v1(), check_mode(mode), PageWish(prefault, huge_pages))
        )
        super().__init__(name)

    def read_frame(self, timeout: float | None = None) -> ReceivedFrame:
        """Waits for the next frame, for so many seconds; 0 looks once. Release it when done: its bytes are the writer's again only when it
        and all frames before it are released.

        WriterDeadError when the writer left, or died, and everything it wrote was read. TimeoutError, CorruptedError, SequenceError,
        ClosedError. After corruption nothing more is read.
        """
        duration = self._timeout(timeout, self._read_timeout)
        with self._lock:
            if self._dropped:
                self._give_back_dropped()
            if self._failure is not None:
                raise self._failure()
            deadline = Deadline(duration)
            if not self._turn.try_take():
                self._take_turn(deadline, self._expired)
            try:
                slot = self._end.next() or self._await(deadline)
            except CorruptedError as e:
                self._spoil(e)
                raise
            finally:
                self._turn.release()
            self._out += 1
        return ReceivedFrame(self, slot, self._end.payload)

    def _await(self, deadline: Deadline) -> Slot:
        """Waits for a frame; the lock is held and let go meanwhile, the caller has the turn."""
        end, stream = self._end, self._end.stream
        spinning = Spinning(self._wait, self._spin_window)
        ask_at = time.monotonic() + WAIT_SLICE
        self._calls += 1
        try:
            while True:
                left = deadline.left()
                ask = left <= 0 or time.monotonic() >= ask_at
                if ask:
                    ask_at = time.monotonic() + WAIT_SLICE
                if end.writer_left(ask):
                    slot = end.last_of_writer()
                    if slot is not None:
                        return slot
                    raise WriterDeadError(f"reading {self._name!r}: the writer is gone, everything it wrote was read")
                if left <= 0:
                    self._expired()
                spin = spinning.next_ns(left)
                try:
                    self._lock.release()
                    got = stream.next(spin) if spin else stream.sleep_for_frame(deadline.slice_ns())
                finally:
                    self._lock.acquire()
                if self._failure is not None:
                    raise self._failure()
                if got == FRAME:
                    slot = end.ring.take()
                    if slot is not None:
                        return slot
        finally:
            self._left()

    def _expired(self) -> NoReturn:
        raise TimeoutError(f"reading {self._name!r}: no frame came")

    def _spoil(self, error: CorruptedError) -> None:
        """Nothing more can be read; the lock is held."""
        if self._failure is None:
            self._failure = same_again(error)
            self._wake_all()

    @property
    def metadata(self) -> bytes | None:
        """A copy of the metadata, None when no writer has written any. CorruptedError, ClosedError."""
        with self._lock:
            self._refuse_when_closed()
            return self._end.segment.metadata.read(exact=False)

    @property
    def is_writer_connected(self) -> bool:
        """Whether a writer is attached and lives, now."""
        with self._lock:
            return not self._closing and self._end.segment.writer_alive()

    @property
    def usage(self) -> BufferUsage:
        """The buffer's counters, now. ClosedError."""
        with self._lock:
            self._refuse_when_closed()
            return self._end.segment.usage()

    def _release_locked(self, loan: ReceivedFrame) -> None:
        if loan._ended or self._detached:
            return
        loan._ended = True
        self._out -= 1
        try:
            self._end.ring.end(loan._slot)
        except CorruptedError as e:
            self._spoil(e)
        if self._closing:
            self._settle()

    def _wake_all(self) -> None:
        if self._calls and not self._detached:
            self._end.stream.poke()
        self._turn.wake_all()
