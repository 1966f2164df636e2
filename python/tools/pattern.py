"""The bytes that the stress peers send and check, and the meaning of their opcodes."""

from __future__ import annotations

DELAY_MASK = 0xFFFF
GROW = 1 << 16
FAIL = 1 << 17
STATUS_ASKED = 7
STATUS_WRONG = 8

_ROUND = bytes(range(256))
_TABLE = bytes(255 - b for b in range(256))


def pattern(first: int, size: int) -> bytes:
    """Byte i is (first + i) mod 256."""
    first %= 256
    return (_ROUND * (size // 256 + 2))[first : first + size]


def inverted(data: bytes) -> bytes:
    return data.translate(_TABLE)


def mismatch(data: memoryview, expected: bytes) -> int:
    """Index of the first byte that differs, -1 when none does."""
    if data == expected:
        return -1
    return next(i for i, (a, b) in enumerate(zip(data, expected, strict=True)) if a != b)
