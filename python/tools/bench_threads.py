"""A frame's work without any library: two threads of one process, one buffer of shared memory and one word that says whose turn it
is.
What it takes is the floor for the work itself."""

from __future__ import annotations

import ctypes
import mmap
import queue
import threading
import time
from typing import Final

import bench_work
from line_native import native
from program import Failed, pin_to_cpu

_now: Final = time.perf_counter_ns


class Threads:
    """The helper thread sleeps between blocks, or it would compete with the server."""

    def __init__(self, size: int, cpu: int, touch: str) -> None:
        self._size = size
        self._buffer = memoryview(mmap.mmap(-1, max(1, size), mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))[:size]
        self._word = ctypes.c_uint64(0)
        self._turn = ctypes.addressof(self._word)
        self._count = 0
        self._fill, self._check = bench_work.FILL[touch], bench_work.CHECK[touch]
        self._invert = bench_work.INVERT[touch]
        self._blocks: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._help, args=(cpu,), daemon=True).start()

    def _help(self, cpu: int) -> None:
        pin_to_cpu(cpu)
        turn = 0
        while frames := self._blocks.get():
            for _ in range(frames):
                native.line_await(self._turn, turn + 1)
                self._invert(self._buffer)
                turn += 2
                native.line_store(self._turn, turn)

    def block(self, frames: int, clock_cost: int) -> list[int]:
        """Measures a block of frames; the first one, which waits for the helper to wake, is no sample."""
        samples = []
        self._blocks.put(frames)
        before = _now()
        for i in range(frames):
            n = self._count + 1
            self._fill(self._buffer, n)
            native.line_store(self._turn, 2 * n - 1)
            if not native.line_await(self._turn, 2 * n):
                raise Failed("the helper thread makes no progress")
            self._check(self._buffer, n, self._size)
            self._count = n
            after = _now()
            if i > 0:
                samples.append(max(0, after - before - clock_cost))
            before = after
        return samples

    def stop(self) -> None:
        self._blocks.put(0)
