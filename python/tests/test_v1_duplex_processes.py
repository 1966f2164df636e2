"""v1 duplex channels between processes: who dies, and what becomes of the other."""

from __future__ import annotations

import os
import threading
import time

import pytest
from support import SOON, Child, Gate, echo

import zeroduplex as z
from zeroduplex._generated import wire

SMALL = z.BufferConfig(256, 4096)

SERVER = """
import sys, zeroduplex as z
def handler(frame):
    if bytes(frame.data) == b"wait":
        print("entered", flush=True)
        sys.stdin.readline()
    frame.data[:] = bytes(255 - b for b in frame.data)
server = z.DuplexChannelFactory().create_immutable_server(sys.argv[1], z.BufferConfig(256, 4096))
server.start(handler)
print("ready", flush=True)
server.wait()
"""

CLIENT = """
import sys, zeroduplex as z
client = z.DuplexChannelFactory().create_client(sys.argv[1], response_config=z.BufferConfig(256, 4096))
for line in sys.stdin:
    what, _, data = line.strip().partition(" ")
    if what == "close":
        break
    if what == "call":
        with client.call(data.encode()) as response:
            print("answered", bytes(response.data).decode(), flush=True)
    else:
        print("sent", client.send_request(data.encode()), flush=True)
client.close()
print("closed", flush=True)
"""


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_kill_of_the_server(name: str, factory: z.DuplexChannelFactory, wait: z.WaitStrategy) -> None:
    with Child(SERVER, name) as server:
        assert server.line() == "ready"
        client = factory.create_client(name, wait=wait, response_config=SMALL)
        held = client.call(b"held")
        first, second = client.send_request(b"\1"), client.send_request(b"\2")
        client.receive_response(sequence=second).release()  # so the first is answered, too
        lost = client.send_request(b"wait")
        client.send_request(b"behind it")
        assert server.line() == "entered"
        ended: list[BaseException] = []

        def receive() -> None:
            try:
                client.receive_response(20, sequence=lost)
            except z.ZeroDuplexError as e:
                ended.append(e)

        thread = threading.Thread(target=receive)
        thread.start()
        before = time.monotonic()
        server.process.kill()
        thread.join(20)
        assert time.monotonic() - before < SOON  # within a slice, not at the timeout
        assert [type(e) for e in ended] == [z.ServerDeadError]
        assert f"2 requests from {lost} to {lost + 1} are lost" in str(ended[0])
        with client.receive_response(sequence=first) as response:
            assert response.data == b"\xfe"
        assert bytes(held.data) == bytes(255 - b for b in b"held")
        held.release()
        for call in (lambda: client.call(b"z"), lambda: client.send_request(b"z"), lambda: client.set_metadata(b"z")):
            with pytest.raises(z.ServerDeadError):
                call()
        assert not client.is_server_connected
        with pytest.raises(z.ServerNotFoundError, match="its server is dead"):
            factory.create_client(name, connect_timeout=0, response_config=SMALL)
        with Child(SERVER, name) as successor:  # takes over the name
            assert successor.line() == "ready"
            client.close()
            with factory.create_client(name, response_config=SMALL) as second_client:
                second_client.call(b"x").release()
    with factory.create_immutable_server(name, SMALL):
        pass  # removes what the killed one left


def test_a_sender_that_never_waits_notices_a_dead_server(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(SERVER, name) as server:
        server.line()
        with factory.create_client(name, response_config=SMALL) as client:
            server.kill()
            before = time.monotonic()
            with pytest.raises(z.ServerDeadError, match="lost"):
                while time.monotonic() - before < 10:
                    client.send_request(b"x")
                    time.sleep(0.01)
            assert time.monotonic() - before < SOON
    with factory.create_immutable_server(name, SMALL):
        pass


def test_kill_of_the_client(name: str, factory: z.DuplexChannelFactory) -> None:
    gate = Gate()
    seen: list[bytes] = []
    errors: list[z.ZeroDuplexError] = []

    def handler(frame: z.Frame) -> None:
        seen.append(bytes(frame.data))
        if frame.data[:4] == b"wait":
            gate(frame)

    with factory.create_immutable_server(name, SMALL, on_error=errors.append) as server:
        server.start(handler)
        with Child(CLIENT, name) as client:
            client.say("call first")
            assert client.line() == "answered first"
            client.say("send wait")
            assert client.line() == "sent 2"
            gate.wait_entered()
            for n in (3, 4):
                client.say(f"send left {n}")
                assert client.line() == f"sent {n}"
            client.process.kill()  # and stays a zombie meanwhile
            client.process.stdout.read()  # type: ignore[union-attr]  # it has ended
            assert os.path.exists(wire.object_path(f"{name}_response"))  # which must not be used for anybody else
            deadline = time.monotonic() + 20
            while server.is_client_connected:
                assert time.monotonic() < deadline
            with pytest.raises(z.ServerBusyError):
                factory.create_client(name, connect_timeout=0.05, response_config=SMALL)
            gate.let_go()
            with factory.create_client(name, response_config=SMALL) as successor, successor.call(b"next") as response:
                assert (response.sequence, response.data) == (1, b"next")
    # What a client that died left is dropped, unless the server took it before it noticed the death.
    assert [s for s in seen if not s.startswith(b"left")] == [b"first", b"wait", b"next"]
    assert errors == []


def test_a_client_killed_while_the_server_waits_for_room(name: str, factory: z.DuplexChannelFactory) -> None:
    code = CLIENT.replace("z.BufferConfig(256, 4096)", "z.BufferConfig(0, 256)")
    with factory.create_immutable_server(name, SMALL) as server:
        server.start(echo)
        with Child(code, name) as client:
            for n in range(1, 5):
                client.say("send " + "x" * 100)
                assert client.line() == f"sent {n}"
            deadline = time.monotonic() + 20
            while not server._handling:
                assert time.monotonic() < deadline
            client.kill()
            with factory.create_client(name, response_config=SMALL) as successor:
                successor.call(b"next").release()


def test_a_forked_child_leaves_its_parents_channel_alone(name: str) -> None:
    code = """
import os, sys, zeroduplex as z
factory = z.DuplexChannelFactory()
small = z.BufferConfig(256, 4096)
server = factory.create_immutable_server(sys.argv[1], small)
server.start(lambda frame: None)
client = factory.create_client(sys.argv[1], response_config=small)
response = client.call(b"mine")
if os.fork() == 0:
    failures = []
    for call in (lambda: client.call(b"x"), lambda: client.send_request(b"x"), lambda: client.receive_response(0),
                 lambda: client.acquire_request_buffer(1), lambda: client.set_metadata(b"x"), lambda: client.cancel(1),
                 lambda: server.set_metadata(b"x"), lambda: server.client_metadata, lambda: server.start(print)):
        try:
            call()
            failures.append("no error")
        except z.ClosedError:
            pass
    response.release()
    client.close()
    server.stop(1)
    print("child", failures, client.is_server_connected, server.is_client_connected, flush=True)
    os._exit(0)
os.wait()
response.release()
with client.call(b"unharmed") as response:
    print(bytes(response.data).decode(), flush=True)
client.close()
server.close()
"""
    with Child(code, name) as child:
        assert child.line() == "child [] False False"
        assert child.line() == "unharmed"
        code_, _, errors = child.finish()
        assert (code_, errors) == (0, "")


def test_the_end_of_a_process_removes_its_channel(name: str) -> None:
    code = """
import sys, zeroduplex as z
factory = z.DuplexChannelFactory()
small = z.BufferConfig(256, 4096)
server = factory.create_immutable_server(sys.argv[1], small)
server.start(lambda frame: None)
client = factory.create_client(sys.argv[1], response_config=small)
client.call(b"x").release()
print("end", flush=True)
"""
    with Child(code, name) as child:
        assert child.line() == "end"
        code_, _, errors = child.finish()
        assert (code_, errors) == (0, "")
    assert not os.path.exists(wire.object_path(f"{name}_request"))
