"""With the compiled helper, without it, and without anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import zeroduplex
from zeroduplex._state import FAST

HERE = Path(__file__).resolve().parent

BLOCK = """
import sys, ctypes
sys.modules["zeroduplex._native"] = None
real = ctypes.CDLL
class CDLL(real):
    def __init__(self, name, *arguments, **options):
        if {blocked} and name is not None and "libatomic" in name:
            raise OSError("libatomic.so.1: cannot open shared object file: No such file or directory")
        super().__init__(name, *arguments, **options)
ctypes.CDLL = CDLL
import zeroduplex
print(zeroduplex.BACKEND)
"""


def run(blocked: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCK.format(blocked=blocked)], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(os.environ.get("ZERODUPLEX_TEST_BACKEND") == "libatomic", reason="this run is the one without the helper")
def test_the_helper_is_used_where_it_is() -> None:
    assert zeroduplex.BACKEND == "native"
    assert FAST


def test_without_the_helper_libatomic_is_used() -> None:
    done = run(blocked=False)
    assert (done.stdout, done.stderr) == ("libatomic\n", "")


def test_without_anything_the_error_says_what_to_install() -> None:
    done = run(blocked=True)
    assert done.returncode == 1
    assert "ImportError: zeroduplex needs its compiled helper or libatomic.so.1" in done.stderr
    assert "pip install" in done.stderr
    assert "apt install libatomic1" in done.stderr
    assert "libatomic.so.1: cannot open shared object file" in done.stderr


@pytest.mark.skipif(os.environ.get("ZERODUPLEX_TEST_BACKEND") == "libatomic", reason="this run is the one without the helper")
def test_the_suite_passes_without_the_helper() -> None:
    modules = [
        "test_channel.py", "test_views.py", "test_attach.py", "test_async.py", "test_names_and_options.py",
        "test_v1_stream.py", "test_v1_attach.py", "test_v1_duplex.py", "test_v1_server.py",
        "test_memory.py",
    ]  # fmt: skip
    environment = {**os.environ, "ZERODUPLEX_TEST_BACKEND": "libatomic"}
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / m) for m in modules)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=900, env=environment, cwd=HERE.parent)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
