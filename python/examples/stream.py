"""What stream-writer and stream-reader agree on: how large frames are and what is in them."""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Iterator

from program import Flags, number

_MASK = (1 << 64) - 1
_BYTES = bytes(range(256))


class StreamFlags(Flags):
    """The flags that both programs have."""

    def __init__(self, program: str, description: str) -> None:
        super().__init__(program, description)
        self.add_argument("--name", required=True, help="name of the buffer")
        self.add_argument("--frames", type=number(0), required=True, help="how many frames")
        self.add_argument("--size", metavar="A|A-B", help="bytes of a frame, or bounds of a random size")
        self.add_argument("--sizes", metavar="A,B,...", help="bytes of the frames, again and again")
        self.add_argument("--seed", type=number(0, _MASK), default=1, help="start of the random sizes")
        self.add_argument("--json", action="store_true", help="print one JSON object")

    def sizes_of(self, o: argparse.Namespace) -> Iterator[int] | None:
        """The sizes of the frames to come, None when neither flag says them."""
        if o.size is not None and o.sizes is not None:
            self.error("--size and --sizes exclude each other")
        if o.sizes is not None:
            if not re.fullmatch(r"\d+(,\d+)*", o.sizes):
                self.error(f"--sizes: {o.sizes!r} is not numbers with commas between them")
            sizes = [int(size) for size in o.sizes.split(",")]
            if 0 in sizes:
                self.error("--sizes: a v1 frame has at least 1 byte")
            return itertools.cycle(sizes)
        if o.size is None:
            return None
        bounds = re.fullmatch(r"(\d+)(?:-(\d+))?", o.size)
        if not bounds or int(bounds[2] or bounds[1]) < int(bounds[1]):
            self.error(f"--size: {o.size!r} is neither a number nor two, the smaller first, with - between them")
        least = int(bounds[1])
        if least == 0:
            self.error("--size: a v1 frame has at least 1 byte")
        return random_sizes(least, int(bounds[2]), o.seed) if bounds[2] else itertools.repeat(least)


def random_sizes(least: int, most: int, state: int) -> Iterator[int]:
    """The sizes that splitmix64 makes of a seed."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
        yield least + (z ^ z >> 31) % (most - least + 1)


def content(sequence: int, size: int) -> bytes:
    """Byte i of a frame is sequence + i modulo 256."""
    first = sequence % 256
    return (_BYTES * (size // 256 + 2))[first : first + size]
