"""The compiled helper (native/stream.c) as a Stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .. import _native

_lib: Any = _native.lib
_ffi: Any = _native.ffi


class NativeStream:
    def __init__(self, oieb: int, payload: int, size: int) -> None:
        self._stream = stream = _ffi.new("zd_stream *", {"oieb": oieb, "payload": payload, "size": size})
        self.words: Sequence[int] = memoryview(_ffi.buffer(stream)).cast("Q")
        self.next = partial(_lib.zd_v1_next, stream)
        self.sleep_for_frame = partial(_lib.zd_v1_sleep_for_frame, stream)
        self.look = partial(_lib.zd_v1_look, stream)
        self.poke = partial(_lib.zd_v1_poke, stream)
        self.pass_ = partial(_lib.zd_v1_pass, stream)
        self.credit = partial(_lib.zd_v1_credit, stream)
        self.space = partial(_lib.zd_v1_space, stream)
        self.publish = partial(_lib.zd_v1_publish, stream)

    def start(self, position: int, count: int) -> None:
        self._stream.position, self._stream.count = position, count

    def set_semaphores(self, data_written: int, data_read: int) -> None:
        self._stream.data_written, self._stream.data_read = data_written, data_read
