"""What a server must make of a segment."""

from __future__ import annotations

from typing import Final, NamedTuple

from hostile import BLOCK, HEADER
from hostile_forged import CAPACITY, COUNT, FLAGS, LAYOUT, MASK64, OPCODE, PAYLOAD, SEQUENCE, SIZE, STATE, WRITTEN, get, put

from zeroduplex._generated import wire
from zeroduplex._generated.wire import FrameFlags, FrameState


class Outlook(NamedTuple):
    """A request as a server must find it."""

    position: int
    sequence: int
    size: int
    capacity: int
    opcode: int
    one_way: bool


CORRUPT: Final = None
"""What a server must find instead of a request."""


class Foresight:
    """PROTOCOL.md's rules for the server's cursor once more, on a copy of a segment that nobody else changes and for a handler that zeroes
    its data. Shares no code with the library, so that what the library does not check is seen."""

    def __init__(self) -> None:
        self.cursor = self.passed = self.seen = 0

    def all(self, segment: bytearray) -> tuple[list[Outlook | None], list[int]]:
        """Everything that a server finds until nothing is left to look at or it found corruption, which is the last, and the positions of
        the cancelled requests among it."""
        found: list[Outlook | None] = []
        skipped: list[int] = []
        while not found or found[-1] is not CORRUPT:
            count, written = (get(segment, LAYOUT.oieb_request.offset, field) for field in (COUNT, WRITTEN))
            if count < self.seen:
                found.append(CORRUPT)
                break
            self.seen = count
            if count == self.passed:
                break
            if (written - self.cursor) & MASK64 >= wire.CURSOR_LAP_LIMIT * PAYLOAD or (written - self.cursor) % BLOCK:
                found.append(CORRUPT)
                break
            while written - self.cursor > PAYLOAD:
                self.cursor += PAYLOAD - self.cursor % PAYLOAD
            outlook, cancelled = self._read(segment, written)
            if cancelled and outlook is not CORRUPT:
                skipped.append(outlook.position)
            else:
                found.append(outlook)
        return found, skipped

    def _read(self, segment: bytearray, written: int) -> tuple[Outlook | None, bool]:
        marked = False
        while True:
            position = self.cursor % PAYLOAD
            if written - self.cursor < HEADER:
                return CORRUPT, False
            at = LAYOUT.payload.offset + position
            state = get(segment, at, STATE)
            if state != FrameState.WRAP:
                break
            if marked or position == 0 or written - self.cursor <= PAYLOAD - position:
                return CORRUPT, False
            self.cursor += PAYLOAD - position
            marked = True
        room = min(PAYLOAD - position, written - self.cursor) - HEADER
        size, sequence, capacity, opcode, flags = (get(segment, at, f) for f in (SIZE, SEQUENCE, CAPACITY, OPCODE, FLAGS))
        right = state in (FrameState.REQUEST, FrameState.CANCELLED) and sequence == self.passed + 1
        if not right or capacity % BLOCK or capacity > room or size > capacity:
            return CORRUPT, False
        self.cursor += HEADER + capacity
        self.passed += 1
        one_way, cancelled = bool(flags & FrameFlags.ONE_WAY), state == FrameState.CANCELLED
        put(segment, at, STATE, FrameState.CONSUMED if one_way or cancelled else FrameState.RESPONSE)
        if not cancelled:
            segment[at + HEADER : at + HEADER + size] = bytes(size)
        return Outlook(position, sequence, size, capacity, opcode, one_way), cancelled
