"""Changing pictures in place: the work that the example server does on the bytes of shared memory.

Every language has the same filters, and they give identical bytes. NumPy makes them fast; without it plain Python does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    import numpy as np
except ImportError:
    np = None  # type: ignore[assignment]

from geometry import PIXEL, Geometry

from zeroduplex import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray


def invert(frame: Frame, g: Geometry) -> None:
    """Turns the colours of a picture into their complements and keeps alpha."""
    _check(frame, g)
    if np is not None:
        rows = frame.as_numpy("u1", (g.height, g.stride))[:, : g.width * PIXEL]
        rows ^= np.tile(np.array([255, 255, 255, 0], "u1"), g.width)
        return
    length = g.width * PIXEL
    mask = int.from_bytes(b"\xff\xff\xff\x00" * g.width, "little")
    pixels = frame.data
    for start in range(0, g.size, g.stride):
        row = int.from_bytes(pixels[start : start + length], "little") ^ mask
        pixels[start : start + length] = row.to_bytes(length, "little")


def blur(frame: Frame, g: Geometry) -> None:
    """Softens a picture with the binomial kernel 1-4-6-4-1, first along the rows, then down the columns, on all four channels. Edges are
    clamped, and each pass rounds to (sum + 8) >> 4."""
    _check(frame, g)
    if np is not None:
        pixels = frame.as_numpy("u1", (g.height, g.stride))[:, : g.width * PIXEL]
        source = np.pad(pixels.reshape(g.height, g.width, PIXEL), ((0, 0), (2, 2), (0, 0)), mode="edge").astype("u2")
        smooth = _binomial([source[:, i : i + g.width] for i in range(5)])
        source = np.pad(smooth, ((2, 2), (0, 0), (0, 0)), mode="edge")
        pixels[:] = _binomial([source[i : i + g.height] for i in range(5)]).reshape(g.height, -1)
        return
    rows = [bytes(row) for row in _rows(frame.data, g)]
    for y, row in enumerate(rows):
        source_row = row[:PIXEL] * 2 + row + row[-PIXEL:] * 2
        rows[y] = _binomial_bytes(*(source_row[i * PIXEL : i * PIXEL + len(row)] for i in range(5)))
    last = g.height - 1
    for y, out in enumerate(_rows(frame.data, g)):
        out[:] = _binomial_bytes(*(rows[min(max(y + i, 0), last)] for i in range(-2, 3)))


def _check(frame: Frame, g: Geometry) -> None:
    if frame.size != g.size:
        raise ValueError(f"frame of {frame.size} bytes is not a picture of {g.height} rows of {g.stride} bytes")


def _rows(pixels: memoryview, g: Geometry) -> list[memoryview]:
    return [pixels[start : start + g.width * PIXEL] for start in range(0, g.size, g.stride)]


def _binomial(five: list[NDArray[Any]]) -> NDArray[Any]:
    a, b, c, d, e = five
    weighted: NDArray[Any] = (a + 4 * b + 6 * c + 4 * d + e + 8) >> 4
    return weighted


def _binomial_bytes(*five: bytes) -> bytes:
    return bytes((a + 4 * b + 6 * c + 4 * d + e + 8) >> 4 for a, b, c, d, e in zip(*five, strict=True))
