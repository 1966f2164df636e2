"""The client of an in-place duplex channel."""

from __future__ import annotations

from typing import Any

from ._async import AsyncReceiver
from ._channel_receive import ReceivingChannel
from ._loans_client import Response
from ._ops import ops
from .errors import UnknownSequenceError


class InPlaceDuplexChannel(ReceivingChannel):
    """The client of an in-place duplex channel: the server changes requests where they stand, and the response is read at the same
    place. Made by DuplexChannelFactory.create_client."""

    async def call_async(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        return await self._async_receiver().call(data, timeout, opcode, capacity)

    async def receive_async(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        return await self._async_receiver().receive(timeout, sequence)

    def _async_receiver(self) -> AsyncReceiver:
        with self._lock:
            if self._async is None:
                self._async = AsyncReceiver(self)
            return self._async

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
                ops.post_if_zero(self._segment.semaphores.response_ready)
            return True
