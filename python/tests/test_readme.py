"""The README's programs run as they stand there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()

BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_quick_start(name: str) -> None:
    pytest.importorskip("numpy")
    server, client = (block.replace('"invert"', repr(name)) for block in BLOCKS[:2])
    with subprocess.Popen([sys.executable, "-c", server], stderr=subprocess.PIPE, text=True) as serving:
        done = subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, timeout=60)
        serving.send_signal(signal.SIGINT)
        _, errors = serving.communicate(timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(bytes(255 - b for b in text)) for text in (b"pixels", b"or in one call")]
    assert errors.strip().endswith("KeyboardInterrupt")


def test_streams(name: str) -> None:
    reader, writer = (block.replace('"frames"', repr(name)) for block in BLOCKS[2:])
    with subprocess.Popen([sys.executable, "-c", reader], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading:
        done = subprocess.run([sys.executable, "-c", writer], capture_output=True, text=True, timeout=60)
        out, errors = reading.communicate(timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (reading.returncode, out, errors) == (0, "1 b'copied'\n2 b'in place'\n", "")
