"""What client and server do to the bytes of a frame: the same as the project's own peers."""

from __future__ import annotations

import argparse
import struct
from typing import Final

import numpy as np

from peer import Failed

_PAGE: Final = 4096
_ANSWER: Final = 8
"""How many bytes `fill` changes."""
_COUNTER: Final = struct.Struct("<Q")
_INVERTED: Final = bytes(255 - b for b in range(256))
_NUMPY_FROM: Final = 4096
"""Size from which NumPy is faster than bytes."""


class Filler:
    """The client's work."""

    def __init__(self, o: argparse.Namespace) -> None:
        self._touch: str = o.touch
        self._size: int = o.size

    def fill(self, data: memoryview, n: int) -> None:
        """Frame n becomes n mod 256 in every byte; with `none` its number only."""
        if self._touch == "none":
            if len(data) >= _COUNTER.size:
                _COUNTER.pack_into(data, 0, n)
            return
        if len(data) >= _NUMPY_FROM:
            np.frombuffer(data, np.uint8).fill(n % 256)
        else:
            data[:] = bytes([n % 256]) * len(data)

    def check(self, data: memoryview, n: int) -> None:
        if len(data) != self._size:
            raise Failed(f"frame {n} came back with {len(data)} bytes instead of {self._size}")
        touch = self._touch
        if touch == "none":
            if len(data) >= _COUNTER.size and _COUNTER.unpack_from(data)[0] != n:
                raise Failed(f"frame {n} came back with another number")
            return
        want = 255 - n % 256
        if touch == "all" and len(data) >= _NUMPY_FROM:
            right = bool((np.frombuffer(data, np.uint8) == want).all())
        else:
            read = bytes(data[_changed(touch)])
            right = read.count(want) == len(read)
        if touch == "fill" and len(data) > _ANSWER:
            right = right and data[-1] == n % 256
        if not right:
            raise Failed(f"frame {n} came back wrong")


def _changed(touch: str) -> slice:
    """What the server changes."""
    return {"none": slice(0, 0), "fill": slice(0, _ANSWER), "page": slice(None, None, _PAGE), "all": slice(None)}[touch]


class Handler:
    """The server's work."""

    def __init__(self, o: argparse.Namespace) -> None:
        self._touch: str = o.touch
        self._changed = _changed(o.touch)
        self._corrupt: int = o.corrupt
        self._frames = 0

    def handle(self, data: memoryview) -> None:
        if self._touch == "all" and len(data) >= _NUMPY_FROM:
            array = np.frombuffer(data, np.uint8)
            np.invert(array, out=array)
        elif self._touch != "none":
            data[self._changed] = bytes(data[self._changed]).translate(_INVERTED)
        self._frames += 1
        if self._frames == self._corrupt:
            data[0] ^= 1
