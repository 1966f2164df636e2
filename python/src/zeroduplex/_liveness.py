"""Who lives, and saying of one's own side that it does not any more."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from . import _locks
from ._generated import wire
from ._ops import ops


class Liveness(ABC):
    """Tells who lives. The release methods end this side's claim explicitly: a forked child may keep descriptors open."""

    @abstractmethod
    def server_alive(self) -> bool: ...

    @abstractmethod
    def client_alive(self) -> bool: ...

    @abstractmethod
    def release_server(self) -> None: ...

    @abstractmethod
    def release_client(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Closes descriptors. In a forked child this is all that may happen: the locks are the parent's."""


class LockLiveness(Liveness):
    """By locks on bytes of the object, through an open file description that is never mapped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def server_alive(self) -> bool:
        return self._held(wire.LOCK_BYTE_SERVER)

    def client_alive(self) -> bool:
        return self._held(wire.LOCK_BYTE_CLIENT)

    def _held(self, offset: int) -> bool:
        try:
            return _locks.byte_held(self.descriptor, offset)
        except OSError:
            return True  # a living peer must never be declared dead

    def release_server(self) -> None:
        _locks.unlock_byte(self.descriptor, wire.LOCK_BYTE_SERVER)

    def release_client(self) -> None:
        _locks.unlock_byte(self.descriptor, wire.LOCK_BYTE_CLIENT)

    def close(self) -> None:
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)


class ViewLiveness(Liveness):
    """For existing memory, where no lock exists: believes what the sides say of themselves."""

    def __init__(self, request: int, response: int) -> None:
        self._client_pid = request + wire.OIEB_V2_WRITER_PID_OFFSET
        self._server_pid = response + wire.OIEB_V2_WRITER_PID_OFFSET

    def server_alive(self) -> bool:
        # Pairs with the stopping server's store.
        return ops.load64(self._server_pid) != wire.PID_NONE

    def client_alive(self) -> bool:
        # Pairs with the leaving client's store and the attaching one's compare-and-swap.
        return ops.load64(self._client_pid) not in (wire.PID_NONE, wire.RESET_WANTED)

    def release_server(self) -> None:
        """Says nothing: the stopping server's store does."""

    def release_client(self) -> None:
        """Says nothing: the leaving client's store does."""

    def close(self) -> None:
        """Has nothing to close."""
