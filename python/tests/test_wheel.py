"""The built wheel in an environment of its own, as a user gets it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

FAST_SUFFIX = ".abi3.so" if sys.version_info >= (3, 11) else sysconfig.get_config_var("EXT_SUFFIX")
ROOT = Path(__file__).resolve().parent.parent

PROGRAM = """
import os, zeroduplex as z
from zeroduplex._state import FAST
assert (z.BACKEND, FAST) == ("native", True), (z.BACKEND, FAST)
name = "zdpy-wheel-%d" % os.getpid()
with z.DuplexChannelFactory().create_in_place_duplex_server(name, z.BufferConfig(0, 4096)) as server:
    server.start(lambda frame: frame.data.__setitem__(0, 7))
    with z.DuplexChannelFactory().create_client(name) as client, client.call(b"x") as response:
        print(response.data[0], z.__version__)
with z.Reader(name, z.BufferConfig(0, 4096)) as reader, z.Writer(name) as writer:
    writer.write_frame(b"x")
    reader.read_frame().release()
"""


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_works_in_a_fresh_environment(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy: building leaves files beside its sources
    source.mkdir()
    run("cp", "-r", *(ROOT / part for part in ("native", "src", "pyproject.toml", "setup.py", "README.md")), source)
    for built in source.rglob("*.so"):
        built.unlink()
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", tmp_path / "dist", source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert wheel.name.startswith("zeroduplex-")
    assert ("-cp311-abi3-linux_" if sys.version_info >= (3, 11) else "-cp310-cp310-linux_") in wheel.name
    content = zipfile.ZipFile(wheel).namelist()
    for part in (
        "zeroduplex/py.typed",
        "zeroduplex/_native.abi3.so",
        f"zeroduplex/_fast{FAST_SUFFIX}",
        "zeroduplex/_generated/wire.py",
        "zeroduplex/_v1/reader.py",
    ):
        assert part in content
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    assert run(python, "-I", "-c", PROGRAM).split()[0] == "7"
