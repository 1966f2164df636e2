from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import ZeroDuplexError

class LoanState:
    _payload: memoryview
    _lender: Any
    _record: Any
    _start: int
    _size: int
    _sequence: int
    _capacity: int
    _opcode: int
    _live: bool
    _readonly: bool
    _ended: bool
    """Given back; changed under the lender's lock."""
    _one_way: bool
    _views: list[tuple[memoryview, Any]] | None
    """What was lent, and what counts what is made of it: releasing that raises BufferError while anything is."""
    @property
    def data(self) -> memoryview:
        """The bytes in shared memory, to read and write. Valid until the loan ends; then it raises, and so do views made from it."""
    @property
    def size(self) -> int:
        """Length of data in bytes."""
    def _release(self) -> None: ...
    # What it asks of the class that it is the state of:
    def _released(self) -> NoReturn: ...
    def _lost_by_user(self) -> None: ...
    def _release_generally(self) -> None: ...

class Record:
    """A published frame as its client knows it."""

    def __init__(
        self, sequence: int, capacity: int, opcode: int, one_way: bool, position: int, total: int, waste: int, taken: bool, /
    ) -> None: ...
    sequence: int
    capacity: int
    opcode: int
    one_way: bool
    position: int
    start: int
    total: int
    waste: int
    taken: bool
    """Somebody has a claim on the response: a waiter by number, or a receiver that has it."""
    cancelled: bool
    abandoned: bool
    released: bool

class LenderState:
    _calls: int
    """Calls that use the segment without the lock."""
    _out: int
    """What is in the application's hands and lends bytes of the segment."""
    _failure: Callable[[], ZeroDuplexError] | None
    """Why nothing works any more, None while all is well."""
    _closing: bool
    _detached: bool
    _quiet: bool
    """Something was sent since the last sign of life from the server."""
    def _bind(
        self,
        port: int,
        keeper: object,
        frames: deque[Any],
        dropped: deque[Any],
        turn: object,
        locked: Callable[[], bool],
        payload: memoryview,
        response: type,
        first_spin_ns: int,
        /,
    ) -> None: ...
    def _call(self, data: Any, timeout: float | None = None, *, opcode: int = 0, capacity: int | None = None) -> Any: ...
    def _publish_only(self, data: bytes, capacity: int, opcode: int, /) -> Record | None: ...

def serve(
    port: int, handler: Callable[[Any], Any], frame_type: type, payload: memoryview, window_ns: int, /
) -> int | tuple[Any, BaseException | None]: ...
