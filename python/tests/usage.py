"""What processes use. Only what lasts counts: others' load, or a heap that settles, is over in the next window."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

import zeroduplex as z

WINDOWS = 3
WAIT = 3.0  # seconds


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have run."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def idle_share(used: Callable[[], float], wait: Callable[[float], object]) -> float:
    """The smallest share of a core, of the windows in which wait times out. A side that polls uses more in each."""
    shares = []
    for _ in range(WINDOWS):
        before = used()
        with pytest.raises(z.TimeoutError):
            wait(WAIT)
        shares.append((used() - before) / WAIT)
        if shares[-1] <= 0.01:
            break
    return min(shares)


def memory_growth(work: Callable[[], None], *pids: int) -> list[int]:
    """By how many bytes each process grew in the window of work in which it grew least. A leak grows in each."""

    def resident(pid: int) -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()

    least: list[int] = []
    for _ in range(WINDOWS):
        before = [resident(pid) for pid in pids]
        work()
        grown = [resident(pid) - was for pid, was in zip(pids, before, strict=True)]
        least = [min(pair) for pair in zip(least, grown, strict=True)] if least else grown
        if max(least) < 1 << 20:
            break
    return least
