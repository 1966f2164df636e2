"""Counting page faults. Programs of their own use it, which do not want all that the tests need."""

from __future__ import annotations

import mmap
import resource
from collections.abc import Callable
from typing import Final

from zeroduplex import DuplexClient
from zeroduplex._generated import wire

PAGE: Final = mmap.PAGESIZE
PAGES: Final = 2048
FEW: Final = PAGES // 10
"""Far below the pages tested; whatever else the thread does may have some faults."""


def faults_of(work: Callable[[], None]) -> int:
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def write_each_page(memory: memoryview) -> None:
    for at in range(0, len(memory), PAGE):
        memory[at] = 1


def lap_faults(client: DuplexClient, payload: int) -> int:
    """The faults of the client's first lap, which writes to every page of the ring."""

    def lap() -> None:
        for _ in range(4):
            with client.acquire_request_buffer(payload // 4 - wire.FRAME_HEADER_V2_SIZE) as buffer:
                write_each_page(buffer.data)
            client.receive_response(60).release()

    return faults_of(lap)
