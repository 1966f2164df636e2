"""stream-writer writes frames into a ZeroBuffer v1 buffer, whose stream-reader may be written in any language.

    stream-writer --name N --frames F (--size A | --size A-B | --sizes a,b,c) [--seed S] [--metadata-file F] [--zero-copy]
                  [--timeout MS] [--json]

Exit codes: 0 all frames were written, 1 failed, 2 wrong flags.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from program import number, run
from stream import StreamFlags, content

from zeroduplex import Writer


def main() -> None:
    flags = StreamFlags("stream-writer", "writes frames into a ZeroBuffer v1 buffer")
    flags.add_argument("--metadata-file", type=Path, help="file with the metadata to write before the first frame")
    flags.add_argument("--zero-copy", action="store_true", help="fill the frames where they stand in shared memory")
    flags.add_argument("--timeout", type=number(0), default=5000, help="ms to wait for the buffer, and for room for a frame")
    o = flags.parse_args()
    sizes = flags.sizes_of(o)
    if sizes is None:
        flags.error("one of --size and --sizes is needed")

    total = 0
    with Writer(o.name, connect_timeout=o.timeout / 1000, write_timeout=o.timeout / 1000) as writer:
        if o.metadata_file is not None:
            writer.set_metadata(o.metadata_file.read_bytes())
        started = time.monotonic()
        for sequence in range(1, o.frames + 1):
            size = next(sizes)
            if o.zero_copy:
                with writer.acquire_frame_buffer(size) as buffer:
                    buffer.data[:] = content(sequence, size)  # a camera or a decoder would write here itself
            else:
                writer.write_frame(content(sequence, size))
            total += size
        seconds = time.monotonic() - started
        written = writer.usage.written_count
    if o.json:
        print(json.dumps({"role": "writer", "frames": o.frames, "bytes": total, "seconds": seconds, "written_count": written}))
    else:
        print(f"wrote {o.frames} frames, {total} bytes, in {seconds:.3f} s")


if __name__ == "__main__":
    run("stream-writer", main)
