"""asyncio: one thread waits for all tasks."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading

import pytest
from conftest import Connect, Serve
from support import Gate, echo, invert

import zeroduplex as z


def test_many_tasks_share_one_thread(serve: Serve, connect: Connect) -> None:
    serve(invert, workers=3, payload_size=1 << 20)
    client = connect()
    threads: set[str] = set()

    async def one(i: int) -> None:
        data = bytes([i % 256]) * i
        with await client.call_async(data, 20, opcode=i) as response:
            assert response.data == bytes([255 - i % 256]) * i
            assert response.opcode == i
        threads.update(t.name for t in threading.enumerate() if t.name.startswith("zeroduplex") and t.name.endswith("async"))

    async def main() -> None:
        await asyncio.gather(*(one(i) for i in range(300)))

    asyncio.run(main())
    assert threads == {f"zeroduplex-{client.name}-async"}
    assert not any(t.name.startswith("asyncio") for t in threading.enumerate())


def test_receive_any_and_by_number(serve: Serve, connect: Connect) -> None:
    serve(invert)
    client = connect()

    async def main() -> None:
        first, second = client.send_request(b"\1"), client.send_request(b"\2")
        with await client.receive_async(sequence=second) as response:
            assert response.data == b"\xfd"
        with await client.receive_async() as response:
            assert response.sequence == first
        with pytest.raises(z.UnknownSequenceError):
            await client.receive_async(sequence=99)

    asyncio.run(main())


def test_errors_come_to_the_task(serve: Serve, connect: Connect) -> None:
    def handler(frame: z.Frame) -> None:
        raise z.Failure(5, "no")

    serve(handler)
    client = connect()

    async def main() -> None:
        with pytest.raises(z.HandlerFailedError) as failed:
            await client.call_async(b"", capacity=64)
        assert (failed.value.status, failed.value.message) == (5, "no")
        with pytest.raises(z.TimeoutError):
            await client.receive_async(0.05)
        with pytest.raises(z.FrameTooLargeError):
            await client.call_async(bytes(65536))
        with pytest.raises(z.InvalidArgumentError):
            await client.call_async(b"", -1)

    asyncio.run(main())


def test_timed_out_task_drops_its_late_answer(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate, payload_size=256)
    client = connect()

    async def main() -> None:
        with pytest.raises(z.TimeoutError):
            await client.call_async(b"late", 0.05)
        gate.let_go()
        gate.let_go()
        with await client.call_async(b"x" * 192, 10) as response:
            assert response.sequence == 2

    asyncio.run(main())


def test_cancelled_task_gives_everything_back(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate, payload_size=512)
    client = connect()

    async def main() -> None:
        taken = asyncio.create_task(client.call_async(b"a"))
        waiting = asyncio.create_task(client.call_async(b"b"))
        receiving = asyncio.create_task(client.receive_async())
        await asyncio.to_thread(gate.wait_entered)
        for task in (taken, waiting, receiving):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        gate.let_go()
        gate.let_go()
        with await client.call_async(b"x" * 448, 10) as response:  # needs the whole ring
            assert response.sequence == 3

    asyncio.run(main())


def test_cancelling_the_request_ends_the_task(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate)
    client = connect()

    async def main() -> None:
        blocker = asyncio.create_task(client.call_async(b"a"))
        await asyncio.to_thread(gate.wait_entered)
        sequence = client.send_request(b"b")
        task = asyncio.create_task(client.receive_async(20, sequence=sequence))
        await asyncio.sleep(0)
        assert client.cancel(sequence)
        with pytest.raises(z.CancelledError):
            await task
        gate.let_go()
        (await blocker).release()

    asyncio.run(main())


def test_full_ring_waits_on_a_thread(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate, payload_size=128)
    client = connect()

    async def main() -> None:
        first = asyncio.create_task(client.call_async(b"1"))
        second = asyncio.create_task(client.call_async(b"2", 20))
        await asyncio.to_thread(gate.wait_entered)
        gate.let_go()
        gate.let_go()
        (await first).release()
        (await second).release()

        # Cancelled while it waits for room, its request is taken back or its answer dropped.
        buffer = client.acquire_request_buffer(1)
        third = asyncio.create_task(client.call_async(b"3", 20))
        while not any("asyncio" in t.name for t in threading.enumerate()):
            await asyncio.sleep(0)
        third.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third
        buffer.abort()
        for _ in range(2):
            gate.let_go()
        (await client.call_async(b"4", 20)).release()

    asyncio.run(main())


def test_close_ends_all_tasks(serve: Serve, connect: Connect) -> None:
    serve()
    client = connect()

    async def main() -> None:
        tasks = [asyncio.create_task(client.call_async(b"x")), asyncio.create_task(client.receive_async())]
        await asyncio.sleep(0)
        await asyncio.to_thread(client.close)
        for task in tasks:
            with pytest.raises(z.ClosedError):
                await task
        with pytest.raises(z.ClosedError):
            await client.call_async(b"x")

    asyncio.run(main())


def test_an_answer_for_a_loop_that_is_gone_is_dropped(serve: Serve, connect: Connect) -> None:
    gate = Gate()
    serve(gate, payload_size=128)
    client = connect()

    loop = asyncio.new_event_loop()
    task = loop.create_task(client.call_async(b"x"))
    loop.run_until_complete(asyncio.sleep(0))
    gate.wait_entered()
    loop.close()
    gate.let_go()
    gate.let_go()
    client.call(b"needs the room of the first", capacity=64).release()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()


def test_the_thread_goes_and_comes_back(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    from zeroduplex import _async

    monkeypatch.setattr(_async, "_LINGER", 0.01)
    serve(echo)
    client = connect()

    def waiting() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name == f"zeroduplex-{client.name}-async"]

    for _ in range(3):
        asyncio.run(client.call_async(b"x")).release()
        for thread in waiting():
            thread.join(10)
        assert waiting() == []


def test_importing_loads_neither_asyncio_nor_numpy() -> None:
    code = "import sys, zeroduplex; print(sorted({'asyncio', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
