"""The server's side of a channel."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

from . import _process
from ._generated import wire
from ._ops import ops
from ._server_core import Handler
from ._server_work import WorkingServer
from ._tenure import Phase, Tenure
from ._waiting import wait_in_slices
from .errors import ClosedError, InvalidArgumentError, SystemError, TimeoutError, ZeroDuplexError
from .memory import SharedMemory
from .options import WAIT_SLICE, check_duration, nanoseconds

_Self = TypeVar("_Self", bound="DuplexServer")


class DuplexServer(ABC):
    """The server's side of a channel, whatever its protocol. All methods are thread-safe. As a context manager it closes."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The channel's name."""

    @abstractmethod
    def stop(self, timeout: float) -> None:
        """Takes nothing new, lets handlers finish and waits until the client consumed their responses or is gone, then removes the
        channel. TimeoutError when that took longer than so many seconds; the channel is removed all the same. Stopping again waits
        for the first stop."""

    @abstractmethod
    def close(self) -> None:
        """stop with the server's stop timeout."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class InPlaceDuplexServer(WorkingServer, DuplexServer):
    """Owns an in-place duplex channel and answers its requests where they stand. Made by
    DuplexChannelFactory.create_in_place_duplex_server."""

    def start(self, handler: Handler) -> None:
        """Begins to answer requests with handler, on threads of its own, and returns at once. A server starts once.

        With several workers the handler is called from several threads. An exception of it answers a failure: Failure(code, message)
        gives an application's code, any other one its text with the library's code.
        """
        with self._lock:
            if not callable(handler):
                raise InvalidArgumentError(f"the handler of {self._name!r} cannot be called: {handler!r}")
            self._refuse_after_fork()
            if self._phase is Phase.SERVING:
                raise InvalidArgumentError(f"the server of {self._name!r} was started before")
            if self._phase is not Phase.CREATED:
                raise ClosedError(f"starting the server of {self._name!r}")
            self._phase = Phase.SERVING
            self._handler = handler
            self._start_workers()
            threading.Thread(target=self._watch, name=f"zeroduplex-{self._name}-watch", daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the server has stopped, for so many seconds or for ever. False when time is up."""
        return wait_in_slices(self._done, timeout)

    def close(self) -> None:
        self.stop(self._stop_timeout)

    def stop(self, timeout: float) -> None:
        deadline = time.monotonic() + check_duration("a timeout", timeout)
        with self._lock:
            if self._forked:
                return
            first = self._phase < Phase.DRAINING
            if first:
                self._phase = Phase.DRAINING
        if not first:
            wait_in_slices(self._done, None)
        else:
            try:
                with self._lock:
                    self._stop_error = self._drain_and_remove(deadline)
            finally:
                self._phase = Phase.STOPPED
                self._done.set()
        if self._stop_error is not None:
            raise type(self._stop_error)(self._stop_error.detail)

    def _drain_and_remove(self, deadline: float) -> ZeroDuplexError | None:
        """The whole of stopping; the lock is held, and let go while waiting."""
        tenure = self._current
        tenure.segment.port.kick()
        self._work.notify_all()
        try:
            while tenure.running or self._polling:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._finished.wait(min(WAIT_SLICE, left))  # in slices, so that signals are noticed
            late = tenure.running > 0 or not self._drain(tenure, deadline)
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
            self._lock.release()
            try:
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

    def _at_exit(self) -> None:
        self.stop(0)
