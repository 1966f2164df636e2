"""Names, sizes and options are checked before anything is touched."""

from __future__ import annotations

import mmap
import os
from typing import Any

import pytest
from support import Gate

import zeroduplex as z
from zeroduplex._generated import wire
from zeroduplex._generated.errors import ERROR_CLASSES, ERRORS


@pytest.mark.parametrize("name", ["", ".hidden", "sem.x", "a/b", "a b", "ä", "x" * 201, "a\0b", "\udc80"])
def test_bad_names(factory: z.DuplexChannelFactory, name: str) -> None:
    for make in (factory.create_in_place_duplex_server, factory.create_client):
        with pytest.raises(z.InvalidNameError, match="the name") as caught:
            make(name)
        assert isinstance(caught.value, z.InvalidArgumentError)


def test_longest_name(factory: z.DuplexChannelFactory, name: str) -> None:
    long = (name + "A.z-_9" * 40)[:200]
    with factory.create_in_place_duplex_server(long, z.BufferConfig(0, 128)) as server, factory.create_client(long) as client:
        server.start(lambda frame: None)
        client.call(b"x").release()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (z.BufferConfig(0, 127), "payload size 127"),
        (z.BufferConfig(0, -1), "payload size -1"),
        (z.BufferConfig(-1, 128), "metadata size -1"),
        (z.BufferConfig(0, 2**62 + 1), "payload size"),
        (z.BufferConfig(2**30 + 1, 128), "metadata size"),
        (z.BufferConfig(2**30, 128), "make no segment"),
    ],
)
def test_bad_sizes(factory: z.DuplexChannelFactory, name: str, config: z.BufferConfig, message: str) -> None:
    with pytest.raises(z.InvalidArgumentError, match=message):
        factory.create_in_place_duplex_server(name, config)


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"mode": 0o400},
        {"mode": 0o1600},
        {"spin_window": -1},
        {"reset_timeout": float("nan")},
        {"stop_timeout": float("inf")},
        {"on_error": 5},
        {"wait": "doze"},
    ],
)
def test_bad_server_options(factory: z.DuplexChannelFactory, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        factory.create_in_place_duplex_server(name, **options)


@pytest.mark.parametrize(
    "options", [{"connect_timeout": -1}, {"call_timeout": -1}, {"send_timeout": -1}, {"spin_window": -1}, {"lap": "never"}, {"wait": ""}]
)
def test_bad_client_options(factory: z.DuplexChannelFactory, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        factory.create_client(name, **options)


def test_wait_strategies_are_read() -> None:
    assert [z.WaitStrategy.parse(text) for text in ("spin", "hybrid", "block")] == [
        z.WaitStrategy.SPIN,
        z.WaitStrategy.HYBRID,
        z.WaitStrategy.BLOCK,
    ]
    with pytest.raises(z.InvalidArgumentError, match="'doze' is none of spin, hybrid, block"):
        z.WaitStrategy.parse("doze")


def test_default_sizes() -> None:
    layout = z.BufferConfig().layout()
    assert layout.payload.size == 16 << 20
    assert layout.metadata_response.size == 4096
    example = z.BufferConfig(4096, 1 << 20).layout()
    assert (example.payload.offset, example.length) == (0x20C0, 1_056_960)


def test_more_than_shared_memory_has(factory: z.DuplexChannelFactory, name: str) -> None:
    status = os.statvfs("/dev/shm")
    with pytest.raises(z.OutOfMemoryError, match="bytes free in shared memory") as caught:
        factory.create_in_place_duplex_server(name, z.BufferConfig(0, status.f_blocks * status.f_frsize + (1 << 30)))
    assert isinstance(caught.value, MemoryError)


def test_every_error_of_the_spec_says_what_to_do() -> None:
    for code, kind in ERROR_CLASSES.items():
        error = kind("this very case")
        assert error.code is code
        assert str(error).startswith("this very case (")
        assert ERRORS[code].remedy in str(error)
        assert error.retryable is ERRORS[code].retryable


class TestViews:
    """Channels over existing memory."""

    def make(self, size: int = 8192) -> z.SharedMemoryView:
        return z.SharedMemoryView(mmap.mmap(-1, size))

    def test_round_trip_and_reconnect(self, factory: z.DuplexChannelFactory, name: str) -> None:
        view = self.make()
        config = z.BufferConfig.over(view, 0)
        assert config.payload_size == 8192 - 0xC0
        server = factory.create_in_place_duplex_server(name, config)
        server.start(lambda frame: frame.data.__setitem__(0, frame.data[0] + 1))
        for i in range(20):
            with factory.create_client(name, memory=view) as client:
                with client.call(bytes([i])) as response:
                    assert response.data[0] == i + 1
                with pytest.raises(z.WriterAlreadyConnectedError):
                    factory.create_client(name, memory=view, connect_timeout=0)
                assert client.is_server_connected
                assert server.is_client_connected
        with factory.create_client(name, memory=view) as client:
            client.call(b"x").release()
            server.stop(1)
            assert not client.is_server_connected
            with pytest.raises(z.ServerDeadError):
                client.call(b"x")
        with pytest.raises(z.ServerNotFoundError, match="its server has stopped"):
            factory.create_client(name, memory=view, connect_timeout=0)

    def test_handlers_that_do_not_end_keep_the_next_client_waiting(self, factory: z.DuplexChannelFactory, name: str) -> None:
        view, gate = self.make(), Gate()
        with factory.create_in_place_duplex_server(name, z.BufferConfig.over(view, 0), reset_timeout=0.05) as server:
            server.start(gate)
            client = factory.create_client(name, memory=view)
            client.send_request(b"x")
            gate.wait_entered()
            client.close()
            with pytest.raises(z.ServerBusyError):
                factory.create_client(name, memory=view, connect_timeout=0.3)
            gate.let_go()
            gate.let_go()
            with factory.create_client(name, memory=view) as second:
                second.call(b"y").release()

    def test_refusals(self, factory: z.DuplexChannelFactory, name: str) -> None:
        view = self.make()
        with pytest.raises(z.InvalidArgumentError, match="cannot allocate"):
            view.allocate(name, 64, 0o600)
        assert not view.has_liveness
        for wrong in (b"read-only" * 64, bytearray(0), 5, memoryview(mmap.mmap(-1, 4096))[1:], memoryview(bytearray(128))[::2]):
            with pytest.raises(z.InvalidArgumentError):
                z.SharedMemoryView(wrong)
        with pytest.raises(z.InvalidArgumentError, match="does not fit"):
            z.BufferConfig.over(view, 8192)
        with pytest.raises(z.InvalidArgumentError, match="the memory has 8192 bytes"):
            factory.create_in_place_duplex_server(name, z.BufferConfig(0, 8192, view))
        with pytest.raises(z.InvalidArgumentError, match="the view has only 64 bytes"):
            factory.create_client(name, memory=z.SharedMemoryView(memoryview(mmap.mmap(-1, 4096))[:64]))
        with pytest.raises(z.ServerNotFoundError, match="not ready"):
            factory.create_client(name, memory=view, connect_timeout=0)

    def test_own_memory(self, name: str) -> None:
        own = z.SharedMemory()
        with pytest.raises(z.InvalidArgumentError, match="nothing was allocated"):
            _ = own.memory
        own.allocate(name, 4096)
        assert own.has_liveness
        assert len(own.memory) == 4096
        with pytest.raises(z.InvalidArgumentError, match="already"):
            own.allocate(name, 4096)
        view = own.memory[:5]
        with pytest.raises(BufferError):
            own.close()  # nothing is unmapped under a view
        view.release()
        own.close()
        own.close()
        assert not os.path.exists(wire.object_path(name))
