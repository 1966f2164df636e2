"""What the clients of both protocols have in common: calls, receiving, and the waiting for it."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._loans import LendsToFill, LendsToRead
from ._loans_client import MAX_OPCODE, RequestBuffer, Response
from ._ops import ANSWER_PENDING
from ._waiting import Deadline, Pending, Waiter, WaiterList, is_for_anybody
from .client import DuplexClient
from .errors import CancelledError, InvalidArgumentError, ServerDeadError, TimeoutError, UnknownSequenceError, ZeroDuplexError
from .options import check_duration

if TYPE_CHECKING:
    from ._async import AsyncReceiver

_Record = TypeVar("_Record", bound=Pending)


class ClientBase(LendsToRead, LendsToFill, DuplexClient, Generic[_Record]):
    """Waits for responses. How a request gets out, what an answer is and how the server's death shows is the protocol's."""

    _kind = "client"
    _frames: deque[_Record]
    """What was sent and not given back, in order, the sequence numbers consecutive."""
    _lookup: Callable[[int], _Record | None]
    """A frame by its number, None when it was given back or never sent."""
    _answer_at: Callable[[int, int], int]
    """By a record's position and a window in ns: size of the response, or an ANSWER_ value. Needs no lock when the caller has a claim on
    the frame."""

    def __init__(self, name: str, call_timeout: float, send_timeout: float) -> None:
        super().__init__(name)
        self._call_timeout = call_timeout
        self._send_timeout = send_timeout
        self._waiters = WaiterList()
        self._sleeping = False
        """Somebody sleeps where answers come in; the role is taken and left under the lock."""
        self._async: AsyncReceiver[_Record] | None = None

    # What a protocol does.

    @abstractmethod
    def _send(self, data: Any, opcode: int, capacity: int | None, one_way: bool, timeout: float | Deadline, taken: bool) -> _Record:
        """Publishes a request; when taken, a call has been entered and the response is the caller's."""

    @abstractmethod
    def _await(self, record: _Record, timeout: float | Deadline) -> int:
        """Waits until the response is there, and says what it is. The lock is not held; the caller has entered a call and has a claim
        on the frame."""

    @abstractmethod
    def _await_any(self, deadline: Deadline) -> _Record:
        """Waits until a response for anybody is there; the lock is held and let go meanwhile."""

    @abstractmethod
    def _deliver(self, record: _Record, answer: int) -> Response:
        """Turns an answered frame that the caller has a claim on into a Response, or into its error. The call ends here."""

    @abstractmethod
    def _forget_locked(self, record: _Record) -> None:
        """Nobody will read the answer to a call; the lock is held."""

    @abstractmethod
    def _stop_waiting(self, record: _Record) -> None:
        """Gives up a claim on a response; the lock is held."""

    @abstractmethod
    def _sleep(self, nanoseconds: int) -> bool:
        """Sleeps until answers may be there, and says whether something woke it. The lock is not held; the caller has the role."""

    def _collect(self) -> None:
        """Looks what came while the caller slept; the lock is held."""

    @abstractmethod
    def _wake_sleeper(self) -> None:
        """Ends a sleep; the lock is held."""

    @abstractmethod
    def _check_peer_if_due(self, token: bool) -> None:
        """Looks at the server when the last look is a slice old, or something woke the caller for nothing; the lock is held."""

    @abstractmethod
    def _commit(self, buffer: RequestBuffer, size: int, opcode: int, one_way: bool) -> int:
        """Ends a request buffer by publishing it. It is aborted when the channel has failed meanwhile."""

    # What both do.

    _most_opcode = MAX_OPCODE

    def _check_opcode(self, opcode: int) -> None:
        if not 0 <= opcode <= self._most_opcode:
            raise InvalidArgumentError(f"opcode {opcode} is not within 0 to {self._most_opcode}")

    def call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        sending: float | Deadline = self._send_timeout
        receiving: float | Deadline = self._call_timeout
        if timeout is not None:
            sending = receiving = Deadline(check_duration("a timeout", timeout))
            receiving.left()  # starts now
        record = self._send(data, opcode, capacity, False, sending, True)
        try:
            answer = self._await(record, receiving)
        except BaseException:
            self._forget(record)
            raise
        return self._deliver(record, answer)

    def receive_response(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        seconds = self._timeout(timeout, self._call_timeout)
        if sequence is None:
            return self._receive_any(seconds)
        with self._lock:
            record = self._outstanding(sequence)
            # A dead server's answers may still be fetched.
            answer = self._answer_at(record.position, 0)
            if answer == ANSWER_PENDING and self._failure is not None:
                raise self._failure()
            record.taken = True
            self._calls += 1
        if answer == ANSWER_PENDING:
            try:
                answer = self._await(record, seconds)
            except BaseException:
                with self._lock:
                    self._stop_waiting(record)
                    self._left()
                raise
        return self._deliver(record, answer)

    async def call_async(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        return await self._async_receiver().call(data, timeout, opcode, capacity)

    async def receive_async(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        return await self._async_receiver().receive(timeout, sequence)

    def _async_receiver(self) -> AsyncReceiver[_Record]:
        with self._lock:
            if self._async is None:
                # Not at the top: loading asyncio is a third of the time that importing this package would take.
                from ._async import AsyncReceiver

                self._async = AsyncReceiver(self)
            return self._async

    def _outstanding(self, sequence: int) -> _Record:
        """The frame of a request whose response nobody has a claim on; the lock is held."""
        self._refuse_when_closed()
        record = self._lookup(sequence)
        if record is None or not is_for_anybody(record):
            raise UnknownSequenceError(f"receiving on {self._name!r}: sequence {sequence}")
        return record

    def _receive_any(self, timeout: float) -> Response:
        with self._lock:
            self._refuse_when_closed()
            self._calls += 1
            try:
                record = self._any_answered() or self._await_any(Deadline(timeout))
                record.taken = True
            except BaseException:
                self._left()
                raise
            # More may be there for others.
            self._waiters.wake_interested()
        return self._deliver(record, self._answer_at(record.position, 0))

    def _any_answered(self) -> _Record | None:
        """The oldest response that nobody waits for by number; the lock is held."""
        answer_at = self._answer_at
        passed: list[_Record] = []
        for record in self._frames:
            if is_for_anybody(record):
                if answer_at(record.position, 0) != ANSWER_PENDING:
                    # An older one may have been answered between the look at it and this one's. What one worker answers comes in its order.
                    return next((older for older in passed if self._answered(older)), record)
                passed.append(record)
        return None

    def _answered(self, record: _Record) -> bool:
        """Whether the response may be read."""
        return self._answer_at(record.position, 0) != ANSWER_PENDING

    def _must_wait(self, deadline: Deadline, record: _Record | None = None) -> float:
        """Seconds left to wait, or the reason why waiting is of no use; the lock is held."""
        if record is not None and record.cancelled:
            raise CancelledError(f"receiving on {self._name!r}: request {record.sequence} was cancelled")
        if self._failure is not None:
            if record is not None and not self._closing and self._answered(record):
                return 0.0  # a dead server's last word
            raise self._failure()
        left = deadline.left()
        if left <= 0:
            raise TimeoutError(f"receiving on {self._name!r}: {len(self._frames)} requests in flight")
        return left

    def _wait_locked(self, waiter: Waiter, deadline: Deadline) -> None:
        """Waits a while; the lock is held and let go meanwhile.

        One thread of the process sleeps where answers come in, the others wait for its signal. Looking and taking that role is one
        critical section, so no answer falls between a look and a sleep; whoever leaves the role wakes another.
        """
        if self._sleeping:
            self._waiters.add(waiter)
            left = deadline.left()
            try:
                self._lock.release()
                waiter.signal.wait(left)
            finally:
                self._lock.acquire()
                self._waiters.remove(waiter)
            return
        self._sleeping = True
        token = False
        nanoseconds = deadline.slice_ns()
        try:
            self._lock.release()
            token = self._sleep(nanoseconds)
        finally:
            self._lock.acquire()
            self._sleeping = False
            self._collect()
            # The token, if any, was for whoever's answer came.
            self._waiters.wake_interested()
        if not waiter.interested():
            self._check_peer_if_due(token)

    def _forget(self, record: _Record) -> None:
        """Ends a call without its answer."""
        with self._lock:
            self._forget_locked(record)
            self._left()

    def _lost(self) -> str:
        """Names the requests that will never be answered."""
        lost = [r.sequence for r in self._frames if not (r.one_way or r.cancelled or r.abandoned or r.released or self._answered(r))]
        if not lost:
            return "no request is lost"
        if len(lost) == 1:
            return f"request {lost[0]} is lost"
        return f"{len(lost)} requests from {lost[0]} to {lost[-1]} are lost"

    def _server_dead(self) -> None:
        """Makes every call fail but those that fetch answers that are there; the lock is held."""
        name, lost = self._name, self._lost()
        self._failure = lambda: ServerDeadError(f"the server of {name!r} is gone: {lost}")
        self._wake_all()

    def _shut(self, failure: Callable[[], ZeroDuplexError]) -> None:
        """Makes every call fail from now on and wakes the waiting ones; the lock is held."""
        if not self._closing:
            self._failure = failure
        self._closing = True
        self._wake_all()

    def _after_fork_in_child(self) -> None:
        super()._after_fork_in_child()
        self._async = None
