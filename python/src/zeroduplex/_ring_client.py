"""The client's end of the ring: it alone moves head and tail, and knows from its own list what is in flight.

Nothing here locks; the channel serialises the calls. Offsets are cumulative: they only grow, and the position in the payload is the
offset modulo the payload's size.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ._generated import wire
from ._generated.wire import FrameState
from ._ops import ANSWER_PENDING, CLAIMED, CONSUMED, EAGER, HEAD, LAST, NO_MARKER, OPEN, SIZE, Port, ops
from ._state import Record
from .errors import CorruptedError, FrameTooLargeError

_HEADER: Final = wire.FRAME_HEADER_V2_SIZE
_MASK: Final = wire.BLOCK_ALIGNMENT - 1
_ONE_WAY: Final = int(wire.FrameFlags.ONE_WAY)


class ClientRing:
    """Starts at the state that a reset leaves behind: everything zero, everything free."""

    def __init__(self, port: Port, request: int, payload_size: int, eager: bool) -> None:
        self._port = port
        self._words = words = port.words
        self._release_at = port.release
        self._answer_at = port.answer_at
        self._read_count = request + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET
        self._size = payload_size
        words[SIZE], words[EAGER] = payload_size, eager
        words[HEAD] = words[CLAIMED] = words[OPEN] = words[LAST] = words[CONSUMED] = 0
        self._next_start = self._next_total = self._next_waste = self._next_capacity = 0
        self._next_marker = NO_MARKER
        self._abandoned = 0
        """Frames in the list that are abandoned and not released."""
        self.frames: deque[Record] = deque()
        """Published and not reclaimed, in ring order, their sequence numbers consecutive."""

    @property
    def free(self) -> int:
        return self._size - self._words[CLAIMED]

    @property
    def last(self) -> int:
        """Sequence number of the last request."""
        return self._words[LAST]

    def reserve(self, size: int, capacity: int) -> int:
        """Claims room for a frame and returns where its data starts, or -1 when there is no room now. One claim is open at a time."""
        capacity = (capacity + _MASK) & ~_MASK
        total = _HEADER + capacity
        payload = self._size
        if total > payload:
            raise FrameTooLargeError(f"header and capacity take {total} bytes of a payload of {payload}")
        words = self._words
        head = words[HEAD]
        position = head % payload
        room = payload - position
        waste, marker = 0, NO_MARKER
        if not self.frames:
            if position and (words[EAGER] or total > room):
                # The unmarked lap: nothing is in flight, so the whole payload is ours. The server tells it from an ordinary advance by
                # the distance, which must therefore exceed the payload.
                lap = head + room
                if lap + total - head <= payload:
                    lap += payload
                head = lap
        else:
            if total > room:
                waste, marker = room, position
                head += room
            if total + waste > payload - words[CLAIMED]:
                return -1
        self._next_start, self._next_total, self._next_waste = head, total, waste
        self._next_capacity, self._next_marker = capacity, marker
        words[OPEN] = total + waste
        words[CLAIMED] += total + waste
        return head % payload + _HEADER

    def abort(self) -> None:
        """Gives the open claim back."""
        words = self._words
        words[CLAIMED] -= words[OPEN]
        words[OPEN] = 0

    def publish(self, size: int, opcode: int, one_way: bool, taken: bool) -> Record:
        """Makes the open claim a frame with the next sequence number and wakes the server."""
        words = self._words
        words[OPEN] = 0
        words[LAST] = sequence = words[LAST] + 1
        start, total = self._next_start, self._next_total
        position = start % self._size
        record = Record(sequence, self._next_capacity, opcode, one_way, position, total, self._next_waste, taken)
        self.frames.append(record)
        words[HEAD] = head = start + total
        self._port.publish(
            self._next_marker, position, size, sequence, self._next_capacity, opcode, _ONE_WAY if one_way else 0, head,
            self._size - words[CLAIMED],
        )  # fmt: skip
        return record

    def lookup(self, sequence: int) -> Record | None:
        """A frame by its number, None when it was reclaimed or never sent."""
        frames = self.frames
        index = sequence - (self._words[LAST] + 1 - len(frames))
        return frames[index] if 0 <= index < len(frames) else None

    def answered(self, record: Record) -> bool:
        """Whether the response may be read. Needs no lock when the caller has a claim on the frame."""
        return self._answer_at(record.position, 0) != ANSWER_PENDING

    def release(self, record: Record) -> None:
        """Gives an answered frame back, reclaims what is over, and wakes who waits for it. CorruptedError after all that."""
        record.released = True
        if record.abandoned:
            self._abandoned -= 1
        frames = self.frames
        if len(frames) == 1:  # alone in flight, as in every ping-pong
            frames.popleft()
            self._release_at(record.position, record.total + record.waste)
            return
        problem = self._take_back()
        self._release_at(record.position, 0)
        if problem is not None:
            raise problem

    def cancel(self, record: Record) -> bool:
        """Takes a request back that the server has not taken."""
        if self._port.cancel(record.position):
            record.cancelled = True
        return record.cancelled

    def abandon(self, record: Record) -> None:
        """Says that nobody will read the answer. It is released now when it is there already, else by a later reclaim."""
        record.abandoned = True
        self._abandoned += 1
        self._port.abandon(record.position)
        if self.answered(record):
            self.release(record)

    def reclaim(self) -> None:
        """Takes back, in ring order, what is over."""
        if self._abandoned:
            for record in [r for r in self.frames if r.abandoned and not r.released]:
                if self.answered(record):
                    self.release(record)
        if not self.frames:
            return
        words = self._words
        before = words[CLAIMED]
        problem = self._take_back()
        if words[CLAIMED] != before:
            # An open claim is unpublished: nobody but us knows of it.
            self._port.store_free(self._size - words[CLAIMED] + words[OPEN])
        if problem is not None:
            raise problem

    def _take_back(self) -> CorruptedError | None:
        frames, words = self.frames, self._words
        while frames:
            record = frames[0]
            # Waste belongs to the frame behind it and is free once the server's cursor has passed that frame. Pairs with the release
            # store of Port.take.
            if record.waste and ops.load64(self._read_count) >= record.sequence:
                words[CLAIMED] -= record.waste
                record.waste = 0
            if not record.released:
                if not record.one_way and not record.cancelled:
                    return None
                if record.taken:
                    return None  # a waiter still looks at the header of the cancelled frame, and has yet to find out
                state = self._port.state_at(record.position)
                if state in _UNDER_WAY:
                    return None
                if state != FrameState.CONSUMED:
                    return CorruptedError(f"one-way or cancelled frame {record.sequence} has state {state}")
            words[CLAIMED] -= record.total + record.waste
            frames.popleft()
        return None


_UNDER_WAY: Final = (FrameState.REQUEST, FrameState.PROCESSING, FrameState.CANCELLED)
