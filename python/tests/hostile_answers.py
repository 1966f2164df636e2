"""A real client, whose server forges answers. Run by hostile_channel.py."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from hostile import BLOCK, HEADER, Program, Wrong, require
from hostile_forged import (
    CAPACITY,
    FAR_TOO_LONG,
    FLAGS,
    LAYOUT,
    OPCODE,
    PAYLOAD,
    REQUEST_SIZE,
    SEQUENCE,
    SHORT,
    SIZE,
    STATE,
    STATUS,
    border,
    forge_field,
    get,
    put,
    signed,
    up,
)  # fmt: skip

from zeroduplex import CorruptedError, DuplexChannelFactory, Response, SharedMemoryView, TimeoutError, WaitStrategy, ZeroDuplexError
from zeroduplex._create import _create_over
from zeroduplex._generated.wire import FrameState
from zeroduplex._ring_server import Claimed, ServerRing


class Sent(NamedTuple):
    """A request as the client sent it."""

    sequence: int
    size: int
    capacity: int
    opcode: int


class Answered(NamedTuple):
    """What the forging server made of it."""

    start: int = 0
    state: int = FrameState.FREE
    size: int = 0
    status: int = 0

    def verdict(self, capacity: int) -> str:
        """What a client must make of the answer."""
        if self.state not in (FrameState.RESPONSE, FrameState.FAILED):
            return "pending"
        if self.size > capacity:
            return "corrupt"
        return "failed" if self.state == FrameState.FAILED else "response"


class ForgingServer:
    """A real client, whose server forges answers."""

    def __init__(self, name: str, memory: memoryview, program: Program, tally: Counter[str]) -> None:
        self._memory, self._program, self._tally = memory, program, tally
        view = SharedMemoryView(memory)
        self._segment = segment = _create_over(name, view, LAYOUT, 0o600, None)
        self._ring = ServerRing(segment.port, segment.request, segment.response, segment.payload)
        self._client = DuplexChannelFactory().create_client(
            name, wait=list(WaitStrategy)[program.byte() % 3], spin_window=20e-6, connect_timeout=0, call_timeout=SHORT,
            send_timeout=SHORT, memory=view,
        )  # fmt: skip

    def run(self) -> None:
        try:
            while self._program.more() and self._step():
                pass
        finally:
            self._client.close()
            self._segment.semaphores.remove()
            self._segment.unmap()

    def _step(self) -> bool:
        """One exchange. False: it was the last, since the client lets go of the channel or waits for good."""
        self._tally["foreseen"] += 1
        choice = self._program.byte() % 6
        if choice == 0:
            return self._call()
        if choice <= 2:
            return self._end_without_answer(choice == 1)
        data, capacity, opcode = self._some_request()
        sequence = self._client.send_request(data, capacity=capacity, opcode=opcode)
        sent = Sent(sequence, len(data), up(capacity), opcode)
        answered = self._answer(self._take(sent, False), self._program, may_be_pending=True)
        number = None if choice == 3 else sequence
        return self._compare(sent, lambda: answered, lambda: self._client.receive_response(sequence=number))

    def _some_request(self) -> tuple[bytes, int, int]:
        program = self._program
        data = bytes(program.below(PAYLOAD // 2))
        return data, len(data) + program.below(3) * BLOCK, program.byte()

    def _take(self, sent: Sent, one_way: bool) -> Claimed:
        """Takes what the client published, which must be what it was told to send."""
        frame = Claimed()
        require(self._ring.next(frame), "a request that was sent is not there")
        found = Sent(frame.sequence, frame.size, frame.capacity, frame.opcode)
        require((found, frame.one_way, frame.cancelled) == (sent, one_way, False), f"the client published {found} instead of {sent}")
        require(self._ring.take(frame), "a request was taken back that nobody cancelled")
        return frame

    def _answer(self, frame: Claimed, program: Program, may_be_pending: bool) -> Answered:
        """Answers with none, one or two words forged, so that the client sees them all at once."""
        at = LAYOUT.payload.offset + frame.position
        draft = bytearray(self._memory[at : at + HEADER])
        put(draft, 0, SIZE, program.below(frame.capacity + 1))
        put(draft, 0, STATUS, program.byte())
        put(draft, 0, STATE, FrameState.FAILED if program.byte() % 4 == 0 else FrameState.RESPONSE)
        for _ in range(program.byte() % 3):
            self._tally["forged"] += 1
            if program.byte() % 4 == 0:
                put(draft, 0, SIZE, border(program, frame.capacity))
            else:
                forge_field(program, draft, 0)
        answered = Answered(frame.start, get(draft, 0, STATE), get(draft, 0, SIZE), signed(get(draft, 0, STATUS)))
        if not may_be_pending and answered.verdict(frame.capacity) == "pending":
            answered = answered._replace(state=FrameState.RESPONSE)
        for field in (SEQUENCE, CAPACITY, REQUEST_SIZE, OPCODE, FLAGS):
            put(self._memory, at, field, get(draft, 0, field))
        self._segment.port.answer(frame.position, answered.size, answered.status, signed(answered.state))
        return answered

    def _call(self) -> bool:
        """The answer comes while the client waits for it."""
        data, capacity, opcode = self._some_request()
        sent = Sent(self._ring.passed + 1, len(data), up(capacity), opcode)
        program, self._program = self._program, Program(b"")  # the other thread's from here on
        over = threading.Event()
        answers: list[Answered] = []
        problems: list[Exception] = []

        def serve() -> None:
            try:
                while not self._segment.port.look(self._ring.passed) and not over.is_set():
                    time.sleep(0)
                answers.append(self._answer(self._take(sent, False), program, may_be_pending=False))
            except Exception as e:
                problems.append(e)

        server = threading.Thread(target=serve)
        server.start()

        def answered() -> Answered:
            over.set()
            server.join()
            for problem in problems:
                raise Wrong("in the server's thread") from problem
            return answers[0]

        try:
            return self._compare(sent, answered, lambda: self._client.call(data, FAR_TOO_LONG, opcode=opcode, capacity=capacity))
        finally:
            over.set()
            server.join()
            self._program = program

    def _compare(self, sent: Sent, answered: Callable[[], Answered], receive: Callable[[], Response]) -> bool:
        """Whether the client makes of the answer what it must. answered is asked when the client is done."""
        try:
            response = receive()
        except CorruptedError:
            require(answered().verdict(sent.capacity) == "corrupt", f"the client found corruption in {answered()}")
            self._require_end()
            return False
        except TimeoutError:
            require(answered().verdict(sent.capacity) == "pending", f"the client did not see {answered()}")
            return False
        except ZeroDuplexError as e:
            require(answered().verdict(sent.capacity) == "failed", f"{e!r} for {answered()}")
            require(getattr(e, "status", None) == answered().status, f"{e!r} with another status than {answered()}")
            return True
        given = answered()
        with response:
            require(given.verdict(sent.capacity) == "response", f"the client took {given} in a capacity of {sent.capacity} for right")
            found, expected = (response.size, response.sequence, response.opcode), (given.size, sent.sequence, sent.opcode)
            require(found == expected, "a response is another one's")
            require(response._start == given.start and len(response.data) == given.size, "a response is not where the request was")
        return True

    def _require_end(self) -> None:
        """A client that found corruption does not go on."""
        with suppress(CorruptedError):
            self._client.send_request(b"")
            raise Wrong("a client goes on after it found corruption")

    def _end_without_answer(self, one_way: bool) -> bool:
        """A one-way or cancelled request, whose state says when its room is free again."""
        program = self._program
        data, capacity, opcode = self._some_request()
        sent = Sent(self._client.send_request(data, capacity=capacity, opcode=opcode, one_way=one_way), len(data), up(capacity), opcode)
        at = LAYOUT.payload.offset  # it was the only one in flight and begins a lap: an eager client starts over
        require(get(self._memory, at, SEQUENCE) == sent.sequence, "a client did not start over")
        if one_way:
            self._take(sent, True)
        else:
            require(self._client.cancel(sent.sequence), "a request was not cancelled that nobody took")
        for _ in range(program.byte() % 3):
            self._tally["forged"] += 1
            forge_field(program, self._memory, at)
        if program.byte() % 2:
            put(self._memory, at, STATE, FrameState.CONSUMED)
        state = get(self._memory, at, STATE)
        over = state == FrameState.CONSUMED
        right = over or state in (FrameState.REQUEST, FrameState.PROCESSING, FrameState.CANCELLED)
        try:
            self._client.acquire_request_buffer(0).abort()
        except CorruptedError:
            require(not right, f"a client found corruption in state {state}")
            self._require_end()
            return False
        require(right, f"a client took state {state} for right, which the frame cannot have")
        return over and one_way  # the cursor is not moved past a cancelled one
