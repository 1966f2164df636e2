"""What an in-place channel is while it lives and how it ends. See channel.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from ._client_base import ClientBase
from ._generated import wire
from ._loans_client import Response
from ._ops import ops
from ._pages import MemoryReport
from ._ring_client import ClientRing
from ._segment import Segment
from ._state import Record
from ._waiting import Spinning
from .errors import CorruptedError, MetadataAlreadyWrittenError, same_again
from .options import SPIN_SLICE_NS, WAIT_SLICE, LapMode, WaitStrategy

_TOKEN_CHECK: Final = 1e-3
"""A waiter that wakes by a token and finds nothing checks the peer, at most this often in seconds."""


class ChannelCore(ClientBase[Record]):
    """The state of a channel, its metadata, its look at the server and its end."""

    def __init__(
        self,
        segment: Segment,
        *,
        wait: WaitStrategy,
        spin_window: float,
        call_timeout: float,
        send_timeout: float,
        lap: LapMode,
    ) -> None:
        super().__init__(segment.name, call_timeout, send_timeout)
        self._segment = segment
        self._wait = wait
        self._spin_window = spin_window
        self._port = segment.port
        self._answer_at = segment.port.answer_at
        self._first_spin_ns = SPIN_SLICE_NS if wait is WaitStrategy.SPIN else Spinning(wait, spin_window).next_ns(1)
        self._payload = segment.payload
        self._ring = ClientRing(segment.port, segment.request, len(segment.payload), lap is LapMode.EAGER)
        self._frames, self._lookup = self._ring.frames, self._ring.lookup
        self._bind(
            segment.port.address, segment.port, self._frames, self._dropped, self._turn, self._lock.locked, self._payload, Response,
            self._first_spin_ns,
        )  # fmt: skip
        self._peer_checked = 0.0
        self._metadata_written = False

    @property
    def memory_report(self) -> MemoryReport:
        return self._segment.report

    def set_metadata(self, content: bytes) -> None:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            if self._metadata_written:
                raise MetadataAlreadyWrittenError(f"the client's metadata of {self._name!r}")
            self._segment.metadata_request.write(content)
            self._metadata_written = True

    @property
    def server_metadata(self) -> bytes | None:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            return self._segment.metadata_response.read()

    @property
    def is_server_connected(self) -> bool:
        with self._lock:
            if self._failure is None:
                self._check_peer()
                self._settle()
            return self._failure is None

    def _check_peer_if_due(self, token: bool) -> None:
        if self._failure is None and time.monotonic() - self._peer_checked >= (_TOKEN_CHECK if token else WAIT_SLICE):
            self._check_peer()

    def _check_peer(self) -> None:
        """Looks whether the server lives; the lock is held and the segment attached. When it does not, answers that are there are still
        delivered, everything else fails."""
        self._peer_checked = time.monotonic()
        # A server that found the segment corrupted says so here, and so does one that stops, after it let go of its lock: to whoever
        # saw that it is no longer alive. Therefore the pid before the lock; pairs with the server's stores.
        disowned = ops.load64(self._segment.response + wire.OIEB_V2_WRITER_PID_OFFSET) == wire.PID_NONE
        if not self._segment.life.server_alive():
            self._server_dead()
        elif disowned:
            self._shut(same_again(CorruptedError(f"the server of {self._name!r} found the segment corrupted")))

    def _corrupted(self, error: CorruptedError) -> NoReturn:
        """Ends the use of a segment that holds what no correct server stores; the lock is held."""
        self._shut(same_again(error))
        raise error

    @contextmanager
    def _telling_corruption(self) -> Iterator[None]:
        """For what has nobody to tell of corruption: every later call fails instead. The lock is held."""
        try:
            yield
        except CorruptedError as e:
            self._shut(same_again(e))

    def _wake_all(self) -> None:
        if not self._detached:
            self._wake_sleeper()
            ops.post_if_zero(self._segment.semaphores.space_available)
        self._waiters.wake_all()
        self._turn.wake_all()

    def _wake_sleeper(self) -> None:
        ops.post_if_zero(self._segment.semaphores.response_ready)

    def _leave(self) -> None:
        """Says nothing yet: the server may reset the segment only when nothing of it is lent any more."""

    def _detach(self) -> None:
        segment = self._segment
        # The store tells the server by one load what it would otherwise ask the kernel; pairs with its acquire load when it looks whether
        # its client left. From the unlock on the segment is somebody else's: nothing is touched but the semaphore.
        ops.store64(segment.request + wire.OIEB_V2_WRITER_PID_OFFSET, wire.RESET_WANTED)
        segment.life.release_client()
        ops.post_if_zero(segment.semaphores.request_ready)
        # A view that went past all our counting keeps the memory mapped: nothing is unmapped under it.
        with suppress(BufferError):
            segment.unmap()

    def _close_descriptors(self) -> None:
        self._segment.close_descriptors()
