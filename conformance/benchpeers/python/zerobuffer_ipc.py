"""Peer zerobuffer-ipc: the published Python package of ZeroBuffer v1 and its duplex channel: a request is filled in shared memory, the
server writes the response into a second buffer."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import posix_ipc  # type: ignore[import-not-found]  # it has no types
from zerobuffer import BufferConfig, DuplexClient, Frame, Reader, ReaderDeadException, Writer, WriterDeadException

import peer
from work import Filler, Handler

CLIENT_BUFFER = 256 << 20
"""The room for responses, which the package's client does not let choose."""


LOOK_UP_S = 0.1
"""How often the server looks whether to end; a request wakes it at once."""


def room(o: argparse.Namespace) -> int:
    """For the frames on their way and one more, each with its header."""
    return int((o.inflight + 1) * (64 + (o.size + 63) // 64 * 64))


class Stopped(Exception):
    """The server is to end."""


def serve(o: argparse.Namespace, ready: Callable[[], None]) -> None:
    """Serves in a thread that no signal interrupts: the package takes an interrupted wait for a failure."""
    ended = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)
    failures: list[Exception] = []
    stop = threading.Event()

    def work() -> None:
        try:
            exchange(o, requests, stop)
        except (Stopped, WriterDeadException, ReaderDeadException):
            pass  # the client has gone, or so shall we
        except Exception as error:  # the other thread reports it
            failures.append(error)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    with Reader(f"{o.name}_request", BufferConfig(4096, room(o))) as requests:
        thread = threading.Thread(target=work)
        thread.start()
        ready()
        signal.sigwait(ended)
        stop.set()
        thread.join()
    remove_semaphores(o)
    if failures:
        raise peer.Failed(f"serving failed: {failures[0]}")
    raise SystemExit(0)


def exchange(o: argparse.Namespace, requests: Reader, stop: threading.Event) -> None:
    """What the package's own server does, but connecting for responses when the first request is here: its server may connect while the
    client still makes that buffer, after which neither gets any further."""
    handler = Handler(o)
    while not requests.is_writer_connected(int(1000 * LOOK_UP_S)):  # reading would take it for dead
        if stop.is_set():
            raise Stopped
    request = following(requests, stop)
    with Writer(f"{o.name}_response") as responses:
        while True:
            answer(request, responses, handler)
            request.dispose()
            request = following(requests, stop)


def following(requests: Reader, stop: threading.Event) -> Frame:
    """The next request, however long it takes."""
    while (request := requests.read_frame(LOOK_UP_S)) is None:
        if stop.is_set():
            raise Stopped
    return request


def answer(request: Frame, responses: Writer, handler: Handler) -> None:
    response = responses.get_frame_buffer(request.size)
    response[:] = request.data  # a request cannot be changed
    handler.handle(response)
    response.release()
    responses.commit_frame()


def remove_semaphores(o: argparse.Namespace) -> None:
    """The package's readers leave theirs behind."""
    for direction in ("request", "response"):
        for kind in ("w", "r"):
            with suppress(posix_ipc.Error):
                posix_ipc.unlink_semaphore(f"/sem-{kind}-{o.name}_{direction}")


class Client:
    def __init__(self, o: argparse.Namespace, client: DuplexClient) -> None:
        self.size = o.size
        self.filler = Filler(o)
        self.client = client

    def send(self, n: int) -> None:
        _, buffer = self.client.acquire_request_buffer(self.size)
        self.filler.fill(buffer, n)
        self.client.commit_request()

    def receive(self, n: int) -> None:
        response = self.client.receive_response(int(1000 * peer.TIMEOUT_S))
        if response.data is None:
            raise peer.Failed(f"no response to frame {n} within {peer.TIMEOUT_S} s")
        self.filler.check(response.data, n)
        self.client.release_response(response)


@contextmanager
def connect(o: argparse.Namespace) -> Iterator[Client]:
    with DuplexClient(o.name) as client:
        yield Client(o, client)


def unsupported(o: argparse.Namespace) -> str | None:
    if o.wait == "spin":
        return "the package has no busy wait"
    if room(o) > CLIENT_BUFFER:
        return f"{room(o)} bytes on their way, more than the client's {CLIENT_BUFFER}"
    return None


if __name__ == "__main__":
    peer.main(serve, connect, unsupported)
