"""What programs have in common that forge what they hand over before the other side can have seen it, and change nothing afterwards.

So what must come of it is known exactly: one side's missing check shows even where it does no harm.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Final

from hostile import BLOCK, HEADER_FIELDS, Field, Program, require

from zeroduplex._generated import wire

METADATA: Final = 64
PAYLOAD: Final = 1024
FAR_TOO_LONG: Final = 20.0
SHORT: Final = 50e-6
MASK64: Final = 2**64 - 1

SIZE, SEQUENCE, CAPACITY = (
    (wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET, 8),
    (wire.FRAME_HEADER_V2_SEQUENCE_NUMBER_OFFSET, 8),
    (wire.FRAME_HEADER_V2_CAPACITY_OFFSET, 8),
)
STATE, STATUS, OPCODE, FLAGS = (
    (wire.FRAME_HEADER_V2_STATE_OFFSET, 4),
    (wire.FRAME_HEADER_V2_STATUS_OFFSET, 4),
    (wire.FRAME_HEADER_V2_OPCODE_OFFSET, 4),
    (wire.FRAME_HEADER_V2_FLAGS_OFFSET, 4),
)
REQUEST_SIZE: Final = (wire.FRAME_HEADER_V2_REQUEST_SIZE_OFFSET, 8)


def channel_layout() -> wire.SegmentV2:
    layout = wire.resolve_segment_v2(METADATA, METADATA, PAYLOAD)
    assert layout is not None
    return layout


LAYOUT: Final = channel_layout()


def get(memory: memoryview | bytearray, at: int, field: Field) -> int:
    value: int = struct.unpack_from("<I" if field[1] == 4 else "<Q", memory, at + field[0])[0]
    return value


def put(memory: memoryview | bytearray, at: int, field: Field, value: int) -> None:
    struct.pack_into("<I" if field[1] == 4 else "<Q", memory, at + field[0], value & (2 ** (8 * field[1]) - 1))


def up(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


WRITTEN: Final = (wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, 8)
COUNT: Final = (wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, 8)
"""Of the request block."""


def signed(value: int) -> int:
    """A word of 4 bytes as what it is for those who sign it."""
    return value - 2**32 if value >= 2**31 else value


def await_that(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + FAR_TOO_LONG
    while not holds():
        require(time.monotonic() < end, what)
        time.sleep(0)


def border(program: Program, capacity: int) -> int:
    """About the capacity, or about what is no size at all."""
    choice = program.below(8)
    return capacity + choice - 1 if choice < 4 else choice - 8


def forge_field(program: Program, memory: memoryview | bytearray, at: int) -> None:
    """Forges one field of a header, mostly by a value at the border of what is right."""
    field = program.field(HEADER_FIELDS)
    put(memory, at, field, program.value(get(memory, at, field), PAYLOAD))
