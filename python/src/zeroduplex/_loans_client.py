"""What a client lends: request buffers to fill, responses to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ._generated.wire import FrameStatus
from ._loans import LentToFill, LentToRead
from ._waiting import Pending

if TYPE_CHECKING:
    from ._client_base import ClientBase

MAX_OPCODE: Final = 0xFFFFFFFF


class Response(LentToRead["ClientBase[Any]"]):
    """An answer in shared memory, of an in-place channel at the place of its request. Its bytes are the client's to read and write until
    release, which any thread may call. Use it as a context manager, or release it."""

    __slots__ = ()

    def __init__(self, channel: ClientBase[Any], record: Pending, payload: memoryview, size: int) -> None:
        self._lender = channel
        self._record = record
        self._payload = payload
        self._start = record.start
        self._size = size

    def _title(self) -> str:
        return f"response {self._record.sequence} of {self._lender.name!r}"

    @property
    def sequence(self) -> int:
        """The request's sequence number."""
        sequence: int = self._record.sequence
        return sequence

    @property
    def status(self) -> int:
        """0: failed answers are errors."""
        return FrameStatus.OK

    @property
    def opcode(self) -> int:
        """The request's."""
        opcode: int = self._record.opcode
        return opcode

    def __repr__(self) -> str:
        return f"<Response {self.sequence}, {self._size} bytes{'' if self._live else ', released'}>"


class RequestBuffer(LentToFill["ClientBase[Any]"]):
    """Ring space for one request. Fill data, then commit or abort; until then other senders wait. It belongs to one thread.

    As a context manager it commits at the end of the block unless it was committed or aborted in it, and aborts when the block raises.
    """

    def __init__(self, channel: ClientBase[Any], payload: memoryview, start: int, size: int) -> None:
        self._lender = channel
        self._payload = payload
        self._start = start
        self._size = size

    def _title(self) -> str:
        return f"the request buffer of {self._lender.name!r}"

    @property
    def opcode(self) -> int:
        """The application's tag. ZeroBuffer v1 has none but 0."""
        return self._opcode

    @opcode.setter
    def opcode(self, opcode: int) -> None:
        self._lender._check_opcode(opcode)
        self._opcode = opcode

    @property
    def one_way(self) -> bool:
        """No answer is wanted."""
        return self._one_way

    @one_way.setter
    def one_way(self, one_way: bool) -> None:
        self._one_way = bool(one_way)

    def commit(self) -> int:
        """Publishes the request and returns its sequence number. ViewInUseError while a view of the data is alive: the buffer then is
        what it was before. FrameReleasedError after commit or abort; ClosedError and ServerDeadError abort it."""
        if not self._end():
            self._released()
        return self._lender._commit(self, self._size, self._opcode, self._one_way)

    def __repr__(self) -> str:
        return f"<RequestBuffer of {self._size} bytes{'' if self._live else ', ended'}>"
