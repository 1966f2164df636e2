"""What a handler gets."""

from __future__ import annotations

from typing import NoReturn

from ._loan import Loan
from ._process import refuse_pickling
from ._ring_server import Claimed
from .errors import InvalidArgumentError, ResponseTooLargeError


class Frame(Loan):
    """A request in a handler's hands: what the handler leaves in it is the response. It is the handler's until it returns; afterwards
    using it raises FrameReleasedError.

    A handler must not keep data, slices of it or arrays made from it: a request whose handler did is answered as failed.
    """

    __slots__ = ()

    def __init__(self, claimed: Claimed, payload: memoryview) -> None:
        self._sequence = claimed.sequence
        self._capacity = claimed.capacity
        self._opcode = claimed.opcode
        self._one_way = claimed.one_way
        self._payload = payload
        self._start = claimed.start
        self._size = claimed.size

    def _title(self) -> str:
        return f"frame {self._sequence}"

    def _use(self) -> None:
        if not self._live:
            self._released()

    @property
    def capacity(self) -> int:
        """How many bytes the response may have."""
        self._use()
        return self._capacity

    @property
    def sequence(self) -> int:
        """The request's sequence number."""
        self._use()
        return self._sequence

    @property
    def status(self) -> int:
        """0: a request has not failed."""
        self._use()
        return 0

    @property
    def opcode(self) -> int:
        """The application's tag, 0 unless the client set one."""
        if not self._live:  # _use written out: every handler that has opcodes asks
            self._released()
        return self._opcode

    @property
    def one_way(self) -> bool:
        """Whether nobody waits for an answer."""
        self._use()
        return self._one_way

    def resize(self, size: int) -> None:
        """Sets the response's length; new bytes have whatever the memory holds. Data asked for afterwards has the new length.

        ResponseTooLargeError beyond the capacity; a handler that lets it pass answers just that.
        """
        self._use()
        if size < 0:
            raise InvalidArgumentError(f"resizing {self._title()} to {size} bytes")
        if size > self._capacity:
            raise ResponseTooLargeError(
                f"resizing {self._title()} to {size} bytes, its capacity is {self._capacity}", sequence=self._sequence
            )
        self._size = size

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self)

    def __repr__(self) -> str:
        return f"<Frame {self._sequence}, {self._size} bytes{'' if self._live else ', answered'}>"
