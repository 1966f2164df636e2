"""What a client lends: request buffers to fill, responses to read."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar

from ._generated.wire import FrameStatus
from ._loan import Loan
from ._process import refuse_pickling
from ._ring_client import Record
from .errors import InvalidArgumentError, ViewInUseError

if TYPE_CHECKING:
    from ._channel_core import ChannelCore
    from ._channel_receive import ReceivingChannel
    from ._channel_send import SendingChannel

MAX_OPCODE: Final = 0xFFFFFFFF

_Channel = TypeVar("_Channel", bound="ChannelCore")


class ClientLoan(Loan, Generic[_Channel]):
    """Ends once: explicitly, with its block, or with a warning when the garbage collector finds it."""

    _channel: _Channel
    _ended = False
    """Given back; changed under the channel's lock."""

    def _end(self) -> bool:
        """Ends the loan's views. False when it had ended before; ViewInUseError when it cannot end."""
        if not self._live:
            return False
        self._live = False
        if self._views:
            try:
                self._end_views()
            except ViewInUseError:
                self._live = True
                raise
        return True

    def _give_back_locked(self) -> None:
        """Gives the bytes back to the ring, once; the channel's lock is held."""
        raise NotImplementedError

    def _give_back_later(self) -> None:
        """Gives the bytes back once no view of them is alive, which may be now. Takes no lock."""
        self._live = False
        channel = self._channel
        self._when_views_are_dead(lambda: channel._drop(self._give_back_locked))

    def __del__(self) -> None:
        if self._ended or not self._live or self._channel._detached:
            return
        self._give_back_later()
        warnings.warn(f"{self._title()} was dropped without being given back", ResourceWarning, source=self, stacklevel=2)

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self)


class Response(ClientLoan["ReceivingChannel"]):
    """An answer in shared memory, at the place of its request. Its bytes are the client's to read and write until release, which any
    thread may call. Use it as a context manager, or release it."""

    def __init__(self, channel: ReceivingChannel, record: Record, payload: memoryview, size: int) -> None:
        self._channel = channel
        self._record = record
        self._payload = payload
        self._start = record.start
        self._size = size

    def _title(self) -> str:
        return f"response {self._record.sequence} of {self._channel.name!r}"

    @property
    def sequence(self) -> int:
        """The request's sequence number."""
        return self._record.sequence

    @property
    def status(self) -> int:
        """0: failed answers are errors."""
        return FrameStatus.OK

    @property
    def opcode(self) -> int:
        """The request's."""
        return self._record.opcode

    def release(self) -> None:
        """Gives the bytes back to the ring. Releasing again does nothing. ViewInUseError while a view of the data is alive, such as a
        NumPy array: the response then is what it was before."""
        if self._end():
            self._channel._release(self)

    def __enter__(self) -> Response:
        if not self._live:
            self._released()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.release()
        except ViewInUseError:
            if kind is None:
                raise
            self._give_back_later()  # the exception under way is the one to hear of, and it may be what keeps the view alive

    def _give_back_locked(self) -> None:
        self._channel._release_response(self)

    def __repr__(self) -> str:
        return f"<Response {self.sequence}, {self._size} bytes{'' if self._live else ', released'}>"


class RequestBuffer(ClientLoan["SendingChannel"]):
    """Ring space for one request. Fill data, then commit or abort; until then other senders wait. It belongs to one thread.

    As a context manager it commits at the end of the block unless it was committed or aborted in it, and aborts when the block raises.
    """

    _opcode = 0
    _one_way = False

    def __init__(self, channel: SendingChannel, payload: memoryview, start: int, size: int) -> None:
        self._channel = channel
        self._payload = payload
        self._start = start
        self._size = size

    def _title(self) -> str:
        return f"the request buffer of {self._channel.name!r}"

    @property
    def opcode(self) -> int:
        """The application's tag."""
        return self._opcode

    @opcode.setter
    def opcode(self, opcode: int) -> None:
        if not 0 <= opcode <= MAX_OPCODE:
            raise InvalidArgumentError(f"opcode {opcode} is not within 0 to {MAX_OPCODE}")
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
        return self._channel._commit(self, self._size, self._opcode, self._one_way)

    def abort(self) -> None:
        """Gives the space back. Does nothing after commit or abort. ViewInUseError as for commit."""
        if self._end():
            self._channel._abort(self)

    def __enter__(self) -> RequestBuffer:
        if not self._live:
            self._released()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            if self._live:
                self.commit()
            return
        try:
            self.abort()
        except ViewInUseError:
            self._give_back_later()

    def _give_back_locked(self) -> None:
        self._channel._abort_locked(self)

    def __repr__(self) -> str:
        return f"<RequestBuffer of {self._size} bytes{'' if self._live else ', ended'}>"
