from __future__ import annotations

import itertools
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

# Set by test_backends.py, which runs this suite again without the compiled helper.
if os.environ.get("ZERODUPLEX_TEST_BACKEND") == "libatomic":
    sys.modules["zeroduplex._native"] = None  # type: ignore[assignment]

import zeroduplex
from zeroduplex import (
    BufferConfig,
    DuplexChannelFactory,
    DuplexClient,
    Handler,
    ImmutableDuplexServer,
    ImmutableHandler,
    InPlaceDuplexServer,
    ZeroDuplexError,
)

# A shell without job control ignores SIGINT in what it starts in the background, and the processes of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = itertools.count()
_PREFIX = f"zdpy-{os.getpid()}-"


@pytest.fixture
def name() -> Iterator[str]:
    """A channel name of this test's own, of which nothing may be left."""
    name = f"{_PREFIX}{next(_numbers)}"
    yield name
    mine = re.compile(re.escape(name) + r"(_request|_response)?(\.[a-z-]+)?")  # with what is put behind it, or .lock
    for folder in ("/dev/shm", "/tmp/zerobuffer", f"{os.environ.get('TMPDIR') or '/tmp'}/zerobuffer/locks"):
        if os.path.isdir(folder):
            found = (mine.search(entry) for entry in os.listdir(folder))
            assert [f.string for f in found if f is not None and f.end() == len(f.string)] == []


@pytest.fixture
def factory() -> DuplexChannelFactory:
    return DuplexChannelFactory()


@pytest.fixture
def errors() -> list[ZeroDuplexError]:
    """What the server of the test told its error function."""
    return []


Serve = Callable[..., InPlaceDuplexServer]
Connect = Callable[..., DuplexClient]


@pytest.fixture
def serve(name: str, factory: DuplexChannelFactory, errors: list[ZeroDuplexError]) -> Iterator[Serve]:
    """Starts a server of the test's name; it is stopped at the end."""
    servers: list[InPlaceDuplexServer] = []

    def start(handler: Handler | None = None, payload_size: int = 65536, metadata_size: int = 4096, **options: Any) -> InPlaceDuplexServer:
        options.setdefault("on_error", errors.append)
        server = factory.create_in_place_duplex_server(name, BufferConfig(metadata_size, payload_size), **options)
        servers.append(server)
        if handler is not None:
            server.start(handler)
        return server

    yield start
    for server in servers:
        with suppress(zeroduplex.TimeoutError):  # a test that leaves responses unread on purpose
            server.stop(1)


@pytest.fixture
def connect(name: str, serve: Serve, factory: DuplexChannelFactory) -> Iterator[Connect]:
    """Connects clients to the test's server; they are closed at the end, before the server."""
    clients: list[DuplexClient] = []

    def attach(**options: Any) -> DuplexClient:
        client = factory.create_client(name, **options)
        clients.append(client)
        return client

    yield attach
    for client in clients:
        client.close()


SMALL = BufferConfig(256, 4096)
StartV1 = Callable[..., ImmutableDuplexServer]
ConnectV1 = Callable[..., DuplexClient]


@pytest.fixture
def start_v1(name: str, factory: DuplexChannelFactory, errors: list[ZeroDuplexError]) -> Iterator[StartV1]:
    """Starts a v1 server of the test's name; it is stopped at the end."""
    servers: list[ImmutableDuplexServer] = []

    def make(
        handler: Handler | None = None, by_hand: ImmutableHandler | None = None, config: BufferConfig = SMALL, **options: Any
    ) -> ImmutableDuplexServer:
        server = factory.create_immutable_server(name, config, **{"on_error": errors.append, **options})
        servers.append(server)
        if handler is not None:
            server.start(handler)
        if by_hand is not None:
            server.start_immutable(by_hand)
        return server

    yield make
    for server in servers:
        with suppress(zeroduplex.TimeoutError):
            server.stop(1)


@pytest.fixture
def connect_v1(name: str, start_v1: StartV1, factory: DuplexChannelFactory) -> Iterator[ConnectV1]:
    """Connects clients to the test's v1 server; they are closed at the end, before the server."""
    clients: list[DuplexClient] = []

    def attach(**options: Any) -> DuplexClient:
        client = factory.create_client(name, **{"response_config": SMALL, **options})
        clients.append(client)
        return client

    yield attach
    for client in clients:
        client.close()
