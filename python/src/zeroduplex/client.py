"""The client's side of a channel."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from . import _process
from ._generated import wire
from ._loans_client import RequestBuffer, Response
from ._ops import ANSWER_FAILED, ANSWER_IMPOSSIBLE, ANSWER_PENDING, WAIT_TOKEN, ops
from ._ring_client import ClientRing, Record
from ._segment import Segment, read_metadata, write_metadata
from ._waiting import Deadline, Spinning, TurnQueue, Waiter, WaiterList, is_for_anybody
from .errors import (
    AcquisitionOpenError,
    BufferFullError,
    CancelledError,
    ClosedError,
    CorruptedError,
    FrameTooLargeError,
    InvalidArgumentError,
    MetadataAlreadyWrittenError,
    ServerDeadError,
    SystemError,
    TimeoutError,
    UnknownSequenceError,
    ZeroDuplexError,
    answer_error,
)
from .options import WAIT_SLICE, LapMode, WaitStrategy, check_duration

if TYPE_CHECKING:
    from ._async import AsyncReceiver

_TOKEN_CHECK: Final = 1e-3
"""A waiter that wakes by a token and finds nothing checks the peer, at most this often in seconds."""

_Self = TypeVar("_Self", bound="DuplexClient")


class DuplexClient(ABC):
    """The client's side of a channel, whatever its protocol. All methods are thread-safe.

    Timeouts are in seconds; None means the client's default. Any call may fail with ServerDeadError, CorruptedError, ClosedError,
    TimeoutError (BufferFullError for sends) or CancelledError, besides what it names itself.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The channel's name."""

    @abstractmethod
    def send_request(
        self, data: Any, *, opcode: int = 0, capacity: int | None = None, one_way: bool = False, timeout: float | None = None
    ) -> int:
        """Copies data, any contiguous buffer, into the ring and publishes it. Returns the request's sequence number.

        capacity: bytes that the response may have, None for as many as data. FrameTooLargeError, BufferFullError,
        AcquisitionOpenError, InvalidArgumentError.
        """

    @abstractmethod
    def acquire_request_buffer(self, size: int, capacity: int | None = None, *, timeout: float | None = None) -> RequestBuffer:
        """Claims size bytes of the ring to be filled in place. One buffer per channel is out at a time; other senders queue behind it.
        The same errors as send_request."""

    @abstractmethod
    def receive_response(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        """Waits for the response to one request, or without a number for one that nobody waits for by number. Release it when done.

        HandlerFailedError or ResponseTooLargeError when that is the answer. UnknownSequenceError when no response to the request is
        outstanding or somebody else waits for it. A receive that times out may be repeated.
        """

    @abstractmethod
    def call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        """Sends and waits for the response. A call that times out cancels its request if the server has not taken it; a late response
        is dropped. The errors of send_request and receive_response."""

    @abstractmethod
    async def call_async(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        """call for asyncio. One thread of the channel's own waits for all of them. Cancelling the task cancels the request, too."""

    @abstractmethod
    async def receive_async(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        """receive_response for asyncio."""

    @abstractmethod
    def cancel(self, sequence: int) -> bool:
        """Takes back a request that the server has not taken: True. False: too late, the response will come. UnknownSequenceError."""

    @abstractmethod
    def set_metadata(self, content: bytes) -> None:
        """Writes this client's metadata, once per connection. MetadataAlreadyWrittenError, MetadataTooLargeError."""

    @property
    @abstractmethod
    def server_metadata(self) -> bytes | None:
        """A copy of the server's metadata, None when it has written none."""

    @property
    @abstractmethod
    def is_server_connected(self) -> bool:
        """Whether the server lives, now."""

    @abstractmethod
    def close(self) -> None:
        """Wakes all waiting calls with ClosedError and disconnects. While responses or a request buffer are out, the disconnect follows
        the release of the last one. Closing again does nothing."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class InPlaceDuplexChannel(DuplexClient):
    """The client of an in-place duplex channel: the server changes requests where they stand, and the response is read at the same
    place. Made by DuplexChannelFactory.create_client."""

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

    # Sending.

    def send_request(
        self, data: Any, *, opcode: int = 0, capacity: int | None = None, one_way: bool = False, timeout: float | None = None
    ) -> int:
        deadline = self._deadline(timeout, self._send_timeout)
        return self._send(data, opcode, capacity, one_way, deadline, taken=False).sequence

    def _send(self, data: Any, opcode: int, capacity: int | None, one_way: bool, deadline: Deadline, *, taken: bool) -> Record:
        """Publishes a request; when taken, a call has been entered and the response is the caller's."""
        if type(data) is not bytes:
            data = _flat(data)
        size = len(data)
        with self._lock:
            start = self._claim(size, capacity, opcode, deadline)
            try:
                self._payload[start : start + size] = data
            except BaseException:
                self._unclaim()
                raise
            if taken:
                self._calls += 1
            return self._publish(size, opcode, one_way, taken)

    def acquire_request_buffer(self, size: int, capacity: int | None = None, *, timeout: float | None = None) -> RequestBuffer:
        deadline = self._deadline(timeout, self._send_timeout)
        with self._lock:
            start = self._claim(size, capacity, 0, deadline)
            self._turn.is_buffer = True
            self._out += 1
        return RequestBuffer(self, self._payload, start, size)

    def _deadline(self, timeout: float | None, default: float) -> Deadline:
        return Deadline(default if timeout is None else check_duration("a timeout", timeout))

    def _claim(self, size: int, capacity: int | None, opcode: int, deadline: Deadline) -> int:
        """Gets the turn and room for a frame, and returns where its data goes. The lock is held, and may have been let go meanwhile."""
        if capacity is None:
            capacity = size
        if size < 0 or capacity < size:
            raise InvalidArgumentError(f"size {size} with capacity {capacity}")
        if capacity > wire.MAX_FRAME_DATA:
            raise FrameTooLargeError(f"{capacity} bytes; no frame holds more than {wire.MAX_FRAME_DATA}")
        _check_opcode(opcode)
        if self._dropped:
            self._give_back_dropped()
        if self._failure is not None:
            raise self._failure()
        if not self._turn.try_take():
            self._take_turn(deadline)
        try:
            self._reclaim()
            start = self._ring.reserve(size, capacity)
            return start if start >= 0 else self._reserve(size, capacity, deadline)
        except BaseException:
            self._turn.release()
            raise

    def _take_turn(self, deadline: Deadline) -> None:
        ticket = self._turn.enqueue()
        self._calls += 1
        try:
            while True:
                left = deadline.left()
                self._lock.release()
                try:
                    ticket.signal.wait(left)
                finally:
                    self._lock.acquire()
                if self._failure is not None:
                    raise self._failure()
                if ticket.granted:
                    return
                if deadline.left() <= 0:
                    self._send_expired()
        except BaseException:
            self._turn.leave(ticket)
            raise
        finally:
            self._left()

    def _reserve(self, size: int, capacity: int, deadline: Deadline) -> int:
        """Waits for room. Only the holder of the turn is here, so at most one thread of the process sleeps on space-available."""
        spinning = Spinning(self._wait, self._spin_window)
        self._calls += 1
        try:
            while True:
                left = deadline.left()
                if left <= 0:
                    self._send_expired()
                token = False
                self._lock.release()
                try:
                    if spinning.goes_on():
                        time.sleep(0)  # room comes by releases of this process, or by states that reclaiming looks at
                    else:
                        token = ops.wait(self._segment.semaphores.space_available, deadline.slice_ns()) == WAIT_TOKEN
                finally:
                    self._lock.acquire()
                if self._failure is None:
                    self._check_peer_if_due(token)
                if self._failure is not None:
                    raise self._failure()
                self._give_back_dropped()
                self._reclaim()
                start = self._ring.reserve(size, capacity)
                if start >= 0:
                    return start
        finally:
            self._left()

    def _reclaim(self) -> None:
        try:
            self._ring.reclaim()
        except CorruptedError as e:
            self._corrupted(e)

    def _unclaim(self) -> None:
        """Gives an open claim back; the lock is held."""
        self._ring.abort()
        self._turn.release()

    def _publish(self, size: int, opcode: int, one_way: bool, taken: bool) -> Record:
        """Publishes the open claim and passes the turn on; the lock is held."""
        record = self._ring.publish(size, opcode, one_way, taken)
        self._turn.release()
        # Nobody may ever wait here, so a dead server must be noticed here; one that just answered need not be looked at.
        if self._quiet:
            self._check_peer_if_due(False)
        self._quiet = True
        return record

    def _send_expired(self) -> NoReturn:
        if self._turn.is_buffer:
            raise AcquisitionOpenError(f"sending on {self._name!r}: an acquired request buffer is still out")
        raise BufferFullError(f"sending on {self._name!r}: {self._ring.free} bytes free, {len(self._ring.frames)} frames in flight")

    def _commit(self, buffer: RequestBuffer, size: int, opcode: int, one_way: bool) -> int:
        """Ends a request buffer by publishing it. The claim is aborted when the channel has failed meanwhile."""
        with self._lock:
            buffer._ended = True
            self._out -= 1
            if self._failure is not None:
                self._unclaim()
                error = self._failure()
                self._settle()
                raise error
            return self._publish(size, opcode, one_way, False).sequence

    def _abort(self, buffer: RequestBuffer) -> None:
        with self._lock:
            self._abort_locked(buffer)

    def _abort_locked(self, buffer: RequestBuffer) -> None:
        if not buffer._ended:
            buffer._ended = True
            self._out -= 1
            self._unclaim()
            self._settle()

    # Receiving.

    def call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        if timeout is None:
            record = self._send(data, opcode, capacity, False, Deadline(self._send_timeout), taken=True)
            deadline = Deadline(self._call_timeout)
        else:
            deadline = self._deadline(timeout, 0)
            deadline.left()  # starts now
            record = self._send(data, opcode, capacity, False, deadline, taken=True)
        try:
            answer = self._await(record, deadline)
        except BaseException:
            self._forget(record)
            raise
        return self._deliver(record, answer)

    def _forget(self, record: Record) -> None:
        """Ends a call without its answer: what the server has not taken it never will, what it has taken nobody will read."""
        with self._lock:
            self._forget_locked(record)
            self._left()

    def _forget_locked(self, record: Record) -> None:
        if record.cancelled or record.abandoned or self._detached:
            return
        if not self._ring.cancel(record):
            try:
                self._ring.abandon(record)
            except CorruptedError as e:
                self._shut(_same_again(e))

    def receive_response(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        deadline = self._deadline(timeout, self._call_timeout)
        if sequence is None:
            return self._receive_any(deadline)
        with self._lock:
            record = self._outstanding(sequence)
            # A dead server's answers may still be fetched.
            answer = self._port.answer_at(record.position, 0)
            if answer == ANSWER_PENDING and self._failure is not None:
                raise self._failure()
            record.taken = True
            self._calls += 1
        if answer == ANSWER_PENDING:
            try:
                answer = self._await(record, deadline)
            except BaseException:
                with self._lock:
                    record.taken = False
                    # It may have been answered since we looked; now it is anybody's.
                    self._waiters.wake_interested()
                    self._left()
                raise
        return self._deliver(record, answer)

    def _outstanding(self, sequence: int) -> Record:
        """The frame of a request whose response nobody has a claim on; the lock is held."""
        if self._closing and self._failure is not None:
            raise self._failure()
        record = self._ring.lookup(sequence)
        if record is None or not is_for_anybody(record):
            raise UnknownSequenceError(f"receiving on {self._name!r}: sequence {sequence}")
        return record

    def _receive_any(self, deadline: Deadline) -> Response:
        with self._lock:
            if self._closing and self._failure is not None:
                raise self._failure()
            self._calls += 1
            try:
                record = self._any_answered() or self._await_any(deadline)
                record.taken = True
            except BaseException:
                self._left()
                raise
            # More may be there for others.
            self._waiters.wake_interested()
        return self._deliver(record, self._port.answer_at(record.position, 0))

    def _any_answered(self) -> Record | None:
        """The oldest response that nobody waits for by number; the lock is held."""
        answered = self._ring.answered
        for record in self._ring.frames:
            if is_for_anybody(record) and answered(record):
                return record
        return None

    def _await_any(self, deadline: Deadline) -> Record:
        """Waits until a response for anybody is there; the lock is held and let go meanwhile."""
        spinning = Spinning(self._wait, self._spin_window)
        responses = self._segment.response + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET
        waiter = Waiter(lambda: self._any_answered() is not None)
        try:
            while True:
                # Before the look: a response that is answered after it changes this count.
                seen = ops.load64(responses)
                record = self._any_answered()
                if record is not None:
                    return record
                left = self._must_wait(deadline)
                spin = spinning.next_ns(left)
                if spin:
                    self._lock.release()
                    try:
                        self._port.spin_for_responses(seen, spin)
                    finally:
                        self._lock.acquire()
                    self._check_peer_if_due(False)
                else:
                    self._wait_locked(waiter, deadline)
        finally:
            # We may have been woken to take the role and leave without it.
            if not self._sleeping:
                self._waiters.wake_one()

    def _await(self, record: Record, deadline: Deadline) -> int:
        """Waits until the response is there, and says what it is. The lock is not held; the caller has entered a call and has a claim
        on the frame, so that looking needs no lock."""
        if self._wait is not WaitStrategy.BLOCK:
            # The answer of a quick handler is there before a lock could be taken.
            spinning = Spinning(self._wait, self._spin_window)
            left = WAIT_SLICE
            while spin := spinning.next_ns(left):
                answer = self._port.answer_at(record.position, spin)
                if answer != ANSWER_PENDING:
                    return answer
                with self._lock:
                    left = self._must_wait(deadline, record)
                    self._check_peer_if_due(False)
        waiter = Waiter(lambda: record.cancelled or self._ring.answered(record))
        with self._lock:
            try:
                while True:
                    answer = self._port.answer_at(record.position, 0)
                    if answer != ANSWER_PENDING:
                        return answer
                    self._must_wait(deadline, record)
                    self._wait_locked(waiter, deadline)
            finally:
                if not self._sleeping:
                    self._waiters.wake_one()

    def _must_wait(self, deadline: Deadline, record: Record | None = None) -> float:
        """Seconds left to wait, or the reason why waiting is of no use; the lock is held."""
        if record is not None and record.cancelled:
            raise CancelledError(f"receiving on {self._name!r}: request {record.sequence} was cancelled")
        if self._failure is not None:
            if record is not None and not self._closing and self._ring.answered(record):
                return 0.0  # a dead server's last word
            raise self._failure()
        left = deadline.left()
        if left <= 0:
            raise TimeoutError(f"receiving on {self._name!r}: {len(self._ring.frames)} requests in flight")
        return left

    def _wait_locked(self, waiter: Waiter, deadline: Deadline) -> None:
        """Waits a while; the lock is held and let go meanwhile.

        One thread of the process sleeps on response-ready, the others wait for its signal. Looking and taking that role is one critical
        section, so no answer falls between a look and a sleep; whoever leaves the role wakes another.
        """
        if self._sleeping:
            self._waiters.add(waiter)
            left = deadline.left()
            self._lock.release()
            try:
                waiter.signal.wait(left)
            finally:
                self._lock.acquire()
                self._waiters.remove(waiter)
            return
        self._sleeping = True
        token = False
        nanoseconds = deadline.slice_ns()
        self._lock.release()
        try:
            token = ops.wait(self._segment.semaphores.response_ready, nanoseconds) == WAIT_TOKEN
        finally:
            self._lock.acquire()
            self._sleeping = False
            # The token, if any, was for whoever's answer came.
            self._waiters.wake_interested()
        if not waiter.interested():
            self._check_peer_if_due(token)

    def _deliver(self, record: Record, answer: int) -> Response:
        """Turns an answered frame that the caller has a claim on into a Response, or into its error. The call ends here."""
        if 0 <= answer <= record.capacity:
            with self._lock:
                self._calls -= 1
                self._out += 1
                if self._closing:
                    self._settle()
            return Response(self, record, self._payload, answer)
        with self._lock:
            try:
                if answer == ANSWER_FAILED:
                    error: ZeroDuplexError = self._failed_answer(record)
                else:
                    size = "an impossible number of" if answer == ANSWER_IMPOSSIBLE else str(answer)
                    error = CorruptedError(f"response {record.sequence} has {size} bytes, its capacity is {record.capacity}")
                    self._shut(_same_again(error))
            finally:
                self._left()
        raise error

    def _failed_answer(self, record: Record) -> ZeroDuplexError:
        """The error that a failed answer says; its frame is released. The lock is held."""
        status, size = self._port.status_at(record.position), self._port.size_at(record.position)
        if size > record.capacity:
            error = CorruptedError(f"the message of response {record.sequence} has {size} bytes, its capacity is {record.capacity}")
            self._shut(_same_again(error))
            return error
        message = bytes(self._payload[record.start : record.start + size]).decode(errors="replace")
        self._release_locked(record)
        return answer_error(record.sequence, status, message)

    def _release(self, response: Response) -> None:
        with self._lock:
            self._release_response(response)

    def _release_response(self, response: Response) -> None:
        """Gives a response back, once; the lock is held."""
        if response._ended or self._detached:
            return
        response._ended = True
        self._out -= 1
        self._release_locked(response._record)
        if self._closing:
            self._settle()

    def _release_locked(self, record: Record) -> None:
        self._quiet = False
        try:
            self._ring.release(record)
        except CorruptedError as e:
            self._shut(_same_again(e))  # a release has nobody to tell; every later call fails

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

    # Asyncio.

    async def call_async(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        return await self._async_receiver().call(data, timeout, opcode, capacity)

    async def receive_async(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        return await self._async_receiver().receive(timeout, sequence)

    def _async_receiver(self) -> AsyncReceiver:
        from ._async import AsyncReceiver

        with self._lock:
            if self._async is None:
                self._async = AsyncReceiver(self)
            return self._async

    # The rest.

    def cancel(self, sequence: int) -> bool:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            record = self._ring.lookup(sequence)
            if record is None or record.cancelled or record.abandoned or record.released:
                raise UnknownSequenceError(f"cancelling on {self._name!r}: sequence {sequence}")
            if not self._ring.cancel(record):
                return False
            # Whoever waits for it by number, here or on the semaphore.
            self._waiters.wake_interested()
            if self._sleeping:
                ops.post_if_zero(self._segment.semaphores.response_ready)
            return True

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
            self._shut(_same_again(CorruptedError(f"the server of {self._name!r} found the segment corrupted")))

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
        self._shut(_same_again(error))
        raise error

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
                self._idle.wait()
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


def _flat(data: Any) -> memoryview:
    try:
        return memoryview(data).cast("B")
    except TypeError as e:
        raise InvalidArgumentError(f"the request is no contiguous buffer: {e}") from e


def _check_opcode(opcode: int) -> None:
    if not 0 <= opcode <= 0xFFFFFFFF:
        raise InvalidArgumentError(f"opcode {opcode} is not within 0 to 2^32 - 1")


def _same_again(error: CorruptedError) -> Callable[[], ZeroDuplexError]:
    """Makes an error anew for each call: one that is raised twice would collect tracebacks."""
    detail = error.detail
    return lambda: CorruptedError(detail)
