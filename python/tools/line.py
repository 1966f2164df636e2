"""The benchmark's control file, and the cache line in it that the two bench peers bounce for the raw limit."""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import os
import struct
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from program import Failed

MAGIC: Final = 0x3148434E4542445A
ROUNDS_OFFSET: Final = 0x080
BALL_OFFSET: Final = 0x100
FILE_SIZE: Final = 4096
ROUNDS: Final = 2000
DROPPED: Final = 100
MOST_ROUNDS: Final = 1_000_000
OPCODE_LIMIT: Final = 1
CLOCK_READINGS: Final = 1000

_HERE = Path(__file__).resolve().parent
_DECLARATIONS = """
void line_store(uintptr_t ball, uint64_t value);
int line_await(uintptr_t ball, uint64_t value);
int line_return(uintptr_t ball, uint64_t rounds);
int line_serve(uintptr_t ball, uint64_t rounds, uint64_t *samples);
void line_clock(uint64_t count, uint64_t *samples);
"""


def build() -> Path:
    """Compiles line.c, once; bench peers that start at the same time do not disturb each other."""
    import cffi

    source = _HERE / "line.c"
    folder = _HERE / "build"
    folder.mkdir(exist_ok=True)
    done = folder / "_line.so"
    if not done.exists() or done.stat().st_mtime < source.stat().st_mtime:
        ffi = cffi.FFI()
        ffi.cdef(_DECLARATIONS)
        ffi.set_source("_line", source.read_text(), extra_compile_args=["-O2", "-std=gnu11"])
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            os.replace(ffi.compile(tmpdir=scratch), done)
    return done


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_line", build())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_module = _load()
native: Any = _module.lib
_ffi: Any = _module.ffi


def median(samples: list[int]) -> int:
    return sorted(samples)[min(len(samples) - 1, len(samples) // 2)] if samples else 0


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
        readings = _ffi.new("uint64_t[]", CLOCK_READINGS)
        native.line_clock(CLOCK_READINGS, readings)
        self._clock = median(list(readings))

    def prepare(self) -> None:
        """The client's first step, before it sends the frame that makes the server play."""
        native.line_store(self._ball, 0)
        struct.pack_into("<Q", self._map, ROUNDS_OFFSET, ROUNDS)

    def serve(self) -> list[int]:
        """The client's side; samples in ns without the cost of the clock."""
        samples = _ffi.new("uint64_t[]", ROUNDS)
        if not native.line_serve(self._ball, ROUNDS, samples):
            raise Failed("the limit batch makes no progress")
        return [max(0, s - self._clock) for s in list(samples)[DROPPED:]]

    def give_back(self) -> None:
        """The server's side. ValueError fails the handler."""
        rounds = struct.unpack_from("<Q", self._map, ROUNDS_OFFSET)[0]
        if not 1 <= rounds <= MOST_ROUNDS:
            raise ValueError(f"limit batch of {rounds} rounds")
        if not native.line_return(self._ball, rounds):
            raise ValueError("the limit batch makes no progress")


if __name__ == "__main__":
    print(build())
