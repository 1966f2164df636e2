"""The conformance agent of the Python SDK: does with it what the runner asks. See conformance/docs/writing-an-agent.md."""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import messages as m
import zeroduplex as z
from client_role import Client
from data import dump, log
from server_role import Server
from zeroduplex._generated import wire

UNEXPECTED = "unexpected"


def layouts() -> list[m.StructLayout]:
    """The structs by the offsets that the SDK and its compiled helper really use."""
    found = []
    for info in wire.STRUCTS:
        if info.name in ("oieb_v1", "frame_header_v1", "oieb_v2", "frame_header_v2"):
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
    operations = {op: dump if op == "dump" else getattr(actor, op) for op in m.OPERATIONS[role]}
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
