"""One mapped segment, as both sides use it."""

from __future__ import annotations

from ._generated import wire
from ._liveness import Liveness
from ._metadata import MetadataBlock
from ._ops import ops
from ._pages import NOTHING
from ._semaphore import Semaphores
from .errors import ClosedError
from .memory import MemoryProvider, address_of


class Segment:
    """The regions of a segment over memory whose length was checked against the layout."""

    def __init__(self, name: str, provider: MemoryProvider, layout: wire.SegmentV2) -> None:
        self.name = name
        self.provider = provider
        self.report = NOTHING
        """What became of the wish for its pages."""
        self._liveness: Liveness | None = None
        self._semaphores: Semaphores | None = None
        memory = provider.memory
        base = address_of(memory)

        def region(r: wire.Region) -> memoryview:
            return memory[r.offset : r.offset + r.size]

        self.request = base + layout.oieb_request.offset
        self.response = base + layout.oieb_response.offset

        def metadata(block: int, r: wire.Region) -> MetadataBlock:
            free_bytes, written_bytes = wire.OIEB_V2_METADATA_FREE_BYTES_OFFSET, wire.OIEB_V2_METADATA_WRITTEN_BYTES_OFFSET
            return MetadataBlock(region(r), block + free_bytes, block + written_bytes)

        self.metadata_request = metadata(self.request, layout.metadata_request)
        self.metadata_response = metadata(self.response, layout.metadata_response)
        self.payload = region(layout.payload)
        self.port = ops.port(self.request, self.response, base + layout.payload.offset)

    @property
    def life(self) -> Liveness:
        if self._liveness is None:
            raise ClosedError(f"{self.name!r} has no liveness")
        return self._liveness

    @life.setter
    def life(self, liveness: Liveness) -> None:
        self._liveness = liveness

    @property
    def semaphores(self) -> Semaphores:
        if self._semaphores is None:
            raise ClosedError(f"{self.name!r} has no semaphores")
        return self._semaphores

    @semaphores.setter
    def semaphores(self, all_four: Semaphores) -> None:
        self._semaphores = all_four
        self.port.set_semaphores(all_four.request_ready, all_four.response_ready, all_four.response_consumed, all_four.space_available)

    def unmap(self) -> None:
        """Ends this process's use of the segment. Nobody may use it, its frames or its semaphores any more."""
        if self._semaphores is not None:
            self._semaphores.close()
            self._semaphores = None
        self.close_descriptors()
        for region in (self.metadata_request.area, self.metadata_response.area, self.payload):
            region.release()
        self.provider.close()

    def close_descriptors(self) -> None:
        """Closes what carries locks, without unlocking. In a forked child this is all that may be done."""
        if self._liveness is not None:
            self._liveness.close()
