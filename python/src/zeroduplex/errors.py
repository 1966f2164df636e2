"""The errors of this library. Every one derives from ZeroDuplexError and has the name and number that it has in all languages.

Timeouts are also TimeoutError of the standard library, bad arguments ValueError, and so on.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable

from ._generated.errors import (
    AcquisitionOpenError,
    BufferFullError,
    BufferNotFoundError,
    CancelledError,
    ClientDeadError,
    ClosedError,
    CorruptedError,
    ErrorCode,
    FrameReleasedError,
    FrameTooLargeError,
    FrameUnplaceableError,
    InvalidArgumentError,
    InvalidFrameSizeError,
    InvalidNameError,
    MetadataAlreadyWrittenError,
    MetadataTooLargeError,
    NameInUseError,
    OutOfMemoryError,
    PermissionDeniedError,
    ReaderAlreadyConnectedError,
    ReaderDeadError,
    ServerBusyError,
    ServerDeadError,
    ServerNotFoundError,
    SystemError,
    TimeoutError,
    UnknownSequenceError,
    UnsupportedPlatformError,
    VersionMismatchError,
    WriterAlreadyConnectedError,
    WriterDeadError,
    ZeroDuplexError,
)
from ._generated.errors import HandlerFailedError as _HandlerFailedError
from ._generated.errors import ResponseTooLargeError as _ResponseTooLargeError
from ._generated.errors import SequenceError as _SequenceError
from ._generated.wire import FrameStatus


class _Answer(ZeroDuplexError):
    """What a failed answer says."""

    def __init__(self, detail: str, *, sequence: int = 0, status: int = 0, message: str = "") -> None:
        super().__init__(detail)
        self.sequence = sequence
        """Sequence number of the request, 0 when no answer is meant."""
        self.status = status
        """Above 0 the application's code, below 0 the library's."""
        self.message = message
        """The server's own words."""


class HandlerFailedError(_Answer, _HandlerFailedError):
    """The server's handler failed. The request is done with; its frame was released after the message was copied."""


class ResponseTooLargeError(_Answer, _ResponseTooLargeError):
    """The response did not fit the capacity that the request asked for. Raised by Frame.resize, and by the client's call."""


class SequenceError(_SequenceError):
    """A v1 frame has another sequence number than expected. The reader reads no more."""

    def __init__(self, detail: str, expected: int = 0, got: int = 0) -> None:
        super().__init__(detail)
        self.expected = expected
        self.got = got


class ViewInUseError(FrameReleasedError, builtins.BufferError):
    """A frame cannot be given back because a view of its data, such as a NumPy array or a slice, is still alive.

    Delete the view (`del array`) and try again: the frame is as it was before.
    """


class Failure(Exception):
    """Raised by a handler to answer with a code of the application's own, 1 or more, and a message.

    Any other exception of a handler answers its text with the library's code.
    """

    def __init__(self, code: int, message: str) -> None:
        if not 0 < code <= 0x7FFFFFFF:
            raise InvalidArgumentError(f"failure code {code} is not the application's to give (1 to 2147483647): {message}")
        super().__init__(message)
        self.code = code


def answer_error(sequence: int, status: int, message: str) -> HandlerFailedError | ResponseTooLargeError:
    """The error of a failed answer."""
    detail = f"request {sequence} failed with status {status}: {message}"
    if status == FrameStatus.RESPONSE_TOO_LARGE:
        return ResponseTooLargeError(detail, sequence=sequence, status=status, message=message)
    return HandlerFailedError(detail, sequence=sequence, status=status, message=message)


def same_again(error: CorruptedError) -> Callable[[], CorruptedError]:
    """Makes an error anew for each call: one that is raised twice would collect tracebacks."""
    if isinstance(error, SequenceError):
        detail, expected, got = error.detail, error.expected, error.got
        return lambda: SequenceError(detail, expected, got)
    kind, text = type(error), error.detail
    return lambda: kind(text)


__all__ = [
    "AcquisitionOpenError",
    "BufferFullError",
    "BufferNotFoundError",
    "CancelledError",
    "ClientDeadError",
    "ClosedError",
    "CorruptedError",
    "ErrorCode",
    "Failure",
    "FrameReleasedError",
    "FrameTooLargeError",
    "FrameUnplaceableError",
    "HandlerFailedError",
    "InvalidArgumentError",
    "InvalidFrameSizeError",
    "InvalidNameError",
    "MetadataAlreadyWrittenError",
    "MetadataTooLargeError",
    "NameInUseError",
    "OutOfMemoryError",
    "PermissionDeniedError",
    "ReaderAlreadyConnectedError",
    "ReaderDeadError",
    "ResponseTooLargeError",
    "SequenceError",
    "ServerBusyError",
    "ServerDeadError",
    "ServerNotFoundError",
    "SystemError",
    "TimeoutError",
    "UnknownSequenceError",
    "UnsupportedPlatformError",
    "VersionMismatchError",
    "ViewInUseError",
    "WriterAlreadyConnectedError",
    "WriterDeadError",
    "ZeroDuplexError",
]
