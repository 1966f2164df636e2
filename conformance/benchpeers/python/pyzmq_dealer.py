"""Peer pyzmq: two DEALER sockets over a Unix socket. Messages from pyzmq's threshold on are not copied between Python and libzmq; the
server changes the very message that it received, and answers with it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq

import peer
from work import Filler, Handler


def endpoint(o: argparse.Namespace) -> str:
    """In the abstract namespace, so that nothing is left behind."""
    return f"ipc://@zeroduplex-bench-{o.name}"


class Socket:
    """A DEALER that spins or sleeps. A look that finds nothing costs pyzmq an exception."""

    def __init__(self, o: argparse.Namespace, socket: zmq.Socket[bytes]) -> None:
        self.raw = socket
        self.spin = o.wait == "spin"
        socket.set_hwm(0)
        socket.linger = 0

    def receive(self, deadline: float | None = None) -> zmq.Frame:
        if not self.spin:
            return self.raw.recv(copy=False)
        looks = 0
        while True:
            try:
                return self.raw.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                looks += 1
                if looks % 65536 == 0 and deadline is not None and time.monotonic() > deadline:
                    raise

    def send(self, data: memoryview | zmq.Frame) -> None:
        self.raw.send(data, copy=False)


@contextmanager
def opened(o: argparse.Namespace) -> Iterator[Socket]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        yield Socket(o, socket)


def serve(o: argparse.Namespace, ready: Callable[[], None]) -> None:
    handler = Handler(o)
    with opened(o) as socket:
        socket.raw.bind(endpoint(o))
        ready()
        while True:
            frame = socket.receive()
            handler.handle(frame.buffer)
            socket.send(frame)


class Client:
    def __init__(self, o: argparse.Namespace, socket: Socket) -> None:
        self.filler = Filler(o)
        self.socket = socket
        self.frames = [memoryview(bytearray(o.size)) for _ in range(o.inflight)]

    def send(self, n: int) -> None:
        """A frame's memory is free again when its response is here: the server had it all."""
        frame = self.frames[n % len(self.frames)]
        self.filler.fill(frame, n)
        self.socket.send(frame)

    def receive(self, n: int) -> None:
        try:
            frame = self.socket.receive(time.monotonic() + peer.TIMEOUT_S if self.socket.spin else None)
        except zmq.Again:
            raise peer.Failed(f"no response to frame {n} within {peer.TIMEOUT_S} s") from None
        self.filler.check(frame.buffer, n)


@contextmanager
def connect(o: argparse.Namespace) -> Iterator[Client]:
    with opened(o) as socket:
        socket.raw.rcvtimeo = int(1000 * peer.TIMEOUT_S)
        socket.raw.connect(endpoint(o))
        yield Client(o, socket)


if __name__ == "__main__":
    peer.main(serve, connect)
