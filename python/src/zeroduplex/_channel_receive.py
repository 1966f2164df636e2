"""Receiving on an in-place channel."""

from __future__ import annotations

from ._channel_send import SendingChannel
from ._generated import wire
from ._loans_client import Response
from ._ops import ANSWER_FAILED, ANSWER_IMPOSSIBLE, ANSWER_PENDING, WAIT_TOKEN, ops
from ._state import Record
from ._waiting import Deadline, Spinning, Waiter
from .errors import CorruptedError, ZeroDuplexError, answer_error, same_again


class ReceivingChannel(SendingChannel):
    """Waits for responses and gives them back."""

    def _await_any(self, deadline: Deadline) -> Record:
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
                    try:
                        self._lock.release()
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
        spin = self._first_spin_ns
        if spin:
            # The answer of a quick handler is there before a lock could be taken.
            answer = self._answer_at(record.position, spin)
            if answer != ANSWER_PENDING:
                return answer
        return self._await_longer(record, timeout)

    def _await_longer(self, record: Record, timeout: float | Deadline) -> int:
        """_await, where the first spin was in vain."""
        spin = self._first_spin_ns
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
        waiter = Waiter(lambda: record.cancelled or self._answered(record))
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

    def _sleep(self, nanoseconds: int) -> bool:
        return ops.wait(self._segment.semaphores.response_ready, nanoseconds) == WAIT_TOKEN

    def _deliver(self, record: Record, answer: int) -> Response:
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
        self._quiet = False
        with self._telling_corruption():
            self._ring.release(record)
        return answer_error(record.sequence, status, message)

    def _release_locked(self, response: Response) -> None:
        if response._ended or self._detached:
            return
        response._ended = True
        self._out -= 1
        self._quiet = False
        try:  # written out: a context manager would cost as much as all the rest
            self._ring.release(response._record)
        except CorruptedError as e:
            self._shut(same_again(e))
        if self._closing:
            self._settle()
