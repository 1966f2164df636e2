"""The conformance agent of zerobuffer-ipc, the published Python package of ZeroBuffer v1: readers and writers only.

It reports what the package does, also where that is wrong. One thing it does for it: reset removes the semaphores that the package's
readers leave behind, so that only the case about leftovers fails for that. See conformance/docs/writing-an-agent.md.
"""

from __future__ import annotations

import base64
import gc
import importlib.metadata
import json
import struct
import sys
import threading
import traceback
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, BinaryIO

import posix_ipc
from zerobuffer import BufferConfig, Reader, Writer
from zerobuffer import exceptions as e
from zerobuffer.oieb_view import OIEBView
from zerobuffer.types import Frame, FrameHeader

Args = dict[str, Any]

# Names and codes of the errors that the package can tell apart, by type and, where it has none, by its words.
BY_TYPE = {
    e.WriterDeadException: ("writer_dead", 30),
    e.ReaderDeadException: ("reader_dead", 31),
    e.WriterAlreadyConnectedException: ("writer_already_connected", 6),
    e.BufferFullException: ("buffer_full", 13),
    e.FrameTooLargeException: ("frame_too_large", 15),
    e.InvalidFrameSizeException: ("invalid_frame_size", 29),
    e.SequenceError: ("sequence", 28),
    e.MetadataAlreadyWrittenException: ("metadata_already_written", 24),
}
BY_TEXT = {
    "not found": ("buffer_not_found", 32),
    "No shared memory found": ("buffer_not_found", 32),
    "No reader PID": ("buffer_not_found", 32),
    "Failed to acquire lock": ("reader_already_connected", 7),
    "already exists": ("name_in_use", 3),
    "Invalid OIEB size": ("version_mismatch", 8),
    "Metadata too large": ("metadata_too_large", 23),
    "Invalid metadata size": ("corrupted", 9),
    "Invalid frame size: 0": ("corrupted", 9),
    "Frame extends past": ("corrupted", 9),
    "is closed": ("closed", 20),
}


class Unsupported(Exception):
    """The package has no means for this."""


class Timeout(Exception):
    """A read found nothing; the package returns None."""


class Released(Exception):
    """A frame was used after its release; the package raises a ValueError."""


def failure(error: Exception) -> dict[str, Any]:
    name, code = "unexpected", 0
    if isinstance(error, Timeout):
        name, code = "timeout", 12
    elif isinstance(error, Released):
        name, code = "frame_released", 21
    elif type(error) in BY_TYPE:
        name, code = BY_TYPE[type(error)]
    elif isinstance(error, e.ZeroBufferException):
        name, code = next((known for text, known in BY_TEXT.items() if text in str(error)), (name, code))
    return {"name": name, "code": code, "message": f"{type(error).__name__}: {error}"}


def pattern(size: int, seed: int) -> bytes:
    first = seed % 256
    return (bytes(range(256)) * (size // 256 + 2))[first : first + size]


def frame_report(frame: Frame) -> dict[str, Any]:
    try:
        data = bytes(frame.data)
    except ValueError as error:
        raise Released(str(error)) from error
    return {
        "sequence": frame.sequence, "size": frame.size, "opcode": 0, "status": 0, "capacity": 0, "one_way": False,
        "crc32": zlib.crc32(data), "head": data[:16].hex(),
    }  # fmt: skip


def refuse(args: Args, *options: str) -> None:
    """Options for which the package has no means."""
    for option in options:
        if args.get(option):
            raise Unsupported(option)


class Sum:
    """Frames that were read or written, summed up."""

    def __init__(self) -> None:
        self.count = self.size = self.crc = self.first = self.last = 0

    def add(self, data: Any, sequence: int) -> None:
        self.first = self.first or sequence
        self.last = sequence
        self.count += 1
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)

    def report(self) -> dict[str, Any]:
        return {"count": self.count, "bytes": self.size, "crc32": self.crc, "first_sequence": self.first, "last_sequence": self.last}


class Reading:
    """The server's role."""

    def __init__(self) -> None:
        self.reader: Reader | None = None
        self.held: dict[str, Frame] = {}
        self.names: set[str] = set()

    def get(self) -> Reader:
        if self.reader is None:
            raise LookupError("there is no reader")
        return self.reader

    def reset(self, _: Args) -> dict[str, Any]:
        reader, self.reader, held, self.held = self.reader, None, self.held, {}
        for frame in held.values():
            with suppress(Exception):
                frame.dispose()
        if reader is not None:
            with suppress(Exception):
                reader.close()
        del reader, held
        gc.collect()
        for name in self.names:
            for semaphore in (f"/sem-w-{name}", f"/sem-r-{name}"):
                with suppress(posix_ipc.Error):
                    posix_ipc.unlink_semaphore(semaphore)
        self.names.clear()
        return {}

    def create_reader(self, args: Args) -> dict[str, Any]:
        refuse(args, "wait", "mode")
        self.reset({})
        sizes = {key: args[key] for key in ("metadata_size", "payload_size") if key in args}
        self.reader = Reader(args["name"], BufferConfig(**sizes))
        self.names.add(args["name"])
        return {}

    def next(self, args: Args) -> Frame:
        timeout = {} if args.get("timeout_ms") is None else {"timeout": args["timeout_ms"] / 1000}
        frame = self.get().read_frame(**timeout)
        if frame is None:
            raise Timeout("read_frame returned None")
        return frame

    def read_frame(self, args: Args) -> dict[str, Any]:
        frame = self.next(args)
        report = frame_report(frame)
        if "hold" in args:
            self.held[args["hold"]] = frame
        else:
            frame.dispose()
        return report

    def reread_frame(self, args: Args) -> dict[str, Any]:
        return frame_report(self.held[args["hold"]])

    def release_frame(self, args: Args) -> dict[str, Any]:
        self.held[args["hold"]].dispose()
        return {}

    def drain(self, args: Args) -> dict[str, Any]:
        total = Sum()
        held: list[Frame] = []
        for _ in range(args["count"]):
            frame = self.next(args)
            total.add(frame.data, frame.sequence)
            held.append(frame)
            if len(held) >= args.get("hold", 1):
                while held:
                    held.pop().dispose()
        while held:
            held.pop().dispose()
        return total.report()

    def writer_connected(self, _: Args) -> dict[str, Any]:
        return {"connected": self.get().is_writer_connected()}

    def get_metadata(self, _: Args) -> dict[str, Any]:
        content = self.get().get_metadata()
        data = b"" if content is None else bytes(content)
        return {"written": content is not None, "size": len(data), "crc32": zlib.crc32(data)}

    def close(self, _: Args) -> dict[str, Any]:
        self.get().close()
        return {}


class Writing:
    """The client's role."""

    def __init__(self) -> None:
        self.writer: Writer | None = None
        self.buffers: dict[str, memoryview] = {}

    def get(self) -> Writer:
        if self.writer is None:
            raise LookupError("there is no writer")
        return self.writer

    def reset(self, _: Args) -> dict[str, Any]:
        writer, self.writer, self.buffers = self.writer, None, {}
        if writer is not None:
            with suppress(Exception):
                writer.close()
        del writer
        gc.collect()
        return {}

    def connect_writer(self, args: Args) -> dict[str, Any]:
        refuse(args, "wait", "allow_other_users", "connect_timeout_ms")
        self.reset({})
        self.writer = Writer(args["name"])
        if "write_timeout_ms" in args:
            self.writer.write_timeout = timedelta(milliseconds=args["write_timeout_ms"])
        return {}

    def within(self, args: Args) -> Writer:
        """The writer with the time of a call; the package has a time per writer only."""
        writer = self.get()
        if "timeout_ms" in args:
            if args["timeout_ms"] == 0:
                raise Unsupported("a time of 0")
            writer.write_timeout = timedelta(milliseconds=args["timeout_ms"])
        return writer

    def write_frame(self, args: Args) -> dict[str, Any]:
        writer = self.within(args)
        writer.write_frame(pattern(args["size"], args["seed"]))
        return {"sequence": writer.frames_written}

    def acquire_frame(self, args: Args) -> dict[str, Any]:
        view = self.within(args).get_frame_buffer(args["size"])
        self.buffers[args["buffer"]] = view
        return {"size": len(view)}

    def fill(self, args: Args) -> dict[str, Any]:
        view = self.buffers[args["buffer"]]
        view[:] = pattern(len(view), args["seed"])
        return {}

    def commit_frame(self, _: Args) -> dict[str, Any]:
        writer = self.get()
        writer.commit_frame()
        return {"sequence": writer.frames_written}

    def abort(self, _: Args) -> dict[str, Any]:
        raise Unsupported("the package cannot take an acquired frame back")

    def stream(self, args: Args) -> dict[str, Any]:
        total = Sum()
        writer = self.get()
        for k in range(args["count"]):
            data = pattern(args["least"] + (args["first_size"] + k * args["size_step"]) % args["size_modulo"], args["seed"] + k)
            if args.get("acquire"):
                view = writer.get_frame_buffer(len(data))
                view[:] = data
                view.release()
                writer.commit_frame()
            else:
                writer.write_frame(data)
            total.add(data, writer.frames_written)
        return total.report()

    def reader_connected(self, _: Args) -> dict[str, Any]:
        return {"connected": self.get().is_reader_connected()}

    def set_metadata(self, args: Args) -> dict[str, Any]:
        self.get().set_metadata(pattern(args["size"], args["seed"]))
        return {}

    def close(self, _: Args) -> dict[str, Any]:
        self.get().close()
        return {}


OPERATIONS = {
    "server": ["create_reader", "read_frame", "reread_frame", "release_frame", "drain", "writer_connected", "get_metadata", "close", "reset"],
    "client": [
        "connect_writer", "write_frame", "acquire_frame", "fill", "commit_frame", "abort", "stream", "reader_connected", "set_metadata", "close",
        "reset",
    ],
}  # fmt: skip


def dump(args: Args) -> dict[str, Any]:
    with open(f"/dev/shm/{args['name']}", "rb") as file:
        return {"data": base64.b64encode(file.read()).decode()}


def hello(role: str) -> dict[str, Any]:
    fields = [(f, getattr(OIEBView, f"_{f.upper()}_OFFSET"), 4 if f in ("oieb_size", "version") else 8) for f in (
        "oieb_size", "version", "metadata_size", "metadata_free_bytes", "metadata_written_bytes", "payload_size", "payload_free_bytes",
        "payload_write_pos", "payload_read_pos", "payload_written_count", "payload_read_count", "writer_pid", "reader_pid",
    )]  # fmt: skip
    end = fields[-1][1] + fields[-1][2]
    word = struct.calcsize("<Q")
    structs = {
        "oieb_v1": (OIEBView.SIZE, [*fields, ("reserved", end, OIEBView.SIZE - end)]),
        "frame_header_v1": (FrameHeader.SIZE, [("payload_size", 0, word), ("sequence_number", word, word)]),
    }
    return {
        "type": "hello", "protocol_version": 1, "agent": "zerobuffer-ipc", "language": "zerobuffer", "role": role, "capabilities": [],
        "sdk_version": importlib.metadata.version("zerobuffer-ipc"),
        "structs": [
            {"name": name, "size": size, "fields": [{"name": f, "offset": offset, "width": width} for f, offset, width in fields]}
            for name, (size, fields) in structs.items()
        ],
    }  # fmt: skip


def read_exactly(stream: BinaryIO, size: int) -> bytes | None:
    content = b""
    while len(content) < size:
        part = stream.read(size - len(content))
        if not part:
            return None
        content += part
    return content


class Agent:
    def __init__(self, role: str) -> None:
        actor: Any = Reading() if role == "server" else Writing()
        self.operations: dict[str, Callable[[Args], dict[str, Any]]] = {op: getattr(actor, op) for op in OPERATIONS[role]}
        self.operations["dump"] = dump
        self.out = sys.stdout.buffer
        self.writing = threading.Lock()

    def write(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode()
        with self.writing:
            self.out.write(struct.pack("<I", len(content)) + content)
            self.out.flush()

    def answer(self, request: dict[str, Any]) -> None:
        response: dict[str, Any] = {"type": "response", "id": request["id"]}
        operation = self.operations.get(request["op"])
        try:
            if operation is None:
                raise Unsupported(request["op"])
            response |= {"outcome": "ok", "result": operation(request["args"])}
        except Unsupported as error:
            print("unsupported:", error, file=sys.stderr)
            response["outcome"] = "unsupported"
        except Exception as error:  # noqa: BLE001 - whatever the package raises is to be reported
            traceback.print_exc()
            response |= {"outcome": "error", "error": failure(error)}
            error.__traceback__ = None  # it would keep frames alive
        self.write(response)

    def run(self) -> None:
        while (head := read_exactly(sys.stdin.buffer, 4)) is not None:
            content = read_exactly(sys.stdin.buffer, struct.unpack("<I", head)[0])
            if content is None:
                sys.exit("a request is cut off")
            request = json.loads(content)
            if request["background"]:
                threading.Thread(target=self.answer, args=(request,), daemon=True).start()
            else:
                self.answer(request)
        self.operations["reset"]({})


def main() -> None:
    role = sys.argv[1]
    agent = Agent(role)
    agent.write(hello(role))
    agent.run()


if __name__ == "__main__":
    main()
