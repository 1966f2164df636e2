"""Views of shared memory that end when they must.

A frame lends its bytes as memoryviews. When the frame is given back, none of them may be left: a NumPy array or a slice that outlived it
would read and write somebody else's request. Python tells exactly: each view is made from something of the frame's own, a lease of the
compiled helper or another view, which cannot be released while anything made from it lives.
"""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ._state import LoanState
from .errors import FrameReleasedError, InvalidArgumentError, ViewInUseError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray


class Loan(LoanState):
    """Bytes of shared memory in the application's hands, such as a Frame, a RequestBuffer or a Response."""

    __slots__ = ()

    def _title(self) -> str:
        raise NotImplementedError

    def _released(self) -> NoReturn:
        raise FrameReleasedError(f"{self._title()} was given back")

    def as_numpy(self, dtype: DTypeLike = "u1", shape: int | tuple[int, ...] | None = None) -> NDArray[Any]:
        """The bytes as a NumPy array, without a copy: writing to it writes to shared memory.

        Without a shape, one dimension of as many elements as there are. InvalidArgumentError when they do not fill the data exactly.
        Delete the array, and arrays made from it, before the loan ends: giving a frame back raises ViewInUseError while one is alive.
        """
        import numpy as np

        element = np.dtype(dtype)
        data = self.data
        if element.hasobject:
            raise InvalidArgumentError(f"dtype {element} has Python objects in it, which cannot be shared")
        if shape is None:
            shape = (len(data) // element.itemsize,)
        elif isinstance(shape, int):
            shape = (shape,)
        if math.prod(shape) * element.itemsize != len(data) or min(shape, default=0) < 0:
            raise InvalidArgumentError(f"dtype {element} and shape {shape} do not fill {len(data)} bytes exactly")
        if not data:
            return np.empty(shape, element)
        # Not np.ndarray(buffer=data): that gives the buffer back at once and would not be noticed when it outlives us.
        array: np.ndarray[Any, Any] = np.frombuffer(data, element).reshape(shape)
        return array

    def _end_views(self) -> None:
        """Ends every view, or raises ViewInUseError and leaves those alive that are in use."""
        if self._views and not self._try_end_views():
            # What is only held by a dead cycle, such as an exception that knows its own frame, is in nobody's use.
            gc.collect()
            if not self._try_end_views():
                raise ViewInUseError(
                    f"{self._title()} cannot be given back: a view of its data is still alive, "
                    "a NumPy array, a slice of data or another object made from data; delete it first"
                )

    def _try_end_views(self) -> bool:
        views = self._views or []
        while views:
            outer, inner = views[-1]
            try:
                outer.release()
                inner.release()
            except BufferError:
                return False
            views.pop()
        return True

    def _when_views_are_dead(self, then: Callable[[], None]) -> None:
        """Calls back once nobody has a view any more, which may be now; from any thread, possibly in the middle of anything."""
        inners = [inner for _, inner in self._views or ()]
        if not inners:
            then()
            return
        waiting = len(inners)
        orphan = _Orphan()

        def died(_: weakref.ref[Any]) -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0:
                _ORPHANS.discard(orphan)
                then()

        _ORPHANS.add(orphan)
        orphan.references = [weakref.ref(inner, died) for inner in inners]
        self._views = None
        # With the end of this call its own references to the views end, too.


class _Orphan:
    """Keeps weak references alive, without which their callbacks would not be called."""

    __slots__ = ("references",)

    def __init__(self) -> None:
        self.references: list[weakref.ref[Any]] = []


_ORPHANS: set[_Orphan] = set()
