"""The client role: is attached to a channel, or writes to a v1 buffer."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import messages as m
import zeroduplex as z
from data import EMPTY, check_inverted, content_report, frame_report, given, pattern, seconds


class Client:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.client: z.DuplexClient | None = None
        self.writer: z.Writer | None = None
        self.buffers: dict[str, z.RequestBuffer | z.FrameBuffer] = {}
        self.held: dict[str, z.Response] = {}

    def get(self) -> z.DuplexClient:
        if self.client is None:
            raise LookupError("there is no client")
        return self.client

    def reset(self, _: m.ResetArgs) -> m.EmptyReport:
        owners, buffers, held = (self.client, self.writer), self.buffers, self.held
        self.forget()
        ends: list[Callable[[], None]] = [b.abort for b in buffers.values()] + [r.release for r in held.values()]
        for end in ends + [owner.close for owner in owners if owner is not None]:
            with suppress(z.ZeroDuplexError):  # what is left over is the runner's to find
                end()
        return EMPTY

    def connect(self, a: m.ConnectArgs) -> m.EmptyReport:
        self.reset(m.ResetArgs())
        options = given(
            connect_timeout=seconds(a.connect_timeout_ms), call_timeout=seconds(a.call_timeout_ms), send_timeout=seconds(a.send_timeout_ms),
            wait=a.wait and z.WaitStrategy.parse(a.wait), lap=a.lap and z.LapMode(a.lap), allow_other_users=a.allow_other_users,
        )  # fmt: skip
        sizes = given(metadata_size=a.response_metadata_size, payload_size=a.response_payload_size)
        if sizes:
            options["response_config"] = replace(z.BufferConfig.default_v1(), **sizes)
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
        if isinstance(buffer, z.FrameBuffer):
            raise LookupError(f"{a.buffer} is a frame")
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
                if a.verify:
                    check_inverted(response.data, (a.first_size + count * a.size_step) % a.size_modulo, a.seed + count)
                count += 1
                size += response.size
        return m.ExchangeReport(count=count, bytes=size, crc32=crc, first_sequence=first, last_sequence=last)

    def set_metadata(self, a: m.SetMetadataArgs) -> m.EmptyReport:
        (self.writer or self.get()).set_metadata(pattern(a.size, a.seed))
        return EMPTY

    def get_metadata(self, _: m.GetMetadataArgs) -> m.ContentReport:
        return content_report(self.get().server_metadata)

    def close(self, _: m.CloseArgs) -> m.EmptyReport:
        (self.writer or self.get()).close()
        return EMPTY

    # A v1 buffer.

    def get_writer(self) -> z.Writer:
        if self.writer is None:
            raise LookupError("there is no writer")
        return self.writer

    def connect_writer(self, a: m.ConnectWriterArgs) -> m.EmptyReport:
        self.reset(m.ResetArgs())
        options = given(
            connect_timeout=seconds(a.connect_timeout_ms), write_timeout=seconds(a.write_timeout_ms),
            wait=a.wait and z.WaitStrategy.parse(a.wait), allow_other_users=a.allow_other_users,
        )  # fmt: skip
        self.writer = z.Writer(a.name, **options)
        return EMPTY

    def write_frame(self, a: m.WriteFrameArgs) -> m.SentReport:
        return m.SentReport(self.get_writer().write_frame(pattern(a.size, a.seed), seconds(a.timeout_ms)))

    def acquire_frame(self, a: m.AcquireFrameArgs) -> m.BufferReport:
        buffer = self.get_writer().acquire_frame_buffer(a.size, seconds(a.timeout_ms))
        self.buffers[a.buffer] = buffer
        return m.BufferReport(buffer.size)

    def commit_frame(self, a: m.CommitFrameArgs) -> m.SentReport:
        return m.SentReport(self.buffers[a.buffer].commit())

    def stream(self, a: m.StreamArgs) -> m.ExchangeReport:
        writer = self.get_writer()
        size = crc = first = last = 0
        for k in range(a.count):
            data = pattern(a.least + (a.first_size + k * a.size_step) % a.size_modulo, a.seed + k)
            if a.acquire:
                buffer = writer.acquire_frame_buffer(len(data))
                buffer.data[:] = data
                last = buffer.commit()
            else:
                last = writer.write_frame(data)
            first = first or last
            crc = zlib.crc32(data, crc)
            size += len(data)
        return m.ExchangeReport(count=a.count, bytes=size, crc32=crc, first_sequence=first, last_sequence=last)

    def reader_connected(self, _: m.ReaderConnectedArgs) -> m.ConnectionReport:
        return m.ConnectionReport(self.get_writer().is_reader_connected)
