"""Receiving for asyncio: one thread per channel waits for all of its tasks and wakes their event loops."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from ._waiting import Deadline, Pending, Waiter
from .errors import BufferFullError, CancelledError, TimeoutError, ZeroDuplexError
from .options import WAIT_SLICE

if TYPE_CHECKING:
    from ._client_base import ClientBase
    from ._loans_client import Response

_Record = TypeVar("_Record", bound=Pending)

_LINGER: Final = 1.0
"""Seconds that the thread stays when there is nothing to wait for."""


class _Task(Generic[_Record]):
    """A task that waits for a response."""

    __slots__ = ("deadline", "future", "is_call", "record")

    def __init__(self, record: _Record | None, deadline: Deadline, is_call: bool) -> None:
        self.record = record
        self.deadline = deadline
        self.is_call = is_call
        """Nobody else will ever ask for the response."""
        self.future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def finish(self, result: Response | ZeroDuplexError) -> None:
        """Hands the result to the task, from the waiting thread."""
        try:
            self.future.get_loop().call_soon_threadsafe(self._settle, result)
        except RuntimeError:  # the loop was closed meanwhile
            self._settle(result, lost=True)

    def _settle(self, result: Response | ZeroDuplexError, lost: bool = False) -> None:
        if isinstance(result, ZeroDuplexError):
            if not lost and not self.future.done():
                self.future.set_exception(result)
        elif lost or self.future.done():
            result.release()
        else:
            self.future.set_result(result)


class AsyncReceiver(Generic[_Record]):
    """The tasks of one channel. Its state is guarded by the channel's lock."""

    def __init__(self, channel: ClientBase[_Record]) -> None:
        self._channel = channel
        self._tasks: list[_Task[_Record]] = []
        self._waiter = Waiter(lambda: any(self._ready(task) is not None for task in self._tasks))
        self._running = False
        self._work = threading.Condition(channel._lock)

    async def call(self, data: Any, timeout: float | None, opcode: int, capacity: int | None) -> Response:
        channel = self._channel
        send = Deadline(channel._timeout(timeout, channel._send_timeout))
        receive = send if timeout is not None else Deadline(channel._call_timeout)
        send.left()  # starts now
        record = await self._send(data, opcode, capacity, send)
        return await self._wait(_Task(record, receive, True))

    async def receive(self, timeout: float | None, sequence: int | None) -> Response:
        channel = self._channel
        deadline = Deadline(channel._timeout(timeout, channel._call_timeout))
        with channel._lock:
            record = None
            if sequence is not None:
                record = channel._outstanding(sequence)
                record.taken = True
            elif channel._closing and channel._failure is not None:
                raise channel._failure()
            channel._calls += 1
        return await self._wait(_Task(record, deadline, False))

    async def _send(self, data: Any, opcode: int, capacity: int | None, deadline: Deadline) -> _Record:
        """Sends at once where there is room, else on a thread of the loop's executor."""
        send = self._channel._send
        try:
            return send(data, opcode, capacity, False, 0, True)
        except BufferFullError:
            pass
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(None, partial(send, data, opcode, capacity, False, deadline, True))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            sending.add_done_callback(self._forget_sent)
            raise

    def _forget_sent(self, sending: asyncio.Future[_Record]) -> None:
        if not sending.cancelled() and sending.exception() is None:
            self._channel._forget(sending.result())

    async def _wait(self, task: _Task[_Record]) -> Response:
        channel = self._channel
        with channel._lock:
            if channel._async is not self:  # the process was forked
                raise channel._closed()
            self._tasks.append(task)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name=f"zeroduplex-{channel.name}-async", daemon=True).start()
            elif self._ready(task) is not None or len(self._tasks) == 1 or task.deadline.left() < WAIT_SLICE:
                self._poke()
        try:
            return await task.future
        except asyncio.CancelledError:
            self._withdraw(task)
            raise

    def _poke(self) -> None:
        """Makes the thread look again, wherever it waits; the lock is held."""
        self._work.notify_all()
        self._waiter.signal.set()
        if self._channel._sleeping:
            self._channel._wake_sleeper()

    def _withdraw(self, task: _Task[_Record]) -> None:
        channel = self._channel
        with channel._lock:
            if task not in self._tasks:
                return  # the result is under way; it is given back when it finds the task gone
            self._tasks.remove(task)
            self._give_up(task)
            channel._left()

    def _give_up(self, task: _Task[_Record]) -> None:
        """The task will not take its response; the lock is held."""
        if task.record is None:
            return
        if task.is_call:
            self._channel._forget_locked(task.record)
        else:
            self._channel._stop_waiting(task.record)

    def _ready(self, task: _Task[_Record]) -> _Record | None:
        """The answered frame that the task waits for; the lock is held."""
        if self._channel._detached:
            return None
        if task.record is None:
            return self._channel._any_answered()
        return task.record if self._channel._answered(task.record) else None

    def _run(self) -> None:
        channel = self._channel
        with channel._lock:
            while True:
                for task in self._tasks.copy():
                    self._look(task)
                if self._tasks:
                    nearest = min(task.deadline.left() for task in self._tasks)
                    channel._wait_locked(self._waiter, Deadline(min(nearest, WAIT_SLICE)))
                elif not self._work.wait(_LINGER) and not self._tasks:
                    self._running = False
                    return

    def _look(self, task: _Task[_Record]) -> None:
        """Finishes the task if it is over; the lock is held and let go meanwhile."""
        channel = self._channel
        if task not in self._tasks:
            return  # withdrawn while the lock was let go
        record = self._ready(task)
        if record is not None and not channel._closing:
            record.taken = True
            self._tasks.remove(task)
            answer = channel._answer_at(record.position, 0)
            try:
                channel._lock.release()
                task.finish(channel._deliver(record, answer))
            except ZeroDuplexError as e:
                task.finish(e)
            finally:
                channel._lock.acquire()
            return
        error: ZeroDuplexError | None = None
        if task.record is not None and task.record.cancelled:
            error = CancelledError(f"receiving on {channel.name!r}: request {task.record.sequence} was cancelled")
        elif channel._failure is not None:
            error = channel._failure()
        elif task.deadline.left() <= 0:
            error = TimeoutError(f"receiving on {channel.name!r}: {len(channel._frames)} requests in flight")
        if error is None:
            return
        self._tasks.remove(task)
        self._give_up(task)
        channel._left()
        task.finish(error)
