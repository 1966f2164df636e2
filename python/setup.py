"""Only what pyproject.toml cannot say: what is compiled. It is against the stable ABI, so that one wheel serves every Python from 3.11 on;
the stable ABI of 3.10 has no buffers yet, so that 3.10 has a wheel of its own."""

import sys
from pathlib import Path

from setuptools import Extension, setup

sys.path.insert(0, str(Path(__file__).resolve().parent / "native"))

import build_native

STABLE = sys.version_info >= (3, 11)
fast = Extension(
    "zeroduplex._fast",
    ["native/fast.c"],
    depends=[f"native/{file.name}" for file in Path(build_native.HERE).glob("*.[ch]")],
    define_macros=[*build_native.macros(build_native.load_wire()).items(), *([("Py_LIMITED_API", "0x030B0000")] if STABLE else [])],
    extra_compile_args=[*build_native.COMPILE, "-fvisibility=hidden", "-Wno-cast-function-type"],
    py_limited_api=STABLE,
)

setup(
    cffi_modules=["native/build_native.py:ffibuilder"],
    ext_modules=[fast],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
