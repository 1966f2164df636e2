"""The server role: owns a channel and its handlers, or a v1 buffer that it reads."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import messages as m
import zeroduplex as z
from data import EMPTY, content_report, frame_report, given, log, pattern, seconds

FRAMES_KEPT = 256
_INVERTED = bytes(255 - b for b in range(256))


class Hold:
    """A handler that waits to be let go. It has a mark of its own: what is forgotten meanwhile must not keep it."""

    def __init__(self, sequence: int, free: bool) -> None:
        self.sequence = sequence
        self.free = free


class Server:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.server: z.DuplexServer | None = None
        self.reader: z.Reader | None = None
        self.frames_held: dict[str, z.ReceivedFrame] = {}
        self.held: set[Hold] = set()
        self.forget()

    def forget(self) -> None:
        self.behaviours: dict[int | None, m.SetHandlerArgs] = {None: m.SetHandlerArgs(m.HANDLER_XOR)}
        self.let_all_go = False
        self.let_go_later: set[int] = set()
        self.forget_handled()

    def forget_handled(self) -> None:
        self.entered = self.left = 0
        self.frames: deque[m.FrameReport] = deque(maxlen=FRAMES_KEPT)

    def get(self) -> z.DuplexServer:
        if self.server is None:
            raise LookupError("there is no server")
        return self.server

    def get_reader(self) -> z.Reader:
        if self.reader is None:
            raise LookupError("there is no reader")
        return self.reader

    def end_old(self) -> None:
        with self.changed:
            server, self.server = self.server, None
            reader, self.reader = self.reader, None
            frames, self.frames_held = self.frames_held, {}
        ends: list[Callable[[], None]] = [frame.release for frame in frames.values()]
        if server is not None:
            ends.append(partial(server.stop, 0))
        if reader is not None:
            ends.append(reader.close)
        for end in ends:
            with suppress(z.ZeroDuplexError):  # what is left over is the runner's to find
                end()

    def reset(self, _: m.ResetArgs) -> m.EmptyReport:
        self.let_go(m.LetGoArgs())
        self.end_old()
        with self.changed:
            self.forget()
        return EMPTY

    def create(self, a: m.CreateArgs) -> m.EmptyReport:
        self.end_old()
        with self.changed:
            self.forget_handled()
        options = given(
            workers=a.workers, wait=a.wait and z.WaitStrategy.parse(a.wait), mode=a.mode,
            reset_timeout=seconds(a.reset_timeout_ms), stop_timeout=seconds(a.stop_timeout_ms),
        )  # fmt: skip
        factory = z.DuplexChannelFactory()
        if a.protocol == "v1":
            sizes = z.BufferConfig.default_v1()
            sizes = replace(sizes, **given(metadata_size=a.metadata_size, payload_size=a.payload_size))
            self.server = factory.create_immutable_server(a.name, sizes, on_error=log, **options)
        elif a.protocol in (None, "v2"):
            config = z.BufferConfig(**given(metadata_size=a.metadata_size, payload_size=a.payload_size))
            self.server = factory.create_in_place_duplex_server(a.name, config, on_error=log, **options)
        else:
            raise LookupError(f"unknown protocol {a.protocol}")
        return EMPTY

    def set_handler(self, a: m.SetHandlerArgs) -> m.EmptyReport:
        with self.changed:
            self.behaviours[a.opcode] = a
            self.let_all_go = False
        return EMPTY

    def start(self, _: m.StartArgs) -> m.EmptyReport:
        self.get().start(self.handle)
        return EMPTY

    def handle(self, frame: z.Frame) -> None:
        seen = frame_report(frame, frame.capacity, frame.one_way)
        with self.changed:
            behaviour = self.behaviours.get(frame.opcode) or self.behaviours[None]
            self.entered += 1
            self.frames.append(seen)
            self.changed.notify_all()
        try:
            self.behave(behaviour, frame)
        finally:
            with self.changed:
                self.left += 1
                self.changed.notify_all()

    def behave(self, b: m.SetHandlerArgs, frame: z.Frame) -> None:
        if b.handler == m.HANDLER_FAIL:
            raise z.Failure(1 if b.code is None else b.code, b.message or "")
        if b.handler == m.HANDLER_THROW:
            raise RuntimeError(b.message or "")
        if b.handler == m.HANDLER_RESIZE:
            frame.resize(b.size or 0)
            frame.data[:] = pattern(frame.size, frame.sequence)
            return
        if b.handler == m.HANDLER_HOLD:
            self.hold(frame.sequence)
        if b.handler in (m.HANDLER_XOR, m.HANDLER_HOLD):
            frame.data[:] = bytes(frame.data).translate(_INVERTED)
        elif b.handler != m.HANDLER_ECHO:
            raise LookupError(f"unknown handler {b.handler}")

    def hold(self, sequence: int) -> None:
        with self.changed:
            hold = Hold(sequence, self.let_all_go or sequence in self.let_go_later)
            self.held.add(hold)
            self.changed.wait_for(lambda: hold.free)
            self.held.discard(hold)

    def let_go(self, a: m.LetGoArgs) -> m.EmptyReport:
        with self.changed:
            for hold in self.held:
                hold.free = hold.free or a.sequence in (None, hold.sequence)
            if a.sequence is None:
                self.let_all_go = True
            else:
                self.let_go_later.add(a.sequence)
            self.changed.notify_all()
        return EMPTY

    def wait_handled(self, a: m.WaitHandledArgs) -> m.HandledReport:
        with self.changed:
            if not self.changed.wait_for(lambda: self.entered >= (a.entered or 0) and self.left >= (a.left or 0), a.timeout_ms / 1000):
                raise z.TimeoutError(f"{self.entered} handlers entered, {self.left} left")
            return m.HandledReport(entered=self.entered, left=self.left, frames=list(self.frames))

    def set_metadata(self, a: m.SetMetadataArgs) -> m.EmptyReport:
        self.get().set_metadata(pattern(a.size, a.seed))
        return EMPTY

    def get_metadata(self, _: m.GetMetadataArgs) -> m.ContentReport:
        return content_report(self.get().client_metadata if self.reader is None else self.reader.metadata)

    def stop(self, a: m.StopArgs) -> m.EmptyReport:
        self.get().stop(a.timeout_ms / 1000)
        return EMPTY

    def close(self, _: m.CloseArgs) -> m.EmptyReport:
        (self.reader or self.get()).close()
        return EMPTY

    # A v1 buffer.

    def create_reader(self, a: m.CreateReaderArgs) -> m.EmptyReport:
        self.end_old()
        config = replace(z.BufferConfig.default_v1(), **given(metadata_size=a.metadata_size, payload_size=a.payload_size))
        self.reader = z.Reader(a.name, config, **given(wait=a.wait and z.WaitStrategy.parse(a.wait), mode=a.mode))
        return EMPTY

    def read_frame(self, a: m.ReadFrameArgs) -> m.FrameReport:
        frame = self.get_reader().read_frame(seconds(a.timeout_ms))
        if a.hold is None:
            with frame:
                return frame_report(frame)
        self.frames_held[a.hold] = frame
        return frame_report(frame)

    def reread_frame(self, a: m.RereadFrameArgs) -> m.FrameReport:
        return frame_report(self.frames_held[a.hold])

    def release_frame(self, a: m.ReleaseFrameArgs) -> m.EmptyReport:
        self.frames_held[a.hold].release()
        return EMPTY

    def drain(self, a: m.DrainArgs) -> m.ExchangeReport:
        reader = self.get_reader()
        held: list[z.ReceivedFrame] = []
        size = crc = first = last = 0
        try:
            for count in range(1, a.count + 1):
                frame = reader.read_frame(seconds(a.timeout_ms))
                held.append(frame)
                last = frame.sequence
                first = first or last
                crc = zlib.crc32(frame.data, crc)
                size += frame.size
                if len(held) >= (a.hold or 1) or count == a.count:
                    while held:
                        held.pop().release()
        finally:
            while held:
                held.pop().release()
        return m.ExchangeReport(count=a.count, bytes=size, crc32=crc, first_sequence=first, last_sequence=last)

    def writer_connected(self, _: m.WriterConnectedArgs) -> m.ConnectionReport:
        return m.ConnectionReport(self.get_reader().is_writer_connected)
