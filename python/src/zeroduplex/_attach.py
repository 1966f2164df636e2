"""Connecting to a living server of an in-place channel."""

from __future__ import annotations

import errno
import os
import struct
import time
from typing import ClassVar

from . import _locks
from ._attempt import Attempt, version_text
from ._generated import wire
from ._liveness import LockLiveness, ViewLiveness
from ._ops import ops
from ._segment import Segment
from ._semaphore import Semaphore, Semaphores
from ._shm import SharedObject
from .errors import (
    CorruptedError,
    InvalidArgumentError,
    ServerBusyError,
    ServerNotFoundError,
    VersionMismatchError,
    WriterAlreadyConnectedError,
    ZeroDuplexError,
)
from .memory import MemoryProvider, SharedMemoryView, address_of
from .options import WAIT_SLICE


class ChannelAttempt(Attempt[Segment]):
    not_found = ServerNotFoundError
    healed_by_time: ClassVar = (ServerNotFoundError, ServerBusyError, WriterAlreadyConnectedError)

    def _too_short(self, size: int) -> ZeroDuplexError:
        return CorruptedError(self._where(f"the object has only {size} bytes"))

    def _map(self, provider: MemoryProvider, *, exact: bool) -> Segment:
        return Segment(self._name, provider, self._validate(provider.memory, exact=exact))

    def _enter(self, segment: Segment, shared: SharedObject) -> None:
        try:
            life = LockLiveness(shared.reopen())
        except FileNotFoundError as e:
            raise ServerNotFoundError(self._where("the object is gone again")) from e
        segment.life = life
        if not life.server_alive():
            raise ServerNotFoundError(self._where("its server is dead"))
        if not _locks.try_lock_byte(life.descriptor, wire.LOCK_BYTE_CLIENT):
            raise WriterAlreadyConnectedError(self._where("another client is attached"))
        try:
            self._await_reset(segment)
            shared.prepare_pages()  # only now: whoever is refused has not paid for the pages
            segment.semaphores = self._open_semaphores()
            # A living owner of a named object proves that the semaphores, which only go by the name, are this object's.
            if not shared.is_linked() or not life.server_alive():
                raise ServerNotFoundError(self._where("no living server holds the object"))
        except BaseException:
            life.release_client()
            raise
        ops.store64(segment.response + wire.OIEB_V2_READER_PID_OFFSET, os.getpid())
        # Pairs with the server's acquire load: from here on the fields are ours.
        ops.store64(segment.request + wire.OIEB_V2_WRITER_PID_OFFSET, os.getpid())

    def _open_semaphores(self) -> Semaphores:
        try:
            return Semaphores.open(self._name)
        except OSError as e:
            if e.errno in (errno.EMFILE, errno.ENFILE):  # our own lack, which no waiting heals
                raise
            raise ServerNotFoundError(self._where(f"its semaphores cannot be opened: {e}")) from e

    def _attach_view(self, view: SharedMemoryView) -> Segment:
        if len(view.memory) < wire.OIEB_V1_SIZE:
            raise InvalidArgumentError(self._where(f"the view has only {len(view.memory)} bytes"))
        segment = self._map(view, exact=False)
        segment.life = ViewLiveness(segment.request, segment.response)
        writer = segment.request + wire.OIEB_V2_WRITER_PID_OFFSET
        try:
            pid = ops.load64(writer)
            if not segment.life.server_alive():
                raise ServerNotFoundError(self._where("its server has stopped"))
            if pid == wire.RESET_WANTED:
                raise ServerBusyError(self._where("the server has not reset the segment yet"))
            # Claim first: without a lock this is what keeps a second client out. Pairs with the leaving client's and the resetting
            # server's stores.
            if pid != wire.PID_NONE or not ops.cas64(writer, wire.PID_NONE, os.getpid()):
                raise WriterAlreadyConnectedError(self._where("another client is attached"))
            try:
                segment.semaphores = self._open_semaphores()
            except BaseException:
                ops.store64(writer, wire.RESET_WANTED)
                raise
        except BaseException:
            segment.unmap()
            raise
        ops.store64(segment.response + wire.OIEB_V2_READER_PID_OFFSET, os.getpid())
        return segment

    def _validate(self, memory: memoryview, *, exact: bool) -> wire.SegmentV2:
        """Derives the layout from what is stored and checks it. exact: the segment must fill the memory."""
        # Pairs with the creating server's last store.
        identity = ops.load64(address_of(memory) + wire.OIEB_V2_IDENTITY_OFFSET)
        size, ours = identity & 0xFFFFFFFF, version_text(wire.OIEB_V2_IDENTITY_WORD)
        if identity == wire.IDENTITY_NOT_READY:
            raise ServerNotFoundError(self._where("the segment is not ready yet"))
        if size == wire.OIEB_V1_SIZE:
            raise VersionMismatchError(self._where(f"the segment is ZeroBuffer v{version_text(identity)}, this client speaks v{ours}"))
        if size != wire.OIEB_V2_SIZE:
            raise CorruptedError(self._where(f"oieb_size {size} is none we know"))
        if identity >> 32 & 0xFF != wire.PROTOCOL_V2_VERSION[0]:
            raise VersionMismatchError(self._where(f"the segment is v{version_text(identity)}, this client speaks v{ours}"))
        smallest = wire.resolve_segment_v2(0, 0, wire.MIN_PAYLOAD_SIZE)
        if smallest is None or len(memory) < smallest.length:
            raise CorruptedError(self._where(f"the memory has only {len(memory)} bytes"))

        def stored(region: wire.Region, offset: int) -> int:
            value: int = struct.unpack_from("<Q", memory, region.offset + offset)[0]
            return value

        request, response = smallest.oieb_request, smallest.oieb_response
        metadata_request = stored(request, wire.OIEB_V2_METADATA_SIZE_OFFSET)
        metadata_response = stored(response, wire.OIEB_V2_METADATA_SIZE_OFFSET)
        payload = stored(request, wire.OIEB_V2_PAYLOAD_SIZE_OFFSET)
        payload_again = stored(response, wire.OIEB_V2_PAYLOAD_SIZE_OFFSET)
        identity_again = stored(response, wire.OIEB_V2_IDENTITY_OFFSET)
        layout = wire.resolve_segment_v2(metadata_request, metadata_response, payload)
        if identity_again != identity:
            raise CorruptedError(self._where(f"the two blocks are v{version_text(identity)} and v{version_text(identity_again)}"))
        if payload != payload_again:
            raise CorruptedError(self._where(f"the two blocks say {payload} and {payload_again} bytes of payload"))
        sizes = (metadata_request, metadata_response, payload)
        if layout is None or sizes != (layout.metadata_request.size, layout.metadata_response.size, layout.payload.size):
            raise CorruptedError(self._where(f"sizes {metadata_request}, {metadata_response}, {payload} make no segment"))
        if layout.length > len(memory) or (exact and layout.length != len(memory)):
            raise CorruptedError(self._where(f"the segment says {layout.length} bytes, the memory has {len(memory)}"))
        return layout

    def _await_reset(self, segment: Segment) -> None:
        """Gets the segment from the server that a former client has left in whatever state. Called with byte 1 held."""
        writer = segment.request + wire.OIEB_V2_WRITER_PID_OFFSET
        # Pairs with the server's release store at the end of a reset.
        if ops.load64(writer) == wire.PID_NONE:
            return
        # Pairs with the server's acquire load.
        ops.store64(writer, wire.RESET_WANTED)
        self._wake_server()
        checked = time.monotonic()
        while ops.load64(writer) != wire.PID_NONE:
            if not self.pause():
                raise ServerBusyError(self._where("a handler still works on a request of a client that is gone"))
            if time.monotonic() - checked >= WAIT_SLICE:
                if not segment.life.server_alive():
                    raise ServerNotFoundError(self._where("no living server holds the object"))
                checked = time.monotonic()
        self.hurry()

    def _wake_server(self) -> None:
        """Only a hint: the semaphore may be an old one, and a sleeping server looks once a slice anyway."""
        try:
            semaphore = Semaphore.open(wire.semaphore_path(wire.request_ready_semaphore(self._name)))
        except OSError:
            return
        ops.post_if_zero(semaphore.address)
        semaphore.close()
