"""A real server, whose client forges requests. Run by hostile_channel.py."""

from __future__ import annotations

import os
import threading
from collections import Counter, deque

from hostile import BLOCK, HEADER, Program, require
from hostile_foresight import CORRUPT, Foresight, Outlook
from hostile_forged import (
    CAPACITY,
    COUNT,
    FAR_TOO_LONG,
    FLAGS,
    LAYOUT,
    MASK64,
    METADATA,
    OPCODE,
    PAYLOAD,
    REQUEST_SIZE,
    SEQUENCE,
    SIZE,
    STATE,
    WRITTEN,
    await_that,
    border,
    forge_field,
    get,
    put,
    up,
)  # fmt: skip

from zeroduplex import BufferConfig, CorruptedError, DuplexChannelFactory, Frame, SharedMemoryView, WaitStrategy
from zeroduplex._generated import wire
from zeroduplex._generated.wire import FrameFlags, FrameState
from zeroduplex._ops import ops
from zeroduplex._semaphore import Semaphores
from zeroduplex.memory import address_of


class Expectation:
    """What the server must do next, and whether it does."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._outlooks: deque[Outlook | None] = deque()
        self._wrong = ""

    def add(self, outlooks: list[Outlook | None]) -> None:
        with self._changed:
            self._outlooks.extend(outlooks)

    def meet(self, found: Outlook | None) -> None:
        """Called by the server's threads. What it raises there nobody hears."""
        with self._changed:
            if not self._outlooks:
                self._wrong = self._wrong or f"the server found {found} where there is nothing"
            elif (expected := self._outlooks.popleft()) != found:
                self._wrong = self._wrong or f"the server found {found} where it must find {expected}"
            self._changed.notify_all()

    def fail(self, what: str) -> None:
        with self._changed:
            self._wrong = self._wrong or what
            self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            met = self._changed.wait_for(lambda: not self._outlooks or bool(self._wrong), FAR_TOO_LONG)
            require(met and not self._wrong, self._wrong or f"the server did not find {self._outlooks}")


class ForgingClient:
    """A real server, whose client forges requests."""

    def __init__(self, name: str, memory: memoryview, program: Program, tally: Counter[str]) -> None:
        self._memory, self._program, self._tally = memory, program, tally
        self._request, self._response = (address_of(memory) + block.offset for block in (LAYOUT.oieb_request, LAYOUT.oieb_response))
        self._expectation = Expectation()
        self._foresight = Foresight()
        self._counted = self._responses = 0
        self._server = DuplexChannelFactory().create_in_place_duplex_server(
            name, BufferConfig.over(SharedMemoryView(memory), METADATA), wait=list(WaitStrategy)[program.byte() % 3], spin_window=20e-6,
            workers=1,  # so that what it looks at is what stands there when its handler ends
            on_error=self._note,
        )  # fmt: skip
        self._semaphores = Semaphores.open(name)
        self._server.start(self._handle)
        ops.store64(self._request + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())

    def run(self) -> None:
        """Until the program is over or the server finds corruption."""
        try:
            while self._program.more():
                if not self._step():
                    await_that(self._is_disowned, "a server stays where it found corruption")
                    break
        finally:
            ops.store64(self._request + wire.OIEB_V2_WRITER_PID_OFFSET, wire.PID_NONE)  # nobody is waited for
            self._server.stop(FAR_TOO_LONG)
            self._semaphores.close()
        self._expectation.wait()

    def _is_disowned(self) -> bool:
        return ops.load64(self._response + wire.OIEB_V2_WRITER_PID_OFFSET) == wire.PID_NONE

    def _note(self, error: BaseException) -> None:
        if isinstance(error, CorruptedError):
            self._expectation.meet(CORRUPT)
        else:
            self._expectation.fail(f"the server reported {error!r}")

    def _handle(self, frame: Frame) -> None:
        start, size = frame._start - HEADER, frame.size
        self._expectation.meet(Outlook(start, frame.sequence, size, frame.capacity, frame.opcode, frame.one_way))
        data = frame.data
        data[:] = bytes(len(data))

    def _step(self) -> bool:
        """Hands one request over. False: the server finds corruption, and is done with it."""
        self._publish()
        copy = bytearray(self._memory)
        put(copy, LAYOUT.oieb_request.offset, COUNT, self._counted)
        found, skipped = self._foresight.all(copy)
        self._expectation.add(found)
        # Only now can the server see it.
        ops.store64(self._request + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, self._counted)
        ops.post_if_zero(self._semaphores.request_ready)
        self._expectation.wait()
        self._tally["foreseen"] += 1
        if found and found[-1] is CORRUPT:
            return False
        right = [outlook for outlook in found if outlook is not CORRUPT]
        self._responses += sum(not outlook.one_way for outlook in right)
        consumed = skipped + [outlook.position for outlook in right if outlook.one_way]
        await_that(lambda: self._is_done(consumed), "the server did not end a request")
        return True

    def _is_done(self, consumed: list[int]) -> bool:
        """Whether the server touches no frame any more."""
        return (
            ops.load64(self._request + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET) == self._foresight.passed
            and ops.load64(self._response + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET) == self._responses
            and all(get(self._memory, LAYOUT.payload.offset + p, STATE) == FrameState.CONSUMED for p in consumed)
        )

    def _publish(self) -> None:
        """Writes a request, and forges none, one or two of its words."""
        program, memory = self._program, self._memory
        size = program.below(PAYLOAD // 2)
        capacity = up(size) + program.below(3) * BLOCK
        total, start = HEADER + capacity, self._foresight.cursor
        position = start % PAYLOAD
        room = PAYLOAD - position
        marker = None
        if position and room + total <= PAYLOAD and program.byte() % 2 == 0:
            marker = LAYOUT.payload.offset + position
            memory[marker : marker + HEADER] = bytes(HEADER)
            put(memory, marker, STATE, FrameState.WRAP)
            start += room
        elif position and total > room:  # an unmarked lap
            start += room + (PAYLOAD if room + total <= PAYLOAD else 0)
        at = LAYOUT.payload.offset + start % PAYLOAD
        self._counted = self._foresight.passed + 1
        memory[at : at + HEADER] = bytes(HEADER)
        one_way, cancelled = program.byte() % 4 == 0, program.byte() % 8 == 7
        for field, value in (
            (SIZE, size), (REQUEST_SIZE, size), (CAPACITY, capacity), (SEQUENCE, self._counted), (OPCODE, program.byte()),
            (FLAGS, FrameFlags.ONE_WAY if one_way else 0), (STATE, FrameState.CANCELLED if cancelled else FrameState.REQUEST),
        ):  # fmt: skip
            put(memory, at, field, value)
        put(memory, LAYOUT.oieb_request.offset, WRITTEN, start + total)
        for _ in range(max(0, program.byte() % 4 - 1)):
            self._forge(at, start, marker, capacity)
            self._tally["forged"] += 1

    def _odd(self) -> int:
        """Mostly 0, else bytes that are no block."""
        return self._program.below(BLOCK) if self._program.byte() % 4 == 0 else 0

    def _forge(self, at: int, start: int, marker: int | None, capacity: int) -> None:
        """start is where the frame begins, cumulative."""
        program, memory, block = self._program, self._memory, LAYOUT.oieb_request.offset
        choice = program.byte() % 8
        if choice == 0:  # every distance up to what is too far
            distance = program.below(wire.CURSOR_LAP_LIMIT * PAYLOAD // BLOCK + 4) * BLOCK + self._odd()
            put(memory, block, WRITTEN, self._foresight.cursor + distance)
        elif choice == 1:
            self._counted = self._foresight.passed + program.below(5) - 2 & MASK64
        elif choice == 2:
            put(memory, at, SIZE, border(program, capacity))
        elif choice == 3:
            put(memory, at, CAPACITY, capacity + (program.below(4) - 1) * BLOCK - self._odd())
        elif choice == 4:  # that agree, but perhaps reach beyond the payload's end
            capacity += program.below(PAYLOAD // BLOCK) * BLOCK
            put(memory, at, CAPACITY, capacity)
            put(memory, block, WRITTEN, start + HEADER + capacity)
        elif choice == 5:
            if program.byte() % 2:
                self._counted = program.value(self._counted, PAYLOAD)
            else:
                put(memory, block, WRITTEN, program.value(get(memory, block, WRITTEN), PAYLOAD))
        else:
            forge_field(program, memory, marker if choice == 6 and marker is not None else at)
