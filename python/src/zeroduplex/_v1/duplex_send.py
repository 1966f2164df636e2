"""Sending on a v1 duplex channel."""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from .._client_base import ClientBase
from .._loans_client import RequestBuffer
from .._pages import MemoryReport
from .._waiting import Deadline
from ..errors import ClosedError, ReaderDeadError, ServerDeadError, ZeroDuplexError
from ..options import SPIN_SLICE_NS, WaitStrategy, nanoseconds
from .ends import EndOwner, ReaderEnd
from .pending import PendingRequest, PendingRequests
from .writer import Writer


class SendingDualChannel(EndOwner[ReaderEnd], ClientBase[PendingRequest]):
    """Writes requests. The writer has a lock of its own, which is never taken while this channel's is held."""

    _most_opcode = 0

    def __init__(
        self,
        name: str,
        requests: Writer,
        responses: ReaderEnd,
        *,
        wait: WaitStrategy,
        spin_window: float,
        call_timeout: float,
        send_timeout: float,
    ) -> None:
        super().__init__(name, call_timeout, send_timeout)
        self._writer = requests
        # A server that waits for room for answers that nobody receives, such as those to one-way requests, takes no requests.
        this = weakref.ref(self)
        requests._meanwhile = lambda: None if (channel := this()) is None else channel._make_room()
        self._end = responses
        self._spins_only = wait is WaitStrategy.SPIN
        self._spin_ns = SPIN_SLICE_NS if self._spins_only else nanoseconds(spin_window) if wait is WaitStrategy.HYBRID else 0
        self._pending = PendingRequests()
        self._frames, self._lookup, self._answer_at = self._pending.frames, self._pending.find, self._pending.answer_at
        self._looked = False
        """The sleep ended with the look at a response."""
        self._peer_checked = 0.0

    @property
    def memory_report(self) -> MemoryReport:
        """Of both buffers together."""
        return self._writer.memory_report._and(super().memory_report)

    @abstractmethod
    def _collect_until(self, enough: Callable[[], bool]) -> None:
        """Takes responses as long as there are some; the lock is held."""

    @abstractmethod
    def _check_peer(self) -> bool:
        """Looks whether the server lives; the lock is held."""

    def send_request(
        self, data: Any, *, opcode: int = 0, capacity: int | None = None, one_way: bool = False, timeout: float | None = None
    ) -> int:
        return self._send(data, opcode, capacity, one_way, self._timeout(timeout, self._send_timeout), False).sequence

    def _send(self, data: Any, opcode: int, capacity: int | None, one_way: bool, timeout: float | Deadline, taken: bool) -> PendingRequest:
        self._check_opcode(opcode)
        record = PendingRequest(one_way, taken)
        try:
            self._sending(lambda: self._writer._write(data, timeout, lambda sequence: self._register(record, sequence)))
        except BaseException:
            if taken and record.sequence:
                self._forget(record)
            raise
        return record

    def acquire_request_buffer(self, size: int, capacity: int | None = None, *, timeout: float | None = None) -> RequestBuffer:
        start = self._sending(lambda: self._writer._acquire(size, self._timeout(timeout, self._send_timeout)))
        with self._lock:
            self._out += 1
        return RequestBuffer(self, self._writer._end.payload, start, size)

    def _commit(self, buffer: RequestBuffer, size: int, opcode: int, one_way: bool) -> int:
        with self._lock:
            failure = self._failure
        if failure is not None:
            self._abort(buffer)
            raise failure()
        record = PendingRequest(one_way, False)
        try:
            return self._writer._commit(buffer, size, lambda sequence: self._register(record, sequence))
        except (ReaderDeadError, ClosedError) as e:
            raise self._gone() from e
        finally:
            with self._lock:
                self._out -= 1
                self._settle()

    def _abort(self, loan: RequestBuffer) -> None:
        self._writer._abort(loan)
        with self._lock:
            self._out -= 1
            self._settle()

    def _abort_locked(self, loan: RequestBuffer) -> None:
        writer = self._writer
        writer._drop(lambda: writer._abort_locked(loan))
        self._out -= 1
        self._settle()

    def _register(self, record: PendingRequest, sequence: int) -> None:
        """Remembers a request before the server can see it."""
        with self._lock:
            self._pending.add(record, sequence)
            if record.taken:
                self._calls += 1

    def _sending(self, send: Callable[[], int]) -> int:
        """Runs what sends, and says in this channel's words why it failed."""
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            self._drop_unwanted()
        try:
            return send()
        except (ReaderDeadError, ClosedError) as e:
            raise self._gone() from e

    def _make_room(self) -> None:
        with self._lock:
            self._drop_unwanted()

    def _drop_unwanted(self) -> None:
        """Takes what is there as long as something of it is to be dropped; the lock is held."""
        if self._pending.unwanted:
            self._collect_until(lambda: not self._pending.unwanted)

    def _gone(self) -> ZeroDuplexError:
        """The error for a server that was found dead while sending, or for a channel that was closed meanwhile."""
        with self._lock:
            if self._failure is None:
                self._check_peer()
            return self._failure() if self._failure is not None else ServerDeadError(f"the server of {self._name!r} is gone")

    def set_metadata(self, content: bytes) -> None:
        def write() -> int:
            self._writer.set_metadata(content)
            return 0

        self._sending(write)
