"""Peer zerobuffer-ipc: the published Python package of ZeroBuffer v1, by its own duplex channel: a request is filled in shared memory,
its server writes the response into a second buffer."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import posix_ipc  # type: ignore[import-not-found]  # it has no types
from zerobuffer import BufferConfig, DuplexClient, ErrorEventArgs, Frame, ImmutableDuplexServer, Writer
from zerobuffer.exceptions import ZeroBufferException

import peer
from work import Filler, Handler

CLIENT_BUFFER = 256 << 20
"""The room for responses, which the package's client does not let choose."""


def room(o: argparse.Namespace) -> int:
    """For the frames on their way and one more, each with its header."""
    return int((o.inflight + 1) * (64 + (o.size + 63) // 64 * 64))


def serve(o: argparse.Namespace, ready: Callable[[], None]) -> None:
    work = Handler(o)

    def handle(request: Frame, responses: Writer) -> None:
        response = responses.get_frame_buffer(request.size)
        response[:] = request.data  # a request cannot be changed
        work.handle(response)
        response.release()
        responses.commit_frame()

    failures: list[BaseException] = []
    failed = threading.Event()

    def fail(args: ErrorEventArgs) -> None:
        failures.append(args.exception)
        failed.set()

    server = ImmutableDuplexServer(o.name, BufferConfig(4096, room(o)), timeout=peer.TIMEOUT_S)
    server.add_error_handler(fail)
    server.start(handle)
    try:
        while server.request_reader is None and not failed.is_set():
            time.sleep(0.001)
        if not failed.is_set():
            ready()
        failed.wait()
        raise peer.Failed(f"serving failed: {failures[0]}")
    except SystemExit:
        if any(not isinstance(failure, ZeroBufferException) for failure in failures):
            raise peer.Failed(f"serving failed: {failures[0]}") from None
        raise
    finally:
        server.stop()
        remove_semaphores(o)


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
