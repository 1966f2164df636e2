"""What both roles report, and the data they send."""

from __future__ import annotations

import base64
import sys
import zlib
from typing import Any

import messages as m
import zeroduplex as z

EMPTY = m.EmptyReport()


def pattern(size: int, seed: int) -> bytes:
    first = seed % 256
    return (bytes(range(256)) * (size // 256 + 2))[first : first + size]


_COMPLEMENT = bytes(255 - i for i in range(256))


def check_inverted(data: memoryview, size: int, seed: int) -> None:
    """Fails unless data is what the handler xor makes of a pattern."""
    if bytes(data) != pattern(size, seed).translate(_COMPLEMENT):
        raise ValueError(f"a response of {len(data)} bytes is not the complement of its request of {size} bytes")


def seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def given(**options: Any) -> dict[str, Any]:
    """The options that were given; the SDK has its own defaults for the others."""
    return {name: value for name, value in options.items() if value is not None}


def frame_report(frame: z.Frame | z.Response | z.ReceivedFrame, capacity: int = 0, one_way: bool = False) -> m.FrameReport:
    data = bytes(frame.data)
    opcode, status = (0, 0) if isinstance(frame, z.ReceivedFrame) else (frame.opcode, int(frame.status))
    return m.FrameReport(
        sequence=frame.sequence, size=frame.size, opcode=opcode, status=status, capacity=capacity, one_way=one_way,
        crc32=zlib.crc32(data), head=data[:16].hex(),
    )  # fmt: skip


def content_report(content: bytes | None) -> m.ContentReport:
    return m.ContentReport(written=content is not None, size=len(content or b""), crc32=zlib.crc32(content or b""))


def dump(args: m.DumpArgs) -> m.DumpReport:
    with open(f"/dev/shm/{args.name}", "rb") as file:
        return m.DumpReport(data=base64.b64encode(file.read()).decode())


def log(what: object) -> None:
    print(what, file=sys.stderr, flush=True)
