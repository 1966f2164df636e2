"""What the bench peers do to the bytes of a frame."""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable
from typing import Final

from program import Failed, Flags, number

from zeroduplex import BufferConfig

PAGE: Final = 4096
TOUCHES: Final = ("none", "page", "all")
_COUNTER: Final = struct.Struct("<Q")
_INVERTED: Final = bytes(255 - b for b in range(256))
_CHUNK: Final = 1 << 20


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


def fill_nothing(data: memoryview, n: int) -> None:
    if len(data) >= 8:
        _COUNTER.pack_into(data, 0, n)


def fill_all(data: memoryview, n: int) -> None:
    """Every byte becomes n mod 256, by copies of one chunk."""
    chunk = bytes([n % 256]) * min(_CHUNK, len(data))
    for start in range(0, len(data), _CHUNK):
        part = data[start : start + _CHUNK]
        part[:] = chunk[: len(part)]


def check_nothing(data: memoryview, n: int) -> None:
    pass


def check(step: int) -> Callable[[memoryview, int], None]:
    def check_steps(data: memoryview, n: int) -> None:
        read = bytes(data[::step])
        if read.count(255 - n % 256) != len(read):
            raise Failed(f"frame {n} was not inverted")

    return check_steps


def invert(step: int) -> Callable[[memoryview], None]:
    def invert_steps(data: memoryview) -> None:
        data[::step] = bytes(data[::step]).translate(_INVERTED)

    return invert_steps


def invert_nothing(data: memoryview) -> None:
    pass


FILL: Final = {"none": fill_nothing, "page": fill_all, "all": fill_all}
CHECK: Final = {"none": check_nothing, "page": check(PAGE), "all": check(1)}
INVERT: Final = {"none": invert_nothing, "page": invert(PAGE), "all": invert(1)}
