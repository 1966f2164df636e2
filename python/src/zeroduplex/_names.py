"""Names: what they may be, and getting one from whoever left it behind."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from . import _locks
from ._generated import wire
from ._process import process_alive
from ._shm import NOT_REGULAR, SharedObject
from .errors import InvalidNameError, NameInUseError

_PID: Final = struct.Struct("<Q")


def check_name(name: str, most: int = wire.NAME_MAXIMUM) -> None:
    """Applies the name rules."""
    if not wire.valid_name(name):
        raise InvalidNameError(f"the name {name!r} of {len(name)} characters")
    if len(name) > most:
        raise InvalidNameError(f"the name {name!r} of {len(name)} characters, at most {most} leave room for what is put behind it")


def clear_name(name: str, refuse_v1: Callable[[str, int, int], None]) -> None:
    """Removes what a dead owner left under the name, and refuses when the owner lives or the object is not ours.

    refuse_v1: gets the name and the ids of the living reader and writer of a v1 buffer, 0 for none, and raises if they are in the way.
    """
    try:
        old = SharedObject.open(name)
    except FileNotFoundError:
        return
    except PermissionError as e:
        raise NameInUseError(f"another user's object has the name {name!r}") from e
    except OSError as e:
        if e.errno not in NOT_REGULAR:
            raise
        raise NameInUseError(f"something that is no shared-memory object has the name {name!r}") from e
    try:
        _check_removable(name, old.read(wire.OIEB_V1_SIZE), refuse_v1)
        # The truth about a v2 owner. We keep the byte until the name is gone, so that no two creators remove each other's objects.
        if not _locks.try_lock_byte(old.descriptor, wire.LOCK_BYTE_SERVER):
            raise NameInUseError(f"a living server has the name {name!r}")
        old.remove()
    finally:
        old.close()


def _check_removable(name: str, head: bytes, refuse_v1: Callable[[str, int, int], None]) -> None:
    identity = int.from_bytes(head[:8], "little")
    if identity == wire.OIEB_V2_IDENTITY_WORD:
        return
    if identity == wire.IDENTITY_NOT_READY and (not head or len(head) >= wire.OIEB_V2_SIZE):
        return
    if identity & 0xFFFFFFFF != wire.OIEB_V1_SIZE or len(head) < wire.OIEB_V1_SIZE:
        raise NameInUseError(f"a file that is not ours has the name {name!r}")
    living = []
    for offset in (wire.OIEB_V1_READER_PID_OFFSET, wire.OIEB_V1_WRITER_PID_OFFSET):
        (pid,) = _PID.unpack_from(head, offset)
        living.append(pid if process_alive(pid) else wire.PID_NONE)
    refuse_v1(name, living[0], living[1])
