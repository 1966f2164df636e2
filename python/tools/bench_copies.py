"""What copying a frame's bytes takes within one thread."""

from __future__ import annotations

from line_native import ffi, native


class Copies:
    """What copying a frame's bytes takes within one thread, between the same two buffers."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._source, self._target = ffi.new("char[]", b"\1" * size), ffi.new("char[]", b"\2" * size)
        self.samples: list[int] = []

    def batch(self, clock_cost: int) -> None:
        """Takes up to 16 samples and touches not much more than 16 MiB. Small copies are timed in runs of 64 KiB."""
        if self._size == 0:
            return
        repeat = max(1, (1 << 16) // self._size)
        for _ in range(max(1, min(16, (1 << 24) // (repeat * self._size)))):
            took = native.copy_repeatedly(self._target, self._source, self._size, repeat)
            self.samples.append(max(0, took - clock_cost) // repeat)
