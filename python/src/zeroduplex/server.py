"""The server's side of a channel."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from types import TracebackType
from typing import Any, Final, NoReturn, TypeVar

from . import _process
from ._create import create_segment
from ._generated import wire
from ._generated.wire import FrameStatus
from ._locks import OwnerLock
from ._ops import WAIT_TOKEN, ops
from ._ring_server import Claimed, ServerRing
from ._segment import Segment, read_metadata, write_metadata
from ._semaphore import Semaphores
from .config import BufferConfig
from .errors import (
    ClosedError,
    CorruptedError,
    Failure,
    HandlerFailedError,
    InvalidArgumentError,
    MetadataAlreadyWrittenError,
    ResponseTooLargeError,
    SystemError,
    TimeoutError,
    ViewInUseError,
    ZeroDuplexError,
)
from .frame import Frame
from .memory import SharedMemory
from .options import SPIN_SLICE_NS, WAIT_SLICE, WaitStrategy, check_duration, nanoseconds

Handler = Callable[[Frame], Any]
"""Changes a request where it stands; what it leaves in the frame is the response, what it returns is ignored."""

ErrorFunction = Callable[[ZeroDuplexError], None]

_TOKEN_CHECK: Final = 1e-3
"""A worker that wakes by a token and finds nothing checks the client, at most this often in seconds."""

_Self = TypeVar("_Self", bound="DuplexServer")


class DuplexServer(ABC):
    """The server's side of a channel, whatever its protocol. All methods are thread-safe. As a context manager it closes."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The channel's name."""

    @abstractmethod
    def stop(self, timeout: float) -> None:
        """Takes nothing new, lets handlers finish and waits until the client consumed their responses or is gone, then removes the
        channel. TimeoutError when that took longer than so many seconds; the channel is removed all the same. Stopping again waits
        for the first stop."""

    @abstractmethod
    def close(self) -> None:
        """stop with the server's stop timeout."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Phase(IntEnum):
    CREATED = 0
    SERVING = 1
    DRAINING = 2
    STOPPED = 3


class _Tenure:
    """One segment from its creation until it is stopped or given up; a server that gives one up starts another."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.payload = segment.payload
        self.ring = ServerRing(segment.port, segment.request, segment.response, segment.payload)
        self.writer_pid = segment.request + wire.OIEB_V2_WRITER_PID_OFFSET
        self.references = 1
        """Running handlers and the poller, plus one while it is the server's current tenure."""
        self.running = 0
        self.corrupt = False
        self.resetting = False
        self.deadline = 0.0
        """Of the reset."""
        self.check_due = False
        """Byte 1 is to be looked at."""
        self.checked = time.monotonic()
        self.lively = True
        """There was something to do lately, so that a hybrid wait spins before it sleeps."""

    def unreference(self) -> None:
        """Unmaps the segment when nobody uses it any more; the server's lock is held."""
        self.references -= 1
        if self.references == 0:
            # Views that a handler kept against the rules are all that can prevent this: then the memory stays mapped for them.
            with suppress(BufferError):
                self.segment.unmap()


class InPlaceDuplexServer(DuplexServer):
    """Owns an in-place duplex channel and answers its requests where they stand. Made by
    DuplexChannelFactory.create_in_place_duplex_server."""

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
    ) -> None:
        self._name = name
        self._config = config
        self._owner = owner
        self._wait = wait
        self._spin_window_ns = nanoseconds(spin_window)
        self._workers = workers
        self._reset_timeout = reset_timeout
        self._stop_timeout = stop_timeout
        self._mode = mode
        self._on_error = on_error
        self._handler: Handler | None = None
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        """There may be something to take, or a role."""
        self._finished = threading.Condition(self._lock)
        """The number of running handlers went down."""
        self._done = threading.Event()
        self._phase = _Phase.CREATED
        self._current = _Tenure(segment)
        self._metadata: bytes | None = None
        """Of the server, kept for a new object."""
        self._polling = False
        """A worker looks for requests; the role is taken and left under the lock."""
        self._idle = 0
        """Workers waiting on work."""
        self._stop_error: ZeroDuplexError | None = None
        self._forked = False
        _process.register(self)

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r} {self._phase.name.lower()}>"

    def __reduce__(self) -> NoReturn:
        _process.refuse_pickling(self)

    def start(self, handler: Handler) -> None:
        """Begins to answer requests with handler, on threads of its own, and returns at once. A server starts once.

        With several workers the handler is called from several threads. An exception of it answers a failure: Failure(code, message)
        gives an application's code, any other one its text with the library's code.
        """
        with self._lock:
            if not callable(handler):
                raise InvalidArgumentError(f"the handler of {self._name!r} cannot be called: {handler!r}")
            self._refuse_after_fork()
            if self._phase is _Phase.SERVING:
                raise InvalidArgumentError(f"the server of {self._name!r} was started before")
            if self._phase is not _Phase.CREATED:
                raise ClosedError(f"starting the server of {self._name!r}")
            self._phase = _Phase.SERVING
            self._handler = handler
            self._start_workers()
            threading.Thread(target=self._watch, name=f"zeroduplex-{self._name}-watch", daemon=True).start()

    def _start_workers(self) -> None:
        for i in range(self._workers):
            worker = threading.Thread(target=self._serve, args=(self._current,), name=f"zeroduplex-{self._name}-{i}", daemon=True)
            worker.start()

    def set_metadata(self, content: bytes) -> None:
        """Writes the server's metadata, once. MetadataAlreadyWrittenError, MetadataTooLargeError, ClosedError."""
        with self._lock:
            self._refuse_after_fork()
            if self._phase > _Phase.SERVING:
                raise ClosedError(f"the server of {self._name!r} is stopping")
            if self._metadata is not None:
                raise MetadataAlreadyWrittenError(f"the server's metadata of {self._name!r}")
            segment = self._current.segment
            write_metadata(segment.response, segment.metadata_response, content)
            self._metadata = bytes(content)

    @property
    def client_metadata(self) -> bytes | None:
        """A copy of the attached client's metadata, None when no client is attached or it has written none. ClosedError,
        CorruptedError."""
        with self._lock:
            self._refuse_after_fork()
            if self._phase is _Phase.STOPPED:
                raise ClosedError(f"the server of {self._name!r} was stopped")
            segment = self._current.segment
            return read_metadata(segment.request, segment.metadata_request)

    @property
    def is_client_connected(self) -> bool:
        """Whether a client is attached and lives, now."""
        with self._lock:
            if self._forked or self._phase is _Phase.STOPPED:
                return False
            return self._attached(self._current)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the server has stopped, for so many seconds or for ever. False when time is up."""
        return self._done.wait(timeout)

    def close(self) -> None:
        self.stop(self._stop_timeout)

    def stop(self, timeout: float) -> None:
        deadline = time.monotonic() + check_duration("a timeout", timeout)
        with self._lock:
            if self._forked:
                return
            first = self._phase < _Phase.DRAINING
            if first:
                self._phase = _Phase.DRAINING
        if not first:
            self._done.wait()
        else:
            try:
                with self._lock:
                    self._stop_error = self._drain_and_remove(deadline)
            finally:
                self._phase = _Phase.STOPPED
                self._done.set()
        if self._stop_error is not None:
            raise type(self._stop_error)(self._stop_error.detail)

    def _drain_and_remove(self, deadline: float) -> ZeroDuplexError | None:
        """The whole of stopping; the lock is held, and let go while waiting."""
        tenure = self._current
        tenure.segment.port.kick()
        self._work.notify_all()
        try:
            while tenure.running or self._polling:
                left = deadline - time.monotonic()
                if left <= 0 or not self._finished.wait(left):
                    break
            late = tenure.running > 0 or not self._drain(tenure, deadline)
        finally:
            problem = self._remove(tenure)
        if problem is None and late:
            return TimeoutError(f"stopping the server of {self._name!r}: handlers or responses were left")
        return problem

    def _attached(self, tenure: _Tenure) -> bool:
        # Pairs with the client's store when it leaves.
        pid = ops.load64(tenure.writer_pid)
        return pid not in (wire.PID_NONE, wire.RESET_WANTED) and tenure.segment.life.client_alive()

    def _drain(self, tenure: _Tenure, deadline: float) -> bool:
        """Waits until the client has consumed every response or is gone; the lock is held, and let go while waiting."""
        while not tenure.ring.drained() and not tenure.corrupt and self._attached(tenure):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._lock.release()
            try:
                ops.wait(tenure.segment.semaphores.response_consumed, nanoseconds(min(WAIT_SLICE, left)))
            finally:
                self._lock.acquire()
        return True

    def _remove(self, tenure: _Tenure) -> ZeroDuplexError | None:
        """Removes the names that are still ours, the object last, and says that the server is gone; the lock is held."""
        _process.unregister(self)
        segment = tenure.segment
        problem: ZeroDuplexError | None = None

        def own_object() -> None:
            if isinstance(segment.provider, SharedMemory):
                segment.provider.object.remove()

        for step in (segment.semaphores.remove, own_object, segment.life.release_server, self._owner.release):
            try:
                step()
            except OSError as e:
                problem = SystemError(f"stopping the server of {self._name!r}: {e}")
        # A client that wakes finds byte 0 free. Over a view this store is all it can find; pairs with ViewLiveness.server_alive.
        ops.store64(segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, wire.PID_NONE)
        ops.post_if_zero(segment.semaphores.response_ready)
        ops.post_if_zero(segment.semaphores.space_available)
        tenure.unreference()
        return problem

    # Workers.

    def _serve(self, tenure: _Tenure) -> None:
        """One worker: takes requests of its tenure until the server stops or gives the tenure up."""
        with self._lock:
            while True:
                claimed = self._next(tenure)
                if claimed is None:
                    return
                self._lock.release()
                try:
                    size, status = self._handle(tenure, claimed)
                finally:
                    self._lock.acquire()
                self._settle(tenure, claimed, size, status)
                del claimed

    def _next(self, tenure: _Tenure) -> Claimed | None:
        """Waits for a request; the lock is held.

        One worker polls, the others wait for its signal. Looking and taking that role is one critical section, so no request falls
        between a look and a sleep; a worker that takes a request wakes another for the role.
        """
        while self._phase is _Phase.SERVING and self._current is tenure:
            claimed = self._look(tenure)
            if claimed is not None:
                tenure.running += 1
                tenure.references += 1
                if self._idle:
                    self._work.notify()
                return claimed
            if self._phase is not _Phase.SERVING or self._current is not tenure:
                break  # stopped, or given up, in look
            if self._polling:
                self._idle += 1
                self._work.wait()
                self._idle -= 1
                continue
            self._polling = True
            tenure.references += 1  # stopping does not wait for ever
            self._poll(tenure)
            self._polling = False
            tenure.unreference()
        self._work.notify()  # we may have been woken for a role that we do not take
        self._finished.notify_all()
        return None

    def _look(self, tenure: _Tenure) -> Claimed | None:
        """Takes the next request, and does what a client that left makes necessary; the lock is held."""
        claimed = self._take(tenure)
        if claimed is not None:
            return claimed
        if not tenure.resetting and self._client_left(tenure):
            self._begin_reset(tenure)
            # What it published before it left: one-way requests still run.
            claimed = self._take(tenure)
            if claimed is not None:
                return claimed
        if tenure.resetting:
            if self._polling:
                tenure.segment.port.kick()  # a reset replaces the semaphore that the poller sleeps on, so the poller does it
            else:
                self._advance_reset(tenure)
        return None

    def _take(self, tenure: _Tenure) -> Claimed | None:
        """Walks the cursor to the next request that is to be run; the lock is held."""
        ring = tenure.ring
        while not tenure.corrupt:
            try:
                claimed = ring.next()
            except CorruptedError as e:
                self._mark_corrupted(tenure, e)
                return None
            if claimed is None:
                return None
            if claimed.cancelled:
                ring.skip(claimed)
            elif tenure.resetting and not claimed.one_way:
                ring.pass_over(claimed)
            elif ring.take(claimed):
                return claimed
            # Else it was cancelled since we looked: the next round skips it.
        return None

    def _mark_corrupted(self, tenure: _Tenure, error: CorruptedError) -> None:
        """Stops taking and disowns the segment; the client sees it, detaches, and the ordinary reset follows. The lock is held."""
        tenure.corrupt = True
        # Pairs with the client's acquire load when it checks its peer.
        ops.store64(tenure.segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, wire.PID_NONE)
        ops.post_if_zero(tenure.segment.semaphores.response_ready)
        ops.post_if_zero(tenure.segment.semaphores.space_available)
        self._report(error)

    def _report(self, error: ZeroDuplexError) -> None:
        """Tells the application; the lock is held, and let go meanwhile: the application may ask the server something."""
        self._lock.release()
        try:
            self._tell(error)
        finally:
            self._lock.acquire()

    def _tell(self, error: ZeroDuplexError) -> None:
        """Calls the error function. What it raises goes where uncaught exceptions of threads go."""
        try:
            self._on_error(error)
        except BaseException as e:
            threading.excepthook(threading.ExceptHookArgs((type(e), e, e.__traceback__, threading.current_thread())))

    def _client_left(self, tenure: _Tenure) -> bool:
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

    def _poll(self, tenure: _Tenure) -> None:
        """Waits for something to look at; the lock is held and let go meanwhile, the caller has the polling role."""
        port = tenure.segment.port
        passed, kicks = tenure.ring.passed, port.kicks()
        slice_ns = nanoseconds(WAIT_SLICE)
        if tenure.resetting:
            slice_ns = max(0, min(slice_ns, nanoseconds(max(0.0, tenure.deadline - time.monotonic())) or slice_ns))
        # In a reset, or after corruption, what is published is no reason to stop waiting.
        quiet = tenure.resetting or tenure.corrupt
        request_ready = tenure.segment.semaphores.request_ready
        self._lock.release()
        token = False
        try:
            if not quiet and self._wait is not WaitStrategy.BLOCK:
                window = self._spin_window_ns if tenure.lively else 0
                if self._wait is WaitStrategy.SPIN:
                    window = SPIN_SLICE_NS
                if window and port.spin_for_request(passed, kicks, window):
                    return
            if quiet or self._wait is not WaitStrategy.SPIN:
                tenure.lively = token = ops.wait(request_ready, slice_ns) == WAIT_TOKEN
        finally:
            self._lock.acquire()
        age = time.monotonic() - tenure.checked
        if age >= WAIT_SLICE or (token and age >= _TOKEN_CHECK):
            tenure.check_due = True

    def _handle(self, tenure: _Tenure, claimed: Claimed) -> tuple[int, int]:
        """Runs the handler and returns the size and the status of the answer; the lock is not held."""
        start = claimed.position + wire.FRAME_HEADER_V2_SIZE
        frame = Frame(claimed, tenure.payload, start)
        status, message = int(FrameStatus.OK), ""
        error: ZeroDuplexError | None = None
        try:
            self._handler(frame)  # type: ignore[misc]
        except BaseException as e:
            status, message = _failure(e)
        frame._live = False
        size = frame._size
        if frame._views:
            try:
                frame._end_views()
            except ViewInUseError as e:
                # The library cannot take the memory away from the view, but nobody shall work with a wrong result unknowing.
                status, message, error = int(FrameStatus.HANDLER_FAILED), e.detail, e
        if status != FrameStatus.OK:
            if claimed.one_way:
                error = error or HandlerFailedError(f"one-way request {claimed.sequence}: {message}", status=status, message=message)
            else:
                cut = _cut(message, claimed.capacity)
                size = len(cut)
                tenure.payload[start : start + size] = cut
        if error is not None:
            self._tell(error)
        return size, status

    def _settle(self, tenure: _Tenure, claimed: Claimed, size: int, status: int) -> None:
        """Answers; the lock is held. The client may have read the answer before this returns."""
        if claimed.one_way:
            tenure.ring.finish(claimed)
        else:
            tenure.ring.answer(claimed, size, status, status != FrameStatus.OK)
        tenure.running -= 1
        if tenure.resetting:
            tenure.deadline = time.monotonic() + self._reset_timeout  # it gets on
            if tenure.running == 0 and self._current is tenure:
                tenure.segment.port.kick()
        if self._phase is not _Phase.SERVING:
            self._finished.notify_all()
        tenure.unreference()

    # Reset.

    def _watch(self) -> None:
        """Notices clients that die while all workers are busy, and handlers that never end. Looks once a slice."""
        while not self._done.wait(WAIT_SLICE):
            with self._lock:
                tenure = self._current
                # A polling worker does all of this itself.
                if self._phase is _Phase.SERVING and not self._polling and tenure.running:
                    tenure.check_due = True
                    if not tenure.resetting and self._client_left(tenure):
                        self._begin_reset(tenure)
                    if tenure.resetting:
                        self._advance_reset(tenure)

    def _begin_reset(self, tenure: _Tenure) -> None:
        tenure.resetting = True
        tenure.deadline = time.monotonic() + self._reset_timeout

    def _advance_reset(self, tenure: _Tenure) -> None:
        """Ends a reset when its handlers have ended, or gives the object up when they do not; the lock is held and nobody polls."""
        try:
            if not tenure.running:
                self._reset(tenure)
            elif time.monotonic() >= tenure.deadline:
                self._give_up(tenure)
        except (OSError, ZeroDuplexError) as e:
            self._report(SystemError(f"resetting {self._name!r}, new clients must wait: {e}"))

    def _reset(self, tenure: _Tenure) -> None:
        """Makes the segment what an attaching client expects. No handler runs and nobody sleeps on the semaphores."""
        segment = tenure.segment
        old = segment.semaphores
        # When this fails, the next slice tries again; until then connecting says that the server is busy.
        segment.semaphores = Semaphores.replace(self._name, self._mode)
        ops.store64(segment.request + wire.OIEB_V2_METADATA_WRITTEN_BYTES_OFFSET, 0)
        ops.store64(segment.request + wire.OIEB_V2_METADATA_FREE_BYTES_OFFSET, len(segment.metadata_request))
        tenure.ring.reset()
        ops.store64(segment.response + wire.OIEB_V2_READER_PID_OFFSET, wire.PID_NONE)
        ops.store64(segment.response + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())
        tenure.resetting = tenure.corrupt = tenure.check_due = False
        tenure.checked = time.monotonic()
        # Last: pairs with the acquire load of the attaching client, which waits for it.
        ops.store64(tenure.writer_pid, wire.PID_NONE)
        old.close()

    def _give_up(self, old: _Tenure) -> None:
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
            segment = create_segment(self._name, config, self._mode, self._metadata)
        except BaseException:
            # The server has no object any more and cannot get one. Not under the lock that we hold; the error function is told why.
            threading.Thread(target=self._stop_for_good, daemon=True).start()
            raise
        self._current = _Tenure(segment)
        # The old tenure's workers see that it is no longer current and end; new ones start.
        self._start_workers()
        self._work.notify_all()
        old.unreference()

    def _stop_for_good(self) -> None:
        with suppress(ZeroDuplexError):
            self.stop(0)

    # Processes.

    def _refuse_after_fork(self) -> None:
        if self._forked:
            raise ClosedError(f"the server of {self._name!r} belongs to the parent process")

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may hold the old one for ever
        self._forked = True
        self._phase = _Phase.STOPPED
        self._done.set()
        self._current.segment.close_descriptors()
        self._owner.close_after_fork()

    def _at_exit(self) -> None:
        self.stop(0)


def _failure(error: BaseException) -> tuple[int, str]:
    """The status and the message of a handler's exception."""
    if isinstance(error, Failure):
        return error.code, str(error)
    if isinstance(error, ResponseTooLargeError):
        return FrameStatus.RESPONSE_TOO_LARGE, str(error)
    return FrameStatus.HANDLER_FAILED, str(error) or type(error).__name__


def _cut(message: str, capacity: int) -> bytes:
    """The message as UTF-8, cut to the capacity at a character's boundary."""
    return message.encode(errors="replace")[:capacity].decode(errors="ignore").encode()
