"""The conformance agent, asked as the runner asks it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AGENT = Path(__file__).resolve().parent.parent.parent / "conformance" / "agents" / "python" / "agent.py"


def pattern(size: int, seed: int) -> bytes:
    return bytes((seed + i) % 256 for i in range(size))


class Agent:
    """An agent in one role."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.id = 0
        self.process = subprocess.Popen(
            [sys.executable, str(AGENT), role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.hello = self.message()

    def message(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        found: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return found

    def answer(self, op: str, **args: object) -> dict[str, Any]:
        self.id += 1
        request = {"id": self.id, "case": "test", "role": self.role, "op": op, "background": False, "args": args}
        content = json.dumps(request).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack("<I", len(content)) + content)
        self.process.stdin.flush()
        response = self.message()
        assert response["id"] == self.id
        return response

    def do(self, op: str, **args: object) -> dict[str, Any]:
        response = self.answer(op, **args)
        assert response["outcome"] == "ok", response
        result: dict[str, Any] = response["result"]
        return result

    def fail(self, op: str, **args: object) -> str:
        response = self.answer(op, **args)
        assert response["outcome"] == "error", response
        name: str = response["error"]["name"]
        return name

    def end(self) -> int:
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def agents() -> Iterator[tuple[Agent, Agent]]:
    both = Agent("server"), Agent("client")
    yield both
    for agent in both:
        assert agent.end() == 0


def test_hello_and_unknown_operations(agents: tuple[Agent, Agent]) -> None:
    for agent in agents:
        assert {s["name"] for s in agent.hello["structs"]} == {"oieb_v1", "frame_header_v1", "oieb_v2", "frame_header_v2"}
        assert agent.answer("frobnicate")["outcome"] == "unsupported"
    assert agents[0].answer("connect", name="x")["outcome"] == "unsupported"
    assert agents[0].fail("read_frame") == "unexpected"
    assert agents[1].fail("write_frame", size=1, seed=1) == "unexpected"


def test_a_v1_buffer(name: str, agents: tuple[Agent, Agent]) -> None:
    server, client = agents
    assert client.fail("connect_writer", name=name, connect_timeout_ms=0) == "buffer_not_found"
    server.do("create_reader", name=name, metadata_size=64, payload_size=1024, wait="block", mode=0o600)
    assert server.do("writer_connected") == {"connected": False}
    client.do("connect_writer", name=name, connect_timeout_ms=5000, write_timeout_ms=100, wait="spin", allow_other_users=False)
    assert (server.do("writer_connected"), client.do("reader_connected")) == ({"connected": True}, {"connected": True})
    client.do("set_metadata", size=10, seed=3)
    assert server.do("get_metadata") == {"written": True, "size": 10, "crc32": zlib.crc32(pattern(10, 3))}
    assert client.do("write_frame", size=100, seed=7) == {"sequence": 1}
    data = pattern(100, 7)
    report = {
        "sequence": 1, "size": 100, "opcode": 0, "status": 0, "capacity": 0, "one_way": False, "crc32": zlib.crc32(data),
        "head": data[:16].hex(),
    }  # fmt: skip
    assert server.do("read_frame", hold="f", timeout_ms=5000) == report
    assert server.do("reread_frame", hold="f") == report
    server.do("release_frame", hold="f")
    assert server.fail("reread_frame", hold="f") == "frame_released"
    assert server.fail("read_frame", timeout_ms=0) == "timeout"
    assert client.do("acquire_frame", buffer="b", size=5) == {"size": 5}
    client.do("fill", buffer="b", seed=1)
    assert client.fail("write_frame", size=1, seed=1, timeout_ms=0) == "acquisition_open"
    assert client.do("commit_frame", buffer="b") == {"sequence": 2}
    assert client.fail("fill", buffer="b", seed=1) == "frame_released"
    client.do("acquire_frame", buffer="c", size=5, timeout_ms=100)
    client.do("abort", buffer="c")
    assert server.do("read_frame")["crc32"] == zlib.crc32(pattern(5, 1))
    assert client.fail("write_frame", size=0, seed=1) == "invalid_frame_size"
    assert client.fail("write_frame", size=1000, seed=1) == "frame_too_large"
    assert len(client.do("dump", name=name)["data"]) == len(server.do("dump", name=name)["data"])
    client.do("close")
    assert server.fail("read_frame") == "writer_dead"
    server.do("close")
    assert server.fail("read_frame") == "closed"


@pytest.mark.parametrize("acquire", [False, True])
def test_v1_streams(name: str, agents: tuple[Agent, Agent], acquire: bool) -> None:
    server, client = agents
    server.do("create_reader", name=name, payload_size=65536)
    client.do("connect_writer", name=name)
    sizes = [1 + (5 + k * 7) % 100 for k in range(50)]
    everything = b"".join(pattern(size, 9 + k) for k, size in enumerate(sizes))
    report = {"count": 50, "bytes": sum(sizes), "crc32": zlib.crc32(everything), "first_sequence": 1, "last_sequence": 50}
    assert client.do("stream", count=50, least=1, first_size=5, size_step=7, size_modulo=100, seed=9, acquire=acquire) == report
    assert server.do("drain", count=50, hold=3, timeout_ms=5000) == report
    assert server.fail("drain", count=1, timeout_ms=0) == "timeout"
    for agent in agents:
        agent.do("reset")
    assert not os.path.exists(f"/dev/shm/{name}")


def test_a_v1_channel(name: str, agents: tuple[Agent, Agent]) -> None:
    server, client = agents
    server.do("create", name=name, protocol="v1", metadata_size=64, payload_size=4096)
    server.do("start")
    client.do("connect", name=name, response_metadata_size=0, response_payload_size=8192)
    assert os.stat(f"/dev/shm/{name}_response").st_size == 128 + 8192
    answer = bytes(255 - b for b in pattern(50, 4))
    assert client.do("call", size=50, seed=4)["crc32"] == zlib.crc32(answer)
    server.do("set_handler", handler="resize", size=300)
    assert client.do("call", size=50, seed=4)["crc32"] == zlib.crc32(pattern(300, 2))
    assert client.fail("send", size=1, seed=1, opcode=1) == "invalid_argument"
    assert server.do("wait_handled", left=2, timeout_ms=5000)["entered"] == 2
    assert server.fail("create", name=name, protocol="v3") == "unexpected"
