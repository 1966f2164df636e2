"""filter-server changes the pictures of one client where they stand in shared memory.

    filter-server --name N --filter invert|blur|echo|sleep|fail [--workers W] [--payload-size B] [--wait spin|hybrid|block]
                  [--protocol v1|v2]

It prints "ready" when a client can attach and stops in good order on SIGTERM or SIGINT.
Exit codes: 0 stopped, 1 failed, 2 wrong flags.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pictures
from geometry import Geometry
from program import Flags, make_server, number, run, serve_until_signal

from zeroduplex import BufferConfig, DuplexServer, Failure, Frame, Handler


def picture(change: Callable[[Frame, Geometry], None]) -> Callable[[DuplexServer], Handler]:
    """Makes a handler of a filter. What the filter writes to the frame's bytes, in shared memory, is the response."""

    def for_server(server: DuplexServer) -> Handler:
        return lambda frame: change(frame, Geometry.parse(server.client_metadata))

    return for_server


def plain(handler: Handler) -> Callable[[DuplexServer], Handler]:
    return lambda server: handler


def sleep(frame: Frame) -> None:
    time.sleep((frame.opcode or 10) / 1000)


def fail(frame: Frame) -> None:
    raise Failure(1, "asked to fail")


HANDLERS = {
    "invert": picture(pictures.invert),
    "blur": picture(pictures.blur),
    "echo": plain(lambda frame: None),
    "sleep": plain(sleep),
    "fail": plain(fail),
}


def main() -> None:
    flags = Flags("filter-server", "changes pictures where they stand in shared memory")
    flags.add_name_and_wait()
    flags.add_argument("--filter", required=True, choices=HANDLERS, help="what to do")
    flags.add_argument("--workers", type=number(1), default=1, help="frames to work on at the same time")
    flags.add_argument("--payload-size", type=number(0), default=16 << 20, help="bytes of the ring of frames")
    flags.add_protocol()
    o = flags.parse_args()

    with make_server(o.protocol, o.name, BufferConfig(payload_size=o.payload_size), o.workers, o.wait) as server:
        server.start(HANDLERS[o.filter](server))
        serve_until_signal(server)


if __name__ == "__main__":
    run("filter-server", main)
