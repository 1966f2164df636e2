"""filter-client sends a raw RGBA picture to a filter-server and takes back what the server made of it.

    filter-client --name N --input raw.rgba --width W --height H [--count K] [--inflight M] [--output out.rgba] [--json]
                  [--wait spin|hybrid|block]

The pixels are written straight into shared memory and the responses are read where they stand there.
Exit codes: 0 all responses came and were the same, 1 failed, 2 wrong flags.
"""

from __future__ import annotations

import ctypes
import json
import os
import time
from pathlib import Path

from geometry import PIXEL, Geometry
from program import Failed, Flags, number, run

from zeroduplex import DuplexChannelFactory, DuplexClient

now = time.perf_counter_ns


def main() -> None:
    flags = Flags("filter-client", "sends a picture through a filter-server")
    flags.add_name_and_wait()
    flags.add_argument("--input", required=True, help="file of width x height x 4 bytes: red, green, blue, alpha")
    flags.add_argument("--width", type=number(1), required=True, help="pixels per row")
    flags.add_argument("--height", type=number(1), required=True, help="rows")
    flags.add_argument("--count", type=number(1), default=1, help="how often to send the picture")
    flags.add_argument("--inflight", type=number(1), default=1, help="pictures under way at the same time")
    flags.add_argument("--output", help="file for the last response")
    flags.add_argument("--json", action="store_true", help="print one JSON object")
    o = flags.parse_args()

    geometry = Geometry(o.width, o.height, o.width * PIXEL)
    picture = Path(o.input).read_bytes()
    if len(picture) != geometry.size:
        raise Failed(f"{o.input} has {len(picture)} bytes, a picture of {o.width} x {o.height} has {geometry.size}")
    with DuplexChannelFactory().create_client(o.name, wait=o.wait) as client:
        client.set_metadata(geometry.to_json())
        exchange = Exchange(client, picture)
        exchange.run(o.count, o.inflight)
        shm_bytes = shared_memory(o.name)
    if o.output:
        Path(o.output).write_bytes(exchange.first)
    report(exchange, o.count * len(picture), shm_bytes, o.json)


class Exchange:
    """One run of requests and their responses."""

    def __init__(self, client: DuplexClient, picture: bytes) -> None:
        self.client = client
        self.picture = picture
        self.pending: dict[int, tuple[int, int]] = {}
        self.samples: list[int] = []
        self.first = b""
        self.copied = 0

    def run(self, count: int, inflight: int) -> None:
        sent = 0
        while len(self.samples) < count:
            if sent < count and len(self.pending) < inflight:
                self.request()
                sent += 1
            else:
                self.response()

    def request(self) -> None:
        buffer = self.client.acquire_request_buffer(len(self.picture))
        buffer.data[:] = self.picture  # a camera or a decoder would write here itself
        place = address(buffer.data)
        committed = now()
        self.pending[buffer.commit()] = (committed, place)

    def response(self) -> None:
        with self.client.receive_response() as response:
            received = now()
            committed, place = self.pending.pop(response.sequence)
            self.samples.append(received - committed)
            if address(response.data) != place:
                self.copied += response.size
            if not self.first:
                self.first = bytes(response.data)
            elif response.data != self.first:
                raise Failed(f"response {response.sequence} differs from the first")


def address(data: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(data))


def shared_memory(name: str) -> int:
    """Bytes of the channel: its object, or the two buffers of v1, and in both cases four semaphores."""
    parts = [name] if os.path.exists(f"/dev/shm/{name}") else [f"{name}_request", f"{name}_response"]
    return sum(os.stat(f"/dev/shm/{part}").st_size for part in parts) + 4 * 32


def report(exchange: Exchange, sent: int, shm_bytes: int, as_json: bool) -> None:
    times = sorted(exchange.samples)
    median, p99 = (times[min(len(times) - 1, int(len(times) * q))] for q in (0.50, 0.99))
    if as_json:
        figures = {"frames": len(times), "bytes": sent, "median_ns": median, "p99_ns": p99}
        print(json.dumps({**figures, "copied_by_sdk": exchange.copied, "shm_bytes": shm_bytes}))
    else:
        print(
            f"{len(times)} frames, {sent} bytes, median {median / 1000:.1f} µs, 99th percentile {p99 / 1000:.1f} µs, "
            f"{exchange.copied} bytes copied by the SDK, {shm_bytes} bytes of shared memory"
        )


if __name__ == "__main__":
    run("filter-client", main)
