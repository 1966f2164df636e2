"""The steps of v1 in which memory order matters, on one end of a buffer. Two implementations, as in _ops.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from .._ops import BACKEND

# Indexes of a stream's words; see native/stream.h for what they mean.
POSITION: Final = 5
COUNT: Final = 6
SEQUENCE: Final = 7
TOKEN: Final = 8
SEEN_COUNT: Final = 10
SEEN_SIZE: Final = 11
SEEN_SEQUENCE: Final = 12
SEEN_FIRST_SIZE: Final = 13
SEEN_FIRST_SEQUENCE: Final = 14

NO_FRAME: Final = 0
FRAME: Final = 1
POKED: Final = -1

READER_CLOSED: Final = -1


class Stream(Protocol):
    """One end. Its own position and counts stand in words, changed by the steps alone. The SDK serialises an end's calls, but for those
    of spinning, sleeping and poke; all of them may be made only while the buffer is mapped."""

    @property
    def words(self) -> Sequence[int]: ...

    def start(self, position: int, count: int) -> None:
        """Says where this end begins."""

    def set_semaphores(self, data_written: int, data_read: int) -> None: ...

    # Reader.

    def next(self, window_ns: int, /) -> int:
        """FRAME: the token of a frame is in hand until it is passed, and the words say what the frame looks like. NO_FRAME: none came
        within the window. POKED."""

    def sleep_for_frame(self, timeout_ns: int, /) -> int:
        """next, asleep."""

    def look(self) -> None:
        """Looks at the frame under the cursor without a token."""

    def poke(self) -> None:
        """Ends a next or a sleep_for_frame, this one or the one to come. From any thread."""

    def pass_(self, position: int, passed: int, waste: int, /) -> int:
        """Goes on to a position behind so many frames and markers and frees the waste. Free bytes before that, 0 without waste."""

    def credit(self, size: int, frames: int, /) -> int:
        """Frees the bytes of so many frames and wakes the writer. Free bytes before that."""

    # Writer.

    def space(self, need: int, window_ns: int, /) -> int:
        """Free bytes, after waiting for as many as needed within the window; READER_CLOSED."""

    def publish(self, waste: int, size: int, /) -> int:
        """Publishes the frame at the position, or at the start when the rest is wasted. 0, or the errno of the post."""


def open_stream(oieb: int, payload: int, size: int) -> Stream:
    """An end of the buffer whose parts stand at these addresses."""
    if BACKEND == "native":
        from .stream_native import NativeStream

        return NativeStream(oieb, payload, size)
    from .stream_fallback import FallbackStream

    return FallbackStream(oieb, payload, size)
