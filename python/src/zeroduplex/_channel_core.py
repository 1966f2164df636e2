"""What an in-place channel is while it lives and how it ends. See channel.py."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

from . import _process
from ._generated import wire
from ._ops import ops
from ._ring_client import ClientRing
from ._segment import Segment, read_metadata, write_metadata
from ._waiting import Spinning, TurnQueue, WaiterList
from .client import DuplexClient
from .errors import ClosedError, CorruptedError, MetadataAlreadyWrittenError, ServerDeadError, SystemError, ZeroDuplexError
from .options import SPIN_SLICE_NS, WAIT_SLICE, LapMode, WaitStrategy, check_duration

if TYPE_CHECKING:
    from ._async import AsyncReceiver

_TOKEN_CHECK: Final = 1e-3
"""A waiter that wakes by a token and finds nothing checks the peer, at most this often in seconds."""


class ChannelCore(DuplexClient):
    """The state of a channel, its metadata, its look at the server and its end."""

    def __init__(
        self,
        segment: Segment,
        *,
        wait: WaitStrategy,
        spin_window: float,
        call_timeout: float,
        send_timeout: float,
        lap: LapMode,
    ) -> None:
        self._name = segment.name
        self._segment = segment
        self._wait = wait
        self._spin_window = spin_window
        self._call_timeout = call_timeout
        self._send_timeout = send_timeout
        self._port = segment.port
        self._answer_at = segment.port.answer_at
        self._first_spin_ns = SPIN_SLICE_NS if wait is WaitStrategy.SPIN else Spinning(wait, spin_window).next_ns(1)
        self._payload = segment.payload
        self._ring = ClientRing(segment.port, segment.request, len(segment.payload), lap is LapMode.EAGER)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        """The number of calls went down while closing."""
        self._failure: Callable[[], ZeroDuplexError] | None = None
        """Why nothing works any more, None while all is well."""
        self._closing = False
        self._detached = False
        self._calls = 0
        """Calls that use the segment without the lock."""
        self._out = 0
        """Responses and request buffers in the application's hands."""
        self._turn = TurnQueue()
        self._waiters = WaiterList()
        self._sleeping = False
        """Somebody sleeps on response-ready; the role is taken and left under the lock."""
        self._quiet = False
        """Something was sent since the last sign of life from the server."""
        self._peer_checked = 0.0
        self._metadata_written = False
        self._dropped: deque[Callable[[], None]] = deque()
        """How to give back what the garbage collector found, which may not lock."""
        self._async: AsyncReceiver | None = None
        _process.register(self)

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}{' closed' if self._closing else ''}>"

    def __reduce__(self) -> NoReturn:
        _process.refuse_pickling(self)

    def _timeout(self, timeout: float | None, default: float) -> float:
        return default if timeout is None else check_duration("a timeout", timeout)

    def set_metadata(self, content: bytes) -> None:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            if self._metadata_written:
                raise MetadataAlreadyWrittenError(f"the client's metadata of {self._name!r}")
            write_metadata(self._segment.request, self._segment.metadata_request, content)
            self._metadata_written = True

    @property
    def server_metadata(self) -> bytes | None:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            return read_metadata(self._segment.response, self._segment.metadata_response)

    @property
    def is_server_connected(self) -> bool:
        with self._lock:
            if self._failure is None:
                self._check_peer()
                self._settle()
            return self._failure is None

    def _check_peer_if_due(self, token: bool) -> None:
        """Looks at the server when the last look is a slice old, or a token came for nothing; the lock is held."""
        if self._failure is None and time.monotonic() - self._peer_checked >= (_TOKEN_CHECK if token else WAIT_SLICE):
            self._check_peer()

    def _check_peer(self) -> None:
        """Looks whether the server lives; the lock is held and the segment attached. When it does not, answers that are there are still
        delivered, everything else fails."""
        self._peer_checked = time.monotonic()
        if not self._segment.life.server_alive():
            lost = self._lost()
            name = self._name
            self._failure = lambda: ServerDeadError(f"the server of {name!r} is gone: {lost}")
            self._wake_all()
        # A server that found the segment corrupted says so here; pairs with its store when it does.
        elif ops.load64(self._segment.response + wire.OIEB_V2_WRITER_PID_OFFSET) == wire.PID_NONE:
            self._shut(same_again(CorruptedError(f"the server of {self._name!r} found the segment corrupted")))

    def _lost(self) -> str:
        """Names the requests that will never be answered."""
        lost = [
            r.sequence for r in self._ring.frames if not (r.one_way or r.cancelled or r.abandoned or r.released or self._ring.answered(r))
        ]
        if not lost:
            return "no request is lost"
        if len(lost) == 1:
            return f"request {lost[0]} is lost"
        return f"{len(lost)} requests from {lost[0]} to {lost[-1]} are lost"

    def _corrupted(self, error: CorruptedError) -> NoReturn:
        """Ends the use of a segment that holds what no correct server stores; the lock is held."""
        self._shut(same_again(error))
        raise error

    @contextmanager
    def _telling_corruption(self) -> Iterator[None]:
        """For what has nobody to tell of corruption: every later call fails instead. The lock is held."""
        try:
            yield
        except CorruptedError as e:
            self._shut(same_again(e))

    def _shut(self, failure: Callable[[], ZeroDuplexError]) -> None:
        """Makes every call fail from now on and wakes the waiting ones; the lock is held."""
        if not self._closing:
            self._failure = failure
        self._closing = True
        self._wake_all()

    def _wake_all(self) -> None:
        """Makes every waiter in this process look again; the lock is held."""
        if not self._detached:
            ops.post_if_zero(self._segment.semaphores.response_ready)
            ops.post_if_zero(self._segment.semaphores.space_available)
        self._waiters.wake_all()
        self._turn.wake_all()

    def _left(self) -> None:
        """Ends a call; the lock is held."""
        self._calls -= 1
        if self._closing:
            self._idle.notify_all()
            self._settle()

    def _settle(self) -> None:
        """Disconnects when the channel is closing and nothing of the segment is in use; the lock is held."""
        if self._closing and not self._detached and not self._calls and not self._out:
            with suppress(OSError):  # close has returned or is about to: nobody is left to tell
                self._detach()

    def close(self) -> None:
        with self._lock:
            if self._detached and self._closing:
                self._failure = self._closed
                return
            self._closing = True
            self._failure = self._closed  # what went wrong before no longer matters to whoever calls after close
            self._wake_all()
            while self._calls:
                self._idle.wait(WAIT_SLICE)  # in slices, so that signals are noticed
            self._give_back_dropped()
            if not self._out and not self._detached:
                try:
                    self._detach()
                except OSError as e:
                    raise SystemError(f"closing {self._name!r}: {e}") from e

    def _closed(self) -> ZeroDuplexError:
        return ClosedError(f"the client of {self._name!r} was closed")

    def _detach(self) -> None:
        """Gives the segment back; the lock is held and nothing of it is in use."""
        self._detached = True
        _process.unregister(self)
        segment = self._segment
        # The store tells the server by one load what it would otherwise ask the kernel; pairs with its acquire load when it looks whether
        # its client left. From the unlock on the segment is somebody else's: nothing is touched but the semaphore.
        ops.store64(segment.request + wire.OIEB_V2_WRITER_PID_OFFSET, wire.RESET_WANTED)
        segment.life.release_client()
        ops.post_if_zero(segment.semaphores.request_ready)
        # A view that went past all our counting keeps the memory mapped: nothing is unmapped under it.
        with suppress(BufferError):
            segment.unmap()

    def _give_back_dropped(self) -> None:
        """Gives back what the garbage collector found; the lock is held."""
        while self._dropped:
            self._dropped.popleft()()

    def _drop(self, give_back: Callable[[], None]) -> None:
        """Queues what is to be done under the lock. Called by the garbage collector, which may run while this very thread holds it."""
        self._dropped.append(give_back)
        if self._lock.acquire(blocking=False):
            try:
                self._give_back_dropped()
            finally:
                self._lock.release()

    def __del__(self) -> None:
        # A client that nobody has any more is closed; half-built ones have nothing to close.
        if getattr(self, "_dropped", None) is not None and not self._detached and not self._calls and not self._out:
            self._closing = True
            self._settle()

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may hold the old one for ever
        self._idle = threading.Condition(self._lock)
        name = self._name
        self._failure = lambda: ClosedError(f"the client of {name!r} belongs to the parent process; connect anew after fork")
        self._closing = self._detached = True
        self._calls = 0
        self._async = None
        self._segment.close_descriptors()

    def _at_exit(self) -> None:
        with self._lock:
            self._shut(self._closed)
            self._settle()


def same_again(error: CorruptedError) -> Callable[[], ZeroDuplexError]:
    """Makes an error anew for each call: one that is raised twice would collect tracebacks."""
    detail = error.detail
    return lambda: CorruptedError(detail)
