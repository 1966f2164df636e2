"""Calls on an in-place channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._channel_receive import ReceivingChannel
from ._client_base import ClientBase
from ._loans_client import Response
from ._state import FAST, LenderState, Record
from ._waiting import Deadline


class CallingChannel(ReceivingChannel):
    """A call while nothing is in flight, as one thread after the other makes them, is native/fast_call.c's. Whatever is out of the
    ordinary goes the general way, by ClientBase.call or from where it shows."""

    if FAST and not TYPE_CHECKING:
        call = LenderState._call  # next to no Python at all

    def _call_generally(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        return ClientBase.call(self, data, timeout, opcode=opcode, capacity=capacity)

    def _await_called(self, record: Record, timeout: float | None) -> int:
        """What is left to wait for a call whose first spin was in vain."""
        seconds = self._call_timeout if timeout is None else timeout
        return self._await_longer(record, Deadline(max(0.0, seconds - self._first_spin_ns / 1e9)))

    def _let_close(self) -> None:
        """Tells close that a call has its answer."""
        with self._lock:
            self._idle.notify_all()
