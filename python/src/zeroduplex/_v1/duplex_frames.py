"""Where an answer is made, and what the handlers of a v1 server get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from .._generated import wire
from .._loan import Loan
from .._process import refuse_pickling
from .._ring_server import Claimed
from ..errors import FrameTooLargeError, InvalidArgumentError, ReaderDeadError, ResponseTooLargeError
from ..frame import Frame
from ..memory import flat
from .ends import WriterEnd
from .ring_reader import Slot


class ResponseRoom:
    """The bytes of one answer: in the response buffer, or aside, where they find no room there or nobody will read them."""

    def __init__(self, end: WriterEnd | None, await_room: Callable[[WriterEnd], bool]) -> None:
        """await_room: waits for room for the frame that was placed last; False when nobody will make any."""
        self._end = end
        self._await_room = await_room
        self._inside = False
        self.payload = memoryview(b"")
        self.start = 0

    @property
    def capacity(self) -> int:
        """How many bytes the answer may have."""
        return wire.MAX_FRAME_DATA if self._end is None else max(self._end.ring.most, 0)

    def take(self, size: int) -> None:
        """Makes room, in the response buffer as long as somebody reads it. FrameTooLargeError, FrameUnplaceableError,
        InvalidFrameSizeError."""
        end = self._end
        if end is not None:
            end.ring.check(size)
            start = end.ring.place(size)
            if self._await_room(end):
                self.payload, self.start, self._inside = end.payload, start, True
                return
            self._end = None
        self.take_aside(size)

    def take_aside(self, size: int) -> None:
        self.payload, self.start, self._inside = memoryview(bytearray(size)), 0, False

    def resize(self, before: int, size: int) -> bool:
        """Makes it larger or smaller, and says whether it stands where it stood: where that is no longer right, the bytes go aside, since a
        handler cannot be made to wait for the client."""
        if self._inside and self._end is not None:
            try:
                if self._end.ring.place(size) == self.start and self._end.has_room(False):
                    return True
            except (FrameTooLargeError, ReaderDeadError):
                pass
        elif size <= len(self.payload):
            return True
        kept = bytes(self.payload[self.start : self.start + min(before, size)])
        self.take_aside(size)
        self.payload[: len(kept)] = kept
        return False

    def publish(self, size: int) -> None:
        """Sends as many of the bytes, unless nobody will read them. FrameTooLargeError, FrameUnplaceableError, InvalidFrameSizeError."""
        end = self._end
        if end is None:
            return
        end.ring.check(size)
        start = end.ring.place(size)
        if not self._inside or start != self.start:
            if not self._await_room(end):
                return
            end.payload[start : start + size] = self.payload[self.start : self.start + size]
        end.ring.publish(size)

    def publish_text(self, text: Callable[[int], bytes]) -> bool:
        """Sends a text, made for the bytes that it may have, instead of an answer. False when there is no room for any, ever."""
        end = self._end
        if end is None:
            return True
        most = end.ring.fitting(end.ring.most)
        if most <= 0:
            return False
        content = text(end.ring.fitting(len(text(most))))
        self.take_aside(len(content))
        self.payload[:] = content
        self.publish(len(content))
        return True


class CopiedFrame(Frame):
    """A copy of the request, where the response will be."""

    def __init__(self, claimed: Claimed, room: ResponseRoom) -> None:
        super().__init__(claimed, room.payload)
        self._room = room

    def resize(self, size: int) -> None:
        before = self._size
        super().resize(size)
        if not self._room.resize(before, size):
            self._payload, self._start = self._room.payload, self._room.start
            if self._views:
                self._views.append((memoryview(b""), memoryview(b"")))  # the last one, where the bytes stood before, is not data any more


class ImmutableRequest(Loan):
    """A request as it stands in the client's buffer, to be read only. It is the handler's until it returns."""

    def __init__(self, slot: Slot, payload: memoryview) -> None:
        self._readonly = True
        self._sequence = slot.sequence
        self._payload, self._start, self._size = payload, slot.start, slot.size

    def _title(self) -> str:
        return f"request {self._sequence}"

    @property
    def sequence(self) -> int:
        """The request's sequence number."""
        return self._sequence

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self)


class ImmutableResponse(Loan):
    """Makes the answer to one request, once: by write, or by acquire and filling what it gave. It is the handler's until it returns."""

    def __init__(self, sequence: int, room: ResponseRoom) -> None:
        self._sequence = sequence
        self._room = room
        self._size = 0
        self._acquired = False

    def _title(self) -> str:
        return f"the response to request {self._sequence}"

    @property
    def capacity(self) -> int:
        """How many bytes the response may have."""
        return self._room.capacity

    def acquire(self, size: int) -> memoryview:
        """The response's bytes, to be filled in place; waits until the client has made room for them. They are data from then on.

        ResponseTooLargeError beyond the capacity, FrameUnplaceableError where no room can be at the present position, InvalidFrameSizeError
        for nothing, InvalidArgumentError when it was called before.
        """
        if not self._live:
            self._released()
        if self._acquired:
            raise InvalidArgumentError(f"{self._title()} was made before")
        if size > self.capacity:
            raise ResponseTooLargeError(f"{self._title()}: {size} bytes, its capacity is {self.capacity}", sequence=self._sequence)
        self._room.take(size)
        self._acquired = True
        self._payload, self._start, self._size = self._room.payload, self._room.start, size
        return self.data

    def write(self, data: Any) -> None:
        """Answers with a copy of data, any contiguous buffer. The errors of acquire."""
        content = flat(data)
        self.acquire(len(content))[:] = content

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self)
