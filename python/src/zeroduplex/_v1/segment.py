"""A mapped v1 buffer, as both ends use it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from .._generated import wire
from .._metadata import MetadataBlock
from .._ops import ops
from .._pages import NOTHING
from .._process import process_alive
from .._semaphore import Semaphore, SemaphoreSet
from ..errors import ClosedError
from ..memory import MemoryProvider, SharedMemory, address_of
from .stream import open_stream


class BufferUsage(NamedTuple):
    """The counters of a v1 buffer at some moment."""

    payload_size: int
    """Bytes of the ring."""
    payload_free_bytes: int
    """Bytes of it that are free: all of them when every frame was read and released."""
    written_count: int
    """Frames and wrap markers that were written."""
    read_count: int
    """Frames and wrap markers that were read."""


class BufferSemaphores(SemaphoreSet):
    """The two of a buffer."""

    _kinds: ClassVar[dict[str, Callable[[str], str]]] = {"data-written": wire.data_written_semaphore, "data-read": wire.data_read_semaphore}

    def __init__(self, found: list[Semaphore]) -> None:
        super().__init__(found)
        self.data_written, self.data_read = self.addresses

    def data_written_value(self) -> int:
        """Tokens of frames that nobody has taken yet."""
        return self._all[0].value()


class BufferSegment:
    """The regions of a buffer over memory whose length was checked against the layout."""

    def __init__(self, name: str, provider: MemoryProvider, layout: wire.SegmentV1) -> None:
        self.name = name
        self.provider = provider
        self.report = NOTHING
        """What became of the wish for its pages."""
        self._semaphores: BufferSemaphores | None = None
        memory = provider.memory
        base = address_of(memory)
        self.oieb = base + layout.oieb.offset
        self.metadata = MetadataBlock(
            memory[layout.metadata.offset : layout.metadata.offset + layout.metadata.size],
            self.oieb + wire.OIEB_V1_METADATA_FREE_BYTES_OFFSET,
            self.oieb + wire.OIEB_V1_METADATA_WRITTEN_BYTES_OFFSET,
        )
        self.payload = memory[layout.payload.offset : layout.payload.offset + layout.payload.size]
        self.stream = open_stream(self.oieb, base + layout.payload.offset, layout.payload.size)

    @property
    def semaphores(self) -> BufferSemaphores:
        if self._semaphores is None:
            raise ClosedError(f"{self.name!r} has no semaphores")
        return self._semaphores

    @semaphores.setter
    def semaphores(self, both: BufferSemaphores) -> None:
        self._semaphores = both
        self.stream.set_semaphores(both.data_written, both.data_read)

    def load(self, offset: int) -> int:
        """A word of the block."""
        return ops.load64(self.oieb + offset)

    def store(self, offset: int, value: int) -> None:
        ops.store64(self.oieb + offset, value)

    @property
    def reader_pid(self) -> int:
        # Pairs with the stores of the creating and the closing reader.
        return self.load(wire.OIEB_V1_READER_PID_OFFSET)

    @property
    def writer_pid(self) -> int:
        # Pairs with the exchanges of the attaching and the closing writer.
        return self.load(wire.OIEB_V1_WRITER_PID_OFFSET)

    def usage(self) -> BufferUsage:
        """The counters, each loaded by itself."""
        return BufferUsage(
            len(self.payload),
            self.load(wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET),
            self.load(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET),
            self.load(wire.OIEB_V1_PAYLOAD_READ_COUNT_OFFSET),
        )

    def reader_alive(self) -> bool:
        return process_alive(self.reader_pid)

    def writer_alive(self) -> bool:
        return process_alive(self.writer_pid)

    def leave_writer(self) -> None:
        """Says that the writer is gone, unless another one took its place."""
        ops.cas64(self.oieb + wire.OIEB_V1_WRITER_PID_OFFSET, os.getpid(), wire.PID_NONE)

    def remove_names(self) -> None:
        """Unlinks the names that still mean this buffer and its semaphores."""
        self.semaphores.remove()
        if isinstance(self.provider, SharedMemory):
            self.provider.object.remove()

    def unmap(self) -> None:
        """Ends this process's use of the buffer. Nobody may use it, its frames or its semaphores any more. BufferError while a view of its
        bytes is alive: then the memory stays mapped."""
        if self._semaphores is not None:
            self._semaphores.close()
            self._semaphores = None
        for region in (self.metadata.area, self.payload):
            region.release()
        self.provider.close()
