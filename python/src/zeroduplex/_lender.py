"""What both ends of channels and buffers are while they live: who uses the segment, and how that ends."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from . import _process
from ._state import LenderState
from ._waiting import Deadline, TurnQueue
from .errors import ClosedError, SystemError, ZeroDuplexError
from .options import WAIT_SLICE, check_duration

if TYPE_CHECKING:
    from typing_extensions import Self


class Lender(LenderState, ABC):
    """Counts what uses a segment, and gives the segment back once it is closed and nothing uses it any more.

    Where a method says that the lock is held, its caller holds it.
    """

    _kind: str
    """What this is to its user, such as "client"."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        """The number of calls went down while closing."""
        self._turn = TurnQueue()
        self._dropped: deque[Callable[[], None]] = deque()
        """How to give back what the garbage collector found, which may not lock."""
        _process.register(self)

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}{' closed' if self._closing else ''}>"

    def __reduce__(self) -> NoReturn:
        _process.refuse_pickling(self)

    @abstractmethod
    def _wake_all(self) -> None:
        """Makes every waiter in this process look again; the lock is held."""

    @abstractmethod
    def _detach(self) -> None:
        """Gives the segment back; the lock is held and nothing of it is in use."""

    @abstractmethod
    def _leave(self) -> None:
        """Tells the other side at once that this one is closed, where lent bytes are no reason to wait with that; the lock is held. It
        may be called again."""

    @abstractmethod
    def _close_descriptors(self) -> None:
        """Closes what carries the parent's locks, without unlocking, in a forked child."""

    def _closed(self) -> ZeroDuplexError:
        return ClosedError(f"the {self._kind} of {self._name!r} was closed")

    def _refuse_when_closed(self) -> None:
        if self._closing and self._failure is not None:
            raise self._failure()

    def _timeout(self, timeout: float | None, default: float) -> float:
        return default if timeout is None else check_duration("a timeout", timeout)

    def _take_turn(self, deadline: Deadline, expired: Callable[[], NoReturn]) -> None:
        """Queues for the turn; the lock is held and let go meanwhile."""
        ticket = self._turn.enqueue()
        self._calls += 1
        try:
            while True:
                left = deadline.left()
                try:
                    # Here as everywhere let go inside the try: a KeyboardInterrupt right behind it must find the lock taken back.
                    self._lock.release()
                    ticket.signal.wait(left)
                finally:
                    self._lock.acquire()
                if self._failure is not None:
                    raise self._failure()
                if ticket.granted:
                    return
                if deadline.left() <= 0:
                    expired()
        except BaseException:
            self._turn.leave(ticket)
            raise
        finally:
            self._left()

    def _left(self) -> None:
        """Ends a call; the lock is held."""
        self._calls -= 1
        if self._closing:
            self._idle.notify_all()
            self._settle()

    def _settle(self) -> None:
        """Disconnects when this end is closing and nothing of the segment is in use; the lock is held."""
        if self._closing and not self._detached and not self._calls and not self._out:
            with suppress(OSError):  # close has returned or is about to: nobody is left to tell
                self._detached = True
                _process.unregister(self)
                self._detach()

    def close(self) -> None:
        """Wakes all waiting calls with ClosedError and disconnects. The memory stays mapped until what was lent of it is given back.
        Closing again does nothing."""
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
            if self._detached:
                return
            try:
                self._leave()
                if not self._out:
                    self._detached = True
                    _process.unregister(self)
                    self._detach()
            except OSError as e:
                raise SystemError(f"closing {self._name!r}: {e}") from e

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

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
        # What nobody has any more is closed; half-built ones have nothing to close.
        if getattr(self, "_dropped", None) is not None and not self._detached and not self._calls and not self._out:
            self._closing = True
            self._settle()

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may hold the old one for ever
        self._idle = threading.Condition(self._lock)
        kind, name = self._kind, self._name
        self._failure = lambda: ClosedError(f"the {kind} of {name!r} belongs to the parent process; connect anew after fork")
        self._closing = self._detached = True
        self._calls = 0
        self._close_descriptors()

    def _at_exit(self) -> None:
        with self._lock:
            self._closing = True
            self._failure = self._closed
            self._wake_all()
            self._leave()
            self._settle()
