"""stress-server checks, delays, grows and fails frames as their opcodes ask it to. See tools/README.md for the flags."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from pattern import DELAY_MASK, FAIL, GROW, STATUS_ASKED, STATUS_WRONG, inverted, mismatch, pattern
from program import Flags, make_server, number, run, serve_until_signal

from zeroduplex import BufferConfig, Failure, Frame


class Counts:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.handled = self.one_way = self.bad = 0

    def handle(self, frame: Frame) -> None:
        with self._lock:
            self.handled += 1
            self.one_way += frame.one_way
        received = pattern(frame.sequence, frame.size)
        wrong = mismatch(frame.data, received)
        if wrong >= 0:
            with self._lock:
                self.bad += 1
            raise Failure(STATUS_WRONG, f"byte {wrong} of frame {frame.sequence} is wrong")
        if delay := frame.opcode & DELAY_MASK:
            time.sleep(delay / 1e6)
        if frame.opcode & FAIL:
            raise Failure(STATUS_ASKED, f"stress failure {frame.sequence}")
        if frame.opcode & GROW:
            frame.resize(frame.capacity)
            received = pattern(frame.sequence, frame.size)
        frame.data[:] = inverted(received)


def main() -> None:
    flags = Flags("stress-server", "answers the stress-client")
    flags.add_name_and_wait()
    flags.add_argument("--payload-size", type=number(0), default=65536, help="bytes of the ring")
    flags.add_argument("--workers", type=number(1), default=1, help="handlers at the same time")
    flags.add_protocol()
    o = flags.parse_args()

    counts = Counts()
    with make_server(o.protocol, o.name, BufferConfig(payload_size=o.payload_size), o.workers, o.wait) as server:
        server.start(counts.handle)
        serve_until_signal(server)
    print(json.dumps({"handled": counts.handled, "one_way": counts.one_way, "bad": counts.bad}))


if __name__ == "__main__":
    run("stress-server", main)
