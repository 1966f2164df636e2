"""The shortest way through a call on an in-place channel."""

from __future__ import annotations

from typing import Any, Final

from ._channel_receive import ReceivingChannel
from ._generated import wire
from ._loans_client import Response
from ._ops import ANSWER_PENDING
from ._ring_client import Record
from ._waiting import Deadline
from .errors import InvalidArgumentError
from .options import check_duration

_MOST: Final = wire.MAX_FRAME_DATA
_FEW: Final = 4096


class CallingChannel(ReceivingChannel):
    """Calls while nothing is in flight, as one thread after the other makes them. Whatever is out of the ordinary goes the general way, by
    ClientBase.call or from where it shows. What need not be done before the request is published is done while the server works."""

    def call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        if timeout is not None:
            check_duration("a timeout", timeout)
        if opcode:
            self._check_opcode(opcode)
        try:
            # To copy a few bytes costs less than to borrow them.
            view = data if type(data) is bytes else bytes(data) if type(data) is bytearray and len(data) <= _FEW else self._view(data)
        except (TypeError, ValueError, BufferError, InvalidArgumentError):
            return super().call(data, timeout, opcode=opcode, capacity=capacity)  # says what is wrong with it
        size = len(view)
        room = size if capacity is None else capacity
        record: Record | None = None
        with self._lock:
            if not (self._frames or self._turn.held or self._dropped) and self._failure is None and size <= room <= _MOST:
                try:
                    if self._call_at(view, size, room, opcode):
                        record = self._ring.list_called(room, opcode)
                        self._calling = True
                        self._out += 1
                        if self._quiet:  # as in _publish
                            self._check_peer_if_due(False)
                        self._quiet = True
                except BaseException:
                    self._interrupted(room, opcode)
                    raise
        if record is None:
            return super().call(data, timeout, opcode=opcode, capacity=capacity)
        try:
            view = None  # the application may resize its buffer again
            receiving: float | Deadline = self._call_timeout
            if timeout is not None:
                receiving = Deadline(timeout)
                receiving.left()  # starts now
            response = Response(self, record, self._payload, -1)
            answer = self._answer_at(record.position, self._first_spin_ns)
            if 0 <= answer <= record.capacity:
                response._size = answer
                response._live = True
                self._calling = False
                if self._closing:
                    self._let_close()
                return response
            self._go_generally()
            if answer == ANSWER_PENDING:
                answer = self._await_longer(record, receiving)
        except BaseException:
            self._go_generally()
            self._forget(record)
            raise
        return self._deliver(record, answer)

    def _interrupted(self, room: int, opcode: int) -> None:
        """A KeyboardInterrupt came anywhere in publishing, perhaps behind it; the lock is held and nothing else is in flight."""
        self._ring.list_called(room, opcode)
        if self._calling:
            self._calling = False
            self._out -= 1
        if self._frames:
            self._forget_locked(self._frames[-1])
        if self._closing:
            self._idle.notify_all()
            self._settle()

    def _go_generally(self) -> None:
        """Makes our call one like others. Nobody else's can be the short one: that needs a ring with nothing in flight."""
        with self._lock:
            if self._calling:
                self._calling = False
                self._out -= 1
                self._calls += 1

    def _let_close(self) -> None:
        """Tells close that the call has its answer."""
        with self._lock:
            self._idle.notify_all()
