"""When files were made, which os.stat does not say on Linux."""

from __future__ import annotations

import ctypes
import struct
from typing import Final

_EMPTY_PATH: Final = 0x1000  # AT_EMPTY_PATH
_BIRTH: Final = 0x800  # STATX_BTIME
_MASK: Final = struct.Struct("=I")
_TIME: Final = struct.Struct("=qI")
_TIME_OFFSET: Final = 0x50
_SIZE: Final = 256

_statx = getattr(ctypes.CDLL(None), "statx", None)  # since glibc 2.28


def birth_of(descriptor: int) -> int | None:
    """When an open file was made, in nanoseconds of the kernel's clock, which has ticks. None where that is not known."""
    if _statx is None:
        return None
    status = ctypes.create_string_buffer(_SIZE)
    if _statx(descriptor, b"", _EMPTY_PATH, _BIRTH, status) != 0:
        return None
    (known,) = _MASK.unpack_from(status)
    seconds, nanoseconds = _TIME.unpack_from(status, _TIME_OFFSET)
    return seconds * 1_000_000_000 + nanoseconds if known & _BIRTH else None


def is_before(first: int | None, second: int | None) -> bool:
    """Whether the first is known to be the earlier one."""
    return first is not None and second is not None and first < second
