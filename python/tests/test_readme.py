"""The README's programs run as they stand there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def test_quick_start(name: str) -> None:
    pytest.importorskip("numpy")
    server, client = (block.replace('"invert"', repr(name)) for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    with subprocess.Popen([sys.executable, "-c", server], stderr=subprocess.PIPE, text=True) as serving:
        done = subprocess.run([sys.executable, "-c", client], capture_output=True, text=True, timeout=60)
        serving.send_signal(signal.SIGINT)
        _, errors = serving.communicate(timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(bytes(255 - b for b in text)) for text in (b"pixels", b"or in one call")]
    assert errors.strip().endswith("KeyboardInterrupt")
