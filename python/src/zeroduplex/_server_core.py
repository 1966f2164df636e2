"""What an in-place server is while it lives. See server.py."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NoReturn

from . import _process
from ._generated import wire
from ._locks import OwnerLock
from ._ops import ops
from ._segment import Segment, read_metadata, write_metadata
from ._tenure import Phase, Tenure
from .config import BufferConfig
from .errors import ClosedError, MetadataAlreadyWrittenError, ZeroDuplexError
from .frame import Frame
from .options import SPIN_SLICE_NS, WaitStrategy, nanoseconds

Handler = Callable[[Frame], Any]
"""Changes a request where it stands; what it leaves in the frame is the response, what it returns is ignored."""

ErrorFunction = Callable[[ZeroDuplexError], None]
"""Is told of errors that no call returns."""


class ServerCore(ABC):
    """The state of a server, its metadata and its look at the client."""

    def __init__(
        self,
        name: str,
        config: BufferConfig,
        owner: OwnerLock,
        segment: Segment,
        *,
        wait: WaitStrategy,
        spin_window: float,
        workers: int,
        reset_timeout: float,
        stop_timeout: float,
        mode: int,
        on_error: ErrorFunction,
    ) -> None:
        self._name = name
        self._config = config
        self._owner = owner
        self._idle_spin_ns = SPIN_SLICE_NS if wait is WaitStrategy.SPIN else 0
        """How long a worker spins at a time where it did not find anything lately: only who never sleeps does."""
        self._spin_ns = self._idle_spin_ns or (nanoseconds(spin_window) if wait is WaitStrategy.HYBRID else 0)
        self._workers = workers
        self._reset_timeout = reset_timeout
        self._stop_timeout = stop_timeout
        self._mode = mode
        self._on_error = on_error
        self._handler: Handler | None = None
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        """There may be something to take, or a role."""
        self._finished = threading.Condition(self._lock)
        """The number of running handlers went down."""
        self._done = threading.Event()
        self._phase = Phase.CREATED
        self._current = Tenure(segment)
        self._metadata: bytes | None = None
        """Of the server, kept for a new object."""
        self._polling = False
        """A worker looks for requests; the role is taken and left under the lock."""
        self._idle = 0
        """Workers waiting on work."""
        self._reports: list[ZeroDuplexError] = []
        """Errors for the error function."""
        self._stop_error: ZeroDuplexError | None = None
        self._forked = False
        _process.register(self)

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r} {self._phase.name.lower()}>"

    def __reduce__(self) -> NoReturn:
        _process.refuse_pickling(self)

    def set_metadata(self, content: bytes) -> None:
        """Writes the server's metadata, once. MetadataAlreadyWrittenError, MetadataTooLargeError, ClosedError."""
        with self._lock:
            self._refuse_after_fork()
            if self._phase > Phase.SERVING:
                raise ClosedError(f"the server of {self._name!r} is stopping")
            if self._metadata is not None:
                raise MetadataAlreadyWrittenError(f"the server's metadata of {self._name!r}")
            segment = self._current.segment
            write_metadata(segment.response, segment.metadata_response, content)
            self._metadata = bytes(content)

    @property
    def client_metadata(self) -> bytes | None:
        """A copy of the attached client's metadata, None when no client is attached or it has written none. ClosedError,
        CorruptedError."""
        with self._lock:
            self._refuse_after_fork()
            if self._phase is Phase.STOPPED:
                raise ClosedError(f"the server of {self._name!r} was stopped")
            segment = self._current.segment
            return read_metadata(segment.request, segment.metadata_request)

    @property
    def is_client_connected(self) -> bool:
        """Whether a client is attached and lives, now."""
        with self._lock:
            if self._forked or self._phase is Phase.STOPPED:
                return False
            return self._attached(self._current)

    def _attached(self, tenure: Tenure) -> bool:
        # Pairs with the client's store when it leaves.
        pid = ops.load64(tenure.writer_pid)
        return pid not in (wire.PID_NONE, wire.RESET_WANTED) and tenure.segment.life.client_alive()

    def _deliver_reports(self) -> None:
        """Tells the application what was noticed under the lock, which is held, and let go meanwhile: the application may ask the server
        something."""
        while self._reports:
            error = self._reports.pop(0)
            self._lock.release()
            try:
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

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may hold the old one for ever
        self._forked = True
        self._phase = Phase.STOPPED
        self._done.set()
        self._current.segment.close_descriptors()
        self._owner.close_after_fork()

    @abstractmethod
    def _at_exit(self) -> None:
        """Ends the server when its process ends."""
