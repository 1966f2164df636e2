"""Trying to attach, again and again within a time."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from ._generated import wire
from ._pages import MemoryReport, PageWish
from ._shm import NOT_REGULAR, SharedObject
from ._system import system_error
from .errors import CorruptedError, PermissionDeniedError, ZeroDuplexError
from .memory import MemoryProvider, SharedMemory, SharedMemoryView, report_on

# Bounds in seconds of the pause between two looks. Names and lock bytes cannot be waited for.
_PAUSE_MIN: Final = 20e-6
_PAUSE_MAX: Final = 2e-3


class Mapped(Protocol):
    report: MemoryReport

    @property
    def provider(self) -> MemoryProvider: ...
    def unmap(self) -> None: ...


_Segment = TypeVar("_Segment", bound=Mapped)


class Attempt(ABC, Generic[_Segment]):
    """One connection, with all its retries. How a protocol's segment is checked and entered is the protocol's."""

    not_found: ClassVar[type[ZeroDuplexError]]
    """The error for what is not there, or not yet."""
    healed_by_time: ClassVar[tuple[type[ZeroDuplexError], ...]]

    def __init__(self, name: str, timeout: float, view: SharedMemoryView | None, allow_other_users: bool, wish: PageWish) -> None:
        self._name = name
        self._view = view
        self._allow_other_users = allow_other_users
        self._wish = wish
        self._deadline = time.monotonic() + timeout
        self._pause = _PAUSE_MIN

    @abstractmethod
    def _map(self, provider: MemoryProvider, *, exact: bool) -> _Segment:
        """Checks what is stored in the memory, which has the head of a segment, and makes the segment. exact: it must fill the memory."""

    @abstractmethod
    def _enter(self, segment: _Segment, shared: SharedObject) -> None:
        """Makes the segment of an object ours and prepares its pages, or raises."""

    @abstractmethod
    def _attach_view(self, view: SharedMemoryView) -> _Segment:
        """Attaches to a segment in memory that is given."""

    @abstractmethod
    def _too_short(self, size: int) -> ZeroDuplexError:
        """The error for an object that has not even the head of a segment."""

    def run(self) -> _Segment:
        """Connects, retrying until the timeout what time may heal."""
        while True:
            try:
                return self.once()
            except self.healed_by_time:
                if not self.pause():
                    raise

    def once(self) -> _Segment:
        try:
            segment = self._attach_view(self._view) if self._view is not None else self._attach_named()
        except ZeroDuplexError:
            raise  # some are OSErrors, too
        except OSError as e:
            raise system_error(self._where("a system call failed"), e) from e
        segment.report = report_on(segment.provider, self._wish)
        return segment

    def pause(self) -> bool:
        """Waits before the next look, False when there is no time left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(self._pause, left))
        self._pause = min(2 * self._pause, _PAUSE_MAX)
        return True

    def hurry(self) -> None:
        """Makes the next pauses short again."""
        self._pause = _PAUSE_MIN

    def _where(self, detail: str) -> str:
        return f"connecting to {self._name!r}: {detail}"

    def _attach_named(self) -> _Segment:
        shared = self._open()
        own = SharedMemory.of(shared)
        try:
            if shared.owner != os.geteuid() and not self._allow_other_users:
                raise PermissionDeniedError(self._where(f"the object belongs to user {shared.owner}; allow_other_users connects to it"))
            if shared.size == 0:
                raise self.not_found(self._where("the object is still empty"))
            if shared.size < wire.OIEB_V1_SIZE:
                raise self._too_short(shared.size)
            shared.map(self._wish)
            segment = self._map(own, exact=True)
        except BaseException:
            own.close()
            raise
        try:
            self._enter(segment, shared)
        except BaseException:
            segment.unmap()
            raise
        return segment

    def _open(self) -> SharedObject:
        try:
            return SharedObject.open(self._name)
        except FileNotFoundError:
            raise self.not_found(self._where("no object of that name")) from None
        except PermissionError as e:
            raise PermissionDeniedError(self._where("the object's mode does not let us in; its owner can set it")) from e
        except OSError as e:
            if e.errno in NOT_REGULAR:
                raise CorruptedError(self._where("what has this name is no shared-memory object")) from e
            raise


def version_text(identity: int) -> str:
    """The version in a segment's first eight bytes."""
    return ".".join(str(identity >> shift & 0xFF) for shift in (32, 40, 48))
