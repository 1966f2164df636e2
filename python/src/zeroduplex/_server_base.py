"""What the servers of both protocols have in common: their life from start to stop, and telling what no call returns."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import IntEnum
from types import TracebackType
from typing import Any, Final, NoReturn, TypeVar

from . import _process
from ._generated.wire import FrameStatus
from ._loan import Loan
from ._pages import MemoryReport
from ._waiting import wait_in_slices
from .errors import (
    ClosedError,
    Failure,
    InvalidArgumentError,
    MetadataAlreadyWrittenError,
    ResponseTooLargeError,
    ViewInUseError,
    ZeroDuplexError,
)
from .frame import Frame
from .options import check_duration

Handler = Callable[[Frame], Any]
"""Changes a request where it stands; what it leaves in the frame is the response, what it returns is ignored."""

ErrorFunction = Callable[[ZeroDuplexError], None]
"""Is told of errors that no call returns."""

_OK: Final = int(FrameStatus.OK)

_Self = TypeVar("_Self", bound="DuplexServer")


class DuplexServer(ABC):
    """The server's side of a channel, whatever its protocol. All methods are thread-safe. As a context manager it closes."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The channel's name."""

    @abstractmethod
    def start(self, handler: Handler) -> None:
        """Begins to answer requests with handler, on threads of its own, and returns at once. A server starts once.

        With several workers the handler is called from several threads. An exception of it answers a failure: Failure(code, message)
        gives an application's code, any other one its text with the library's code.
        """

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the server has stopped, for so many seconds or for ever. False when time is up."""

    @abstractmethod
    def stop(self, timeout: float) -> None:
        """Takes nothing new, lets handlers finish and waits until the client consumed their responses or is gone, then removes the
        channel. TimeoutError when that took longer than so many seconds; the channel is removed all the same. Stopping again waits
        for the first stop."""

    @abstractmethod
    def close(self) -> None:
        """stop with the server's stop timeout."""

    @abstractmethod
    def set_metadata(self, content: bytes) -> None:
        """Writes the server's metadata, once. MetadataAlreadyWrittenError, MetadataTooLargeError, ClosedError."""

    @property
    @abstractmethod
    def client_metadata(self) -> bytes | None:
        """A copy of the attached client's metadata, None when no client is attached or it has written none. ClosedError,
        CorruptedError."""

    @property
    @abstractmethod
    def is_client_connected(self) -> bool:
        """Whether a client is attached and lives, now."""

    @property
    @abstractmethod
    def memory_report(self) -> MemoryReport:
        """What became of the options prefault and huge_pages, also after the server has stopped."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


Outcome = tuple[int, str, ZeroDuplexError | None]
"""The status and the message of an answer, and the error that the application is to hear of."""


def run_handler(handler: Callable[..., Any], *lent: Loan) -> Outcome:
    """Runs a handler and ends what it was lent."""
    status, message = _OK, ""
    try:
        handler(*lent)
    except BaseException as e:
        status, message = failure_of(e)
    # The exception is gone by now: it may be what keeps a view alive.
    return end_loans(status, message, *lent)


def end_loans(status: int, message: str, *lent: Loan) -> Outcome:
    """Ends what a handler was lent whose answer this is to be."""
    error: ZeroDuplexError | None = None
    for loan in lent:
        loan._live = False
        if loan._views:
            try:
                loan._end_views()
            except ViewInUseError as e:
                # The library cannot take the memory away from the view, but nobody shall work with a wrong result unknowing.
                status, message, error = int(FrameStatus.HANDLER_FAILED), e.detail, e
    return status, message, error


def failure_of(error: BaseException) -> tuple[int, str]:
    """The status and the message of a handler's exception."""
    if isinstance(error, Failure):
        return error.code, str(error)
    if isinstance(error, ResponseTooLargeError):
        return FrameStatus.RESPONSE_TOO_LARGE, str(error)
    return FrameStatus.HANDLER_FAILED, str(error) or type(error).__name__


def cut(message: str, capacity: int) -> bytes:
    """The message as UTF-8, cut to the capacity at a character's boundary."""
    return message.encode(errors="replace")[:capacity].decode(errors="ignore").encode()


class Phase(IntEnum):
    CREATED = 0
    SERVING = 1
    DRAINING = 2
    STOPPED = 3


class ServerBase(DuplexServer):
    """The phases of a server and its reports."""

    def __init__(self, name: str, stop_timeout: float, on_error: ErrorFunction) -> None:
        self._name = name
        self._stop_timeout = stop_timeout
        self._on_error = on_error
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._phase = Phase.CREATED
        self._metadata: bytes | None = None
        """Of the server, kept for segments to come."""
        self._reports: list[ZeroDuplexError] = []
        """Errors for the error function."""
        self._stop_error: ZeroDuplexError | None = None
        self._forked = False
        _process.register(self)

    @abstractmethod
    def _drain_and_remove(self, deadline: float) -> ZeroDuplexError | None:
        """The whole of stopping; the lock is held, and let go while waiting."""

    @abstractmethod
    def _close_descriptors(self) -> None:
        """Closes what carries the parent's locks, without unlocking, in a forked child."""

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r} {self._phase.name.lower()}>"

    def __reduce__(self) -> NoReturn:
        _process.refuse_pickling(self)

    def _begin(self, handler: object) -> None:
        """Goes to serving, or says why it cannot; the lock is held."""
        if not callable(handler):
            raise InvalidArgumentError(f"the handler of {self._name!r} cannot be called: {handler!r}")
        self._refuse_after_fork()
        if self._phase is Phase.SERVING:
            raise InvalidArgumentError(f"the server of {self._name!r} was started before")
        if self._phase is not Phase.CREATED:
            raise ClosedError(f"starting the server of {self._name!r}")
        self._phase = Phase.SERVING

    def wait(self, timeout: float | None = None) -> bool:
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

    def _deliver_reports(self) -> None:
        """Tells the application what was noticed under the lock, which is held, and let go meanwhile: the application may ask the server
        something."""
        while self._reports:
            error = self._reports.pop(0)
            try:
                self._lock.release()
                self._tell(error)
            finally:
                self._lock.acquire()

    def _tell(self, error: ZeroDuplexError) -> None:
        """Calls the error function. What it raises goes where uncaught exceptions of threads go."""
        try:
            self._on_error(error)
        except BaseException as e:
            threading.excepthook(threading.ExceptHookArgs((type(e), e, e.__traceback__, threading.current_thread())))

    def _refuse_after_fork(self) -> None:
        if self._forked:
            raise ClosedError(f"the server of {self._name!r} belongs to the parent process")

    def _refuse_metadata(self) -> None:
        """Says why no metadata can be written any more; the lock is held."""
        self._refuse_after_fork()
        if self._phase > Phase.SERVING:
            raise ClosedError(f"the server of {self._name!r} is stopping")
        if self._metadata is not None:
            raise MetadataAlreadyWrittenError(f"the server's metadata of {self._name!r}")

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may hold the old one for ever
        self._forked = True
        self._phase = Phase.STOPPED
        self._done.set()
        self._close_descriptors()

    def _at_exit(self) -> None:
        self.stop(0)
