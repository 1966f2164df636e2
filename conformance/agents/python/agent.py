"""The conformance agent of the Python SDK: does with it what the runner asks. See conformance/docs/writing-an-agent.md."""

from __future__ import annotations

import base64
import json
import os
import struct
import sys
import threading
import traceback
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

import messages as m
import zeroduplex as z
from zeroduplex._generated import wire

EMPTY = m.EmptyReport()
FRAMES_KEPT = 256
UNEXPECTED = "unexpected"
_INVERTED = bytes(255 - b for b in range(256))


def pattern(size: int, seed: int) -> bytes:
    first = seed % 256
    return (bytes(range(256)) * (size // 256 + 2))[first : first + size]


def seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def given(**options: Any) -> dict[str, Any]:
    """The options that were given; the SDK has its own defaults for the others."""
    return {name: value for name, value in options.items() if value is not None}


def frame_report(frame: z.Frame | z.Response, capacity: int = 0, one_way: bool = False) -> m.FrameReport:
    data = bytes(frame.data)
    return m.FrameReport(
        sequence=frame.sequence, size=frame.size, opcode=frame.opcode, status=int(frame.status), capacity=capacity, one_way=one_way,
        crc32=zlib.crc32(data), head=data[:16].hex(),
    )  # fmt: skip


def content_report(content: bytes | None) -> m.ContentReport:
    return m.ContentReport(written=content is not None, size=len(content or b""), crc32=zlib.crc32(content or b""))


def dump(args: m.DumpArgs) -> m.DumpReport:
    with open(f"/dev/shm/{args.name}", "rb") as file:
        return m.DumpReport(data=base64.b64encode(file.read()).decode())


class Hold:
    """A handler that waits to be let go. It has a mark of its own: what is forgotten meanwhile must not keep it."""

    def __init__(self, sequence: int, free: bool) -> None:
        self.sequence = sequence
        self.free = free


class Server:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.server: z.InPlaceDuplexServer | None = None
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

    def get(self) -> z.InPlaceDuplexServer:
        if self.server is None:
            raise LookupError("there is no server")
        return self.server

    def end_old(self) -> None:
        with self.changed:
            old, self.server = self.server, None
        if old is not None:
            with suppress(z.ZeroDuplexError):  # what is left over is the runner's to find
                old.stop(0)

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
        config = z.BufferConfig(**given(metadata_size=a.metadata_size, payload_size=a.payload_size))
        options = given(
            workers=a.workers, wait=a.wait and z.WaitStrategy.parse(a.wait), mode=a.mode,
            reset_timeout=seconds(a.reset_timeout_ms), stop_timeout=seconds(a.stop_timeout_ms),
        )  # fmt: skip
        self.server = z.DuplexChannelFactory().create_in_place_duplex_server(a.name, config, on_error=log, **options)
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
        return content_report(self.get().client_metadata)

    def stop(self, a: m.StopArgs) -> m.EmptyReport:
        self.get().stop(a.timeout_ms / 1000)
        return EMPTY

    def close(self, _: m.CloseArgs) -> m.EmptyReport:
        self.get().close()
        return EMPTY


class Client:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.client: z.DuplexClient | None = None
        self.buffers: dict[str, z.RequestBuffer] = {}
        self.held: dict[str, z.Response] = {}

    def get(self) -> z.DuplexClient:
        if self.client is None:
            raise LookupError("there is no client")
        return self.client

    def reset(self, _: m.ResetArgs) -> m.EmptyReport:
        client, buffers, held = self.client, self.buffers, self.held
        self.forget()
        ends: list[Callable[[], None]] = [b.abort for b in buffers.values()] + [r.release for r in held.values()]
        for end in ends + ([client.close] if client is not None else []):
            with suppress(z.ZeroDuplexError):  # what is left over is the runner's to find
                end()
        return EMPTY

    def connect(self, a: m.ConnectArgs) -> m.EmptyReport:
        self.reset(m.ResetArgs())
        options = given(
            connect_timeout=seconds(a.connect_timeout_ms), call_timeout=seconds(a.call_timeout_ms), send_timeout=seconds(a.send_timeout_ms),
            wait=a.wait and z.WaitStrategy.parse(a.wait), lap=a.lap and z.LapMode(a.lap), allow_other_users=a.allow_other_users,
        )  # fmt: skip
        self.client = z.DuplexChannelFactory().create_client(a.name, **options)
        return EMPTY

    def send(self, a: m.SendArgs) -> m.SentReport:
        sequence = self.get().send_request(
            pattern(a.size, a.seed), opcode=a.opcode or 0, capacity=a.capacity, one_way=bool(a.one_way), timeout=seconds(a.timeout_ms)
        )
        return m.SentReport(sequence)

    def call(self, a: m.CallArgs) -> m.FrameReport:
        data = pattern(a.size, a.seed)
        with self.get().call(data, seconds(a.timeout_ms), opcode=a.opcode or 0, capacity=a.capacity) as response:
            return frame_report(response)

    def acquire(self, a: m.AcquireArgs) -> m.BufferReport:
        buffer = self.get().acquire_request_buffer(a.size, a.capacity, timeout=seconds(a.timeout_ms))
        self.buffers[a.buffer] = buffer
        return m.BufferReport(buffer.size)

    def fill(self, a: m.FillArgs) -> m.EmptyReport:
        buffer = self.buffers[a.buffer]
        buffer.data[:] = pattern(buffer.size, a.seed)
        return EMPTY

    def commit(self, a: m.CommitArgs) -> m.SentReport:
        buffer = self.buffers[a.buffer]
        buffer.opcode, buffer.one_way = a.opcode or 0, bool(a.one_way)
        return m.SentReport(buffer.commit())

    def abort(self, a: m.AbortArgs) -> m.EmptyReport:
        self.buffers[a.buffer].abort()
        return EMPTY

    def receive(self, a: m.ReceiveArgs) -> m.FrameReport:
        response = self.get().receive_response(seconds(a.timeout_ms), sequence=a.sequence)
        if a.hold is None:
            with response:
                return frame_report(response)
        self.held[a.hold] = response
        return frame_report(response)

    def read(self, a: m.ReadArgs) -> m.FrameReport:
        return frame_report(self.held[a.hold])

    def release(self, a: m.ReleaseArgs) -> m.EmptyReport:
        self.held[a.hold].release()
        return EMPTY

    def cancel(self, a: m.CancelArgs) -> m.CancelReport:
        return m.CancelReport(self.get().cancel(a.sequence))

    def connected(self, _: m.ConnectedArgs) -> m.ConnectionReport:
        return m.ConnectionReport(self.get().is_server_connected)

    def exchange(self, a: m.ExchangeArgs) -> m.ExchangeReport:
        client = self.get()
        in_flight: deque[int] = deque()
        sent = count = size = crc = first = last = 0
        while count < a.count:
            if sent < a.count and len(in_flight) < a.window:
                data = pattern((a.first_size + sent * a.size_step) % a.size_modulo, a.seed + sent)
                if a.acquire:
                    buffer = client.acquire_request_buffer(len(data))
                    buffer.data[:] = data
                    last = buffer.commit()
                else:
                    last = client.send_request(data)
                first = first or last
                in_flight.append(last)
                sent += 1
                continue
            with client.receive_response(sequence=in_flight.popleft()) as response:
                crc = zlib.crc32(response.data, crc)
                count += 1
                size += response.size
        return m.ExchangeReport(count=count, bytes=size, crc32=crc, first_sequence=first, last_sequence=last)

    def set_metadata(self, a: m.SetMetadataArgs) -> m.EmptyReport:
        self.get().set_metadata(pattern(a.size, a.seed))
        return EMPTY

    def get_metadata(self, _: m.GetMetadataArgs) -> m.ContentReport:
        return content_report(self.get().server_metadata)

    def close(self, _: m.CloseArgs) -> m.EmptyReport:
        self.get().close()
        return EMPTY


def log(what: object) -> None:
    print(what, file=sys.stderr, flush=True)


def layouts() -> list[m.StructLayout]:
    """The structs by the offsets that the SDK and its compiled helper really use."""
    found = []
    for info in wire.STRUCTS:
        if info.name in ("oieb_v2", "frame_header_v2"):
            offsets = [getattr(wire, f"{info.name}_{f.name}_offset".upper()) for f in info.fields]
            fields = [m.FieldLayout(f.name, offset, struct.calcsize(f.format)) for f, offset in zip(info.fields, offsets, strict=True)]
            found.append(m.StructLayout(info.name, getattr(wire, f"{info.name}_size".upper()), fields))
    return found


def failure(error: BaseException) -> m.Failure:
    if not isinstance(error, z.ZeroDuplexError):
        return m.Failure(UNEXPECTED, 0, f"{type(error).__name__}: {error}")
    failed = m.Failure(error.code.name.lower(), int(error.code), str(error))
    if isinstance(error, (z.HandlerFailedError, z.ResponseTooLargeError)) and error.sequence:
        return m.Failure(failed.name, failed.code, failed.message, error.sequence, error.status, error.message)
    return failed


def answer(operations: Mapping[str, Callable[[Any], m.Message]], request: m.AgentRequest, role: str) -> m.AgentResponse:
    decoder = m.OPERATIONS[role].get(request.op)
    if decoder is None:
        return m.AgentResponse("response", request.id, m.OUTCOME_UNSUPPORTED)
    log(f"{request.case}: {request.id} {request.op} {request.args}")
    try:
        result = operations[request.op](decoder.decode(request.args))
        return m.AgentResponse("response", request.id, m.OUTCOME_OK, result.encode_message())
    except BaseException as e:
        log(f"{request.case}: {request.id} failed: {traceback.format_exc()}")
        return m.AgentResponse("response", request.id, m.OUTCOME_ERROR, error=failure(e))


class Pipe:
    """Messages over standard input and output, each with its length in front."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._writing = threading.Lock()

    def write(self, message: m.Message) -> None:
        content = json.dumps(message.encode_message()).encode()
        with self._writing:
            try:
                self._sink.write(struct.pack("<I", len(content)) + content)
                self._sink.flush()
            except OSError:
                os._exit(1)

    def read(self) -> m.AgentRequest | None:
        length = self._source.read(4)
        if not length:
            return None
        return m.AgentRequest.decode(json.loads(self._source.read(struct.unpack("<I", length)[0])))


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in (m.ROLE_SERVER, m.ROLE_CLIENT):
        log("usage: agent server|client")
        return 2
    role = sys.argv[1]
    actor: Server | Client = Server() if role == m.ROLE_SERVER else Client()
    operations = {op: getattr(actor, op, dump) for op in m.OPERATIONS[role]}
    pipe = Pipe(sys.stdin.buffer, sys.stdout.buffer)
    pipe.write(m.Hello("hello", m.PROTOCOL_VERSION, "python", "python", z.__version__, role, layouts(), []))
    try:
        while (request := pipe.read()) is not None:
            if request.background:
                work = lambda r=request: pipe.write(answer(operations, r, role))  # noqa: E731
                threading.Thread(target=work, daemon=True).start()
            else:
                pipe.write(answer(operations, request, role))
    except (ValueError, struct.error, m.BadMessage) as e:
        log(f"agent: {e}")
        return 2
    actor.reset(m.ResetArgs())
    return 0


if __name__ == "__main__":
    sys.exit(main())
