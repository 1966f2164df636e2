"""The benchmark's control file: the raw limits that the two bench peers measure, and what they tell each other."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench_usage import Note
from line_native import ffi, native
from program import Failed

MAGIC: Final = 0x3148434E4542445A
ROUNDS_OFFSET: Final = 0x080
BALL_OFFSET: Final = 0x100
FILE_SIZE: Final = 4096
ROUNDS: Final = 2000
DROPPED: Final = 100
MOST_ROUNDS: Final = 1_000_000
ASKED_OFFSET: Final = 0x088
NOTE_OFFSET: Final = 0x180
MEMORY_OFFSET: Final = 0x1A8
ASK_NOTHING: Final = 0
ASK_LINE: Final = 1
"""What the client may ask the handler of the next frame for: a limit batch over the cache line,"""
ASK_SEMAPHORES: Final = 2
"""one over semaphores,"""
ASK_NOTE: Final = 3
"""what the server knows about itself,"""
ASK_MEMORY: Final = 4
"""and how much of the channel's memory is its."""
SEMAPHORE_ROUNDS: Final = 500
SEMAPHORES_DROPPED: Final = 25
CLOCK_READINGS: Final = 1000
SLOW_READING: Final = 300
"""Nanoseconds. A reading takes 50 to 140, but those of virtual machines were seen to take 500 for up to 65 ms at a time."""
PATIENCE: Final = 200_000_000
"""Nanoseconds with a clock that seems slow."""


def median(samples: list[int]) -> int:
    return sorted(samples)[min(len(samples) - 1, len(samples) // 2)] if samples else 0


def _clock_cost() -> int:
    readings = ffi.new("uint64_t[]", CLOCK_READINGS)
    native.line_clock(CLOCK_READINGS, readings)
    return median(list(readings))


def least_cost(measure: Callable[[], int]) -> int:
    """What reading a clock takes, in ns: the least of ten measurements, and of more while it seems slow. What slows the machine down for
    a moment must not be taken off every sample."""
    least, begin = measure(), time.monotonic_ns()
    rounds = 1
    while rounds < 10 or (least > SLOW_READING and time.monotonic_ns() - begin < PATIENCE):
        least = min(least, measure())
        rounds += 1
    return least


class Line:
    """The control file of one measurement, mapped. It lasts as long as the process."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            if os.fstat(file.fileno()).st_size != FILE_SIZE:
                raise Failed(f"{path} is not a control file of {FILE_SIZE} bytes")
            self._map = mmap.mmap(file.fileno(), FILE_SIZE)
        if struct.unpack_from("<Q", self._map, 0)[0] != MAGIC:
            raise Failed(f"{path} is not a control file: wrong magic")
        self._ball = ctypes.addressof(ctypes.c_char.from_buffer(self._map)) + BALL_OFFSET
        words = memoryview(self._map).cast("Q")
        self.asked = words[ASKED_OFFSET // 8 : ASKED_OFFSET // 8 + 1]
        """What the handler of the next frame is to do; publishing the frame makes it visible. Ask for nothing when it is answered."""
        self._memory = words[MEMORY_OFFSET // 8 : MEMORY_OFFSET // 8 + 1]
        self._note = words[NOTE_OFFSET // 8 : NOTE_OFFSET // 8 + 5]
        self._ping, self._pong = (_open_semaphore(path, which) for which in ("ping", "pong"))
        self._clock = least_cost(_clock_cost)

    def prepare(self, rounds: int) -> None:
        """The client's first step, before it sends the frame that makes the server play."""
        native.line_store(self._ball, 0)
        struct.pack_into("<Q", self._map, ROUNDS_OFFSET, rounds)

    def serve(self) -> list[int]:
        """The client's side; samples in ns without the cost of the clock."""
        samples = ffi.new("uint64_t[]", ROUNDS)
        if not native.line_serve(self._ball, ROUNDS, samples):
            raise Failed("the limit batch makes no progress")
        return [max(0, s - self._clock) for s in list(samples)[DROPPED:]]

    def serve_semaphores(self) -> list[int]:
        """The same over semaphores."""
        samples = ffi.new("uint64_t[]", SEMAPHORE_ROUNDS)
        if not native.semaphores_serve(self._ping, self._pong, SEMAPHORE_ROUNDS, samples):
            raise Failed("the limit batch over semaphores makes no progress")
        return [max(0, s - self._clock) for s in list(samples)[SEMAPHORES_DROPPED:]]

    def give_back(self) -> None:
        """The server's side. ValueError fails the handler."""
        if not native.line_return(self._ball, self._rounds()):
            raise ValueError("the limit batch makes no progress")

    def give_back_semaphores(self) -> None:
        """The same over semaphores."""
        if not native.semaphores_return(self._ping, self._pong, self._rounds()):
            raise ValueError("the limit batch over semaphores makes no progress")

    def _rounds(self) -> int:
        rounds: int = struct.unpack_from("<Q", self._map, ROUNDS_OFFSET)[0]
        if not 1 <= rounds <= MOST_ROUNDS:
            raise ValueError(f"limit batch of {rounds} rounds")
        return rounds

    def write_note(self, note: Note) -> None:
        """The server's side. Its answer to the frame makes the note visible to the client."""
        allocated = 0 if note.allocated is None else note.allocated + 1
        for i, word in enumerate((allocated, note.cpu + 1, note.cpu_ns, note.minor_faults, note.major_faults)):
            self._note[i] = word

    def read_note(self) -> Note:
        allocated, cpu, cpu_ns, minor, major = self._note
        return Note(cpu - 1, cpu_ns, minor, major, allocated - 1 if allocated else None)

    def write_memory(self, size: int) -> None:
        """The server's side of ASK_MEMORY."""
        self._memory[0] = size + 1

    def read_memory(self) -> int | None:
        """None: the server has not said."""
        said = int(self._memory[0])
        return said - 1 if said else None


def _open_semaphore(control: str, which: str) -> int:
    error = ffi.new("int *")
    semaphore: int = native.semaphore_open(f"/{Path(control).name}-{which}".encode(), error)
    if not semaphore:
        raise Failed(f"the benchmark's semaphore {which!r} cannot be opened: {os.strerror(error[0])}")
    return semaphore
