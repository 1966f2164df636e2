"""Attaching to a v1 buffer, which its writer does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import ClassVar

from .._attempt import Attempt, version_text
from .._generated import wire
from .._ops import ops
from .._pages import PageWish
from .._process import process_alive
from .._shm import SharedObject
from ..errors import (
    BufferNotFoundError,
    CorruptedError,
    InvalidArgumentError,
    ReaderDeadError,
    ServerBusyError,
    VersionMismatchError,
    WriterAlreadyConnectedError,
    ZeroDuplexError,
)
from ..memory import MemoryProvider, SharedMemoryView, address_of
from ..options import WAIT_SLICE
from .segment import BufferSegment, BufferSemaphores


class WriterAttempt(Attempt[BufferSegment]):
    """when_drained: attaches only when the reader has read everything that former writers wrote; ServerBusyError until then."""

    not_found = BufferNotFoundError
    healed_by_time: ClassVar = (BufferNotFoundError, ReaderDeadError, WriterAlreadyConnectedError, ServerBusyError)

    def __init__(
        self, name: str, timeout: float, view: SharedMemoryView | None, allow_other_users: bool, wish: PageWish, when_drained: bool = False
    ) -> None:
        super().__init__(name, timeout, view, allow_other_users, wish)
        self._when_drained = when_drained
        self._read_count = -1
        self._still_since = 0.0

    def _too_short(self, size: int) -> ZeroDuplexError:
        return BufferNotFoundError(self._where(f"the object has only {size} bytes yet"))

    def _map(self, provider: MemoryProvider, *, exact: bool) -> BufferSegment:
        memory = provider.memory
        oieb = address_of(memory)
        # Pairs with the creating reader's last store.
        identity = ops.load64(oieb + wire.OIEB_V1_IDENTITY_OFFSET)
        size, major, ours = identity & 0xFFFFFFFF, identity >> 32 & 0xFF, version_text(wire.OIEB_V1_IDENTITY_WORD)
        # Published readers store size and version after each other.
        if identity == wire.IDENTITY_NOT_READY or (size == wire.OIEB_V1_SIZE and not major):
            raise BufferNotFoundError(self._where("the buffer is not ready yet"))
        if size != wire.OIEB_V1_SIZE or major != wire.PROTOCOL_V1_VERSION[0]:
            found = f"v{version_text(identity)} with an oieb_size of {size}"
            raise VersionMismatchError(self._where(f"the segment is {found}, a writer speaks v{ours} with {wire.OIEB_V1_SIZE}"))
        reader = ops.load64(oieb + wire.OIEB_V1_READER_PID_OFFSET)
        if reader == wire.PID_NONE:
            raise BufferNotFoundError(self._where("its reader has closed it, or is not ready yet"))
        if not process_alive(reader):
            raise ReaderDeadError(self._where(f"its reader is dead (pid {reader})"))
        metadata = ops.load64(oieb + wire.OIEB_V1_METADATA_SIZE_OFFSET)
        payload = ops.load64(oieb + wire.OIEB_V1_PAYLOAD_SIZE_OFFSET)
        layout = wire.resolve_segment_v1(metadata, payload)
        if layout is None or (metadata, payload) != (layout.metadata.size, layout.payload.size):
            raise CorruptedError(self._where(f"sizes {metadata} and {payload} make no buffer"))
        if layout.length > len(memory) or (exact and layout.length != len(memory)):
            raise CorruptedError(self._where(f"the buffer says {layout.length} bytes, the memory has {len(memory)}"))
        return BufferSegment(self._name, provider, layout)

    def _attach_view(self, view: SharedMemoryView) -> BufferSegment:
        if len(view.memory) < wire.OIEB_V1_SIZE:
            raise InvalidArgumentError(self._where(f"the view has only {len(view.memory)} bytes"))
        segment = self._map(view, exact=False)
        try:
            self._claim(segment, lambda: True, None)
        except BaseException:
            segment.unmap()
            raise
        return segment

    def _enter(self, segment: BufferSegment, shared: SharedObject) -> None:
        # A linked object proves that the semaphores, which only go by the name, are this object's: whoever replaces it unlinks it first.
        self._claim(segment, shared.is_linked, shared.born)
        try:
            shared.prepare_pages()  # only now: whoever is refused has not paid for the pages
        except BaseException:
            segment.leave_writer()
            raise

    def _claim(self, segment: BufferSegment, is_named: Callable[[], bool], born: int | None) -> None:
        """Makes the buffer ours, and takes over where the former writer stopped. born: when its object was made, if there is one."""
        try:
            segment.semaphores = BufferSemaphores.open(self._name)
        except OSError as e:
            raise BufferNotFoundError(self._where(f"its semaphores cannot be opened: {e}")) from e
        # Readers of the published packages make them last of all, and Python's leaves them behind when it closes.
        if segment.semaphores.any_before(born):
            raise BufferNotFoundError(self._where("the semaphores of its name are older than it; its reader has not made its own yet"))
        pid = segment.writer_pid
        if process_alive(pid):
            raise WriterAlreadyConnectedError(self._where(f"another writer is attached (pid {pid})"))
        self._check_drained(segment)
        if not ops.cas64(segment.oieb + wire.OIEB_V1_WRITER_PID_OFFSET, pid, os.getpid()):
            raise WriterAlreadyConnectedError(self._where("another writer was faster"))
        try:
            if not is_named() or not segment.reader_alive():
                raise BufferNotFoundError(self._where("its reader has just left"))
            self._check_drained(segment)  # another writer may have been here since
            position = segment.load(wire.OIEB_V1_PAYLOAD_WRITE_POS_OFFSET)
            size = len(segment.payload)
            if position > size:
                raise CorruptedError(self._where(f"payload_write_pos {position} in a payload of {size}"))
            # Some published writers leave the end of the payload where others leave its start.
            segment.stream.start(0 if position == size else position, segment.load(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET))
        except BaseException:
            segment.leave_writer()
            raise

    def _check_drained(self, segment: BufferSegment) -> None:
        if not self._when_drained:
            return
        read = segment.load(wire.OIEB_V1_PAYLOAD_READ_COUNT_OFFSET)
        written = segment.load(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET)
        if read == written:
            return
        # Some published writers count too much. Then what tells is that there is no token, and that nothing has moved for a while.
        now = time.monotonic()
        if read != self._read_count or segment.semaphores.data_written_value():
            self._read_count, self._still_since = read, now
        if now - self._still_since < WAIT_SLICE:
            raise ServerBusyError(self._where(f"{written - read} requests of a client that is gone were not read yet"))
