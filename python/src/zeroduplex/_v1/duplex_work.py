"""The worker of a v1 server. It alone reads requests and writes responses."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Final

from .._generated import wire
from .._ops import ops
from .._pages import PageWish
from .._process import process_alive
from .._server_base import ErrorFunction, Phase, ServerBase
from .._waiting import Spinning
from ..config import BufferConfig
from ..errors import (
    CorruptedError,
    MetadataAlreadyWrittenError,
    MetadataTooLargeError,
    ReaderDeadError,
    SystemError,
    ZeroDuplexError,
)
from ..options import WAIT_SLICE, WaitStrategy, nanoseconds, spin_times
from .attach import WriterAttempt
from .connect import request_buffer, response_buffer
from .create import OwnedBuffer
from .duplex_frames import ResponseRoom
from .ends import ReaderEnd, WriterEnd
from .ring_reader import Slot
from .stream import FRAME

_PATIENCE: Final = 1.0
"""Seconds that a client's first request waits for its response buffer. Clients make it before they send anything, so what is not there is
of a client that is gone, and its successor may be waiting for us to find that out."""

_LIVES: Final = "lives"
_CLOSED: Final = "closed"
_DIED: Final = "died"


class WorkingBufferServer(ServerBase):
    """Serves one client after the other."""

    def __init__(
        self,
        name: str,
        config: BufferConfig,
        *,
        wait: WaitStrategy,
        spin_window: float,
        stop_timeout: float,
        mode: int,
        on_error: ErrorFunction,
        wish: PageWish,
    ) -> None:
        self._config = config
        self._mode = mode
        self._wish = wish
        self._wait, self._spin_window = wait, spin_window
        self._idle_spin_ns, self._spin_ns = spin_times(wait, spin_window)
        self._lively = True
        """A request came lately, so that a hybrid wait spins before it sleeps."""
        self._requests = self._create_requests(name)
        self._responses: WriterEnd | None = None
        self._client = wire.PID_NONE
        """The client whose first request was read."""
        self._client_checked = 0.0
        self._answer: Callable[[Slot, ResponseRoom], None]
        self._worker: threading.Thread | None = None
        self._handling = False
        self._hurry = False
        """The time for stopping is over."""
        self._left = False
        """The names are removed; whoever is the last to use the memory unmaps it."""
        super().__init__(name, stop_timeout, on_error)
        self._finished = threading.Condition(self._lock)
        """The worker has ended."""

    @abstractmethod
    def _stop_for_good(self) -> None:
        """Stops a server that cannot go on."""

    def _create_requests(self, name: str) -> ReaderEnd:
        requests = ReaderEnd(OwnedBuffer(request_buffer(name), self._config, self._mode, self._wish))
        requests.ring.before_first = self._welcome
        return requests

    def _serve(self) -> None:
        try:
            while self._phase is Phase.SERVING:
                try:
                    slot = self._next()
                    if slot is not None:
                        self._handle(slot)
                except CorruptedError as e:
                    self._renew(e)
                with self._lock:
                    self._deliver_reports()
        finally:
            with self._lock:
                self._worker = None
                self._finished.notify_all()
                if self._left:
                    self._unmap()

    def _next(self) -> Slot | None:
        """Waits for a request, for a slice at most."""
        end = self._requests
        got = end.stream.next(self._spin_ns if self._lively else self._idle_spin_ns)
        if not got and not self._idle_spin_ns:
            got = end.stream.sleep_for_frame(nanoseconds(WAIT_SLICE))
        self._lively = got == FRAME
        if got == FRAME:
            return end.ring.take()
        return self._look_after_client()

    def _look_after_client(self) -> Slot | None:
        """Lets go of a client that left, once its last request was read."""
        if self._responses is None or self._client_state() == _LIVES:
            return None
        slot = self._requests.last_of_writer()
        if slot is None:
            self._leave_client()
        return slot

    def _client_state(self) -> str:
        """Whether the client lives, has closed or died. The kernel is asked once a slice."""
        pid = self._requests.segment.writer_pid
        if pid == wire.PID_NONE or pid != self._client:
            return _CLOSED
        now = time.monotonic()
        if now - self._client_checked < WAIT_SLICE:
            return _LIVES
        self._client_checked = now
        return _LIVES if process_alive(pid) else _DIED

    def _handle(self, slot: Slot) -> None:
        """Answers one request."""
        responses, state = self._responses, self._client_state()
        if state == _CLOSED or (responses is not None and responses.segment.reader_pid == wire.PID_NONE):
            responses = None  # what a client sent before it closed is worked on, for nobody
        elif state == _DIED or responses is None:
            self._requests.ring.end(slot)
            return
        self._handling = True
        try:
            self._answer(slot, ResponseRoom(responses, self._await_room))
        finally:
            self._handling = False
            self._requests.ring.end(slot)

    def _await_room(self, end: WriterEnd) -> bool:
        """Waits until the client makes room for the placed frame. False when it will not: it is gone, or we stop."""
        spinning = Spinning(self._wait, self._spin_window)
        try:
            while not end.has_room(False):
                if self._client_state() != _LIVES or self._hurry:
                    return False
                spin = spinning.next_ns(WAIT_SLICE)
                if spin:
                    end.stream.space(end.ring.need, spin)
                else:
                    ops.wait(end.segment.semaphores.data_read, nanoseconds(WAIT_SLICE))
            return True
        except ReaderDeadError:
            return False
        except CorruptedError as e:
            self._tell(e)
            self._leave_client()
            return False

    def _welcome(self) -> None:
        """Opens the response buffer of the client whose first request is there and not read yet. Until it is read no other client makes a
        response buffer: clients wait until what their predecessor left is read. So what is found now is of the request's own sender."""
        self._leave_client()
        self._client, self._client_checked = self._requests.segment.writer_pid, 0.0
        attempt = WriterAttempt(response_buffer(self._name), _PATIENCE, None, bool(self._mode & 0o077), self._wish)
        while True:
            try:
                end = WriterEnd(attempt.once())
                break
            except ZeroDuplexError as e:
                lives = process_alive(self._requests.segment.writer_pid)
                if lives and self._phase is Phase.SERVING and isinstance(e, attempt.healed_by_time) and attempt.pause():
                    continue
                if lives:
                    self._tell(e)
                return
        with self._lock:
            self._responses = end
            if self._metadata is not None:
                try:
                    end.set_metadata(self._metadata)
                except (MetadataAlreadyWrittenError, MetadataTooLargeError) as e:
                    self._reports.append(e)

    def _leave_client(self) -> None:
        with self._lock:
            self._leave_client_locked()

    def _leave_client_locked(self) -> None:
        responses, self._responses = self._responses, None
        if responses is not None:
            responses.leave()
            responses.unmap()

    def _renew(self, error: CorruptedError) -> None:
        """Gives a corrupted request buffer up and makes a new one, which clients find when they connect anew."""
        with self._lock:
            if self._phase is not Phase.SERVING:
                return
            self._reports.append(error)
            self._leave_client_locked()
            old = self._requests
            try:
                old.leave()
                self._requests = self._create_requests(self._name)
            except (OSError, ZeroDuplexError) as e:
                self._reports.append(SystemError(f"the server of {self._name!r} has no request buffer any more: {e}"))
                threading.Thread(target=self._stop_for_good, daemon=True).start()
                while self._phase is Phase.SERVING:
                    self._finished.wait(WAIT_SLICE)
            else:
                old.unmap()

    def _unmap(self) -> None:
        """Gives the memory back; the lock is held and the worker has ended."""
        self._leave_client_locked()
        self._requests.unmap()

    def _close_descriptors(self) -> None:
        self._requests.close_after_fork()
