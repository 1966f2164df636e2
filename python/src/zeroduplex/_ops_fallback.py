"""Ops without the compiled helper: atomic accesses by libatomic.so.1, semaphores by glibc, both through ctypes.

Each function has its twin in native/helper.c, whose comments say what pairs with what; the order of the accesses is the same.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import threading
import time
from collections.abc import Callable
from typing import Final

from ._generated import wire
from ._ops import (
    ANSWER_FAILED,
    ANSWER_IMPOSSIBLE,
    ANSWER_PENDING,
    CLAIMED,
    CONSUMED,
    LOOK_PUBLISHED,
    LOOK_RESET_WANTED,
    OPEN,
    RESPONSE_BYTES,
    RESPONSES,
    SIZE,
    WORDS,
    Words,
)

if platform.libc_ver()[0] != "glibc" or ctypes.sizeof(ctypes.c_void_p) != 8:
    raise ImportError("needs 64-bit Linux with glibc")

# The memory orders as compilers number them.
_RELAXED: Final = 0
_ACQUIRE: Final = 2
_RELEASE: Final = 3
_ACQ_REL: Final = 4
_SEQ_CST: Final = 5

_u64, _u32, _i32, _address = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_int32, ctypes.c_void_p
_atomic = ctypes.CDLL("libatomic.so.1")
_libc = ctypes.CDLL(None, use_errno=True)


def _function(library: ctypes.CDLL, name: str, result: type | None, *arguments: type) -> Callable[..., int]:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    found: Callable[..., int] = function
    return found


_load64 = _function(_atomic, "__atomic_load_8", _u64, _address, _i32)
_load32 = _function(_atomic, "__atomic_load_4", _u32, _address, _i32)
_store64 = _function(_atomic, "__atomic_store_8", None, _address, _u64, _i32)
_store32 = _function(_atomic, "__atomic_store_4", None, _address, _u32, _i32)
_exchange64 = _function(_atomic, "__atomic_compare_exchange_8", ctypes.c_bool, _address, _address, _u64, _i32, _i32)
_exchange32 = _function(_atomic, "__atomic_compare_exchange_4", ctypes.c_bool, _address, _address, _u32, _i32, _i32)
_add64 = _function(_atomic, "__atomic_fetch_add_8", _u64, _address, _u64, _i32)
_sub64 = _function(_atomic, "__atomic_fetch_sub_8", _u64, _address, _u64, _i32)
_or32 = _function(_atomic, "__atomic_fetch_or_4", _u32, _address, _u32, _i32)
_thread_fence = _function(_atomic, "atomic_thread_fence", None, _i32)
_sem_post = _function(_libc, "sem_post", _i32, _address)
_sem_trywait = _function(_libc, "sem_trywait", _i32, _address)
_sem_clockwait = _function(_libc, "sem_clockwait", _i32, _address, _i32, _address)


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_int64), ("tv_nsec", ctypes.c_int64))


def load64(address: int) -> int:
    return _load64(address, _ACQUIRE)


def store64(address: int, value: int) -> None:
    _store64(address, value, _RELEASE)


def add64(address: int, value: int) -> int:
    """Adds atomically; what was there before."""
    return _add64(address, value, _ACQ_REL)


def subtract64(address: int, value: int) -> None:
    """Subtracts atomically."""
    _sub64(address, value, _ACQ_REL)


def full_fence() -> None:
    _thread_fence(_SEQ_CST)


def _plain64(address: int, value: int) -> None:
    _store64(address, value, _RELAXED)


def _plain32(address: int, value: int) -> None:
    _store32(address, value & 0xFFFFFFFF, _RELAXED)


def cas64(address: int, expected: int, desired: int) -> int:
    found = _u64(expected)
    return int(_exchange64(address, ctypes.byref(found), desired, _ACQ_REL, _ACQUIRE))


def touch(address: int, size: int, page: int) -> None:
    for at in range(address, address + size, page):
        _add64(at, 0, _RELAXED)


def semaphore_value(semaphore: int) -> int:
    return _load32(semaphore + wire.NAMED_SEMAPHORE_VALUE_OFFSET, _ACQUIRE)


def post(semaphore: int) -> int:
    """0, or the errno."""
    return 0 if _sem_post(semaphore) == 0 else ctypes.get_errno()


def try_wait(semaphore: int) -> bool:
    """Takes a token if there is one."""
    return _sem_trywait(semaphore) == 0


def _reads_zero(semaphore: int) -> bool:
    return _load32(semaphore + wire.NAMED_SEMAPHORE_VALUE_OFFSET, _RELAXED) == 0


def _post_fenced(semaphore: int) -> None:
    if _reads_zero(semaphore):
        _sem_post(semaphore)


def _post_if_zero(semaphore: int) -> None:
    _thread_fence(_SEQ_CST)
    _post_fenced(semaphore)


def wait(semaphore: int, timeout_ns: int) -> int:
    until = time.monotonic_ns() + timeout_ns
    deadline = _Timespec(until // 1_000_000_000, until % 1_000_000_000)
    failed = _sem_clockwait(semaphore, time.CLOCK_MONOTONIC, ctypes.byref(deadline)) != 0
    interrupted = failed and ctypes.get_errno() == errno.EINTR
    _thread_fence(_SEQ_CST)
    return -int(interrupted) if failed else 1


class FallbackPort:
    address = 0

    def __init__(self, request: int, response: int, payload: int) -> None:
        self._payload = payload
        self._request = request
        self._response = response
        self._request_ready = self._response_ready = self._response_consumed = self._space_available = 0
        self._kicks = 0
        self.words: Words = [0] * WORDS
        self.seen = [0, 0]
        self._kicks_lock = threading.Lock()

    def set_semaphores(self, request_ready: int, response_ready: int, response_consumed: int, space_available: int) -> None:
        self._request_ready, self._response_ready = request_ready, response_ready
        self._response_consumed, self._space_available = response_consumed, space_available

    def _state(self, position: int) -> int:
        return _load32(self._payload + position + wire.FRAME_HEADER_V2_STATE_OFFSET, _ACQUIRE)

    def _set_state(self, position: int, state: int) -> None:
        _store32(self._payload + position + wire.FRAME_HEADER_V2_STATE_OFFSET, state, _RELEASE)

    def _move(self, position: int, before: int, after: int) -> int:
        found = _u32(before)
        address = self._payload + position + wire.FRAME_HEADER_V2_STATE_OFFSET
        return int(_exchange32(address, ctypes.byref(found), after, _ACQ_REL, _ACQUIRE))

    def _mark(self, position: int) -> None:
        header = self._payload + position
        for offset in range(0, wire.FRAME_HEADER_V2_SIZE, 8):
            if offset != wire.FRAME_HEADER_V2_STATE_OFFSET:
                _plain64(header + offset, 0)
        _plain32(header + wire.FRAME_HEADER_V2_STATUS_OFFSET, 0)
        self._set_state(position, wire.FrameState.WRAP)

    def take_next(self) -> int:
        return 0

    def taken(self) -> list[int]:
        return []

    def publish(
        self, marker: int, position: int, size: int, sequence: int, capacity: int, opcode: int, flags: int, head: int, free: int
    ) -> None:
        header = self._payload + position
        if marker >= 0:
            self._mark(marker)
        _plain64(header + wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET, size)
        _plain64(header + wire.FRAME_HEADER_V2_SEQUENCE_NUMBER_OFFSET, sequence)
        _plain64(header + wire.FRAME_HEADER_V2_CAPACITY_OFFSET, capacity)
        _plain32(header + wire.FRAME_HEADER_V2_STATUS_OFFSET, 0)
        _plain64(header + wire.FRAME_HEADER_V2_REQUEST_SIZE_OFFSET, size)
        _plain32(header + wire.FRAME_HEADER_V2_OPCODE_OFFSET, opcode)
        _plain32(header + wire.FRAME_HEADER_V2_FLAGS_OFFSET, flags)
        for offset in range(wire.FRAME_HEADER_V2_RESERVED_OFFSET, wire.FRAME_HEADER_V2_SIZE, 8):
            _plain64(header + offset, 0)
        self._set_state(position, wire.FrameState.REQUEST)
        store64(self._request + wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, head)
        self.store_free(free)
        store64(self._request + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, sequence)
        _post_if_zero(self._request_ready)

    def store_free(self, free: int) -> None:
        store64(self._request + wire.OIEB_V2_PAYLOAD_FREE_BYTES_OFFSET, free)
        store64(self._response + wire.OIEB_V2_PAYLOAD_FREE_BYTES_OFFSET, free)

    def answer_at(self, position: int, window_ns: int) -> int:
        until = time.monotonic_ns() + window_ns if window_ns else 0
        while True:
            state = self._state(position)
            if state == wire.FrameState.RESPONSE:
                size = self.size_at(position)
                return ANSWER_IMPOSSIBLE if size > wire.MAX_FRAME_DATA else size
            if state == wire.FrameState.FAILED:
                return ANSWER_FAILED
            if not window_ns or time.monotonic_ns() >= until:
                return ANSWER_PENDING
            os.sched_yield()  # the peer may be waiting for this very processor

    def status_at(self, position: int) -> int:
        return _i32(_load32(self._payload + position + wire.FRAME_HEADER_V2_STATUS_OFFSET, _RELAXED)).value

    def size_at(self, position: int) -> int:
        return _load64(self._payload + position + wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET, _RELAXED)

    def state_at(self, position: int) -> int:
        return _i32(self._state(position)).value

    def cancel(self, position: int) -> int:
        return self._move(position, wire.FrameState.REQUEST, wire.FrameState.CANCELLED)

    def abandon(self, position: int) -> None:
        _or32(self._payload + position + wire.FRAME_HEADER_V2_FLAGS_OFFSET, wire.FrameFlags.ABANDONED, _SEQ_CST)
        _thread_fence(_SEQ_CST)

    def release(self, position: int, freed: int) -> None:
        words = self.words
        words[CLAIMED] -= freed
        words[CONSUMED] += 1
        self._set_state(position, wire.FrameState.CONSUMED)
        store64(self._response + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, words[CONSUMED])
        self.store_free(words[SIZE] - words[CLAIMED] + words[OPEN])
        _thread_fence(_SEQ_CST)
        _post_fenced(self._response_consumed)
        _post_fenced(self._space_available)

    def spin_for_responses(self, seen: int, window_ns: int) -> int:
        until = time.monotonic_ns() + window_ns
        while load64(self._response + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET) == seen:
            if time.monotonic_ns() >= until:
                return 0
            os.sched_yield()  # as in answer_at
        return 1

    def spin_for_request(self, passed: int, window_ns: int) -> int:
        kicks = self._kicks
        until = time.monotonic_ns() + window_ns
        while load64(self._request + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET) == passed:
            if self._kicks != kicks or load64(self._request + wire.OIEB_V2_WRITER_PID_OFFSET) == wire.RESET_WANTED:
                return 1
            if time.monotonic_ns() >= until:
                return 0
            os.sched_yield()  # as in answer_at
        return 1

    def look(self, passed: int) -> int:
        self.seen[0] = count = load64(self._request + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET)
        if count != passed:
            self.seen[1] = load64(self._request + wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET)
        reset = load64(self._request + wire.OIEB_V2_WRITER_PID_OFFSET) == wire.RESET_WANTED
        return (LOOK_PUBLISHED if count != passed else 0) | (LOOK_RESET_WANTED if reset else 0)

    def kick(self) -> None:
        with self._kicks_lock:
            self._kicks += 1
        _post_if_zero(self._request_ready)

    def take(self, position: int, passed: int) -> int:
        if not self._move(position, wire.FrameState.REQUEST, wire.FrameState.PROCESSING):
            return 0
        store64(self._request + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, passed)
        return 1

    def skip(self, position: int, passed: int) -> None:
        store64(self._request + wire.OIEB_V2_PAYLOAD_READ_COUNT_OFFSET, passed)
        self.finish(position)

    def answer(self, position: int, size: int, status: int, state: int) -> None:
        words = self.words
        words[RESPONSES] += 1
        words[RESPONSE_BYTES] += size
        header = self._payload + position
        _plain64(header + wire.FRAME_HEADER_V2_PAYLOAD_SIZE_OFFSET, size)
        _plain32(header + wire.FRAME_HEADER_V2_STATUS_OFFSET, status)
        self._set_state(position, state)
        store64(self._response + wire.OIEB_V2_PAYLOAD_WRITTEN_BYTES_OFFSET, words[RESPONSE_BYTES])
        store64(self._response + wire.OIEB_V2_PAYLOAD_WRITTEN_COUNT_OFFSET, words[RESPONSES])
        _thread_fence(_SEQ_CST)
        _post_fenced(self._response_ready)
        if _reads_zero(self._space_available):
            flags = _load32(header + wire.FRAME_HEADER_V2_FLAGS_OFFSET, _SEQ_CST)
            if flags & wire.FrameFlags.ABANDONED:
                _post_fenced(self._space_available)

    def finish(self, position: int) -> None:
        self._set_state(position, wire.FrameState.CONSUMED)
        _post_if_zero(self._space_available)


class FallbackOps:
    def __init__(self) -> None:
        self.load64 = load64
        self.store64 = store64
        self.cas64 = cas64
        self.touch = touch
        self.post_if_zero = _post_if_zero
        self.wait = wait

    def port(self, request: int, response: int, payload: int) -> FallbackPort:
        return FallbackPort(request, response, payload)
