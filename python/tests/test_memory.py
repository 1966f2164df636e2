"""Page faults and huge pages: what the options prefault and huge_pages do, and what the report says."""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from conftest import Connect, ConnectV1, Serve, StartV1
from page_faults import FEW, PAGE, PAGES, faults_of, lap_faults, write_each_page

import zeroduplex
from zeroduplex import BufferConfig, DuplexChannelFactory, LapMode, MemoryReport, Reader, SharedMemoryView, Writer, _pages
from zeroduplex._huge_pages import parse_smaps, why_no_huge_pages
from zeroduplex._pages import PageWish
from zeroduplex._shm import SharedObject

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount memory")

HUGEPAGE, POPULATE = _pages._MADV_HUGEPAGE, _pages._MADV_POPULATE_WRITE
PREFAULT = PageWish(prefault=True)
PREFAULTED = MemoryReport(prefaulted=True)

Kernel = Callable[[int, int], None]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Makes the kernel answer an advice with an error number instead of following it."""
    real = _pages._madvise

    def answer(advice: int, number: int) -> None:
        monkeypatch.setattr(_pages, "_madvise", lambda address, size, given: number if given == advice else real(address, size, given))

    return answer


@pytest.fixture(params=["this kernel", "a kernel before 5.14"])
def each_kernel(request: pytest.FixtureRequest, kernel: Kernel) -> None:
    if request.param != "this kernel":
        kernel(POPULATE, errno.EINVAL)


@pytest.fixture
def attached(name: str) -> Iterator[Callable[..., tuple[SharedObject, SharedObject]]]:
    """An object as its creator and as somebody who attaches have it."""
    objects: list[SharedObject] = []

    def make(size: int, create: PageWish, attach: PageWish) -> tuple[SharedObject, SharedObject]:
        created = SharedObject.create(name, size, 0o600, create)
        objects.append(created)
        created.link()
        other = SharedObject.open(name)
        objects.append(other)
        other.map(attach)
        other.prepare_pages()
        return created, other

    yield make
    for each in objects:
        each.remove()
        each.close()


Attached = Callable[..., tuple[SharedObject, SharedObject]]


@pytest.mark.usefixtures("each_kernel")
def test_prefaulted_pages_take_no_faults(attached: Attached) -> None:
    for shared in attached(PAGES * PAGE, PREFAULT, PREFAULT):
        assert shared.report == PREFAULTED
        assert faults_of(lambda shared=shared: write_each_page(shared.memory)) < FEW  # type: ignore[misc]


def in_own_memory(options: str, script: str) -> str:
    """What a program prints that has a /dev/shm of its own, mounted with options."""
    shell = f'mount -t tmpfs -o {options} tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", shell, "sh", sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_root
def test_pages_that_are_not_prefaulted_take_a_fault_each() -> None:
    printed = in_own_memory(
        "huge=never",
        """
from page_faults import PAGE, PAGES, faults_of, write_each_page
from zeroduplex._shm import SharedObject
shared = SharedObject.create("plain", PAGES * PAGE, 0o600)
print(faults_of(lambda: write_each_page(shared.memory)), shared.report.prefaulted, shared.report.reason)
""",
    )
    faults, report = printed.split(maxsplit=1)
    assert int(faults) >= PAGES
    assert report.strip() == "False"


@pytest.mark.usefixtures("each_kernel")
def test_prefaulting_loses_nothing_of_what_the_other_side_writes(name: str) -> None:
    pages, times = 4, 300
    shared = SharedObject.create(name, pages * PAGE, 0o600)
    try:
        shared.link()
        words = shared.memory.cast("Q")
        begun, enough = threading.Event(), threading.Event()
        rounds = itertools.count()

        def work() -> None:
            while not enough.is_set():
                # No read-modify-write: what another one's load and store would overwrite stays lost.
                for at in range(0, len(words), PAGE // 8):
                    words[at] += 1
                next(rounds)
                begun.set()

        side = threading.Thread(target=work)
        side.start()
        assert begun.wait(60)
        for _ in range(times):
            other = SharedObject.open(name)
            other.map(PREFAULT)
            other.prepare_pages()
            other.close()
        enough.set()
        side.join()
        assert [words[at] for at in range(0, len(words), PAGE // 8)] == [next(rounds)] * pages
        words.release()
    finally:
        shared.remove()
        shared.close()


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EFAULT])
def test_a_page_that_cannot_be_had_is_out_of_memory_and_leaves_nothing(
    name: str, factory: DuplexChannelFactory, kernel: Kernel, serve: Serve, connect: Connect, number: int
) -> None:
    kernel(POPULATE, number)
    small = BufferConfig(0, 65536)
    for options in ({"prefault": True}, {"huge_pages": True}):
        with pytest.raises(zeroduplex.OutOfMemoryError, match="prefaulting 65728 bytes"):
            factory.create_in_place_duplex_server(name, small, **options)  # type: ignore[arg-type]
        with pytest.raises(zeroduplex.OutOfMemoryError):
            Reader(name, small, **options)  # type: ignore[arg-type]
    server = serve(lambda frame: None)
    with pytest.raises(zeroduplex.OutOfMemoryError):
        connect(prefault=True)
    assert connect().memory_report == MemoryReport()  # nobody was attached
    assert server.memory_report == MemoryReport()


def test_a_writer_without_memory_for_a_page_leaves_nothing(name: str, kernel: Kernel) -> None:
    kernel(POPULATE, errno.ENOMEM)
    with Reader(name, BufferConfig(0, 65536)):
        with pytest.raises(zeroduplex.OutOfMemoryError):
            Writer(name, prefault=True)
        Writer(name).close()


def test_another_error_keeps_its_own_meaning(name: str, factory: DuplexChannelFactory, kernel: Kernel) -> None:
    kernel(POPULATE, errno.EIO)
    with pytest.raises(zeroduplex.SystemError, match="Input/output error"):
        factory.create_in_place_duplex_server(name, BufferConfig(0, 65536), prefault=True)


def test_a_signal_is_no_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [errno.EINTR, errno.EINTR, 0]
    monkeypatch.setattr(_pages, "_madvise", lambda *_: answers.pop(0))
    shared = SharedObject.create(name, PAGE, 0o600, PREFAULT)
    assert shared.report == PREFAULTED
    assert answers == []
    shared.close()


@needs_root
@pytest.mark.parametrize("unknown", [False, True])
def test_pages_that_shared_memory_has_no_room_for_are_out_of_memory(unknown: bool) -> None:
    printed = in_own_memory(
        "size=1m",
        f"""
import errno, os
from zeroduplex import _pages
from zeroduplex._shm import SharedObject
real = _pages._madvise
if {unknown}:
    _pages._madvise = lambda *of: errno.EINVAL if of[2] == {POPULATE} else real(*of)
open("/dev/shm/sparse", "wb").close()
os.truncate("/dev/shm/sparse", 2 << 20)
shared = SharedObject.open("sparse")
shared.map(_pages.PageWish(prefault=True))
try:
    shared.prepare_pages()
except OSError as e:
    print(errno.errorcode[e.errno])
""",
    )
    assert printed.strip() == ("ENOSPC" if unknown else "ENOMEM")


@needs_root
@pytest.mark.parametrize("mounted", ["never", "advise", "within_size", "always"])
def test_huge_pages_are_used_where_shared_memory_is_mounted_with_them(mounted: str) -> None:
    size = (8 << 20) + PAGE
    printed = in_own_memory(
        f"huge={mounted}",
        f"""
from zeroduplex._pages import PageWish
from zeroduplex._shm import SharedObject
shared = SharedObject.create("huge", {size}, 0o600, PageWish(huge_pages=True))
shared.link()
other = SharedObject.open("huge")
other.map(PageWish(True, True))
other.prepare_pages()
for each in (shared, other):
    print(each.report.prefaulted, each.report.huge_page_bytes, each.report.reason)
""",
    )
    with open("/sys/kernel/mm/transparent_hugepage/shmem_enabled", encoding="ascii") as file:
        policy = file.read()
    for line in printed.splitlines():
        prefaulted, found, reason = line.split(" ", 2)
        assert prefaulted == "True"
        if "[deny]" in policy:
            assert found == "0" and "is deny" in reason
        elif "[force]" not in policy and mounted == "never":
            assert found == "0" and "mount -o remount,huge=advise /dev/shm" in reason
        else:
            # None may be free just now.
            assert (0 < int(found) <= size and reason == "") or (found == "0" and "or none were free" in reason)


def test_huge_pages_that_the_kernel_does_not_take_or_tell_of(attached: Attached, kernel: Kernel) -> None:
    kernel(HUGEPAGE, errno.EINVAL)
    created, other = attached(PAGE, PageWish(huge_pages=True), PageWish(huge_pages=True))
    assert created.report.prefaulted and not other.report.prefaulted
    for shared in (created, other):
        assert "takes no wish for huge pages: Invalid argument" in shared.report.reason


def test_huge_pages_without_prefault_are_only_asked_for(attached: Attached) -> None:
    _, other = attached(PAGE, PageWish(), PageWish(huge_pages=True))
    assert not other.report.prefaulted
    assert "only in memory that is prefaulted" in other.report.reason


WITHOUT = "22 1 0:20 / / rw - ext4 /dev/root rw\n31 22 0:27 / /dev/shm rw,nosuid shared:9 - tmpfs tmpfs rw,size=65536k\n"
WITH = WITHOUT + "40 31 0:44 / /dev/shm rw - tmpfs tmpfs rw,huge=advise\n"
POLICY = "always within_size advise [never] deny force\n"


@pytest.mark.parametrize(
    ("size", "page_size", "policy", "mounts", "reason"),
    [
        (4096, "2097152\n", POLICY, WITH, "the mapping of 4096 bytes is smaller than a huge page of 2097152"),
        (4 << 20, "2097152\n", "always never [deny] force", WITH, "an administrator can write never into it"),
        (4 << 20, "2097152\n", POLICY, WITHOUT, "mount -o remount,huge=advise /dev/shm"),
        (4 << 20, "2097152\n", POLICY, WITH + "41 40 0:45 / /dev/shm rw - tmpfs tmpfs rw,huge=never\n", "mounted without huge pages"),
        (4 << 20, "2097152\n", POLICY, WITH, "the kernel gave small pages"),
        (4 << 20, "", "", "", "mounted without huge pages"),
    ],
)
def test_why_there_are_no_huge_pages(size: int, page_size: str, policy: str, mounts: str, reason: str) -> None:
    assert reason in why_no_huge_pages(size, page_size, policy, mounts)


def test_the_kernel_counts_huge_pages() -> None:
    smaps = (
        "7f0000000000-7f0000400000 rw-s 00000000 00:1b 7 /dev/shm/before\nShmemPmdMapped:     4096 kB\n"
        "7f0000400000-7f0000800000 rw-s 00000000 00:1b 8 /dev/shm/ours\nRss:  4096 kB\nShmemPmdMapped:     2048 kB\n"
        "FilePmdMapped:         4 kB\nVmFlags: rd wr hg\n"
        "7f0000800000-7f0000c00000 rw-s 00000000 00:1b 9 /dev/shm/after\nShmemPmdMapped:     8192 kB\n"
    ).splitlines(keepends=True)
    found = [parse_smaps(smaps, address) for address in (0x7F0000000000, 0x7F0000400000, 0x7F0000800000, 0x1000)]
    assert found == [4 << 20, (2 << 20) + 4096, 8 << 20, None]


def test_the_first_lap_of_a_prefaulted_client_takes_no_faults(serve: Serve, connect: Connect) -> None:
    server = serve(lambda frame: None, PAGES * PAGE, 0, prefault=True)
    client = connect(prefault=True, lap=LapMode.NEEDED)
    assert (server.memory_report, client.memory_report) == (PREFAULTED, PREFAULTED)
    assert lap_faults(client, PAGES * PAGE) < FEW
    client.close()
    server.close()
    assert (server.memory_report, client.memory_report) == (PREFAULTED, PREFAULTED)


@needs_root
def test_the_first_lap_of_any_other_client_takes_the_faults() -> None:
    printed = in_own_memory(
        "huge=never",
        """
from page_faults import PAGES, PAGE, lap_faults
from zeroduplex import BufferConfig, DuplexChannelFactory, LapMode
factory = DuplexChannelFactory()
with factory.create_in_place_duplex_server("lap", BufferConfig(0, PAGES * PAGE)) as server:
    server.start(lambda frame: None)
    with factory.create_client("lap", lap=LapMode.NEEDED) as client:
        print(lap_faults(client, PAGES * PAGE))
""",
    )
    assert int(printed) > PAGES * 9 // 10  # all but what connecting touches


def test_huge_pages_are_a_wish(serve: Serve, connect: Connect) -> None:
    server = serve(lambda frame: None, PAGES * PAGE, huge_pages=True)
    client = connect(huge_pages=True, prefault=True)
    for report in (server.memory_report, client.memory_report):
        assert report.prefaulted
        assert (report.huge_page_bytes == 0) == (report.reason != "")
    client.call(b"works").release()


def test_pages_of_the_applications_memory_are_its_own(name: str, factory: DuplexChannelFactory) -> None:
    view = SharedMemoryView(mmap.mmap(-1, 65536))
    with (
        factory.create_in_place_duplex_server(name, BufferConfig.over(view), prefault=True) as server,
        factory.create_client(name, memory=view, huge_pages=True) as client,
    ):
        for report in (server.memory_report, client.memory_report):
            assert not report.prefaulted
            assert "application's own" in report.reason


def test_reports_of_v1(name: str, start_v1: StartV1, connect_v1: ConnectV1) -> None:
    with Reader(name, BufferConfig(0, 65536), prefault=True) as reader, Writer(name, prefault=True) as writer:
        assert (reader.memory_report, writer.memory_report) == (PREFAULTED, PREFAULTED)
    server = start_v1(lambda frame: None, prefault=True)
    assert server.memory_report == PREFAULTED
    client = connect_v1(prefault=True)
    client.call(b"works").release()
    assert (server.memory_report, client.memory_report) == (PREFAULTED, PREFAULTED)


def test_the_report_on_two_mappings() -> None:
    done, failed = MemoryReport(True, 5), MemoryReport(reason="why")
    assert done._and(done) == MemoryReport(True, 10)
    assert done._and(failed) == MemoryReport(False, 5, "why")
    assert failed._and(failed) == failed
    assert failed._and(MemoryReport(reason="also")) == MemoryReport(reason="why; also")
