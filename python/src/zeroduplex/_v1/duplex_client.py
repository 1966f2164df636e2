"""The client of a v1 duplex channel: one buffer for requests, one for responses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from .._client_base import ClientBase
from .._loans_client import RequestBuffer, Response
from .._ops import ANSWER_PENDING
from .._waiting import Deadline, Waiter
from ..errors import ClosedError, CorruptedError, ReaderDeadError, ServerDeadError, UnknownSequenceError, ZeroDuplexError, same_again
from ..options import SPIN_SLICE_NS, WAIT_SLICE, WaitStrategy, nanoseconds
from .ends import EndOwner, ReaderEnd
from .ring_reader import Slot
from .writer import Writer

_POKE_CHECK: Final = 1e-3
"""A waiter that wakes for nothing checks the server, at most this often in seconds."""


class _Record:
    """A request that was sent."""

    __slots__ = ("abandoned", "one_way", "position", "released", "sequence", "slot", "start", "taken")

    opcode = 0
    cancelled = False

    def __init__(self, one_way: bool, taken: bool) -> None:
        self.sequence = self.position = self.start = 0
        self.one_way = one_way
        self.taken = taken
        self.abandoned = self.released = False
        self.slot: Slot | None = None
        """The answer, once it was read."""


class DualBufferDuplexChannel(EndOwner[ReaderEnd], ClientBase[_Record]):
    """The client of a ZeroBuffer v1 duplex channel, which copies: requests go into one buffer, responses come out of another. Made by
    DuplexChannelFactory.create_client when the server of that name speaks v1.

    The protocol has less than that of in-place channels. The n-th response is the answer to the n-th request, and there is no way to say
    that a handler failed: such an answer is the error's text. There are no opcodes, no empty requests and no cancelling: cancel always says
    that it is too late. Response capacities mean nothing. One-way requests are answered as well, and the client drops those answers. A
    server keeps the metadata of the first client that wrote any.
    """

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
        requests._meanwhile = self._make_room
        self._end = responses
        self._spins_only = wait is WaitStrategy.SPIN
        self._spin_ns = SPIN_SLICE_NS if self._spins_only else nanoseconds(spin_window) if wait is WaitStrategy.HYBRID else 0
        self._frames = deque()
        self._lookup = self._find
        self._answer_at = self._answer_to
        self._answers = 0
        """Responses that came."""
        self._peer_checked = 0.0

    # Sending. The writer has a lock of its own, which is never taken while this channel's is held.

    def send_request(
        self, data: Any, *, opcode: int = 0, capacity: int | None = None, one_way: bool = False, timeout: float | None = None
    ) -> int:
        return self._send(data, opcode, capacity, one_way, self._timeout(timeout, self._send_timeout), False).sequence

    def _send(self, data: Any, opcode: int, capacity: int | None, one_way: bool, timeout: float | Deadline, taken: bool) -> _Record:
        self._check_opcode(opcode)
        record = _Record(one_way, taken)
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
        record = _Record(one_way, False)
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

    def _register(self, record: _Record, sequence: int) -> None:
        """Remembers a request before the server can see it."""
        with self._lock:
            record.sequence = record.position = sequence
            self._frames.append(record)
            if record.taken:
                self._calls += 1

    def _sending(self, send: Callable[[], int]) -> int:
        """Runs what sends, and says in this channel's words why it failed."""
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            self._collect()
        try:
            return send()
        except (ReaderDeadError, ClosedError) as e:
            raise self._gone() from e

    def _gone(self) -> ZeroDuplexError:
        """The error for a server that was found dead while sending, or for a channel that was closed meanwhile."""
        with self._lock:
            if self._failure is None:
                self._check_peer()
            return self._failure() if self._failure is not None else ServerDeadError(f"the server of {self._name!r} is gone")

    def cancel(self, sequence: int) -> bool:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            record = self._find(sequence)
            if record is None or record.abandoned or record.released:
                raise UnknownSequenceError(f"cancelling on {self._name!r}: sequence {sequence}")
            return False

    # Receiving. Whoever has the sleeper's role, or finds it free, moves what came to the requests it answers.

    def _find(self, sequence: int) -> _Record | None:
        frames = self._frames
        index = sequence - frames[0].sequence if frames else -1
        return frames[index] if 0 <= index < len(frames) else None

    def _answer_to(self, sequence: int, window_ns: int) -> int:
        record = self._find(sequence)
        return ANSWER_PENDING if record is None or record.slot is None else record.slot.size

    def _await(self, record: _Record, timeout: float | Deadline) -> int:
        deadline = Deadline.of(timeout)
        waiter = Waiter(lambda: record.slot is not None)
        with self._lock:
            try:
                while True:
                    self._collect()
                    if record.slot is not None:
                        return record.slot.size
                    self._must_wait(deadline, record)
                    self._wait_locked(waiter, deadline)
            finally:
                # We may have been woken to take the role and leave without it.
                if not self._sleeping:
                    self._waiters.wake_one()

    def _await_any(self, deadline: Deadline) -> _Record:
        waiter = Waiter(lambda: self._any_answered() is not None)
        try:
            while True:
                self._collect()
                record = self._any_answered()
                if record is not None:
                    return record
                self._must_wait(deadline)
                self._wait_locked(waiter, deadline)
        finally:
            if not self._sleeping:
                self._waiters.wake_one()

    def _sleep(self, nanoseconds: int) -> bool:
        stream = self._end.stream
        if self._spins_only:
            return bool(stream.next(min(self._spin_ns, nanoseconds)))
        return bool((self._spin_ns and stream.next(self._spin_ns)) or stream.sleep_for_frame(nanoseconds))

    def _collect(self) -> None:
        if self._sleeping or self._detached:
            return
        try:
            while (slot := self._end.next()) is not None:
                self._assign(slot)
        except CorruptedError as e:
            self._shut(same_again(e))

    def _make_room(self) -> None:
        with self._lock:
            self._collect()

    def _assign(self, slot: Slot) -> None:
        """Gives a response to its request; the lock is held."""
        self._answers += 1
        record = self._find(self._answers)
        if record is None:
            raise CorruptedError(f"response {self._answers} to {self._writer._end.ring.next_sequence - 1} requests")
        if record.one_way or record.abandoned:
            self._end.ring.end(slot)
            self._retire(record)
        else:
            record.slot, record.start = slot, slot.start

    def _retire(self, record: _Record) -> None:
        """Nothing of the request is left to be waited for or given back; the lock is held."""
        record.released = True
        frames = self._frames
        while frames and frames[0].released:
            frames.popleft()

    def _deliver(self, record: _Record, answer: int) -> Response:
        with self._lock:
            self._calls -= 1
            self._out += 1
        return Response(self, record, self._end.payload, answer)

    def _release(self, loan: Response) -> None:
        with self._lock:
            self._release_locked(loan)

    def _release_locked(self, loan: Response) -> None:
        if loan._ended or self._detached:
            return
        loan._ended = True
        self._out -= 1
        self._free(loan._record)
        self._settle()

    def _free(self, record: _Record) -> None:
        """Frees the response's bytes; the lock is held."""
        if record.slot is not None:
            self._retire(record)
            try:
                self._end.ring.end(record.slot)
            except CorruptedError as e:
                self._shut(same_again(e))

    def _forget_locked(self, record: _Record) -> None:
        if not record.abandoned and not self._detached:
            record.abandoned = True  # its response is dropped when it comes
            self._free(record)

    def _stop_waiting(self, record: _Record) -> None:
        record.taken = False
        if not self._detached:
            self._waiters.wake_interested()  # it may have been answered since we looked; now it is anybody's

    def _wake_sleeper(self) -> None:
        if self._sleeping:
            self._end.stream.poke()

    # The server.

    def _check_peer_if_due(self, token: bool) -> None:
        if self._failure is None and time.monotonic() - self._peer_checked >= (_POKE_CHECK if token else WAIT_SLICE):
            self._check_peer()

    def _check_peer(self) -> bool:
        """Looks whether the server lives; the lock is held. When it does not, answers that are there are still delivered, everything else
        fails."""
        self._peer_checked = time.monotonic()
        if self._writer._end.segment.reader_alive():
            return True
        if self._sleeping:
            # Whoever sleeps must first say what came, so it is left to him.
            self._peer_checked = 0.0
            self._wake_sleeper()
            return False
        try:
            while (slot := self._end.last_of_writer()) is not None:
                self._assign(slot)
        except CorruptedError as e:
            self._shut(same_again(e))
        else:
            self._server_dead()
        return False

    @property
    def is_server_connected(self) -> bool:
        with self._lock:
            return self._failure is None and self._check_peer()

    def set_metadata(self, content: bytes) -> None:
        def write() -> int:
            self._writer.set_metadata(content)
            return 0

        self._sending(write)

    @property
    def server_metadata(self) -> bytes | None:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            return self._end.segment.metadata.read(exact=False)

    # The end.

    def close(self) -> None:
        with self._lock:
            self._closing = True
            self._failure = self._closed
            self._wake_all()
        self._writer.close()
        super().close()

    def _wake_all(self) -> None:
        if not self._detached:
            self._wake_sleeper()
        self._waiters.wake_all()
