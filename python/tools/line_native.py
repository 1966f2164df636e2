"""The compiled helper of the bench peers: line.c."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

_HERE = Path(__file__).resolve().parent
_DECLARATIONS = """
void line_store(uintptr_t ball, uint64_t value);
int line_await(uintptr_t ball, uint64_t value);
int line_return(uintptr_t ball, uint64_t rounds);
int line_serve(uintptr_t ball, uint64_t rounds, uint64_t *samples);
void line_clock(uint64_t count, uint64_t *samples);
int current_cpu(void);
uintptr_t semaphore_open(const char *name, int *error);
int semaphores_return(uintptr_t ping, uintptr_t pong, uint64_t rounds);
int semaphores_serve(uintptr_t ping, uintptr_t pong, uint64_t rounds, uint64_t *samples);
uint64_t copy_repeatedly(char *to, const char *from, uint64_t size, uint64_t times);
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
ffi: Any = _module.ffi

if __name__ == "__main__":
    print(build())
