"""What the bench peers do to the bytes of a frame."""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable
from typing import Final

import numpy as np
from program import Failed, Flags, number

from zeroduplex import BufferConfig

PAGE: Final = 4096
ANSWER: Final = 8
"""How many bytes the server changes of a frame that is only filled."""
NUMPY_FROM: Final = 4096
"""Size from which NumPy is faster than bytes."""
TOUCHES: Final = ("none", "fill", "page", "all")
_COUNTER: Final = struct.Struct("<Q")
_INVERTED: Final = bytes(255 - b for b in range(256))


def add_flags(flags: Flags) -> None:
    flags.add_name_and_wait()
    flags.add_argument("--size", type=number(0), default=64, help="bytes of a frame")
    flags.add_argument("--inflight", type=number(1), default=1, help="frames on their way at the same time")
    flags.add_argument("--cpu", type=number(-1), default=-1, help="CPU to run on, -1 for any")
    flags.add_argument("--limit-object", required=True, help="the benchmark's control file")
    flags.add_argument("--touch", choices=TOUCHES, default="none", help="how much of a frame to touch")


def room(o: argparse.Namespace) -> BufferConfig:
    """For the frames in flight and one more: the channel's, or that of each of v1's buffers."""
    return BufferConfig(0, (o.inflight + 1) * (64 + (o.size + 63) // 64 * 64))


Fill = Callable[[memoryview, int], None]
Check = Callable[[memoryview, int, int], None]
Invert = Callable[[memoryview], None]


def fill_number(data: memoryview, n: int) -> None:
    if len(data) >= 8:
        _COUNTER.pack_into(data, 0, n)


def fill_all(data: memoryview, n: int) -> None:
    """Every byte becomes n mod 256."""
    if len(data) >= NUMPY_FROM:
        np.frombuffer(data, np.uint8).fill(n % 256)
    else:
        data[:] = bytes([n % 256]) * len(data)


def check_size(data: memoryview, n: int, size: int) -> None:
    if len(data) != size:
        raise Failed(f"frame {n} came back with {len(data)} bytes instead of {size}")


def check_number(data: memoryview, n: int, size: int) -> None:
    if len(data) != size or (size >= 8 and _COUNTER.unpack_from(data)[0] != n):
        check_size(data, n, size)
        raise Failed(f"frame {n} came back with another number")


def check_answer(data: memoryview, n: int, size: int) -> None:
    """What the server changed, and the last byte, so that an exchange that lost something cannot pass."""
    check_size(data, n, size)
    sent = n % 256
    if bytes(data[:ANSWER]) != bytes([255 - sent]) * min(ANSWER, size) or (size > ANSWER and data[-1] != sent):
        raise Failed(f"frame {n} was not answered")


def check_pages(data: memoryview, n: int, size: int) -> None:
    check_size(data, n, size)
    read = bytes(data[::PAGE])
    if read.count(255 - n % 256) != len(read):
        raise Failed(f"frame {n} was not inverted")


def check_all(data: memoryview, n: int, size: int) -> None:
    check_size(data, n, size)
    if not alike(data, 255 - n % 256):
        raise Failed(f"frame {n} was not inverted")


def alike(data: memoryview, want: int) -> bool:
    if len(data) >= NUMPY_FROM:
        return bool((np.frombuffer(data, np.uint8) == want).all())
    return bytes(data).count(want) == len(data)


def invert_nothing(data: memoryview) -> None:
    pass


def invert_answer(data: memoryview) -> None:
    data[:ANSWER] = bytes(data[:ANSWER]).translate(_INVERTED)


def invert_pages(data: memoryview) -> None:
    data[::PAGE] = bytes(data[::PAGE]).translate(_INVERTED)


def invert_all(data: memoryview) -> None:
    if len(data) >= NUMPY_FROM:
        array = np.frombuffer(data, np.uint8)
        np.invert(array, out=array)
    else:
        data[:] = bytes(data).translate(_INVERTED)


FILL: Final[dict[str, Fill]] = {"none": fill_number, "fill": fill_all, "page": fill_all, "all": fill_all}
CHECK: Final[dict[str, Check]] = {"none": check_number, "fill": check_answer, "page": check_pages, "all": check_all}
INVERT: Final[dict[str, Invert]] = {"none": invert_nothing, "fill": invert_answer, "page": invert_pages, "all": invert_all}
