"""Errors of the operating system as errors of this library."""

from __future__ import annotations

import errno

from .errors import OutOfMemoryError, PermissionDeniedError, SystemError, ZeroDuplexError

_NO_SPACE = (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM)


def system_error(what: str, error: OSError) -> ZeroDuplexError:
    """The library's error for a failed system call."""
    detail = f"{what}: {error}"
    if error.errno in _NO_SPACE:
        return OutOfMemoryError(detail)
    if error.errno in _DENIED:
        return PermissionDeniedError(detail)
    return SystemError(detail)
