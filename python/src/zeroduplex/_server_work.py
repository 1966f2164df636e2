"""The workers of an in-place server."""

from __future__ import annotations

import threading
import time
from typing import Final

from ._generated import wire
from ._generated.wire import FrameStatus
from ._ops import SERVE_NOTHING, SERVE_TAKEN, SERVING, WAIT_TOKEN, ops
from ._ring_server import Claimed
from ._server_base import Outcome, Phase, cut, end_loans, failure_of, run_handler
from ._server_reset import ResettingServer
from ._state import FAST, serve
from ._tenure import Tenure
from .errors import CorruptedError, HandlerFailedError
from .frame import Frame
from .options import WAIT_SLICE, nanoseconds

_OK: Final = int(FrameStatus.OK)

_TOKEN_CHECK: Final = 1e-3
"""A worker that wakes by a token and finds nothing checks the client, at most this often in seconds."""


class WorkingServer(ResettingServer):
    """Takes requests, runs handlers and answers."""

    def _start_workers(self) -> None:
        for i in range(self._workers):
            worker = threading.Thread(target=self._serve, args=(self._current,), name=f"zeroduplex-{self._name}-{i}", daemon=True)
            worker.start()

    def _serve(self, tenure: Tenure) -> None:
        """One worker: takes requests of its tenure until the server stops or gives the tenure up."""
        claimed = Claimed()
        with self._lock:
            while self._next(tenure, claimed):
                try:
                    self._lock.release()
                    size, status = self._handle(tenure, claimed)
                finally:
                    self._lock.acquire()
                self._settle(tenure, claimed, size, status)
                if FAST and self._workers == 1 and self._spin_ns and not (self._reports or tenure.corrupt):
                    self._serve_alone(tenure, claimed)

    def _serve_alone(self, tenure: Tenure, claimed: Claimed) -> None:
        """What an only worker does while requests come and all is as usual; the lock is held, and let go meanwhile.

        Nobody else touches the ring, so neither taking nor answering needs the lock. It spins a slice at most, and every way out leads to
        _next, where the lock is held and nothing is missed.
        """
        tenure.alone = True
        tenure.references += 1
        port, handler, payload, spin_ns = tenure.segment.port, self._handler, tenure.payload, self._spin_ns
        address, serving = port.address, Phase.SERVING
        try:
            self._lock.release()
            while self._phase is serving and self._current is tenure and not tenure.resetting:
                found = serve(address, handler, Frame, payload, spin_ns)
                if isinstance(found, tuple):
                    frame, error = found
                    status, message = (_OK, "") if error is None else failure_of(error)
                    del found, error  # the exception may be what keeps a view alive
                    tenure.ring.describe(claimed)
                    size, status = self._conclude(tenure, claimed, frame, end_loans(status, message, frame))
                    self._answer(tenure, claimed, size, status)
                    port.words[SERVING] = 0
                elif found != SERVE_TAKEN:
                    tenure.spun = found == SERVE_NOTHING
                    break
        finally:
            self._lock.acquire()
            tenure.alone = False
            if tenure.resetting:
                tenure.deadline = time.monotonic() + self._reset_timeout  # it gets on
            tenure.unreference()

    def _next(self, tenure: Tenure, claimed: Claimed) -> bool:
        """Waits for a request; the lock is held.

        One worker polls, the others wait for its signal. Looking and taking that role is one critical section, so no request falls
        between a look and a sleep; a worker that takes a request wakes another for the role.
        """
        while self._phase is Phase.SERVING and self._current is tenure:
            if self._look(tenure, claimed):
                tenure.running += 1
                tenure.references += 1
                if self._idle:
                    self._work.notify()
                return True
            if self._reports:
                self._deliver_reports()  # lets go of the lock, so everything must be looked at again
                continue
            if self._current is not tenure:
                break  # given up in look
            if self._polling:
                self._idle += 1
                self._work.wait()
                self._idle -= 1
                continue
            self._polling = True
            tenure.references += 1  # stopping does not wait for ever
            self._poll(tenure)
            self._polling = False
            tenure.unreference()
        self._work.notify()  # we may have been woken for a role that we do not take
        self._finished.notify_all()
        self._deliver_reports()
        return False

    def _look(self, tenure: Tenure, claimed: Claimed) -> bool:
        """Takes the next request, and does what a client that left makes necessary; the lock is held."""
        if self._take(tenure, claimed):
            return True
        if not tenure.resetting and self._client_left(tenure):
            self._begin_reset(tenure)
            if self._take(tenure, claimed):
                return True
        if tenure.resetting:
            if self._polling:
                tenure.segment.port.kick()  # a reset replaces the semaphore that the poller sleeps on, so the poller does it
            else:
                self._advance_reset(tenure)
        return False

    def _take(self, tenure: Tenure, claimed: Claimed) -> bool:
        """Walks the cursor to the next request that is to be run; the lock is held."""
        ring = tenure.ring
        if not (tenure.corrupt or tenure.resetting) and ring.take_next(claimed):
            return True
        while not tenure.corrupt:
            try:
                if not ring.next(claimed):
                    return False
            except CorruptedError as e:
                self._mark_corrupted(tenure, e)
                return False
            if ring.reset_wanted and not tenure.resetting:
                self._begin_reset(tenure)  # a client that left waits for nothing: only its one-way requests still run
            if claimed.cancelled:
                ring.skip(claimed)
            elif tenure.resetting and not claimed.one_way:
                ring.pass_over(claimed)
            elif ring.take(claimed):
                return True
            # Else it was cancelled since we looked: the next round skips it.
        return False

    def _mark_corrupted(self, tenure: Tenure, error: CorruptedError) -> None:
        """Stops taking and disowns the segment; the client sees it, detaches, and the ordinary reset follows. The lock is held."""
        tenure.corrupt = True
        # Pairs with the client's acquire load when it checks its peer.
        ops.store64(tenure.segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, wire.PID_NONE)
        ops.post_if_zero(tenure.segment.semaphores.response_ready)
        ops.post_if_zero(tenure.segment.semaphores.space_available)
        self._reports.append(error)

    def _poll(self, tenure: Tenure) -> None:
        """Waits for something to look at; the lock is held and let go meanwhile, the caller has the polling role."""
        # In a reset, or after corruption, what is published is no reason to stop waiting.
        quiet = tenure.resetting or tenure.corrupt
        spin_ns = 0 if quiet else self._spin_ns if tenure.lively else self._idle_spin_ns
        if tenure.spun:
            tenure.spun, spin_ns = False, self._idle_spin_ns
        passed = tenure.ring.passed
        if spin_ns:
            try:
                self._lock.release()
                if tenure.spin_for_request(passed, spin_ns):
                    return
            finally:
                self._lock.acquire()
        token = False
        if quiet or not self._idle_spin_ns:
            timeout = WAIT_SLICE
            if tenure.resetting and 0 < (left := tenure.deadline - time.monotonic()) < timeout:
                timeout = left
            request_ready = tenure.segment.semaphores.request_ready
            try:
                self._lock.release()
                token = ops.wait(request_ready, nanoseconds(timeout)) == WAIT_TOKEN
            finally:
                self._lock.acquire()
            tenure.lively = token
        age = time.monotonic() - tenure.checked
        if age >= WAIT_SLICE or (token and age >= _TOKEN_CHECK):
            tenure.check_due = True

    def _handle(self, tenure: Tenure, claimed: Claimed) -> tuple[int, int]:
        """Runs the handler and returns the size and the status of the answer; the lock is not held."""
        frame = Frame(claimed, tenure.payload)
        return self._conclude(tenure, claimed, frame, run_handler(self._handler, frame))

    def _conclude(self, tenure: Tenure, claimed: Claimed, frame: Frame, outcome: Outcome) -> tuple[int, int]:
        """The size and the status of the answer to a request whose handler has ended; the lock is not held."""
        status, message, error = outcome
        size = frame._size
        if status != _OK:
            if claimed.one_way:
                error = error or HandlerFailedError(f"one-way request {claimed.sequence}: {message}", status=status, message=message)
            else:
                text = cut(message, claimed.capacity)
                size = len(text)
                tenure.payload[claimed.start : claimed.start + size] = text
        if error is not None:
            self._tell(error)
        return size, status

    def _settle(self, tenure: Tenure, claimed: Claimed, size: int, status: int) -> None:
        """Answers; the lock is held."""
        self._answer(tenure, claimed, size, status)
        tenure.running -= 1
        if tenure.resetting:
            tenure.deadline = time.monotonic() + self._reset_timeout  # it gets on
            if tenure.running == 0 and self._current is tenure:
                tenure.segment.port.kick()
        if self._phase is not Phase.SERVING:
            self._finished.notify_all()
        tenure.unreference()

    def _answer(self, tenure: Tenure, claimed: Claimed, size: int, status: int) -> None:
        """The client may have read the answer before this returns."""
        if claimed.one_way:
            tenure.ring.finish(claimed)
        else:
            tenure.ring.answer(claimed, size, status, status != _OK)

    def _watch(self) -> None:
        """Notices clients that die while all workers are busy, and handlers that never end. Looks once a slice."""
        while not self._done.wait(WAIT_SLICE):
            with self._lock:
                tenure = self._current
                # A polling worker does all of this itself.
                if self._phase is Phase.SERVING and not self._polling and tenure.busy:
                    tenure.check_due = True
                    if not tenure.resetting and self._client_left(tenure):
                        self._begin_reset(tenure)
                    if tenure.resetting:
                        self._advance_reset(tenure)
                self._deliver_reports()
