"""Builds zeroduplex._native with cffi. Run by setuptools (setup.py, cffi_modules)."""

from __future__ import annotations

import importlib.util
import re
from enum import IntEnum, IntFlag
from pathlib import Path
from types import ModuleType

import cffi

HERE = Path(__file__).resolve().parent
WIRE = HERE.parent / "src" / "zeroduplex" / "_generated" / "wire.py"


def load_wire() -> ModuleType:
    """Loads the generated numbers without the package, which cannot be imported before its helper is built."""
    spec = importlib.util.spec_from_file_location("zeroduplex_wire", WIRE)
    assert spec is not None and spec.loader is not None
    wire = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = wire  # dataclasses look their module up there
    spec.loader.exec_module(wire)
    return wire


def macros(wire: ModuleType) -> dict[str, str]:
    """Every number of the wire format as a macro, so that C code states none of its own."""
    numbers: dict[str, int] = {}
    for name, value in vars(wire).items():
        if isinstance(value, int) and not isinstance(value, bool) and name.isupper():
            numbers[name] = value
        elif isinstance(value, type) and issubclass(value, (IntEnum, IntFlag)) and value not in (IntEnum, IntFlag):
            prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
            numbers.update({f"{prefix}_{member}": int(number) for member, number in value.__members__.items()})
    return {f"ZD_{name}": _literal(value) for name, value in sorted(numbers.items())}


def defines(wire: ModuleType) -> str:
    return "".join(f"#define {name} {value}\n" for name, value in macros(wire).items())


def _literal(value: int) -> str:
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return str(value)
    return f"UINT64_C({value})"


COMPILE = ["-O2", "-std=gnu11", "-fno-strict-aliasing", "-Wall"]
PARTS = ("helper", "common", "stream")
declarations = "\n".join((HERE / f"{part}.h").read_text() for part in PARTS)
code = "\n".join((HERE / f"{part}.c").read_text() for part in PARTS)

ffibuilder = cffi.FFI()
ffibuilder.cdef(declarations)
ffibuilder.set_source(
    "zeroduplex._native",
    f"#include <stdint.h>\n{defines(load_wire())}\n{declarations}\n{code}",
    extra_compile_args=COMPILE,
)
