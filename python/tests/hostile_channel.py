"""A real client whose server is a program of bytes, or a real server whose client is one: it uses the ring as a right peer would and
stores whatever it likes wherever it likes, the semaphores included. Every call ends in time, with an error of the library or with bytes
of the payload.

Run by test_hostile.py for a moment, and for long as a program, like hostile.py.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hostile import BLOCK, BLOCK_FIELDS, HEADER, HEADER_FIELDS, Arena, Interposer, Program, Wrong, require, run_many
from hostile_answers import ForgingServer
from hostile_forged import FAR_TOO_LONG, LAYOUT, METADATA, PAYLOAD
from hostile_requests import ForgingClient

import zeroduplex
from zeroduplex import (
    BufferConfig,
    CorruptedError,
    DuplexChannelFactory,
    DuplexClient,
    Frame,
    Response,
    SharedMemoryView,
    WaitStrategy,
    ZeroDuplexError,
)
from zeroduplex._create import _create_over
from zeroduplex._generated import wire
from zeroduplex._ops import ops
from zeroduplex._ring_client import ClientRing
from zeroduplex._ring_server import Claimed, ServerRing
from zeroduplex._segment import Segment
from zeroduplex._semaphore import Semaphores
from zeroduplex.memory import address_of
from zeroduplex.server import InPlaceDuplexServer

_LIBRARY: Final = tuple(str(path) for path in Path(zeroduplex.__file__).parent.glob("*.py"))


class Peer:
    """Runs programs on memory of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tally: Counter[str] = Counter()
        self._layout = LAYOUT
        self._arena = Arena(self._layout.length)
        self._factory = DuplexChannelFactory()

    def run(self, data: bytes, number: int) -> None:
        self._program = Program(data)
        self.tally["programs"] += 1
        kind = number // 8 % 4  # which must not go by how calm the program is
        if kind >= 2:
            self._forge(ForgingServer if kind == 2 else ForgingClient)
            return
        self._memory = memory = self._arena.give(self._layout.length)
        self._payload = memory[self._layout.payload.offset :]
        self._interposer = Interposer(_LIBRARY)
        try:
            (self._be_client if kind else self._be_server)(SharedMemoryView(memory))
        finally:
            self._interposer.disarm()
        require(self._arena.is_intact(), "something was written before the segment")

    def _forge(self, kind: type[ForgingServer] | type[ForgingClient]) -> None:
        """One channel after the other: each ends where corruption is found."""
        while self._program.more():
            kind(self.name, self._arena.give(self._layout.length), self._program, self.tally).run()
            require(self._arena.is_intact(), "something was written before the segment")

    def _call(self, call: Callable[[], Any]) -> Any:
        start = time.monotonic()
        try:
            return call()
        except ZeroDuplexError as e:
            self.tally[type(e).__name__] += 1
            return None
        finally:
            require(time.monotonic() - start < FAR_TOO_LONG, "a call took far longer than its timeout")

    def _wait(self) -> WaitStrategy:
        return list(WaitStrategy)[self._program.byte() % 3]

    # A hostile server.

    def _be_server(self, view: SharedMemoryView) -> None:
        program = self._program
        self._segment = segment = _create_over(self.name, view, self._layout, 0o600, None)
        semaphores = segment.semaphores
        held: list[Response] = []
        try:
            self._words = (semaphores.request_ready, semaphores.response_ready, semaphores.response_consumed, semaphores.space_available)
            if program.byte() % 4 == 0:
                self._interfere()
            client: DuplexClient | None = self._call(
                lambda: self._factory.create_client(
                    self.name, wait=self._wait(), spin_window=20e-6, connect_timeout=0, call_timeout=50e-6, send_timeout=50e-6, memory=view
                )
            )
            if client is None:
                return
            self.tally["attached"] += 1
            server = ServerRing(segment.port, segment.request, segment.response, segment.payload)
            taken: list[Claimed] = []
            while program.more():
                self._client_step(client, server, taken, held)
            self._interposer.disarm()
            for response in held:
                self._call(response.release)
            self._call(client.close)
        finally:
            self._interposer.disarm()
            semaphores.remove()
            segment.unmap()

    def _keep(self, response: Response | None, held: list[Response]) -> None:
        if response is None:
            return
        self.tally["received"] += 1
        start = address_of(response.data) - address_of(self._payload) if len(response.data) else 0
        require(0 <= start <= start + len(response.data) <= PAYLOAD, "a response outside of the payload")
        if self._program.byte() % 2:
            held.append(response)
        else:
            self._call(response.release)

    def _client_step(self, client: DuplexClient, server: ServerRing, taken: list[Claimed], held: list[Response]) -> None:
        program, call = self._program, self._call
        choice = program.byte() % 16
        if choice <= 1:
            data, one_way = bytes(program.below(PAYLOAD)), program.byte() % 8 == 7
            call(lambda: client.send_request(data, one_way=one_way))
        elif choice == 2:
            buffer = call(lambda: client.acquire_request_buffer(program.below(PAYLOAD)))
            if buffer is not None:
                call(buffer.abort if program.byte() % 4 == 0 else buffer.commit)
        elif choice <= 4:
            self._keep(call(client.receive_response), held)
        elif choice == 5:
            self._keep(call(lambda: client.receive_response(sequence=program.byte() % 16)), held)
        elif choice == 6:
            data = bytes(program.below(PAYLOAD))
            self._keep(call(lambda: client.call(data)), held)
        elif choice == 7:
            call(lambda: client.cancel(program.byte() % 16))
        elif choice == 8:
            found = call(lambda: client.server_metadata)
            require(found is None or len(found) <= 2 * METADATA, "more metadata than there is room for")
            call(lambda: client.set_metadata(bytes(program.byte())))
            call(lambda: client.is_server_connected)
        elif choice == 9:
            if held:
                call(held.pop().release)
        elif choice <= 12:
            self._serve(server, taken)
        elif choice == 13:
            store = self._store()
            self._interposer.arm(1 + program.byte(), store)
        else:
            self._interfere()

    def _serve(self, server: ServerRing, taken: list[Claimed]) -> None:
        """What a right server does."""
        program = self._program
        frame = Claimed()
        try:
            if server.next(frame):
                if frame.cancelled:
                    server.skip(frame)
                elif server.take(frame):
                    taken.append(frame)
        except CorruptedError:
            return  # it was us
        if taken and program.byte() % 4:
            frame = taken.pop(program.below(len(taken)))
            if frame.one_way:
                server.finish(frame)
            else:
                size = program.below(frame.capacity + 1)
                if program.byte() % 8 == 0:
                    size = program.value(size, PAYLOAD)
                server.answer(frame, size, program.byte(), program.byte() % 4 == 0)

    # A hostile client.

    def _be_client(self, view: SharedMemoryView) -> None:
        program = self._program
        payload = self._payload

        wrong: list[BaseException] = []

        def check(frame: Frame, data: memoryview) -> None:
            start = address_of(data) - address_of(payload) if len(data) else HEADER
            require(frame.size == len(data), "a request that reaches beyond the payload")  # or its view would not be shorter
            require(HEADER <= start <= start + frame.capacity <= PAYLOAD, "a request outside of the payload")
            require(frame.size <= frame.capacity, "a request larger than its capacity")

        def handle(frame: Frame) -> None:
            data = frame.data
            try:
                check(frame, data)
            except Wrong as e:
                wrong.append(e)  # what a handler raises is an answer to the client
            data[:] = bytes(len(data))
            self.tally["handled"] += 1

        def on_error(error: BaseException) -> None:
            if not isinstance(error, ZeroDuplexError):
                wrong.append(error)

        server = self._factory.create_in_place_duplex_server(
            self.name, BufferConfig.over(view, METADATA), wait=self._wait(), spin_window=20e-6, workers=1 + program.byte() % 2,
            reset_timeout=1e-3, stop_timeout=2e-3, on_error=on_error,
        )  # fmt: skip
        self._segment = segment = Segment(self.name, view, self._layout)
        semaphores = self._open_semaphores()
        try:
            server.start(handle)
            ops.store64(segment.request + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())
            client = self._fresh()
            while program.more():
                client, left = self._server_step(server, client)
                if left:  # a reset replaces them
                    former, semaphores = semaphores, self._open_semaphores()
                    former.close()
            self._call(lambda: server.stop(2e-3))
        finally:
            self._call(lambda: server.stop(2e-3))
            semaphores.close()
        require(not wrong, f"an error that is not the library's: {wrong}")

    def _open_semaphores(self) -> Semaphores:
        self._segment.semaphores = opened = Semaphores.open(self.name)
        self._words = (opened.request_ready, opened.response_ready, opened.response_consumed, opened.space_available)
        return opened

    def _fresh(self) -> ClientRing:
        """What takes the place of any former one."""
        return ClientRing(self._segment.port, self._segment.request, PAYLOAD, True)

    def _server_step(self, server: InPlaceDuplexServer, client: ClientRing) -> tuple[ClientRing, bool]:
        """The ring to go on with, and whether the client left and came again."""
        program, segment = self._program, self._segment
        choice = program.byte() % 16
        try:
            if choice <= 5:
                client.reclaim()
                size = program.below(PAYLOAD // 2)
                if client.reserve(size, size) >= 0:
                    record = client.publish(size, 0, program.byte() % 4 == 0, False)
                    if program.byte() % 4 == 0:  # now, before the server has woken up
                        self._store(self._layout.payload.offset + record.position)()
            elif choice <= 7:
                for record in deque(client.frames):
                    if not (record.released or record.one_way or record.cancelled) and client.answered(record):
                        client.release(record)
            elif choice == 8:
                if client.frames:
                    client.cancel(client.frames[program.below(len(client.frames))])
            elif choice == 9:
                found = self._call(lambda: server.client_metadata)
                require(found is None or len(found) <= 2 * METADATA, "more metadata than there is room for")
            elif choice == 10:
                ops.store64(segment.request + wire.OIEB_V2_WRITER_PID_OFFSET, wire.RESET_WANTED)
                ops.post_if_zero(self._words[0])
                time.sleep(0)
                ops.store64(segment.request + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())
                return self._fresh(), True
            elif choice <= 12:
                time.sleep(0)
            else:
                self._interfere()
        except CorruptedError:
            return self._fresh(), False  # it was us
        return client, False

    # What somebody stores.

    def _interfere(self) -> None:
        self._store()()

    def _store(self, header: int | None = None) -> Callable[[], None]:
        """Decides what to store: in the header at this offset, or anywhere."""
        program, memory = self._program, self._memory
        place = program.byte() % 8
        if header is not None:
            offset, width = program.field(HEADER_FIELDS)
            at = header + offset
        elif place <= 2:
            offset, width = program.field(BLOCK_FIELDS)
            at = (self._layout.oieb_request.offset if place else self._layout.oieb_response.offset) + offset
        elif place <= 5:
            offset, width = program.field(HEADER_FIELDS)
            at = self._layout.payload.offset + program.below(PAYLOAD // BLOCK) * BLOCK + offset
        elif place == 6:
            at, width = program.below(len(memory) // 8) * 8, 8
        else:
            word = self._words[program.below(4)]
            value = program.value(ops.load64(word), PAYLOAD)
            self.tally["writes"] += 1
            return lambda: ops.store64(word, value)
        code = "<I" if width == 4 else "<Q"
        (current,) = struct.unpack_from(code, memory, at)
        stored = program.value(current, PAYLOAD) & (2 ** (8 * width) - 1)
        self.tally["writes"] += 1
        return lambda: struct.pack_into(code, memory, at, stored)


if __name__ == "__main__":
    peer = Peer(f"zdfuzz-{os.getpid()}")
    sys.exit(run_many("channel", peer.run, peer.tally))
