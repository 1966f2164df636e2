"""The types of native/fast_*.c in Python, without their shortest ways."""

from __future__ import annotations

from collections.abc import Callable
from pickle import PickleBuffer
from typing import Any, NoReturn

from ._generated import wire


class LoanState:
    _payload: memoryview
    _start: int
    _size: int
    _sequence: int
    _capacity: int
    _lender: Any = None
    _record: Any = None
    _opcode = 0
    _one_way = False
    _live = True
    _readonly = False
    _ended = False
    _views: list[tuple[memoryview, Any]] | None = None

    def _released(self) -> NoReturn:
        raise NotImplementedError

    def _lost_by_user(self) -> None:
        raise NotImplementedError

    def _release_generally(self) -> None:
        raise NotImplementedError

    def _release(self) -> None:
        self._release_generally()

    @property
    def size(self) -> int:
        """Length of data in bytes."""
        if not self._live:
            self._released()
        return self._size

    @property
    def data(self) -> memoryview:
        """The bytes in shared memory, to read and write. Valid until the loan ends; then it raises, and so do views made from it."""
        if not self._live:
            self._released()
        views = self._views
        if views:
            outer = views[-1][0]
            try:
                if len(outer) == self._size:
                    return outer
            except ValueError:
                pass  # the application released it, as `with frame.data as view` does
        return self._lend()

    def _lend(self) -> memoryview:
        inner = self._payload[self._start : self._start + self._size]
        if self._readonly:
            inner = inner.toreadonly()
        # Through a PickleBuffer, a memoryview becomes the root of views of its own: inner counts them all.
        buffer = PickleBuffer(inner)
        outer = memoryview(buffer)
        buffer.release()
        if self._views is None:
            self._views = []
        self._views.append((outer, inner))
        if not self._live:  # ended by another thread meanwhile
            outer.release()
            self._released()
        return outer

    def __del__(self) -> None:
        if self._live and not self._ended and self._lender is not None and not self._lender._detached:
            self._lost_by_user()


class Record:
    """A published frame as its client knows it."""

    __slots__ = (
        "abandoned", "cancelled", "capacity", "one_way", "opcode", "position", "released", "sequence", "start", "taken", "total", "waste",
    )  # fmt: skip

    def __init__(
        self, sequence: int, capacity: int, opcode: int, one_way: bool, position: int, total: int, waste: int, taken: bool
    ) -> None:
        self.sequence = sequence
        self.capacity = capacity
        self.opcode = opcode
        self.one_way = one_way
        self.position = position
        self.start = position + wire.FRAME_HEADER_V2_SIZE
        self.total = total
        self.waste = waste
        self.taken = taken
        self.cancelled = False
        self.abandoned = False
        self.released = False


class LenderState:
    _calls = 0
    _out = 0
    _failure: Callable[[], Exception] | None = None
    _closing = False
    _detached = False
    _quiet = False

    def _call_generally(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Any:
        raise NotImplementedError

    def _call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Any:
        return self._call_generally(data, timeout, opcode=opcode, capacity=capacity)

    def _bind(self, *_: object) -> None:
        """Nothing here calls without Python's help."""
