"""What client and server do to the bytes of a frame: the same as the project's own peers."""

from __future__ import annotations

import argparse
import struct
from typing import Final

from peer import Failed

_PAGE: Final = 4096
_ANSWER: Final = 8
"""How many bytes `fill` changes."""
_COUNTER: Final = struct.Struct("<Q")
_INVERTED: Final = bytes(255 - b for b in range(256))
_CHUNK: Final = 1 << 20


class Filler:
    """The client's work."""

    def __init__(self, o: argparse.Namespace) -> None:
        self._touch: str = o.touch
        self._size: int = o.size

    def fill(self, data: memoryview, n: int) -> None:
        """Frame n becomes n mod 256 in every byte, by copies of one chunk; with `none` its number only."""
        if self._touch == "none":
            if len(data) >= _COUNTER.size:
                _COUNTER.pack_into(data, 0, n)
            return
        chunk = bytes([n % 256]) * min(_CHUNK, len(data))
        for start in range(0, len(data), _CHUNK):
            part = data[start : start + _CHUNK]
            part[:] = chunk[: len(part)]

    def check(self, data: memoryview, n: int) -> None:
        if len(data) != self._size:
            raise Failed(f"frame {n} came back with {len(data)} bytes instead of {self._size}")
        touch = self._touch
        if touch == "none":
            if len(data) >= _COUNTER.size and _COUNTER.unpack_from(data)[0] != n:
                raise Failed(f"frame {n} came back with another number")
            return
        if touch == "fill":
            read = bytes(data[:_ANSWER])
            if len(data) > _ANSWER and data[-1] != n % 256:
                raise Failed(f"frame {n} came back with another end")
        else:
            read = bytes(data[:: _PAGE if touch == "page" else 1])
        if read.count(255 - n % 256) != len(read):
            raise Failed(f"frame {n} was not inverted")


class Handler:
    """The server's work."""

    def __init__(self, o: argparse.Namespace) -> None:
        self._changed = {"none": slice(0, 0), "fill": slice(0, _ANSWER), "page": slice(None, None, _PAGE), "all": slice(None)}[o.touch]
        self._touches = o.touch != "none"
        self._corrupt: int = o.corrupt
        self._frames = 0

    def handle(self, data: memoryview) -> None:
        if self._touches:
            data[self._changed] = bytes(data[self._changed]).translate(_INVERTED)
        self._frames += 1
        if self._frames == self._corrupt:
            data[0] ^= 1
