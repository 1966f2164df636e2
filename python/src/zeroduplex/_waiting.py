"""Waiting inside one process: deadlines, signals between threads, the queue of senders and the list of receivers.

The queue's and the list's methods are called with the channel's lock held.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from typing import Protocol

from .options import SPIN_SLICE_NS, WAIT_SLICE, WaitStrategy, nanoseconds


class Deadline:
    """When a call gives up. The clock is first read when the call really has to wait."""

    __slots__ = ("_at", "_timeout")

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._at: float | None = None

    @classmethod
    def of(cls, timeout: float | Deadline) -> Deadline:
        """A deadline of so many seconds, or the one given."""
        return timeout if isinstance(timeout, Deadline) else cls(timeout)

    def left(self) -> float:
        """Seconds left; 0 or less when time is up."""
        now = time.monotonic()
        if self._at is None:
            self._at = now + self._timeout
        return self._at - now

    def slice_ns(self) -> int:
        """The next sleep in nanoseconds: a slice, or what is left."""
        return nanoseconds(max(0.0, min(WAIT_SLICE, self.left())))


def wait_in_slices(event: Event, timeout: float | None) -> bool:
    """Waits for an event, for so many seconds or for ever, and lets signal handlers run meanwhile. False when time is up.

    Python runs them in the main thread, but the kernel may give a signal to any other: to a worker, for one, while the main thread has
    not run since it was stopped and continued. Nothing then ends the main thread's sleep, so it must not sleep without end.
    """
    deadline = None if timeout is None else Deadline(timeout)
    while True:
        left = WAIT_SLICE if deadline is None else max(0.0, min(WAIT_SLICE, deadline.left()))
        if event.wait(left):
            return True
        if left < WAIT_SLICE:
            return False


class Spinning:
    """How much of a wait is spent spinning before it sleeps."""

    __slots__ = ("_forever", "_until", "_window_ns")

    def __init__(self, strategy: WaitStrategy, window: float) -> None:
        self._forever = strategy is WaitStrategy.SPIN
        self._window_ns = 0 if strategy is WaitStrategy.BLOCK else max(0, nanoseconds(window))
        self._until = 0

    def next_ns(self, left: float) -> int:
        """The next spin in nanoseconds, 0 when it is time to sleep."""
        if self._forever:
            return max(1, min(SPIN_SLICE_NS, nanoseconds(left)))
        step = min(self._window_ns, SPIN_SLICE_NS)
        self._window_ns -= step
        return step

    def goes_on(self) -> bool:
        """Whether the window, which starts with the first question, is not over; for spins that are no native call."""
        now = time.monotonic_ns()
        self._until = self._until or now + self._window_ns
        return self._forever or now < self._until


class Signal:
    """Wakes one thread, at once or when it comes to wait. Cheaper than an Event."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Called with the channel's lock held, so only one thread at a time is here."""
        if self._lock.locked():
            self._lock.release()

    def wait(self, timeout: float) -> None:
        """Returns after a set, when time is up, after a slice at the latest; or raises what a signal handler raises. In slices for the
        reason that wait_in_slices gives."""
        self._lock.acquire(timeout=max(0.0, min(WAIT_SLICE, timeout)))


class Ticket:
    """A sender's place in the queue."""

    __slots__ = ("granted", "signal")

    def __init__(self) -> None:
        self.signal = Signal()
        self.granted = False


class TurnQueue:
    """Lets one sender at a time claim ring space, first come first served."""

    def __init__(self) -> None:
        self.held = False
        """Somebody has the turn; nobody waits for it while nobody has it."""
        self.is_buffer = False
        """The holder is an acquired buffer in the application's hands."""
        self._queue: deque[Ticket] = deque()

    def try_take(self) -> bool:
        """Takes the turn when nobody has it and nobody waits."""
        if self.held or self._queue:
            return False
        self.held = True
        return True

    def enqueue(self) -> Ticket:
        ticket = Ticket()
        self._queue.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Gives up a place, or the turn if it was granted."""
        if ticket.granted:
            self.release()
        else:
            self._queue.remove(ticket)

    def release(self) -> None:
        """Hands the turn to the first in the queue."""
        self.is_buffer = False
        if not self._queue:
            self.held = False
            return
        ticket = self._queue.popleft()
        ticket.granted = True
        ticket.signal.set()

    def wake_all(self) -> None:
        for ticket in self._queue:
            ticket.signal.set()


class Waiter:
    """Somebody who waits in this process while another one sleeps on response-ready."""

    __slots__ = ("interested", "signal")

    def __init__(self, interested: Callable[[], bool]) -> None:
        self.interested = interested
        """Whether what it waits for is there."""
        self.signal = Signal()


class WaiterList:
    """The receivers that do not sleep on the semaphore."""

    def __init__(self) -> None:
        self._items: list[Waiter] = []

    def add(self, waiter: Waiter) -> None:
        self._items.append(waiter)

    def remove(self, waiter: Waiter) -> None:
        self._items.remove(waiter)

    def wake_interested(self) -> None:
        """Wakes those whose response is there."""
        for waiter in self._items:
            if waiter.interested():
                waiter.signal.set()

    def wake_one(self) -> None:
        """Wakes the one that has waited longest, to take a role that was left."""
        if self._items:
            self._items[0].signal.set()

    def wake_all(self) -> None:
        for waiter in self._items:
            waiter.signal.set()


class Pending(Protocol):
    """A request that was sent, as its client knows it."""

    sequence: int
    opcode: int
    position: int
    """Where its answer is looked for."""
    start: int
    """Where the answer's data stands, relative to the payload."""
    one_way: bool
    taken: bool
    """Somebody has a claim on the response: a waiter by number, or a receiver that has it."""
    cancelled: bool
    abandoned: bool
    """Nobody will read the answer."""
    released: bool


def is_for_anybody(record: Pending) -> bool:
    """Whether the response may go to a receiver that takes any."""
    return not (record.taken or record.one_way or record.cancelled or record.abandoned)
