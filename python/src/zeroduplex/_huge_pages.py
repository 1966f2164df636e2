"""What the kernel says about huge pages of a mapping, and why there are none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from ._generated import wire

_PAGE_SIZE: Final = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"
_POLICY: Final = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"


def look_for_huge_pages(address: int, size: int) -> tuple[int, str]:
    """How many bytes of a mapping have huge pages, and why it is nothing."""
    try:
        with open("/proc/self/smaps", encoding="utf-8", errors="replace") as smaps:
            found = parse_smaps(smaps, address)
    except OSError as e:
        return 0, f"huge pages are asked for, but the kernel does not say whether it gives them: {e}"
    if found is None:
        return 0, "huge pages are asked for, but the kernel does not say whether it gives them: the mapping is not in /proc/self/smaps"
    return found, "" if found else why_no_huge_pages(size, _content(_PAGE_SIZE), _content(_POLICY), _content("/proc/self/mountinfo"))


def parse_smaps(smaps: Iterable[str], address: int) -> int | None:
    """How many bytes of the mapping that begins at an address smaps counts as mapped by huge pages, None when it does not name it."""
    found: int | None = None
    for line in smaps:
        key, _, rest = line.partition(" ")
        if key in ("ShmemPmdMapped:", "FilePmdMapped:"):
            if found is not None:
                found += int(rest.split()[0]) << 10
            continue
        begin, dash, _ = key.partition("-")
        if not dash or key.endswith(":"):
            continue
        if found is not None:
            break  # the next mapping
        if int(begin, 16) == address:
            found = 0
    return found


def why_no_huge_pages(mapped: int, page_size: str, policy: str, mounts: str) -> str:
    """Tells from what the kernel says about itself why a mapping of so many bytes has none."""
    folder = os.path.dirname(wire.object_path("x"))
    if page_size.strip().isdecimal() and mapped < int(page_size):
        return f"the mapping of {mapped} bytes is smaller than a huge page of {int(page_size)}"
    if "[deny]" in policy:
        return f"{_POLICY} is deny: an administrator can write never into it, so that {folder} decides by itself"
    if not _is_mounted_huge(mounts, folder):
        return f"{folder} is mounted without huge pages: an administrator can allow them by mount -o remount,huge=advise {folder}"
    return "the kernel gave small pages: who created the object did not ask for huge ones, or none were free"


def _is_mounted_huge(mounts: str, folder: str) -> bool:
    """Whether a folder's file system has huge pages. The last line of a folder is the mount that is seen."""
    seen = [line for line in mounts.splitlines() if line.split()[4:5] == [folder]]
    return bool(seen) and "huge=" in seen[-1] and "huge=never" not in seen[-1]


def _content(path: str) -> str:
    """Nothing when it cannot be read, which then says nothing about the reason."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
