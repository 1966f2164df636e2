"""What an in-place server is while it lives. See server.py."""

from __future__ import annotations

import threading

from ._generated import wire
from ._locks import OwnerLock
from ._ops import ops
from ._pages import MemoryReport, PageWish
from ._segment import Segment
from ._server_base import ErrorFunction, Handler, Phase, ServerBase
from ._tenure import Tenure
from .config import BufferConfig
from .errors import ClosedError
from .options import WaitStrategy, spin_times


class ServerCore(ServerBase):
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
        wish: PageWish,
    ) -> None:
        super().__init__(name, stop_timeout, on_error)
        self._config = config
        self._owner = owner
        self._idle_spin_ns, self._spin_ns = spin_times(wait, spin_window)
        self._workers = workers
        self._reset_timeout = reset_timeout
        self._mode = mode
        self._wish = wish
        self._handler: Handler
        self._work = threading.Condition(self._lock)
        """There may be something to take, or a role."""
        self._finished = threading.Condition(self._lock)
        """The number of running handlers went down."""
        self._current = Tenure(segment)
        self._polling = False
        """A worker looks for requests; the role is taken and left under the lock."""
        self._idle = 0
        """Workers waiting on work."""

    def set_metadata(self, content: bytes) -> None:
        with self._lock:
            self._refuse_metadata()
            self._current.segment.metadata_response.write(content)
            self._metadata = bytes(content)

    @property
    def client_metadata(self) -> bytes | None:
        with self._lock:
            self._refuse_after_fork()
            if self._phase is Phase.STOPPED:
                raise ClosedError(f"the server of {self._name!r} was stopped")
            return self._current.segment.metadata_request.read()

    @property
    def is_client_connected(self) -> bool:
        with self._lock:
            if self._forked or self._phase is Phase.STOPPED:
                return False
            return self._attached(self._current)

    @property
    def memory_report(self) -> MemoryReport:
        with self._lock:
            return self._current.segment.report

    def _attached(self, tenure: Tenure) -> bool:
        # Pairs with the client's store when it leaves.
        pid = ops.load64(tenure.writer_pid)
        return pid not in (wire.PID_NONE, wire.RESET_WANTED) and tenure.segment.life.client_alive()

    def _close_descriptors(self) -> None:
        self._current.segment.close_descriptors()
        self._owner.close_after_fork()
