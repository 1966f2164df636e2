"""What is lent until it is given back: to read until release, or to fill until commit or abort."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from ._lender import Lender
from ._loan import Loan
from ._process import refuse_pickling
from ._state import FAST, LoanState
from .errors import ViewInUseError

if TYPE_CHECKING:
    from typing_extensions import Self

_Lender = TypeVar("_Lender", bound=Lender)
_Giver = TypeVar("_Giver", bound="LendsToRead")
_Room = TypeVar("_Room", bound="LendsToFill")


class Lent(Loan, Generic[_Lender]):
    """Ends once: explicitly, with its block, or with a warning when the garbage collector finds it."""

    __slots__ = ()

    _lender: _Lender

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

    @abstractmethod
    def _give_back_locked(self) -> None:
        """Gives the bytes back to the ring, once; the lender's lock is held."""

    def _give_back_later(self) -> None:
        """Gives the bytes back once no view of them is alive, which may be now. Takes no lock."""
        self._live = False
        lender = self._lender
        self._when_views_are_dead(lambda: lender._drop(self._give_back_locked))

    def _lost_by_user(self) -> None:
        """Nobody has it any more, and it was not given back. Called by the garbage collector."""
        self._give_back_later()
        warnings.warn(f"{self._title()} was dropped without being given back", ResourceWarning, source=self, stacklevel=2)

    def __enter__(self) -> Self:
        if not self._live:
            self._released()
        return self

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self)


class LendsToRead(Lender):
    @abstractmethod
    def _release_locked(self, loan: Any) -> None:
        """Gives back what was read, once; the lock is held."""


class LendsToFill(Lender):
    @abstractmethod
    def _abort(self, loan: Any) -> None:
        """Gives the room back, once."""

    @abstractmethod
    def _abort_locked(self, loan: Any) -> None:
        """The same; the lock is held."""


class LentToRead(Lent[_Giver]):
    """Use it as a context manager, or release it."""

    __slots__ = ()

    def release(self) -> None:
        """Gives the bytes back to the ring; any thread may do that. Releasing again does nothing. ViewInUseError while a view of the data
        is alive, such as a NumPy array: then everything is as it was before."""
        self._release()

    if FAST and not TYPE_CHECKING:
        release = LoanState._release

    def _release_generally(self) -> None:
        if self._views:
            if not self._end():
                return
        elif self._live:
            self._live = False
        else:
            return
        lender = self._lender
        with lender._lock:
            lender._release_locked(self)

    def _give_back_locked(self) -> None:
        self._lender._release_locked(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.release()
        except ViewInUseError:
            if kind is None:
                raise
            self._give_back_later()  # the exception under way is the one to hear of, and it may be what keeps the view alive


class LentToFill(Lent[_Room]):
    """As a context manager it commits at the end of the block unless it was committed or aborted in it, and aborts when the block raises.
    It belongs to one thread."""

    @abstractmethod
    def commit(self) -> int:
        """Publishes what was filled and returns its sequence number. ViewInUseError while a view of the data is alive: then everything is
        as it was before. FrameReleasedError after commit or abort."""

    def abort(self) -> None:
        """Gives the space back. Does nothing after commit or abort. ViewInUseError as for commit."""
        if self._end():
            self._lender._abort(self)

    def _give_back_locked(self) -> None:
        self._lender._abort_locked(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            if self._live:
                self.commit()
            return
        try:
            self.abort()
        except ViewInUseError:
            self._give_back_later()
