"""A server's time with one segment."""

from __future__ import annotations

import time
from contextlib import suppress

from ._generated import wire
from ._ops import SERVING
from ._ring_server import ServerRing
from ._segment import Segment


class Tenure:
    """One segment from its creation until it is stopped or given up; a server that gives one up starts another."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.payload = segment.payload
        self.ring = ServerRing(segment.port, segment.request, segment.response, segment.payload)
        self.spin_for_request = segment.port.spin_for_request
        self.writer_pid = segment.request + wire.OIEB_V2_WRITER_PID_OFFSET
        self.references = 1
        """Running handlers and the poller, plus one while it is the server's current tenure."""
        self.running = 0
        """Handlers that run, but for that of a worker that is alone."""
        self._words = segment.port.words
        self.alone = False
        """The server's only worker serves without the lock: nobody else may touch the ring."""
        self.corrupt = False
        self.resetting = False
        self.deadline = 0.0
        """Of the reset."""
        self.check_due = False
        """Byte 1 is to be looked at."""
        self.checked = time.monotonic()
        self.lively = True
        """There was something to do lately, so that a hybrid wait spins before it sleeps."""
        self.spun = False
        """The wait that comes to an end or goes on has spun in vain already."""

    @property
    def busy(self) -> bool:
        """Whether a handler runs."""
        return self.running > 0 or self._words[SERVING] != 0

    def unreference(self) -> None:
        """Unmaps the segment when nobody uses it any more; the server's lock is held."""
        self.references -= 1
        if self.references == 0:
            # Views that a handler kept against the rules are all that can prevent this: then the memory stays mapped for them.
            with suppress(BufferError):
                self.segment.unmap()
