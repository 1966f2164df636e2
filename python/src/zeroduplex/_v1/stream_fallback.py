"""A Stream without the compiled helper. Each step has its twin in native/stream.c, whose comments say what pairs with what."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import time
from typing import Final

from .. import _ops_fallback as atomic
from .._generated import wire
from .._ops import WAIT_TOKEN
from .stream import (
    COUNT,
    FRAME,
    NO_FRAME,
    POKED,
    POSITION,
    READER_CLOSED,
    SEEN_COUNT,
    SEEN_FIRST_SEQUENCE,
    SEEN_FIRST_SIZE,
    SEEN_SEQUENCE,
    SEEN_SIZE,
    SEQUENCE,
    TOKEN,
)

_FIELDS: Final = next(s for s in wire.STRUCTS if s.name == "frame_header_v1").fields
_HEADER: Final = struct.Struct("<" + "".join(field.format[1:] for field in _FIELDS))
if [field.name for field in _FIELDS] != ["payload_size", "sequence_number"]:
    raise ImportError("the generated v1 frame header has other fields than this SDK")


class FallbackStream:
    def __init__(self, oieb: int, payload: int, size: int) -> None:
        self._oieb = oieb
        self._free = oieb + wire.OIEB_V1_PAYLOAD_FREE_BYTES_OFFSET
        self._size = size
        self._ring = (ctypes.c_char * size).from_address(payload)
        self._data_written = self._data_read = 0
        self.words = [0] * (SEEN_FIRST_SEQUENCE + 1)
        self._pokes = 0
        self._pokes_lock = threading.Lock()

    def start(self, position: int, count: int) -> None:
        self.words[POSITION], self.words[COUNT] = position, count

    def set_semaphores(self, data_written: int, data_read: int) -> None:
        self._data_written, self._data_read = data_written, data_read

    def _word(self, offset: int) -> int:
        return atomic.load64(self._oieb + offset)

    def _store(self, offset: int, value: int) -> None:
        atomic.store64(self._oieb + offset, value)

    def _took(self) -> int:
        atomic.full_fence()
        with self._pokes_lock:
            if self._pokes:
                self._pokes -= 1
                return POKED
        self.words[TOKEN] = 1
        return FRAME

    def next(self, window_ns: int) -> int:
        until = time.monotonic_ns() + window_ns if window_ns else 0
        while not self.words[TOKEN]:
            if atomic.semaphore_value(self._data_written) and atomic.try_wait(self._data_written):
                if self._took() == POKED:
                    return POKED
            elif not window_ns or time.monotonic_ns() >= until:
                return NO_FRAME
            else:
                os.sched_yield()  # the peer may be waiting for this very processor
        self.look()
        return FRAME

    def sleep_for_frame(self, timeout_ns: int) -> int:
        if not self.words[TOKEN]:
            if atomic.wait(self._data_written, timeout_ns) != WAIT_TOKEN:
                return NO_FRAME
            if self._took() == POKED:
                return POKED
        self.look()
        return FRAME

    def look(self) -> None:
        words = self.words
        words[SEEN_COUNT] = self._word(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET)
        words[SEEN_SIZE] = words[SEEN_SEQUENCE] = words[SEEN_FIRST_SIZE] = words[SEEN_FIRST_SEQUENCE] = 0
        if self._size < wire.FRAME_HEADER_V1_SIZE:
            return
        words[SEEN_FIRST_SIZE], words[SEEN_FIRST_SEQUENCE] = _HEADER.unpack_from(self._ring, 0)
        if self._size - words[POSITION] >= wire.FRAME_HEADER_V1_SIZE:
            words[SEEN_SIZE], words[SEEN_SEQUENCE] = _HEADER.unpack_from(self._ring, words[POSITION])

    def poke(self) -> None:
        with self._pokes_lock:
            if atomic.post(self._data_written) == 0:
                self._pokes += 1

    def pass_(self, position: int, passed: int, waste: int) -> int:
        before = atomic.add64(self._free, waste) if waste else 0
        words = self.words
        words[POSITION] = position
        words[COUNT] += passed
        words[TOKEN] = 0
        self._store(wire.OIEB_V1_PAYLOAD_READ_POS_OFFSET, position)
        self._store(wire.OIEB_V1_PAYLOAD_READ_COUNT_OFFSET, words[COUNT])
        return before

    def credit(self, size: int, frames: int) -> int:
        before = atomic.add64(self._free, size)
        atomic.full_fence()
        while frames > 0 and atomic.semaphore_value(self._data_read) < wire.DATA_READ_TOKEN_LIMIT:
            atomic.post(self._data_read)
            frames -= 1
        return before

    def space(self, need: int, window_ns: int) -> int:
        until = time.monotonic_ns() + window_ns if window_ns else 0
        while True:
            if self._word(wire.OIEB_V1_READER_PID_OFFSET) == wire.PID_NONE:
                return READER_CLOSED
            left = atomic.load64(self._free)
            if left >= need or not window_ns or time.monotonic_ns() >= until:
                return left
            os.sched_yield()  # as in next

    def publish(self, waste: int, size: int) -> int:
        words = self.words
        position = words[POSITION]
        if waste:
            if waste >= wire.FRAME_HEADER_V1_SIZE:
                _HEADER.pack_into(self._ring, position, 0, 0)
                words[COUNT] += 1
            atomic.subtract64(self._free, waste)
            position = 0
        words[SEQUENCE] += 1
        _HEADER.pack_into(self._ring, position, size, words[SEQUENCE])
        total = wire.FRAME_HEADER_V1_SIZE + size
        position += total
        words[POSITION] = 0 if position == self._size else position
        words[COUNT] += 1
        self._store(wire.OIEB_V1_PAYLOAD_WRITE_POS_OFFSET, words[POSITION])
        atomic.subtract64(self._free, total)
        self._store(wire.OIEB_V1_PAYLOAD_WRITTEN_COUNT_OFFSET, words[COUNT])
        atomic.full_fence()
        return atomic.post(self._data_written)
