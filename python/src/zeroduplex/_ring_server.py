"""The server's end of the ring: a cursor over what the client published. Nothing that it reads is trusted.

Nothing here locks; the server serialises the calls.
"""

from __future__ import annotations

import struct
from typing import Final

from ._generated import wire
from ._generated.wire import FrameState
from ._ops import CURSOR, LOOK_PUBLISHED, LOOK_RESET_WANTED, PASSED, RESPONSE_BYTES, RESPONSES, SEEN, SIZE, Port, ops
from .errors import CorruptedError

_HEADER: Final = wire.FRAME_HEADER_V2_SIZE
_ALIGNMENT: Final = wire.BLOCK_ALIGNMENT
_REQUEST: Final = int(FrameState.REQUEST)
_CANCELLED: Final = int(FrameState.CANCELLED)
_RESPONSE: Final = int(FrameState.RESPONSE)
_FAILED: Final = int(FrameState.FAILED)
_WRAP: Final = int(FrameState.WRAP)
_MOST: Final = wire.MAX_FRAME_DATA
_ONE_WAY: Final = int(wire.FrameFlags.ONE_WAY)


def _header_reader() -> tuple[struct.Struct, tuple[str, ...]]:
    """Reads a header in one go, each field once. written_count, loaded with acquire before, published all of it."""
    fields = next(s for s in wire.STRUCTS if s.name == "frame_header_v2").fields
    return struct.Struct("<" + "".join(f.format[1:] for f in fields if not f.count)), tuple(f.name for f in fields if not f.count)


_READER, _FIELDS = _header_reader()
if _FIELDS != ("payload_size", "sequence_number", "capacity", "state", "status", "request_size", "opcode", "flags"):
    raise ImportError(f"the generated frame header has other fields than this SDK: {_FIELDS}")


class Claimed:
    """A frame under the cursor, its header read once and checked. Each worker has one and uses it again and again."""

    __slots__ = ("cancelled", "capacity", "end", "one_way", "opcode", "position", "sequence", "size", "start")

    sequence: int
    size: int
    capacity: int
    opcode: int
    one_way: bool
    cancelled: bool
    """The client took it back; it is to be skipped."""
    position: int
    start: int
    """Of its data, relative to the payload."""
    end: int
    """Cumulative."""


class ServerRing:
    """Starts where a reset leaves the ring."""

    def __init__(self, port: Port, request: int, response: int, payload: memoryview) -> None:
        self._port = port
        self._words = port.words
        self._take_next, self._taken, self._answer_at = port.take_next, port.taken, port.answer
        self._request = request
        self._response = response
        self._payload = payload
        self._size = len(payload)
        self._lap_limit = wire.CURSOR_LAP_LIMIT * len(payload)
        self._look = port.look
        self._seen_words = port.seen
        self.reset_wanted = False
        """A client that left, or one that attaches, wants a reset; as the last call of next saw it."""
        self._start()

    def _start(self) -> None:
        words = self._words
        words[SIZE] = self._size
        words[CURSOR] = words[PASSED] = words[SEEN] = words[RESPONSES] = words[RESPONSE_BYTES] = 0

    @property
    def passed(self) -> int:
        """Frames passed; the next one has the number passed + 1."""
        return self._words[PASSED]

    def take_next(self, frame: Claimed) -> bool:
        """next and take in one, for an ordinary request right under the cursor. False: nothing was done, and next says why."""
        if not self._take_next():
            return False
        self.describe(frame)
        return True

    def describe(self, frame: Claimed) -> None:
        """Says what was taken by take_next or serve."""
        position, frame.size, frame.capacity, frame.opcode, flags, frame.sequence = self._taken()
        frame.position, frame.start, frame.one_way = position, position + _HEADER, flags & _ONE_WAY != 0

    def next(self, frame: Claimed) -> bool:
        """Looks at the frame under the cursor, which it does not pass. False when nothing is published. CorruptedError."""
        words = self._words
        passed = words[PASSED]
        look = self._look(passed)
        self.reset_wanted = look >= LOOK_RESET_WANTED
        if not look & LOOK_PUBLISHED and words[SEEN] <= passed:
            return False
        seen = self._seen_words
        count, written = seen[0], seen[1]
        if count < words[SEEN]:
            raise CorruptedError(f"request written_count went back from {words[SEEN]} to {count}")
        words[SEEN] = count
        size = self._size
        cursor = words[CURSOR]
        distance = written - cursor
        if distance % _ALIGNMENT or not 0 <= distance < self._lap_limit:
            raise CorruptedError(f"request written_bytes {written} does not follow the cursor at {cursor}")
        while written - cursor > size:
            cursor += size - cursor % size
        wrapped = False
        while True:
            words[CURSOR] = cursor
            position = cursor % size
            available = written - cursor
            if available < _HEADER:
                raise CorruptedError(f"frame {passed + 1} counted but only {available} bytes written for it")
            header = _READER.unpack_from(self._payload, position)
            if header[3] != _WRAP:
                self._check(frame, header, position, min(size - position, available) - _HEADER)
                return True
            if wrapped or position == 0:
                raise CorruptedError(f"wrap marker at {position} where none can be")
            if available <= size - position:
                raise CorruptedError(f"wrap marker at {position} with no frame behind it")
            cursor += size - position
            wrapped = True

    def _check(self, frame: Claimed, header: tuple[int, ...], position: int, room: int) -> None:
        size, sequence, capacity, state, _, _, opcode, flags = header
        expected = self.passed + 1
        if state != _REQUEST and state != _CANCELLED:  # noqa: PLR1714, which would be slower
            raise CorruptedError(f"frame {expected} has state {state} when its turn comes")
        if sequence != expected:
            raise CorruptedError(f"frame {expected} has sequence number {sequence}")
        if capacity % _ALIGNMENT or capacity > room or capacity > _MOST:
            raise CorruptedError(f"frame {expected} has capacity {capacity}, room for {room}")
        if size > capacity:
            raise CorruptedError(f"frame {expected} has {size} bytes in a capacity of {capacity}")
        frame.sequence, frame.size, frame.capacity, frame.opcode = sequence, size, capacity, opcode
        frame.one_way, frame.cancelled = flags & _ONE_WAY != 0, state == _CANCELLED
        frame.position, frame.start, frame.end = position, position + _HEADER, self._words[CURSOR] + _HEADER + capacity

    def take(self, frame: Claimed) -> bool:
        """Makes the frame the server's and passes it. False: the client cancelled it meanwhile; look again."""
        if not self._port.take(frame.position, frame.sequence):
            return False
        self._pass(frame)
        return True

    def _pass(self, frame: Claimed) -> None:
        self._words[CURSOR], self._words[PASSED] = frame.end, frame.sequence

    def skip(self, frame: Claimed) -> None:
        """Ends a cancelled frame and passes it."""
        self._pass(frame)
        self._port.skip(frame.position, frame.sequence)

    def pass_over(self, frame: Claimed) -> None:
        """Passes the frame without touching it."""
        self._pass(frame)
        # Pairs with inspectors only: there is no client any more.
        ops.store64(self._request + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, frame.sequence)

    def answer(self, frame: Claimed, size: int, status: int, failed: bool) -> None:
        """Publishes the response of a taken frame, which the client may read, release and reuse at once."""
        self._answer_at(frame.position, size, status, _FAILED if failed else _RESPONSE)

    def finish(self, frame: Claimed) -> None:
        """Ends a one-way frame."""
        self._port.finish(frame.position)

    def drained(self) -> bool:
        """Whether the client has consumed every response."""
        # Pairs with the client's store in Port.release.
        return ops.load64(self._response + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET) == self._words[RESPONSES]

    def reset(self) -> None:
        """Puts both blocks back to what an attaching client expects, and the cursor to the start."""
        for block in (self._request, self._response):
            for offset in (
                wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET,
                wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET,
                wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET,
            ):
                ops.store64(block + offset, 0)
            ops.store64(block + wire.OIEB_V2_PAYLOAD_FREE_BYTES_OFFSET, self._size)
        self._start()
