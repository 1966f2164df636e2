"""The client's side of a channel, whatever its protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, TypeVar

from ._loans_client import RequestBuffer, Response
from ._pages import MemoryReport

_Self = TypeVar("_Self", bound="DuplexClient")


class DuplexClient(ABC):
    """The client's side of a channel, whatever its protocol. All methods are thread-safe.

    Timeouts are in seconds; None means the client's default. Any call may fail with ServerDeadError, CorruptedError, ClosedError,
    TimeoutError (BufferFullError for sends) or CancelledError, besides what it names itself.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The channel's name."""

    @abstractmethod
    def send_request(
        self, data: Any, *, opcode: int = 0, capacity: int | None = None, one_way: bool = False, timeout: float | None = None
    ) -> int:
        """Copies data, any contiguous buffer, into the ring and publishes it. Returns the request's sequence number.

        capacity: bytes that the response may have, None for as many as data. FrameTooLargeError, BufferFullError,
        AcquisitionOpenError, InvalidArgumentError.
        """

    @abstractmethod
    def acquire_request_buffer(self, size: int, capacity: int | None = None, *, timeout: float | None = None) -> RequestBuffer:
        """Claims size bytes of the ring to be filled in place. One buffer per channel is out at a time; other senders queue behind it.
        The same errors as send_request."""

    @abstractmethod
    def receive_response(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        """Waits for the response to one request, or without a number for one that nobody waits for by number. Release it when done.

        HandlerFailedError or ResponseTooLargeError when that is the answer. UnknownSequenceError when no response to the request is
        outstanding or somebody else waits for it. A receive that times out may be repeated.
        """

    @abstractmethod
    def call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        """Sends and waits for the response. A call that times out cancels its request if the server has not taken it; a late response
        is dropped. The errors of send_request and receive_response."""

    @abstractmethod
    async def call_async(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Response:
        """call for asyncio. One thread of the channel's own waits for all of them. Cancelling the task cancels the request, too."""

    @abstractmethod
    async def receive_async(self, timeout: float | None = None, *, sequence: int | None = None) -> Response:
        """receive_response for asyncio."""

    @abstractmethod
    def cancel(self, sequence: int) -> bool:
        """Takes back a request that the server has not taken: True. False: too late, the response will come. UnknownSequenceError."""

    @abstractmethod
    def set_metadata(self, content: bytes) -> None:
        """Writes this client's metadata, once per connection. MetadataAlreadyWrittenError, MetadataTooLargeError."""

    @property
    @abstractmethod
    def server_metadata(self) -> bytes | None:
        """A copy of the server's metadata, None when it has written none."""

    @property
    @abstractmethod
    def is_server_connected(self) -> bool:
        """Whether the server lives, now."""

    @property
    @abstractmethod
    def memory_report(self) -> MemoryReport:
        """What became of the options prefault and huge_pages, also after close."""

    @abstractmethod
    def close(self) -> None:
        """Wakes all waiting calls with ClosedError and disconnects. While responses or a request buffer are out, the disconnect follows
        the release of the last one. Closing again does nothing."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
