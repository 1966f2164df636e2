"""Connecting to a v1 duplex channel."""

from __future__ import annotations

from typing import ClassVar, Final

from .._generated import wire
from .._pages import PageWish
from ..config import BufferConfig
from ..errors import ReaderAlreadyConnectedError, ReaderDeadError, ServerBusyError, ServerNotFoundError, WriterAlreadyConnectedError
from ..memory import SharedMemory
from .attach import WriterAttempt
from .create import OwnedBuffer
from .ends import ReaderEnd
from .segment import BufferSegment

LONGEST_NAME: Final = wire.NAME_MAXIMUM - len("_response")


def request_buffer(name: str) -> str:
    """The buffer that the server reads."""
    return f"{name}_request"


def response_buffer(name: str) -> str:
    """The buffer that the client reads."""
    return f"{name}_response"


class DualBufferAttempt:
    """One connection, with all its retries."""

    healed_by_time: ClassVar = (ServerNotFoundError, ServerBusyError, WriterAlreadyConnectedError)

    def __init__(self, name: str, allow_other_users: bool, response_config: BufferConfig, wish: PageWish) -> None:
        self._name = name
        self._config = response_config
        self._wish = wish
        # It waits for nothing itself. What a former client left must have been read before we are attached: the server would take it for
        # ours, and answer it to us.
        self._requests = WriterAttempt(request_buffer(name), 0, None, allow_other_users, wish, when_drained=True)

    def once(self) -> tuple[BufferSegment, ReaderEnd]:
        """The request buffer, attached, and the response buffer, made. The errors of WriterAttempt and OwnedBuffer in a client's words;
        BufferNotFoundError when there is not even a dead server."""
        try:
            requests = self._requests.once()
        except ReaderDeadError as e:
            raise ServerNotFoundError(f"connecting to {self._name!r}: its server is dead") from e
        except WriterAlreadyConnectedError as e:
            raise WriterAlreadyConnectedError(f"connecting to {self._name!r}: another client is attached") from e
        try:
            return requests, ReaderEnd(OwnedBuffer(response_buffer(self._name), self._config, _mode_of(requests), self._wish))
        except BaseException as e:
            requests.leave_writer()
            requests.unmap()
            if isinstance(e, ReaderAlreadyConnectedError):
                raise WriterAlreadyConnectedError(f"connecting to {self._name!r}: another client still has its responses") from e
            raise


def _mode_of(requests: BufferSegment) -> int:
    """Whom the server lets in, its responses must be able to reach."""
    provider = requests.provider
    return provider.object.mode | wire.DEFAULT_V2_OBJECT_MODE if isinstance(provider, SharedMemory) else wire.DEFAULT_V2_OBJECT_MODE
