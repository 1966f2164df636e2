"""stream-reader creates a ZeroBuffer v1 buffer and reads the frames of a stream-writer, which may be written in any language.

    stream-reader --name N --frames F [--size A | --size A-B | --sizes a,b,c] [--seed S] [--payload-size B] [--metadata-size B]
                  [--hold K] [--verify] [--json]

It prints "ready" when a writer can attach.
Exit codes: 0 all frames came and were right, 1 failed, 2 wrong flags.
"""

from __future__ import annotations

import json
import time

from program import Failed, number, run
from stream import StreamFlags, content

from zeroduplex import BufferConfig, Reader, ReceivedFrame


def main() -> None:
    flags = StreamFlags("stream-reader", "reads frames from a ZeroBuffer v1 buffer")
    default = BufferConfig.default_v1()
    flags.add_argument("--payload-size", type=number(0), default=default.payload_size, help="bytes of the ring of frames")
    flags.add_argument("--metadata-size", type=number(0), default=default.metadata_size, help="bytes of the metadata block")
    flags.add_argument("--hold", type=number(1), default=1, help="frames to keep before they are released, newest first")
    flags.add_argument("--verify", action="store_true", help="check every byte")
    o = flags.parse_args()
    sizes = flags.sizes_of(o)

    total = mismatches = 0
    held: list[ReceivedFrame] = []
    started = time.monotonic()
    with Reader(o.name, BufferConfig(o.metadata_size, o.payload_size)) as reader:
        print("ready", flush=True)
        for sequence in range(1, o.frames + 1):
            frame = reader.read_frame()
            if sequence == 1:
                started = time.monotonic()
            total += frame.size
            right = frame.sequence == sequence and (sizes is None or frame.size == next(sizes))
            mismatches += not (right and (not o.verify or frame.data == content(sequence, frame.size)))
            held.append(frame)
            if len(held) == o.hold or sequence == o.frames:
                while held:
                    held.pop().release()
        seconds = time.monotonic() - started
        usage, metadata = reader.usage, reader.metadata or b""
    if o.json:
        figures = {"role": "reader", "frames": o.frames, "bytes": total, "seconds": seconds, "mismatches": mismatches}
        print(json.dumps({**figures, **usage._asdict(), "metadata_bytes": len(metadata)}))
    else:
        print(f"read {o.frames} frames, {total} bytes, in {seconds:.3f} s, {mismatches} of them wrong")
    if mismatches:
        raise Failed(f"{mismatches} frames are wrong")


if __name__ == "__main__":
    run("stream-reader", main)
