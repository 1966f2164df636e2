"""Getting the segment ready for the next client of an in-place server."""

from __future__ import annotations

import os
import threading
import time
from abc import abstractmethod

from ._create import create_segment
from ._generated import wire
from ._ops import ops
from ._semaphore import Semaphores
from ._server_core import ServerCore
from ._tenure import Tenure
from .config import BufferConfig
from .errors import SystemError, ZeroDuplexError
from .memory import SharedMemory


class ResettingServer(ServerCore):
    """Resets the segment of a client that left, or gives it up to handlers that do not end."""

    @abstractmethod
    def _start_workers(self) -> None:
        """Starts the threads of the current tenure."""

    @abstractmethod
    def _stop_for_good(self) -> None:
        """Stops a server that cannot go on."""

    def _client_left(self, tenure: Tenure) -> bool:
        """Whether a client was attached that is gone or wants a reset; the lock is held."""
        # Pairs with the stores of the attaching and the leaving client.
        pid = ops.load64(tenure.writer_pid)
        if pid == wire.PID_NONE:
            return tenure.corrupt and not tenure.segment.life.client_alive()
        if pid == wire.RESET_WANTED:
            return True
        if not tenure.check_due:
            return False
        tenure.check_due, tenure.checked = False, time.monotonic()
        return not tenure.segment.life.client_alive()

    def _begin_reset(self, tenure: Tenure) -> None:
        tenure.resetting = True
        tenure.deadline = time.monotonic() + self._reset_timeout

    def _advance_reset(self, tenure: Tenure) -> None:
        """Ends a reset when its handlers have ended, or gives the object up when they do not; the lock is held and nobody polls."""
        try:
            if not tenure.running and not tenure.alone:
                self._reset(tenure)
            elif time.monotonic() >= tenure.deadline:
                self._give_up(tenure)
        except (OSError, ZeroDuplexError) as e:
            self._reports.append(SystemError(f"resetting {self._name!r}, new clients must wait: {e}"))

    def _reset(self, tenure: Tenure) -> None:
        """Makes the segment what an attaching client expects. No handler runs and nobody sleeps on the semaphores."""
        segment = tenure.segment
        old = segment.semaphores
        # When this fails, the next slice tries again; until then connecting says that the server is busy.
        segment.semaphores = Semaphores.replace(self._name, self._mode)
        segment.metadata_request.clear()
        tenure.ring.reset()
        ops.store64(segment.response + wire.OIEB_V2_READER_PID_OFFSET, wire.PID_NONE)
        ops.store64(segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())
        tenure.resetting = tenure.corrupt = tenure.check_due = False
        tenure.checked = time.monotonic()
        # Last: pairs with the acquire load of the attaching client, which waits for it.
        ops.store64(tenure.writer_pid, wire.PID_NONE)
        old.close()

    def _give_up(self, old: Tenure) -> None:
        """Leaves the segment to handlers that do not end and starts anew under the same name. Their late answers go to the old mapping,
        where nobody sees them; their workers end with them. The lock is held."""
        old.deadline = time.monotonic() + self._reset_timeout  # for the next try, should this one fail
        provider = old.segment.provider
        if not isinstance(provider, SharedMemory):
            return  # existing memory cannot be replaced: the next client waits until the handlers end
        provider.object.remove()
        # Clients that wait on this object see byte 0 free and open the name again.
        old.segment.life.release_server()
        config = BufferConfig(self._config.metadata_size, self._config.payload_size)
        try:
            segment = create_segment(self._name, config, self._mode, self._metadata, self._wish)
        except BaseException:
            # The server has no object any more and cannot get one. Not under the lock that we hold; the error function is told why.
            threading.Thread(target=self._stop_for_good, daemon=True).start()
            raise
        self._current = Tenure(segment)
        # The old tenure's workers see that it is no longer current and end; new ones start.
        self._start_workers()
        self._work.notify_all()
        old.unreference()
