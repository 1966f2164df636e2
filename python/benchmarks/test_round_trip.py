"""Round trips with pytest-benchmark: a request that is filled in place, and its answer from another process, not pinned to any CPU.

The raw limits of the machine beside it, other languages and percentiles are what `zeroduplex bench` measures."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from zeroduplex import BufferConfig, DuplexChannelFactory, DuplexClient, Frame, WaitStrategy

SIZES = (64, 65_536, 3_110_416)


def invert_first(frame: Frame) -> None:
    frame.data[0] ^= 0xFF


def serve(name: str, size: int, wait: WaitStrategy, told: Connection) -> None:
    """Serves until the other end of the pipe says something or is gone."""
    with DuplexChannelFactory().create_in_place_duplex_server(name, BufferConfig(0, 3 * (size + 128)), wait=wait) as server:
        server.start(invert_first)
        told.send("serving")
        told.poll(None)


@contextmanager
def client_of_another_process(size: int, wait: WaitStrategy) -> Iterator[DuplexClient]:
    name = f"zdpy-benchmark-{os.getpid()}"
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(name, size, wait, theirs))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "serving"
        with DuplexChannelFactory().create_client(name, wait=wait) as client:
            yield client
    finally:
        ours.close()
        process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wait", list(WaitStrategy))
def test_round_trip(benchmark: BenchmarkFixture, wait: WaitStrategy, size: int) -> None:
    pattern = bytearray(size)

    def round_trip(client: DuplexClient) -> None:
        pattern[0] = (pattern[0] + 1) % 256
        with client.acquire_request_buffer(size) as request:
            request.data[:] = pattern
        with client.receive_response() as response:
            assert response.data[0] == pattern[0] ^ 0xFF

    with client_of_another_process(size, wait) as client:
        benchmark(round_trip, client)
