"""The server of a v1 duplex channel: one buffer for requests, one for each client's responses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from .. import _process
from .._generated import wire
from .._generated.wire import FrameStatus
from .._pages import MemoryReport
from .._ring_server import Claimed
from .._server_base import Handler, Phase, cut, run_handler
from ..errors import (
    ClosedError,
    FrameTooLargeError,
    HandlerFailedError,
    InvalidFrameSizeError,
    MetadataTooLargeError,
    SystemError,
    TimeoutError,
    ZeroDuplexError,
)
from ..options import WAIT_SLICE
from .duplex_frames import CopiedFrame, ImmutableRequest, ImmutableResponse, ResponseRoom
from .duplex_work import WorkingBufferServer
from .ring_reader import Slot

ImmutableHandler = Callable[[ImmutableRequest, ImmutableResponse], Any]
"""Reads a request and makes the response to it; what it returns is ignored."""

_OK: Final = int(FrameStatus.OK)


class ImmutableDuplexServer(WorkingBufferServer):
    """Owns the request buffer of a ZeroBuffer v1 duplex channel and answers each request with exactly one response, in order. Made by
    DuplexChannelFactory.create_immutable_server.

    Requests are not changed where they stand: the response is made in the client's response buffer. v1 cannot say that a handler failed,
    nor carry an empty response: such a request is answered with the error's text, which the client takes for a response, and the error
    function is told. Requests of a client that died are dropped, those of one that closed are still worked on.
    """

    def start(self, handler: Handler) -> None:
        """Begins to answer requests with handler, on a thread of its own, and returns at once. A server starts once.

        It is the handler of an in-place server: the frame's data is a copy of the request, which the handler may change and resize; what
        it leaves there is the response.
        """
        self._start(handler, lambda slot, room: self._answer_in_copy(handler, slot, room))

    def start_immutable(self, handler: ImmutableHandler) -> None:
        """As start, with a handler that reads the request where it stands and makes the response itself: no byte is copied but by it."""
        self._start(handler, lambda slot, room: self._answer_by_hand(handler, slot, room))

    def _start(self, handler: object, answer: Callable[[Slot, ResponseRoom], None]) -> None:
        with self._lock:
            self._begin(handler)
            self._answer = answer
            self._worker = threading.Thread(target=self._serve, name=f"zeroduplex-{self._name}-0", daemon=True)
            self._worker.start()

    def _answer_in_copy(self, handler: Handler, slot: Slot, room: ResponseRoom) -> None:
        capacity = room.capacity
        try:
            room.take(slot.size)
        except FrameTooLargeError:
            room.take_aside(slot.size)  # the handler may make it smaller
        end = self._requests
        room.payload[room.start : room.start + slot.size] = end.payload[slot.start : slot.start + slot.size]
        end.ring.end(slot)
        claimed = Claimed()
        claimed.sequence, claimed.size, claimed.capacity = slot.sequence, slot.size, capacity
        claimed.start, claimed.opcode, claimed.one_way = room.start, 0, False
        frame = CopiedFrame(claimed, room)
        status, message, error = run_handler(handler, frame)
        self._finish(room, slot.sequence, frame._size, status, message, error)

    def _answer_by_hand(self, handler: ImmutableHandler, slot: Slot, room: ResponseRoom) -> None:
        request, response = ImmutableRequest(slot, self._requests.payload), ImmutableResponse(slot.sequence, room)
        status, message, error = run_handler(handler, request, response)
        self._finish(room, slot.sequence, response._size, status, message, error)

    def _finish(self, room: ResponseRoom, sequence: int, size: int, status: int, message: str, error: ZeroDuplexError | None) -> None:
        """Publishes the one response, be it only the text of what went wrong."""
        if self._left:
            return  # the client was told that we are gone
        try:
            if status == _OK:
                try:
                    room.publish(size)
                    return
                except InvalidFrameSizeError:
                    status, message = FrameStatus.HANDLER_FAILED, "no response"
                except FrameTooLargeError as e:
                    status, message = FrameStatus.RESPONSE_TOO_LARGE, e.detail
            self._tell(error or HandlerFailedError(f"request {sequence}: {message}", sequence=sequence, status=status, message=message))
            if not room.publish_text(lambda most: cut(message, most) or b"?"):
                self._tell(FrameTooLargeError(f"request {sequence} stays unanswered: the response buffer has no room for any response"))
        except ZeroDuplexError as e:
            self._tell(e)

    def set_metadata(self, content: bytes) -> None:
        """Writes the server's metadata, once: into the response buffer of the client that is attached, and into those of later ones when
        their first request is read. MetadataAlreadyWrittenError, ClosedError; MetadataTooLargeError if a client is attached whose block is
        too small, later such clients go without."""
        with self._lock:
            self._refuse_metadata()
            if len(content) > wire.MAX_METADATA_SIZE - wire.METADATA_PREFIX_SIZE:
                raise MetadataTooLargeError(f"metadata of {len(content)} bytes")
            if self._responses is not None:
                self._responses.set_metadata(content)
            self._metadata = bytes(content)

    @property
    def client_metadata(self) -> bytes | None:
        """A copy of the metadata that a client wrote, None when none has. A buffer takes it once, so it is that of the first client that
        wrote any. ClosedError, CorruptedError."""
        with self._lock:
            self._refuse_after_fork()
            if self._phase is Phase.STOPPED:
                raise ClosedError(f"the server of {self._name!r} was stopped")
            return self._requests.segment.metadata.read(exact=False)

    @property
    def is_client_connected(self) -> bool:
        with self._lock:
            return not self._left and not self._forked and self._requests.segment.writer_alive()

    @property
    def memory_report(self) -> MemoryReport:
        """Of the request buffer and, while a client is there, of its response buffer together."""
        with self._lock:
            requests = self._requests.segment.report
            return requests if self._responses is None else requests._and(self._responses.segment.report)

    def stop(self, timeout: float) -> None:
        """Takes nothing new and lets the handler finish, then removes the request buffer. Responses that were written are left for the
        client. TimeoutError when the handler did not end within so many seconds, or found no room for its response; the channel is removed
        all the same. Stopping again waits for the first stop."""
        super().stop(timeout)

    def _drain_and_remove(self, deadline: float) -> ZeroDuplexError | None:
        _process.unregister(self)
        self._requests.stream.poke()
        while self._worker is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._finished.wait(min(WAIT_SLICE, left))  # in slices, so that signals are noticed
        late = self._handling
        self._hurry = self._left = True
        problem: ZeroDuplexError | None = None
        if self._responses is not None:
            self._responses.leave()
        try:
            self._requests.leave()
        except OSError as e:
            problem = SystemError(f"stopping the server of {self._name!r}: {e}")
        if self._worker is None:
            self._unmap()
        if problem is None and late:
            return TimeoutError(f"stopping the server of {self._name!r}: the handler did not end, or found no room for its response")
        return problem

    def _stop_for_good(self) -> None:
        with suppress(ZeroDuplexError):
            self.stop(0)
