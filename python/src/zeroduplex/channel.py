"""The client of an in-place duplex channel."""

from __future__ import annotations

from ._channel_call import CallingChannel
from .errors import UnknownSequenceError


class InPlaceDuplexChannel(CallingChannel):
    """The client of an in-place duplex channel: the server changes requests where they stand, and the response is read at the same
    place. Made by DuplexChannelFactory.create_client."""

    def cancel(self, sequence: int) -> bool:
        with self._lock:
            if self._failure is not None:
                raise self._failure()
            record = self._ring.lookup(sequence)
            if record is None or record.cancelled or record.abandoned or record.released:
                raise UnknownSequenceError(f"cancelling on {self._name!r}: sequence {sequence}")
            if not self._ring.cancel(record):
                return False
            # Whoever waits for it by number, here or on the semaphore.
            self._waiters.wake_interested()
            if self._sleeping:
                self._wake_sleeper()
            return True
