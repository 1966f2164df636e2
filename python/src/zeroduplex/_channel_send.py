"""Sending on an in-place channel."""

from __future__ import annotations

import time
from typing import Any, NoReturn

from ._channel_core import ChannelCore
from ._generated import wire
from ._loans_client import RequestBuffer
from ._ops import WAIT_TOKEN, ops
from ._state import Record
from ._waiting import Deadline, Spinning
from .errors import AcquisitionOpenError, BufferFullError, CorruptedError, FrameTooLargeError, InvalidArgumentError
from .memory import flat


class SendingChannel(ChannelCore):
    """Claims, publishes and takes back requests."""

    def send_request(
        self, data: Any, *, opcode: int = 0, capacity: int | None = None, one_way: bool = False, timeout: float | None = None
    ) -> int:
        seconds = self._timeout(timeout, self._send_timeout)
        return self._send(data, opcode, capacity, one_way, seconds, False).sequence

    def _send(self, data: Any, opcode: int, capacity: int | None, one_way: bool, timeout: float | Deadline, taken: bool) -> Record:
        if type(data) is not bytes:
            data = flat(data)
        size = len(data)
        with self._lock:
            start = self._claim(size, capacity, opcode, timeout)
            try:
                self._payload[start : start + size] = data
            except BaseException:
                self._unclaim()
                raise
            if taken:
                self._calls += 1
            return self._publish(size, opcode, one_way, taken)

    def acquire_request_buffer(self, size: int, capacity: int | None = None, *, timeout: float | None = None) -> RequestBuffer:
        seconds = self._timeout(timeout, self._send_timeout)
        with self._lock:
            start = self._claim(size, capacity, 0, seconds)
            self._turn.is_buffer = True
            self._out += 1
        return RequestBuffer(self, self._payload, start, size)

    def _claim(self, size: int, capacity: int | None, opcode: int, timeout: float | Deadline) -> int:
        """Gets the turn and room for a frame, and returns where its data goes. The lock is held, and may have been let go meanwhile."""
        if capacity is None:
            capacity = size
        if size < 0 or capacity < size:
            raise InvalidArgumentError(f"size {size} with capacity {capacity}")
        if capacity > wire.MAX_FRAME_DATA:
            raise FrameTooLargeError(f"{capacity} bytes; no frame holds more than {wire.MAX_FRAME_DATA}")
        if opcode:
            self._check_opcode(opcode)
        if self._dropped:
            self._give_back_dropped()
        if self._failure is not None:
            raise self._failure()
        if not self._turn.try_take():
            timeout = Deadline.of(timeout)
            self._take_turn(timeout, self._send_expired)
        try:
            if self._ring.frames:
                self._reclaim()
            start = self._ring.reserve(size, capacity)
            return start if start >= 0 else self._reserve(size, capacity, Deadline.of(timeout))
        except BaseException:
            self._turn.release()
            raise

    def _reserve(self, size: int, capacity: int, deadline: Deadline) -> int:
        """Waits for room. Only the holder of the turn is here, so at most one thread of the process sleeps on space-available."""
        spinning = Spinning(self._wait, self._spin_window)
        self._calls += 1
        try:
            while True:
                left = deadline.left()
                if left <= 0:
                    self._send_expired()
                token = False
                try:
                    self._lock.release()
                    if spinning.goes_on():
                        time.sleep(0)  # room comes by releases of this process, or by states that reclaiming looks at
                    else:
                        token = ops.wait(self._segment.semaphores.space_available, deadline.slice_ns()) == WAIT_TOKEN
                finally:
                    self._lock.acquire()
                if self._failure is None:
                    self._check_peer_if_due(token)
                if self._failure is not None:
                    raise self._failure()
                self._give_back_dropped()
                self._reclaim()
                start = self._ring.reserve(size, capacity)
                if start >= 0:
                    return start
        finally:
            self._left()

    def _reclaim(self) -> None:
        try:
            self._ring.reclaim()
        except CorruptedError as e:
            self._corrupted(e)

    def _unclaim(self) -> None:
        """Gives an open claim back; the lock is held."""
        self._ring.abort()
        self._turn.release()

    def _publish(self, size: int, opcode: int, one_way: bool, taken: bool) -> Record:
        """Publishes the open claim and passes the turn on; the lock is held."""
        record = self._ring.publish(size, opcode, one_way, taken)
        self._turn.release()
        # Nobody may ever wait here, so a dead server must be noticed here; one that just answered need not be looked at.
        if self._quiet:
            self._check_peer_if_due(False)
        self._quiet = True
        return record

    def _send_expired(self) -> NoReturn:
        if self._turn.is_buffer:
            raise AcquisitionOpenError(f"sending on {self._name!r}: an acquired request buffer is still out")
        raise BufferFullError(f"sending on {self._name!r}: {self._ring.free} bytes free, {len(self._ring.frames)} frames in flight")

    def _commit(self, buffer: RequestBuffer, size: int, opcode: int, one_way: bool) -> int:
        with self._lock:
            buffer._ended = True
            self._out -= 1
            if self._failure is not None:
                self._unclaim()
                error = self._failure()
                self._settle()
                raise error
            return self._publish(size, opcode, one_way, False).sequence

    def _abort(self, buffer: RequestBuffer) -> None:
        with self._lock:
            self._abort_locked(buffer)

    def _abort_locked(self, buffer: RequestBuffer) -> None:
        if not buffer._ended:
            buffer._ended = True
            self._out -= 1
            self._unclaim()
            self._settle()

    def _forget_locked(self, record: Record) -> None:
        """What the server has not taken it never will, what it has taken nobody will read."""
        if record.abandoned or self._detached:
            return
        if record.cancelled or self._ring.cancel(record):
            self._stop_waiting(record)
            return
        with self._telling_corruption():
            self._ring.abandon(record)

    def _stop_waiting(self, record: Record) -> None:
        record.taken = False
        if self._detached:
            return
        if record.cancelled:
            with self._telling_corruption():
                self._ring.reclaim()  # its bytes were kept for the waiter
        else:
            self._waiters.wake_interested()  # it may have been answered since we looked; now it is anybody's
