"""Several processes: deaths, pauses, forks, signals and endings."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import Connect, Serve
from support import CLIENT, SERVER, SOON, Child, Gate, echo, invert
from usage import cpu_seconds, idle_share, memory_growth

import zeroduplex as z
from zeroduplex._generated import wire


def state(child: Child) -> str:
    """What the kernel says that the process does: R runs, S sleeps, T is stopped."""
    return Path(f"/proc/{child.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_round_trips_between_processes(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(SERVER, name) as server:
        assert server.line() == "ready"
        with factory.create_client(name) as client, client.call(b"\0\1\2") as response:
            assert response.data == b"\xff\xfe\xfd"
        server.signal(signal.SIGINT)  # KeyboardInterrupt ends server.wait; the exit of the process stops the server
        code, _, errors = server.finish()
        assert code != 0
        assert errors.strip().endswith("KeyboardInterrupt")


def test_processes_are_interrupted_also_in_the_background() -> None:
    test = f"{__file__}::test_round_trips_between_processes"
    script = '"$0" -m pytest -q -p no:cacheprovider "$1" & wait $!'
    done = subprocess.run(["sh", "-c", script, sys.executable, test], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_a_server_notices_a_signal_that_another_thread_got(name: str) -> None:
    with Child(SERVER, name) as server:
        assert server.line() == "ready"
        while state(server) != "S":  # of the main thread
            pass
        server.signal_other_thread(signal.SIGINT)
        code, _, errors = server.finish()
        assert code != 0
        assert errors.strip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("wait", list(z.WaitStrategy))
def test_kill_of_the_server(name: str, factory: z.DuplexChannelFactory, wait: z.WaitStrategy) -> None:
    with Child(SERVER, name) as server:
        server.line()
        client = factory.create_client(name, wait=wait)
        answered = client.call(b"answered before")
        first, second = client.send_request(b"x", opcode=1), client.send_request(b"y")
        assert server.line() == "entered"
        outcomes: list[BaseException] = []

        def receive() -> None:
            try:
                client.receive_response(20)
            except z.ZeroDuplexError as e:
                outcomes.append(e)

        thread = threading.Thread(target=receive)
        thread.start()
        before = time.monotonic()
        server.kill()
        thread.join(10)
        assert time.monotonic() - before < SOON  # within a slice, not at the timeout
        assert [type(e) for e in outcomes] == [z.ServerDeadError]
        assert f"2 requests from {first} to {second} are lost" in str(outcomes[0])
        assert bytes(answered.data) == bytes(255 - b for b in b"answered before")
        answered.release()
        for call in (lambda: client.call(b"z"), lambda: client.send_request(b"z"), lambda: client.set_metadata(b"z")):
            with pytest.raises(z.ServerDeadError):
                call()
        assert not client.is_server_connected
        client.close()
        with pytest.raises(z.ServerNotFoundError, match="its server is dead"):
            factory.create_client(name, connect_timeout=0)
    with Child(SERVER, name) as server:  # takes over the name
        server.line()
        with factory.create_client(name) as client:
            client.call(b"x").release()
    with factory.create_in_place_duplex_server(name, z.BufferConfig(0, 128)):
        pass  # removes what the killed one left


def test_answers_that_are_there_outlive_their_server(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(SERVER, name) as server:
        server.line()
        client = factory.create_client(name)
        first, second = client.send_request(b"\1"), client.send_request(b"\2")
        client.receive_response(sequence=second).release()  # so the first is answered, too
        server.kill()
        assert not client.is_server_connected
        with client.receive_response(sequence=first) as response:
            assert response.data == b"\xfe"
        client.close()
    with factory.create_in_place_duplex_server(name, z.BufferConfig(0, 128)):
        pass


def test_kill_of_the_client(serve: Serve, connect: Connect, name: str) -> None:
    gate = Gate()
    ran: list[bytes] = []

    def handler(frame: z.Frame) -> None:
        ran.append(bytes(frame.data))
        if frame.opcode == 1:
            gate(frame)

    server = serve(handler)
    with Child(CLIENT, name) as client:
        for i, request in enumerate((b"1 taken", b"0 never")):
            client.say(request.decode())
            assert client.line() == f"sent {i + 1}"
        gate.wait_entered()
        client.kill()
    assert not server.is_client_connected
    gate.let_go()
    with connect().call(b"next") as response:
        assert response.sequence == 1
    # What it sent and nobody had taken is passed over, unless the server took it before it noticed the death.
    assert ran in ([b"taken", b"next"], [b"taken", b"never", b"next"])


def test_a_stopped_peer_is_alive(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(SERVER, name) as server:
        server.line()
        with factory.create_client(name) as client:
            server.signal(signal.SIGSTOP)
            while state(server) != "T":
                pass
            with pytest.raises(z.TimeoutError):
                client.call(b"x", 0.4)
            assert client.is_server_connected
            server.signal(signal.SIGCONT)
            client.call(b"y").release()
        server.signal(signal.SIGINT)
        server.finish()


FORKING_CLIENT = """
import os, sys, zeroduplex as z
client = z.DuplexChannelFactory().create_client(sys.argv[1])
response = client.call(b"mine")
if os.fork() == 0:
    failures = []
    for call in (lambda: client.call(b"x"), lambda: client.send_request(b"x"), lambda: client.receive_response(0),
                 lambda: client.acquire_request_buffer(1), lambda: client.set_metadata(b"x"), lambda: client.cancel(1)):
        try:
            call()
            failures.append("no error")
        except z.ClosedError as e:
            if "belongs to the parent process" not in str(e):
                failures.append(str(e))
    response.release()
    client.close()
    print("child", failures, client.is_server_connected, flush=True)
    sys.stdin.readline()
    os._exit(0)
os.wait() if sys.argv[2] == "wait" else sys.stdin.readline()
"""


def test_a_forked_child_does_not_keep_its_parents_client_alive(serve: Serve, connect: Connect, name: str) -> None:
    server = serve(echo)
    with Child(FORKING_CLIENT, name, "") as client:
        assert client.line() == "child [] False"
        assert server.is_client_connected
        client.kill()  # the parent; its child lives on
        connect().call(b"x").release()
        client.say("end")


def test_a_forked_child_leaves_its_parents_client_alone(serve: Serve, name: str) -> None:
    server = serve(echo)
    with Child(FORKING_CLIENT, name, "wait") as client:
        assert client.line() == "child [] False"
        client.say("end")
        code, _, errors = client.finish()
        assert code == 0
        assert "ResourceWarning" not in errors or "response 1" in errors  # the parent never released it
    assert not server.is_client_connected


FORKING_SERVER = """
import os, sys, zeroduplex as z
server = z.DuplexChannelFactory().create_in_place_duplex_server(sys.argv[1], z.BufferConfig(0, 4096))
server.start(lambda frame: None)
if os.fork() == 0:
    failures = []
    for call in (lambda: server.set_metadata(b"x"), lambda: server.client_metadata, lambda: server.start(print)):
        try:
            call()
            failures.append("no error")
        except z.ClosedError:
            pass
    server.stop(1)
    server.close()
    print("child", failures, server.is_client_connected, flush=True)
    sys.stdin.readline()
    os._exit(0)
sys.stdin.readline()
"""


def test_a_forked_child_does_not_keep_its_parents_server_alive(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(FORKING_SERVER, name) as server:
        assert server.line() == "child [] False"
        with factory.create_client(name) as client:
            client.call(b"the child removed nothing").release()
            server.kill()
            with pytest.raises(z.ServerDeadError):
                client.receive_response(20)
        with factory.create_in_place_duplex_server(name, z.BufferConfig(0, 128)):
            pass  # its owner files are free, too
        server.say("end")


def spawned(name: str) -> None:
    with z.DuplexChannelFactory().create_client(name) as client, client.call(b"\7") as response:
        assert response.data == b"\xf8"


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(serve: Serve, name: str, method: str) -> None:
    serve(invert)
    child = multiprocessing.get_context(method).Process(  # type: ignore[attr-defined]
        target=spawned, args=(name,)
    )
    child.start()
    child.join(30)
    assert child.exitcode == 0


def test_no_noise_from_any_resource_tracker(name: str) -> None:
    code = """
import multiprocessing, sys
import zeroduplex as z

def work(name):
    with z.DuplexChannelFactory().create_client(name) as client:
        client.call(b"x").release()

if __name__ == "__main__":
    name = sys.argv[1]
    with z.DuplexChannelFactory().create_in_place_duplex_server(name, z.BufferConfig(0, 4096)) as server:
        server.start(lambda frame: None)
        child = multiprocessing.get_context("fork").Process(target=work, args=(name,))
        child.start()
        child.join()
        print(child.exitcode)
"""
    done = subprocess.run([sys.executable, "-W", "default", "-c", code, name], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_the_end_of_a_process_removes_its_server(name: str) -> None:
    code = """
import sys, zeroduplex as z
server = z.DuplexChannelFactory().create_in_place_duplex_server(sys.argv[1], z.BufferConfig(0, 4096))
server.start(lambda frame: None)
client = z.DuplexChannelFactory().create_client(sys.argv[1])
client.call(b"x").release()
"""
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert not os.path.exists(wire.object_path(name))


INTERRUPTED = """
import sys, threading, time, zeroduplex as z
client = z.DuplexChannelFactory().create_client(sys.argv[1], wait=z.WaitStrategy(sys.argv[2]))
calls = {
    "receive": lambda: client.receive_response(60),
    "call": lambda: client.call(b"x", 60, opcode=1),
    "send": lambda: client.send_request(b"x" * 4000, timeout=60),
    "queue": lambda: client.send_request(b"x", timeout=60),
}
if sys.argv[3] == "send":
    client.send_request(b"x" * 4000)
if sys.argv[3] == "queue":
    buffer = client.acquire_request_buffer(1)
if sys.argv[4] == "threads":  # another thread has the sleeper's role
    def other():
        try:
            client.receive_response(60)
        except z.ClosedError:
            pass
    threading.Thread(target=other).start()
try:
    print("waiting", flush=True)
    calls[sys.argv[3]]()
except KeyboardInterrupt:
    print("interrupted", flush=True)
client.close()
print("closed", flush=True)
"""


@pytest.mark.parametrize("wait", ["hybrid", "spin", "block"])
@pytest.mark.parametrize(("call", "threads"), [("receive", ""), ("receive", "threads"), ("call", ""), ("send", ""), ("queue", "")])
def test_ctrl_c_during_a_wait_returns_promptly(serve: Serve, name: str, wait: str, call: str, threads: str) -> None:
    serve(payload_size=4096)
    with Child(INTERRUPTED, name, wait, call, threads) as child:
        assert child.line() == "waiting"
        # Until the signal meets the wait itself and not the line before it.
        deadline = time.monotonic() + 10
        while wait != "spin" and state(child) != "S" and time.monotonic() < deadline:
            pass
        before = time.monotonic()
        child.signal(signal.SIGINT)
        assert child.line() == "interrupted"
        assert time.monotonic() - before < SOON
        assert child.line() == "closed"


@pytest.mark.parametrize("call", ["receive", "call", "send", "queue"])
def test_a_client_notices_a_signal_that_another_thread_got(serve: Serve, name: str, call: str) -> None:
    serve(payload_size=4096)
    with Child(INTERRUPTED, name, "block", call, "threads") as child:
        assert child.line() == "waiting"
        while state(child) != "S":  # of the main thread
            pass
        before = time.monotonic()
        child.signal_other_thread(signal.SIGINT)
        assert child.line() == "interrupted"
        assert time.monotonic() - before < SOON
        assert child.line() == "closed"


def test_an_idle_pair_sleeps(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(SERVER, name) as server:
        server.line()
        with factory.create_client(name) as client:
            client.call(b"x").release()
            assert idle_share(lambda: cpu_seconds(server.process.pid), client.receive_response) <= 0.01  # of a core
            assert idle_share(time.thread_time, client.receive_response) <= 0.01
        server.signal(signal.SIGINT)
        server.finish()


def test_memory_does_not_grow(name: str, factory: z.DuplexChannelFactory) -> None:
    with Child(SERVER, name) as server:
        server.line()
        with factory.create_client(name) as client:

            def round_trips(count: int) -> None:
                for i in range(count):
                    with client.acquire_request_buffer(64) as buffer:
                        buffer.data[:8] = i.to_bytes(8, "little")
                    with client.receive_response() as response:
                        assert response.size == 64

            round_trips(5000)
            for growth in memory_growth(lambda: round_trips(100_000), os.getpid(), server.process.pid):
                assert growth < 1 << 20
        server.signal(signal.SIGINT)
        server.finish()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small /dev/shm")
def test_a_full_dev_shm_is_an_error_and_no_signal() -> None:
    code = """
import zeroduplex as z
factory = z.DuplexChannelFactory()
for size in (2 << 20, (1 << 20) - 8192):
    try:
        factory.create_in_place_duplex_server("full", z.BufferConfig(0, size))
        print("created")
    except z.OutOfMemoryError as e:
        print("full")
import os
print(os.listdir("/dev/shm"))
"""
    script = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && head -c 200000 /dev/zero >/dev/shm/other && exec "$0" -c "$1"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, sys.executable, code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.splitlines(), done.stderr) == (["full", "full", "['other']"], "")
