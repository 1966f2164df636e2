"""The server's side of an in-place channel."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from . import _process
from ._generated import wire
from ._ops import ops
from ._server_base import Handler
from ._server_work import WorkingServer
from ._tenure import Tenure
from .errors import SystemError, TimeoutError, ZeroDuplexError
from .memory import SharedMemory
from .options import WAIT_SLICE, nanoseconds


class InPlaceDuplexServer(WorkingServer):
    """Owns an in-place duplex channel and answers its requests where they stand. Made by
    DuplexChannelFactory.create_in_place_duplex_server."""

    def start(self, handler: Handler) -> None:
        with self._lock:
            self._begin(handler)
            self._handler = handler
            self._start_workers()
            threading.Thread(target=self._watch, name=f"zeroduplex-{self._name}-watch", daemon=True).start()

    def _drain_and_remove(self, deadline: float) -> ZeroDuplexError | None:
        tenure = self._current
        tenure.segment.port.kick()
        self._work.notify_all()
        try:
            while tenure.running or tenure.alone or self._polling:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._finished.wait(min(WAIT_SLICE, left))  # in slices, so that signals are noticed
            late = tenure.busy or not self._drain(tenure, deadline)
        finally:
            problem = self._remove(tenure)
        if problem is None and late:
            return TimeoutError(f"stopping the server of {self._name!r}: handlers or responses were left")
        return problem

    def _drain(self, tenure: Tenure, deadline: float) -> bool:
        """Waits until the client has consumed every response or is gone; the lock is held, and let go while waiting."""
        while not tenure.ring.drained() and not tenure.corrupt and self._attached(tenure):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                self._lock.release()
                ops.wait(tenure.segment.semaphores.response_consumed, nanoseconds(min(WAIT_SLICE, left)))
            finally:
                self._lock.acquire()
        return True

    def _remove(self, tenure: Tenure) -> ZeroDuplexError | None:
        """Removes the names that are still ours, the object last, and says that the server is gone; the lock is held."""
        _process.unregister(self)
        segment = tenure.segment
        problem: ZeroDuplexError | None = None

        def own_object() -> None:
            if isinstance(segment.provider, SharedMemory):
                segment.provider.object.remove()

        for step in (segment.semaphores.remove, own_object, segment.life.release_server, self._owner.release):
            try:
                step()
            except OSError as e:
                problem = SystemError(f"stopping the server of {self._name!r}: {e}")
        # A client that wakes finds byte 0 free. Over a view this store is all it can find; pairs with ViewLiveness.server_alive.
        ops.store64(segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, wire.PID_NONE)
        ops.post_if_zero(segment.semaphores.response_ready)
        ops.post_if_zero(segment.semaphores.space_available)
        tenure.unreference()
        return problem

    def _stop_for_good(self) -> None:
        with suppress(ZeroDuplexError):
            self.stop(0)
