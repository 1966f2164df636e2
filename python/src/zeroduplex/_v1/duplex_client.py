"""The client of a v1 duplex channel: one buffer for requests, one for responses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from .._loans_client import Response
from .._waiting import Deadline, Waiter
from ..errors import CorruptedError, UnknownSequenceError, same_again
from ..options import WAIT_SLICE
from .duplex_send import SendingDualChannel
from .pending import PendingRequest
from .ring_reader import Slot
from .stream import FRAME, NO_FRAME

_POKE_CHECK: Final = 1e-3
"""A waiter that wakes for nothing checks the server, at most this often in seconds."""


class DualBufferDuplexChannel(SendingDualChannel):
    """The client of a ZeroBuffer v1 duplex channel, which copies: requests go into one buffer, responses come out of another. Made by
    DuplexChannelFactory.create_client when the server of that name speaks v1.

    The protocol has less than that of in-place channels. The n-th response is the answer to the n-th request, and there is no way to say
    that a handler failed: such an answer is the error's text. There are no opcodes, no empty requests and no cancelling: cancel always says
    that it is too late. Response capacities mean nothing. One-way requests are answered as well, and the client drops those answers. A
    server keeps the metadata of the first client that wrote any.
    """

    # Whoever has the sleeper's role, or finds it free, moves what came to the requests it answers.

    def _await(self, record: PendingRequest, timeout: float | Deadline) -> int:
        deadline = Deadline.of(timeout)
        waiter = Waiter(lambda: record.slot is not None)
        with self._lock:
            try:
                while True:
                    self._collect_until(waiter.interested)
                    if record.slot is not None:
                        return record.slot.size
                    self._must_wait(deadline, record)
                    self._wait_locked(waiter, deadline)
            finally:
                # We may have been woken to take the role and leave without it.
                if not self._sleeping:
                    self._waiters.wake_one()

    def _await_any(self, deadline: Deadline) -> PendingRequest:
        waiter = Waiter(lambda: self._any_answered() is not None)
        try:
            while True:
                self._collect_until(waiter.interested)
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
        got = NO_FRAME
        if self._spin_ns:
            got = stream.next(min(self._spin_ns, nanoseconds))
        if not got and not self._spins_only:
            got = stream.sleep_for_frame(nanoseconds)
        self._looked = got == FRAME
        return got != NO_FRAME

    def _collect(self) -> None:
        """Takes the response that ended a sleep."""
        try:
            if self._looked and not self._detached:
                slot = self._end.ring.take()
                if slot is not None:
                    self._assign(slot)
        except CorruptedError as e:
            self._shut(same_again(e))
        finally:
            self._looked = False

    def _collect_until(self, enough: Callable[[], bool]) -> None:
        """Takes the responses that are there, but no more than are asked for: the others stay in the buffer, where they were written. The
        lock is held."""
        if self._sleeping or self._detached:
            return
        try:
            while not enough() and (slot := self._end.next()) is not None:
                self._assign(slot)
        except CorruptedError as e:
            self._shut(same_again(e))

    def _assign(self, slot: Slot) -> None:
        """Gives a response to its request; the lock is held."""
        record = self._pending.next_answered()
        if record is None:
            raise CorruptedError(f"response {self._pending.answers} to {self._pending.sent} requests")
        if record.one_way or record.abandoned:
            self._pending.unwanted -= 1
            self._end.ring.end(slot)
            self._pending.retire(record)
        else:
            record.slot, record.start = slot, slot.start

    def _deliver(self, record: PendingRequest, answer: int) -> Response:
        with self._lock:
            self._calls -= 1
            self._out += 1
        return Response(self, record, self._end.payload, answer)

    def _release_locked(self, loan: Response) -> None:
        if loan._ended or self._detached:
            return
        loan._ended = True
        self._out -= 1
        self._free(loan._record)
        self._settle()

    def _free(self, record: PendingRequest) -> None:
        """Frees the response's bytes; the lock is held."""
        if record.slot is not None:
            self._pending.retire(record)
            try:
                self._end.ring.end(record.slot)
            except CorruptedError as e:
                self._shut(same_again(e))

    def _forget_locked(self, record: PendingRequest) -> None:
        if not record.abandoned and not self._detached:
            record.abandoned = True
            if record.slot is None:
                self._pending.unwanted += 1  # its response is dropped when it comes
            self._free(record)

    def _stop_waiting(self, record: PendingRequest) -> None:
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

    def cancel(self, sequence: int) -> bool:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            record = self._lookup(sequence)
            if record is None or record.abandoned or record.released:
                raise UnknownSequenceError(f"cancelling on {self._name!r}: sequence {sequence}")
            return False
