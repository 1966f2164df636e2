"""The requests of a v1 client that are under way."""

from __future__ import annotations

from collections import deque

from .._ops import ANSWER_PENDING
from .ring_reader import Slot


class PendingRequest:
    """A request that was sent."""

    __slots__ = ("abandoned", "one_way", "position", "released", "sequence", "slot", "start", "taken")

    opcode = 0
    cancelled = False

    def __init__(self, one_way: bool, taken: bool) -> None:
        self.sequence = self.position = self.start = 0
        self.one_way = one_way
        self.taken = taken
        self.abandoned = self.released = False
        self.slot: Slot | None = None
        """The answer, once it was read."""


class PendingRequests:
    """They are answered in the order in which they were sent. The owner's lock is held in every call."""

    def __init__(self) -> None:
        self.frames: deque[PendingRequest] = deque()
        """Their sequence numbers are consecutive."""
        self.sent = 0
        self.answers = 0
        """Responses that came."""
        self.unwanted = 0
        """Requests under way whose responses are to be dropped."""

    def add(self, request: PendingRequest, sequence: int) -> None:
        request.sequence = request.position = self.sent = sequence
        self.frames.append(request)
        self.unwanted += request.one_way

    def find(self, sequence: int) -> PendingRequest | None:
        """A request by its number, None when it is over or was never sent."""
        frames = self.frames
        index = sequence - frames[0].sequence if frames else -1
        return frames[index] if 0 <= index < len(frames) else None

    def answer_at(self, sequence: int, window_ns: int) -> int:
        """Size of the response that was read, or ANSWER_PENDING. It waits for nothing."""
        request = self.find(sequence)
        return ANSWER_PENDING if request is None or request.slot is None else request.slot.size

    def next_answered(self) -> PendingRequest | None:
        """The request that the next response answers, None when there is none."""
        self.answers += 1
        return self.find(self.answers)

    def retire(self, request: PendingRequest) -> None:
        """Nothing of the request is left to be waited for or given back."""
        request.released = True
        frames = self.frames
        while frames and frames[0].released:
            frames.popleft()
