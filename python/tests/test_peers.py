"""The example programs and the test programs, as their users start them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import signal_other_thread

from zeroduplex._generated import wire
from zeroduplex._semaphore import Semaphore

ROOT = Path(__file__).resolve().parent.parent
PATTERNS = ("examples/filter_*.py", "examples/stream_*.py", "tools/stress_*.py", "tools/bench_[cs]*.py")
PROGRAMS = {p.stem: p for pattern in PATTERNS for p in ROOT.glob(pattern)}
WITHOUT_NUMPY = """
import runpy, sys
sys.modules["numpy"] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""

SIGNALLED_AT_EVERY_LINE = """
import signal, sys
sys.path.insert(0, sys.argv[1])
from program import serve_until_signal

class Server:
    def stop(self, timeout):
        sys.settrace(None)

def trace(frame, event, argument):
    if event == "line":
        signal.raise_signal(signal.SIGTERM)
    return trace

signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.settrace(trace)
serve_until_signal(Server())
"""


def run(program: str, *flags: object, numpy: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(program, flags, numpy), capture_output=True, text=True, timeout=60)


def command(program: str, flags: tuple[object, ...], numpy: bool = True) -> list[str]:
    path = PROGRAMS[program]
    start = [sys.executable, str(path)] if numpy else [sys.executable, "-c", WITHOUT_NUMPY, str(path)]
    return start + [str(flag) for flag in flags]


@contextmanager
def server(program: str, *flags: object, numpy: bool = True) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(program, flags, numpy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def reference(pixels: bytes, width: int, height: int, name: str) -> bytes:
    """The filters in the most obvious way."""
    if name == "invert":
        return bytes(b if i % 4 == 3 else 255 - b for i, b in enumerate(pixels))

    def at(source: bytes, x: int, y: int, c: int) -> int:
        return source[(min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)) * 4 + c]

    for dx, dy in ((1, 0), (0, 1)):
        source = pixels
        pixels = bytes(
            (sum(k * at(source, x + dx * i, y + dy * i, c) for i, k in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True)) + 8) >> 4
            for y in range(height)
            for x in range(width)
            for c in range(4)
        )
    return pixels


@pytest.mark.parametrize("numpy", [True, False])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (1, 3), (37, 23)])
@pytest.mark.parametrize("filter_name", ["invert", "blur"])
def test_filters(name: str, tmp_path: Path, filter_name: str, width: int, height: int, numpy: bool) -> None:
    pixels = bytes((i * 7919 + 13 * (i // 5)) % 256 for i in range(width * height * 4))
    source, result = tmp_path / "in.rgba", tmp_path / "out.rgba"
    source.write_bytes(pixels)
    with server("filter_server", "--name", name, f"--filter={filter_name}", "--payload-size=65536", numpy=numpy) as serving:
        done = run("filter_client", f"--name={name}", "--input", source, "--width", width, "--height", height, "--count", 7,
                   "--inflight", 3, "--output", result, "--json")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert serving.returncode == 0
    report = json.loads(done.stdout)
    assert result.read_bytes() == reference(pixels, width, height, filter_name)
    assert (report["frames"], report["bytes"], report["copied_by_sdk"]) == (7, 7 * len(pixels), 0)
    assert report["shm_bytes"] == 65536 + 0x10C0 + 4096 + 128


@pytest.mark.parametrize("filter_name", ["invert", "blur"])
def test_filters_of_v1(name: str, tmp_path: Path, filter_name: str) -> None:
    pixels = bytes((i * 7919 + 13 * (i // 5)) % 256 for i in range(37 * 23 * 4))
    source, result = tmp_path / "in.rgba", tmp_path / "out.rgba"
    source.write_bytes(pixels)
    with server("filter_server", "--name", name, "--filter", filter_name, "--payload-size=65536", "--protocol", "v1") as serving:
        done = run("filter_client", "--name", name, "--input", source, "--width", 37, "--height", 23, "--count", 7, "--inflight", 3,
                   "--output", result, "--json")  # fmt: skip
    assert (done.returncode, done.stderr, serving.returncode) == (0, "", 0)
    report = json.loads(done.stdout)
    assert result.read_bytes() == reference(pixels, 37, 23, filter_name)
    assert (report["frames"], report["bytes"], report["copied_by_sdk"]) == (7, 7 * len(pixels), 7 * len(pixels))
    assert report["shm_bytes"] == 65536 + (256 << 20) + 2 * (128 + 4096) + 128


def test_stress_of_v1(name: str) -> None:
    with server("stress_server", "--name", name, "--payload-size", 16384, "--protocol", "v1") as serving:
        done = run("stress_client", "--name", name, "--count", 300, "--inflight", 8, "--min", 1, "--max", 900, "--one-way-every", 7,
                   "--reconnects", 2)  # fmt: skip
        serving.send_signal(signal.SIGTERM)
        out, errors = serving.communicate(timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    totals = json.loads(done.stdout)
    assert (totals["round_trips"], totals["one_way"], totals["attachments"], totals["out_of_order"]) == (600 - 2 * 42, 2 * 42, 2, 0)
    assert (json.loads(out), errors) == ({"handled": 600, "one_way": 0, "bad": 0}, "")  # the server cannot tell


@contextmanager
def stream_reader(*flags: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command("stream_reader", flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("flags", "total"),
    [
        (("--size", 100), 50_000),
        (("--size", "1-300", "--seed", 7), 77_134),
        (("--sizes", "1,1008,17", "--zero-copy"), 167 * 1 + 167 * 1008 + 166 * 17),
    ],
)
def test_streams(name: str, tmp_path: Path, flags: tuple[object, ...], total: int) -> None:
    metadata = tmp_path / "metadata"
    metadata.write_bytes(bytes(45))
    sizes = [flag for flag in flags if flag != "--zero-copy"]
    with stream_reader("--name", name, "--frames", 500, *sizes, "--payload-size", 4096, "--hold", 3, "--verify", "--json") as reader:
        done = run("stream_writer", "--name", name, "--frames", 500, *flags, "--metadata-file", metadata, "--json")
        out, errors = reader.communicate(timeout=30)
    assert (done.returncode, done.stderr, reader.returncode, errors) == (0, "", 0, "")
    written, read = json.loads(done.stdout), json.loads(out)
    assert (written["role"], written["frames"], written["bytes"]) == ("writer", 500, total)
    assert (read["role"], read["frames"], read["bytes"], read["mismatches"]) == ("reader", 500, total, 0)
    assert (read["payload_size"], read["payload_free_bytes"], read["metadata_bytes"]) == (4096, 4096, 45)
    assert written["written_count"] == read["written_count"] == read["read_count"] > 500


@pytest.mark.parametrize("wrong", [("--size", 99), ("--size", 100, "--frames", 9), ("--size", 100, "--name", "missing")])
def test_streams_that_go_wrong(name: str, wrong: tuple[object, ...]) -> None:
    with stream_reader("--name", name, "--frames", 10, "--size", 100, "--payload-size", 4096) as reader:
        done = run("stream_writer", "--name", name, "--frames", 10, "--timeout", 200, *wrong)
        _, errors = reader.communicate(timeout=30)
    assert reader.returncode == 1
    if "--name" in wrong:
        assert (done.returncode, done.stderr.split(": ")[:2]) == (1, ["stream-writer", "buffer_not_found"])
        assert errors.startswith("stream-reader: timeout: ")
    elif "--frames" in wrong:
        assert errors.startswith("stream-reader: writer_dead: ")
    else:
        assert "10 frames are wrong" in errors


def test_the_random_sizes_are_those_of_splitmix64() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from stream import random_sizes; s = random_sizes(0, 2**64 - 1, 1234567)"
    code += "; print(*(next(s) for _ in range(5)))"
    done = subprocess.run([sys.executable, "-c", code, str(ROOT / "examples")], capture_output=True, text=True, check=True)
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert [int(n) for n in done.stdout.split()] == known


def test_a_failing_filter(name: str, tmp_path: Path) -> None:
    source = tmp_path / "in.rgba"
    source.write_bytes(bytes(4))
    client = ("filter_client", "--name", name, "--input", source, "--width", 1, "--height", 1)
    with server("filter_server", "--name", name, "--filter", "fail"):
        done = run(*client)
    assert done.returncode == 1
    assert done.stderr.startswith("filter-client: handler_failed: ")
    assert "asked to fail" in done.stderr
    with server("filter_server", "--name", name, "--filter", "sleep", "--workers", 2):
        assert run(*client).returncode == 0
    done = run("filter_client", "--name", "sem.x", "--input", source, "--width", 1, "--height", 1)
    assert (done.returncode, done.stderr.split(": ")[:2]) == (1, ["filter-client", "invalid_name"])
    done = run("filter_client", "--name", name, "--input", source, "--width", 2, "--height", 1)
    assert (done.returncode, "has 4 bytes, a picture of 2 x 1 has 8" in done.stderr) == (1, True)


def test_a_signal_that_another_thread_got_stops_a_server(name: str) -> None:
    with server("filter_server", "--name", name, "--filter", "echo") as serving:
        signal_other_thread(serving.pid, signal.SIGTERM)
        assert serving.wait(20) == 0


@pytest.mark.parametrize(
    ("program", "flags", "names"),
    [
        ("filter_server", ["--filter", "paint"], "--filter"),
        ("filter_server", [], "--filter"),
        ("filter_server", ["--filter", "echo", "--wait", "doze"], "--wait"),
        ("filter_server", ["--filter", "echo", "--workers", "0"], "--workers"),
        ("filter_client", ["--input", "x", "--width", "0", "--height", "1"], "--width"),
        ("filter_client", ["--input", "x", "--width", "1", "--height", "1", "--bogus"], "--bogus"),
        ("stress_server", ["--payload", "5"], "--payload"),
        ("stress_client", ["--min", "5", "--max", "4"], "--min"),
        ("stress_client", ["--delay-max", "65536"], "--delay-max"),
        ("bench_server", [], "--limit-object"),
        ("bench_client", ["--limit-object", "x", "--touch", "some"], "--touch"),
        ("filter_server", ["--filter", "echo", "--protocol", "v3"], "--protocol"),
        ("stream_writer", ["--name", "x", "--frames", "1"], "--size"),
        ("stream_writer", ["--name", "x", "--frames", "1", "--size", "5-4"], "--size"),
        ("stream_writer", ["--name", "x", "--frames", "1", "--size", "5", "--sizes", "1"], "--sizes"),
        ("stream_reader", ["--name", "x", "--frames", "1", "--sizes", "1,,2"], "--sizes"),
        ("stream_reader", ["--name", "x", "--frames", "1", "--hold", "0"], "--hold"),
        ("stream_reader", ["--frames", "1"], "--name"),
    ],
)
def test_wrong_flags(program: str, flags: list[str], names: str) -> None:
    done = run(program, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(program.replace("_", "-") + ": ")
    assert names in done.stderr


def test_a_signal_at_any_moment_stops_a_server() -> None:
    start = [sys.executable, "-c", SIGNALLED_AT_EVERY_LINE, str(ROOT / "examples")]
    done = subprocess.run(start, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")


def test_stress(name: str) -> None:
    with server("stress_server", "--name", name, "--workers", 3, "--payload-size", 16384) as serving:
        done = run("stress_client", "--name", name, "--count", 500, "--inflight", 8, "--min", 0, "--max", 900, "--delay-max", 200,
                   "--grow-max", 100, "--fail-every", 50, "--one-way-every", 7, "--reconnects", 3, "--idle", 50)  # fmt: skip
        serving.send_signal(signal.SIGTERM)
        out, errors = serving.communicate(timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    first, result = done.stdout.splitlines()
    totals = json.loads(result)
    assert first == "idle"
    assert (totals["failed"], totals["one_way"], totals["attachments"], totals["errors"]) == (30, 3 * 70, 3, 0)
    assert totals["round_trips"] == 1500 - 30 - 210
    assert (json.loads(out), errors) == ({"handled": 1500, "one_way": 210, "bad": 0}, "")


def test_a_stress_client_waits_no_longer_than_its_connect_timeout(name: str) -> None:
    started = time.monotonic()
    done = run("stress_client", "--name", name, "--connect-timeout", 0)
    assert time.monotonic() - started < wire.DEFAULT_V2_CONNECT_TIMEOUT.total_seconds()
    assert done.returncode == 1
    assert "server_not_found" in done.stderr


@pytest.fixture
def line(name: str, tmp_path: Path) -> Iterator[Path]:
    """A benchmark's control file and its semaphores, as the driver makes them."""
    control = tmp_path / f"{name}.control"
    control.write_bytes((0x3148434E4542445A).to_bytes(8, "little") + bytes(4088))
    paths = [f"/dev/shm/sem.{control.name}-{which}" for which in ("ping", "pong")]
    made = [Semaphore.replace(path, f"{path}.new", 0o600) for path in paths]
    yield control
    for semaphore in made:
        semaphore.remove()
        semaphore.close()


@pytest.mark.parametrize(
    "flags", [("--size", 64), ("--size", 9000, "--touch", "page", "--threads-cpu", 0), ("--size", 300, "--touch", "all", "--inflight", 4)]
)
def test_bench(name: str, line: Path, flags: tuple[object, ...]) -> None:
    client_only = [] if "--threads-cpu" not in flags else list(flags[flags.index("--threads-cpu") :])
    common = ["--name", name, "--cpu", -1, "--limit-object", line, *flags[: len(flags) - len(client_only)]]
    with server("bench_server", *common):
        done = run("bench_client", *common, *client_only, "--count", 8, "--warmup", 5)  # as many batches of the raw limits
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["samples"], result["cpu"]) == (8, -1)
    assert 0 < result["limit_p50_ns"] < result["p50_ns"] <= result["p99_ns"]
    assert (result["threads_p50_ns"] > 0) == bool(client_only)
