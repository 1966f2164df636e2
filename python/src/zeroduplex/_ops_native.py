"""The compiled helper (native/helper.c) as Ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from . import _native
from ._ops import SERVING, TAKEN

_lib: Any = _native.lib
_ffi: Any = _native.ffi


class NativePort:
    """A port whose every step is one C call. A partial costs less than a Python method would."""

    def __init__(self, request: int, response: int, payload: int) -> None:
        self._port = port = _ffi.new("zd_port *", {"request": request, "response": response, "payload": payload})
        self.words: memoryview = memoryview(_ffi.buffer(port)).cast("Q")
        self.taken: Callable[[], list[int]] = self.words[TAKEN:SERVING].tolist
        self.address = int(_ffi.cast("uintptr_t", port))
        self.publish = partial(_lib.zd_publish, port)
        self.answer_at = partial(_lib.zd_answer_at, port)
        self.status_at = partial(_lib.zd_status_at, port)
        self.size_at = partial(_lib.zd_size_at, port)
        self.state_at = partial(_lib.zd_state_at, port)
        self.cancel = partial(_lib.zd_cancel, port)
        self.abandon = partial(_lib.zd_abandon, port)
        self.release = partial(_lib.zd_release, port)
        self.store_free = partial(_lib.zd_store_free, port)
        self.spin_for_responses = partial(_lib.zd_spin_for_responses, port)
        self.spin_for_request = partial(_lib.zd_spin_for_request, port)
        words = _ffi.new("uint64_t[2]")
        self.seen: Sequence[int] = memoryview(_ffi.buffer(words)).cast("Q")
        self.look = partial(_lib.zd_look, port, words)
        self.kick = partial(_lib.zd_kick, port)
        self.take = partial(_lib.zd_take, port)
        self.take_next = partial(_lib.zd_take_next, port)
        self.skip = partial(_lib.zd_skip, port)
        self.answer = partial(_lib.zd_answer, port)
        self.finish = partial(_lib.zd_finish, port)

    def set_semaphores(self, request_ready: int, response_ready: int, response_consumed: int, space_available: int) -> None:
        port = self._port
        port.request_ready, port.response_ready = request_ready, response_ready
        port.response_consumed, port.space_available = response_consumed, space_available


class NativeOps:
    def __init__(self) -> None:
        self.load64 = _lib.zd_load64
        self.store64 = _lib.zd_store64
        self.cas64 = _lib.zd_cas64
        self.touch = _lib.zd_touch
        self.post_if_zero = _lib.zd_post_if_zero
        self.wait = _lib.zd_wait

    def port(self, request: int, response: int, payload: int) -> NativePort:
        return NativePort(request, response, payload)
