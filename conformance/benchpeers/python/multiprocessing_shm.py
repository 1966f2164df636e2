"""Peer multiprocessing-shm: the standard library alone. A frame lies in a SharedMemory for good and is changed there; a message of one
byte over a multiprocessing Connection, which is what a Pipe has at either end, says whose turn it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Client as connect_to
from multiprocessing.connection import Connection, Listener
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import peer
from work import Filler, Handler

BELL = b"\0"
CACHE_LINE = 64


def address(o: argparse.Namespace) -> str:
    return f"/tmp/zeroduplex-bench-{o.name}.socket"


def memory_name(o: argparse.Namespace) -> str:
    return f"zeroduplex-bench-{o.name}"


def stride(o: argparse.Namespace) -> int:
    return int((o.size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE)


@contextmanager
def slots(o: argparse.Namespace, memory: SharedMemory) -> Iterator[list[memoryview]]:
    """A frame for each that is on its way. Views must be gone before the memory is closed."""
    buffer = memory.buf
    if buffer is None:
        raise peer.Failed("the shared memory is closed already")
    frames = [buffer[i * stride(o) : i * stride(o) + o.size] for i in range(o.inflight)]
    try:
        yield frames
    finally:
        for frame in frames:
            frame.release()
        buffer.release()
        memory.close()


def attach(o: argparse.Namespace) -> SharedMemory:
    """Attaches to the server's memory. Python before 3.13 would remove it at this program's end, as if it were its own."""
    if sys.version_info >= (3, 13):
        return SharedMemory(memory_name(o), track=False)
    memory = SharedMemory(memory_name(o))
    resource_tracker.unregister(f"/{memory.name}", "shared_memory")
    return memory


def serve(o: argparse.Namespace, ready: Callable[[], None]) -> None:
    handler = Handler(o)
    memory = SharedMemory(memory_name(o), create=True, size=stride(o) * o.inflight)
    try:
        with slots(o, memory) as frames, Listener(address(o), "AF_UNIX") as listener:
            ready()
            while True:
                with listener.accept() as connection, suppress(EOFError, ConnectionResetError, BrokenPipeError):
                    answer(connection, frames, handler)
    finally:
        memory.unlink()


def answer(connection: Connection[Any, Any], frames: list[memoryview], handler: Handler) -> None:
    while True:
        for frame in frames:
            connection.recv_bytes()
            handler.handle(frame)
            connection.send_bytes(BELL)


class Client:
    def __init__(self, o: argparse.Namespace, frames: list[memoryview], connection: Connection[Any, Any]) -> None:
        self.filler = Filler(o)
        self.frames = frames
        self.connection = connection

    def slot(self, n: int) -> memoryview:
        return self.frames[(n - 1) % len(self.frames)]

    def send(self, n: int) -> None:
        self.filler.fill(self.slot(n), n)
        self.connection.send_bytes(BELL)

    def receive(self, n: int) -> None:
        self.connection.recv_bytes()
        self.filler.check(self.slot(n), n)


@contextmanager
def connect(o: argparse.Namespace) -> Iterator[Client]:
    with closing(connect_to(address(o), "AF_UNIX")) as connection, slots(o, attach(o)) as frames:
        yield Client(o, frames, connection)


def unsupported(o: argparse.Namespace) -> str | None:
    return "multiprocessing's connections have no busy wait" if o.wait == "spin" else None


if __name__ == "__main__":
    peer.main(serve, connect, unsupported)
