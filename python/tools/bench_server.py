"""bench-server is the answering side of a measurement. See tools/README.md for the flags."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import bench_work
from bench_usage import Note, shared_memory
from line import ASK_LINE, ASK_MEMORY, ASK_SEMAPHORES, Line
from program import Flags, make_server, pin_to_cpu, run, serve_until_signal

from zeroduplex import Frame


def main() -> None:
    flags = Flags("bench-server", "the answering side of a measurement")
    bench_work.add_flags(flags)
    flags.add_protocol()
    o = flags.parse_args()

    pin_to_cpu(o.cpu)
    line = Line(o.limit_object)
    asked = line.asked
    invert = bench_work.INVERT[o.touch]

    def handle(frame: Frame) -> None:
        if not asked[0]:
            invert(frame.data)
        elif asked[0] == ASK_LINE:
            line.give_back()
        elif asked[0] == ASK_SEMAPHORES:
            line.give_back_semaphores()
        elif asked[0] == ASK_MEMORY:
            line.write_memory(shared_memory(o.name))
        else:
            line.write_note(Note.of_self())

    with make_server(o.protocol, o.name, bench_work.room(o), 1, o.wait) as server:
        server.start(handle)
        serve_until_signal(server)


if __name__ == "__main__":
    run("bench-server", main)
