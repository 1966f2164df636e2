"""The pages of a mapping: present before the first use, and huge, where that is wished for."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from dataclasses import dataclass, replace
from typing import Final

from ._huge_pages import look_for_huge_pages
from ._ops import ops

_MADV_HUGEPAGE: Final = 14
_MADV_POPULATE_WRITE: Final = 23
"""Of Linux. The mmap module has the one where its headers had it, and the other not at all."""

_UNKNOWN: Final = (errno.EINVAL, errno.ENOSYS, errno.EPERM)
"""What a kernel answers that does not populate on demand: before 5.14, or where it is filtered."""

_libc = ctypes.CDLL(None, use_errno=True)  # not mmap.madvise, which keeps the interpreter lock
_libc.madvise.restype, _libc.madvise.argtypes = ctypes.c_int, (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


@dataclass(frozen=True)
class PageWish:
    """What is wanted of the pages of a mapping. Nothing of it changes what the memory holds."""

    prefault: bool = False
    """Every page is present and writable before the first use."""
    huge_pages: bool = False
    """The kernel is asked for huge pages."""


NO_WISH: Final = PageWish()


@dataclass(frozen=True)
class MemoryReport:
    """What became of the options prefault and huge_pages for this process's mapping, as it was when the memory was created or attached to.
    Without these options it is empty."""

    prefaulted: bool = False
    """Every page of the mapping was made present and writable. huge_pages does so too where it creates memory."""
    huge_page_bytes: int = 0
    """How many bytes of the mapping the kernel maps by huge pages, as it says itself; 0 when none, or when it cannot be known."""
    reason: str = ""
    """Why an option was not fulfilled and what can be done; empty when all was done that was asked for."""

    def _and(self, other: MemoryReport) -> MemoryReport:
        """The report on two mappings together."""
        reasons = dict.fromkeys(reason for reason in (self.reason, other.reason) if reason)
        return MemoryReport(
            self.prefaulted and other.prefaulted, self.huge_page_bytes + other.huge_page_bytes, "; ".join(reasons)
        )  # fmt: skip


NOTHING: Final = MemoryReport()

NOT_OURS: Final = MemoryReport(reason="the memory is the application's own: its pages are left to whoever mapped it")

_ASKED_ONLY: Final = "huge pages are asked for; whether the kernel gives them shows only in memory that is prefaulted"


def _madvise(address: int, size: int, advice: int) -> int:
    """The error number, 0 for none. Tests replace it, to play kernels that lack memory or do not know an advice."""
    return ctypes.get_errno() if _libc.madvise(address, size, advice) else 0


class Pages:
    """The pages of one mapping and what became of a wish for them. The mapping outlives it."""

    def __init__(self, descriptor: int, address: int, size: int, wish: PageWish) -> None:
        """Asks for huge pages, before anything is touched: what is touched before stays small."""
        self._descriptor, self._address, self._size, self._wish = descriptor, address, size, wish
        self.report = NOTHING
        if wish.huge_pages and (failed := _madvise(address, size, _MADV_HUGEPAGE)):
            self.report = MemoryReport(reason=f"the kernel takes no wish for huge pages: {os.strerror(failed)}")

    def reserve(self) -> None:
        """Reserves every page of a new object. OSError when there is no memory for one."""
        if self._wish.huge_pages:
            # Huge ones can only be had through the mapping that asked for them, and not after small ones were reserved.
            self._wish = replace(self._wish, prefault=True)
            if self._populate():
                self.report = replace(self.report, prefaulted=True)
        reserve(self._descriptor, self._size)

    def prepare(self) -> None:
        """Fulfils the wish. OSError when there is no memory for a page."""
        if self._wish.prefault and not self.report.prefaulted:
            if not self._populate():
                # A page that is not reserved, as published v1 processes leave them, would be a SIGBUS where there is no memory for it.
                reserve(self._descriptor, self._size)
                ops.touch(self._address, self._size, mmap.PAGESIZE)
            self.report = replace(self.report, prefaulted=True)
        if self._wish.huge_pages and not self.report.reason:
            found, reason = look_for_huge_pages(self._address, self._size) if self.report.prefaulted else (0, _ASKED_ONLY)
            self.report = replace(self.report, huge_page_bytes=found, reason=reason)

    def _populate(self) -> bool:
        """Makes every page present and writable. False: this kernel does not do that on demand."""
        while (failed := _madvise(self._address, self._size, _MADV_POPULATE_WRITE)) == errno.EINTR:
            pass
        if failed in _UNKNOWN:
            return False
        if failed:
            # EFAULT is what would be a SIGBUS for whoever touches the page.
            number = errno.ENOMEM if failed == errno.EFAULT else failed
            raise OSError(number, f"prefaulting {self._size} bytes: {os.strerror(failed)}")
        return True


_RESERVE_CHUNK: Final = 16 << 20
"""Bound of one fallocate call, which a signal would otherwise make start all over."""


def reserve(descriptor: int, size: int) -> None:
    """Gives every page of a file its memory. OSError when there is none."""
    for done in range(0, size, _RESERVE_CHUNK):
        os.posix_fallocate(descriptor, done, min(_RESERVE_CHUNK, size - done))
