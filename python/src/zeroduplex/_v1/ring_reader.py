"""The reader's end of a v1 ring: what it believes of the frames it finds, and how it gives them back. Nothing that it reads is trusted.

Nothing here locks; the owner serialises the calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from .._generated import wire
from ..errors import CorruptedError, SequenceError
from .stream import COUNT, POSITION, SEEN_COUNT, SEEN_FIRST_SEQUENCE, SEEN_FIRST_SIZE, SEEN_SEQUENCE, SEEN_SIZE, Stream

_HEADER: Final = wire.FRAME_HEADER_V1_SIZE
_FIRST: Final = wire.FIRST_SEQUENCE
_NUMBERS: Final = 1 << 64


class Slot:
    """A frame that was read and whose bytes are not free yet."""

    __slots__ = ("ended", "sequence", "size", "start", "total", "waste")

    def __init__(self, sequence: int, size: int, start: int, waste: int) -> None:
        self.sequence = sequence
        self.size = size
        self.start = start
        """Of its data, relative to the payload."""
        self.total = size + _HEADER
        self.waste = waste
        """Bytes before it that nobody uses, as long as they are not free."""
        self.ended = False


class ReaderRing:
    """Starts with an empty buffer."""

    def __init__(self, stream: Stream, payload_size: int) -> None:
        self._stream = stream
        self._words = stream.words
        self._size = payload_size
        self._expected = _FIRST
        self.before_first: Callable[[], None] | None = None
        """What is done before a writer's first frame is read, while nothing of its reading shows."""
        self._slots: deque[Slot] = deque()
        """In the order of the ring. Frames may end in any order; their bytes are freed in this one, since the writer takes what it is given
        as one piece."""

    @property
    def anything_read(self) -> bool:
        return self._words[COUNT] > 0

    def take(self) -> Slot | None:
        """The frame whose token is in hand and that was looked at, which it passes. None when the token stood for nothing.
        CorruptedError, SequenceError; then nothing is changed, and the token stays in hand."""
        words = self._words
        if words[SEEN_COUNT] == words[COUNT]:
            self._stream.pass_(words[POSITION], 0, 0)
            return None
        position, waste, passed, size, sequence = self._resolve()
        if sequence != self._expected and sequence != _FIRST:  # noqa: PLR1714, which would be slower
            raise SequenceError(
                f"the frame at {position} has sequence number {sequence}, expected {self._expected}", self._expected, sequence
            )
        # A first frame where another was expected is a new writer's, which v1 gives no means to announce: it may have the process id of the
        # former one, so nothing else tells them apart.
        return self._pass(position, waste, passed, size, sequence)

    def recover(self) -> Slot | None:
        """The frame of a writer that died between publishing it and posting its token."""
        words = self._words
        self._stream.look()
        if words[SEEN_COUNT] <= words[COUNT]:
            return None
        try:
            position, waste, passed, size, sequence = self._resolve()
        except CorruptedError:
            return None
        return self._pass(position, waste, passed, size, sequence) if sequence == self._expected else None

    def _resolve(self) -> tuple[int, int, int, int, int]:
        """Where the frame stands, what is wasted before it, how many it counts for, its size and number."""
        words = self._words
        position, size, sequence = words[POSITION], words[SEEN_SIZE], words[SEEN_SEQUENCE]
        room = self._size - position
        waste, passed = 0, 1
        if room < _HEADER or not (size or sequence):
            if not position:
                raise CorruptedError(f"a wrap marker, or no room for a frame, at the start of a payload of {self._size} bytes")
            # A marker, which counts, or a rest that has no room for one, which does not.
            waste, passed = room, 1 if room < _HEADER else 2
            position, room = 0, self._size
            size, sequence = words[SEEN_FIRST_SIZE], words[SEEN_FIRST_SEQUENCE]
            if not (size or sequence):
                raise CorruptedError("a wrap marker at the start of the payload")
        if not 0 < size <= room - _HEADER:
            raise CorruptedError(f"the frame at {position} has {size} bytes, room for {room - _HEADER}")
        return position, waste, passed, size, sequence

    def _pass(self, position: int, waste: int, passed: int, size: int, sequence: int) -> Slot:
        if sequence == _FIRST and self.before_first is not None:
            self.before_first()
        # While older frames are out, what is wasted behind them must not be free: the writer would take it as room in front of them.
        held = waste if self._slots else 0
        slot = Slot(sequence, size, position + _HEADER, held)
        end = position + slot.total
        self._slots.append(slot)
        self._expected = (sequence + 1) % _NUMBERS
        waste -= held
        self._check(self._stream.pass_(0 if end == self._size else end, passed, waste) + waste)
        return slot

    def end(self, slot: Slot) -> None:
        """Gives a frame back, once. CorruptedError after that when the buffer then has more free bytes than it has bytes."""
        if slot.ended:
            return
        slot.ended = True
        slots = self._slots
        size = frames = 0
        while slots and slots[0].ended:
            first = slots.popleft()
            size += first.total + first.waste
            frames += 1
        if slots:
            size += slots[0].waste
            slots[0].waste = 0
        if size:
            self._check(self._stream.credit(size, frames) + size)

    def _check(self, free: int) -> None:
        if free > self._size:
            raise CorruptedError(f"{free} bytes are free in a payload of {self._size}")
