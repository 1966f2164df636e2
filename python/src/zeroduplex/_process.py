"""Processes: which of them live, and what open channels do when their own forks or ends."""

from __future__ import annotations

import atexit
import os
import weakref
from contextlib import suppress
from typing import Final, NoReturn, Protocol

from .errors import ZeroDuplexError

_MAX_PID: Final = 0x7FFFFFFF


def process_alive(pid: int) -> bool:
    """Whether the process lives, by its id in our pid namespace. One that ended and is only waited for does not."""
    if not 0 < pid <= _MAX_PID:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # Behind the name, which may contain anything: the state, ..., and as the 18th the number of threads.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return True  # without /proc, or gone this moment: the next look tells
    # A main thread that ended before the others is a zombie, too, but its process lives.
    return fields[0] not in (b"Z", b"X") or int(fields[17]) > 1


class _Open(Protocol):
    def _after_fork_in_child(self) -> None:
        """Closes the descriptors that carry the parent's locks, without unlocking, and refuses every use from now on."""

    def _at_exit(self) -> None:
        """Ends the channel without waiting for anybody."""


_open: weakref.WeakSet[_Open] = weakref.WeakSet()


def register(channel: _Open) -> None:
    """Counts a channel among the open ones."""
    _open.add(channel)


def unregister(channel: _Open) -> None:
    _open.discard(channel)


def refuse_pickling(what: object) -> NoReturn:
    """Why a channel does not go to another process by itself."""
    raise TypeError(
        f"{type(what).__name__} belongs to its process and cannot be pickled; "
        "give the channel's name to the other process and connect there"
    )


def _after_fork_in_child() -> None:
    for channel in list(_open):
        channel._after_fork_in_child()
    _open.clear()


def _at_exit() -> None:
    for channel in list(_open):
        with suppress(ZeroDuplexError, OSError, BufferError):
            channel._at_exit()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
