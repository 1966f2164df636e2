"""Receiving on an in-place channel."""

from __future__ import annotations

from typing import Any

from ._channel_core import same_again
from ._channel_send import SendingChannel
from ._generated import wire
from ._loans_client import Response
from ._ops import ANSWER_FAILED, ANSWER_IMPOSSIBLE, ANSWER_PENDING, WAIT_TOKEN, ops
from ._ring_client import Record
from ._waiting import Deadline, Spinning, Waiter, is_for_anybody
from .errors import CancelledError, CorruptedError, TimeoutError, UnknownSequenceError, ZeroDuplexError, answer_error
from .options import check_duration


class ReceivingChannel(SendingChannel):
    """Waits for responses and gives them back."""

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

    def _outstanding(self, sequence: int) -> Record:
        """The frame of a request whose response nobody has a claim on; the lock is held."""
        if self._closing and self._failure is not None:
            raise self._failure()
        record = self._ring.lookup(sequence)
        if record is None or not is_for_anybody(record):
            raise UnknownSequenceError(f"receiving on {self._name!r}: sequence {sequence}")
        return record

    def _receive_any(self, timeout: float) -> Response:
        with self._lock:
            if self._closing and self._failure is not None:
                raise self._failure()
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

    def _await(self, record: Record, timeout: float | Deadline) -> int:
        """Waits until the response is there, and says what it is. The lock is not held; the caller has entered a call and has a claim
        on the frame, so that looking needs no lock."""
        spin = self._first_spin_ns
        if spin:
            # The answer of a quick handler is there before a lock could be taken.
            answer = self._answer_at(record.position, spin)
            if answer != ANSWER_PENDING:
                return answer
        deadline = Deadline.of(timeout)
        if spin:
            spinning = Spinning(self._wait, self._spin_window - spin / 1e9)
            with self._lock:
                left = self._must_wait(deadline, record)
            while spin := spinning.next_ns(left):
                answer = self._answer_at(record.position, spin)
                if answer != ANSWER_PENDING:
                    return answer
                with self._lock:
                    self._check_peer_if_due(False)
                    left = self._must_wait(deadline, record)
        waiter = Waiter(lambda: record.cancelled or self._ring.answered(record))
        with self._lock:
            try:
                while True:
                    answer = self._answer_at(record.position, 0)
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
                    self._shut(same_again(error))
            finally:
                self._left()
        raise error

    def _failed_answer(self, record: Record) -> ZeroDuplexError:
        """The error that a failed answer says; its frame is released. The lock is held."""
        status, size = self._port.status_at(record.position), self._port.size_at(record.position)
        if size > record.capacity:
            error = CorruptedError(f"the message of response {record.sequence} has {size} bytes, its capacity is {record.capacity}")
            self._shut(same_again(error))
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
        try:  # written out: a context manager would cost as much as all the rest
            self._ring.release(record)
        except CorruptedError as e:
            self._shut(same_again(e))
