"""The memory operations that Python itself cannot do, behind one interface with two implementations.

The compiled helper does each step of the protocol in one call and without the interpreter lock. Where it is missing, `libatomic` of
the C compiler's runtime does the atomic accesses one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

NO_MARKER: Final = -1

ANSWER_PENDING: Final = -1
"""The frame is not answered."""
ANSWER_FAILED: Final = -2
"""The frame is answered with a failure."""
ANSWER_IMPOSSIBLE: Final = -3
"""The frame is answered with a size that no frame can have."""

LOOK_PUBLISHED: Final = 1
LOOK_RESET_WANTED: Final = 2

SERVE_TAKEN: Final = 1
"""A request was taken."""
SERVE_LOOK: Final = 0
"""There may be something to look at."""
SERVE_NOTHING: Final = -1
"""Nothing came within the window."""

WAIT_TOKEN: Final = 1
"""A wait took a token; 0 and -1 mean that time was up or a signal came."""


# Indexes of a port's words; see native/helper.h for what they mean.
SIZE: Final = 8
EAGER: Final = 9
HEAD: Final = 10
CLAIMED: Final = 11
OPEN: Final = 12
LAST: Final = 13
CONSUMED: Final = 14
CURSOR: Final = 15
PASSED: Final = 16
SEEN: Final = 17
RESPONSES: Final = 18
RESPONSE_BYTES: Final = 19
TAKEN: Final = 20
"""Where the words of a taken request begin."""
SERVING: Final = 26
WORDS: Final = 27


class Words(Protocol):
    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


class Port(Protocol):
    """The steps of the protocol on one segment. Positions and sizes are in bytes, positions relative to the payload.

    Each belongs to one end; the SDK serialises its calls with the channel's lock, but for those that only look. All of them may be
    called only while the segment is mapped.
    """

    @property
    def words(self) -> Words:
        """The numbers of both ends, the client's and the server's each under its lock."""

    @property
    def address(self) -> int:
        """Of the compiled helper's port, for what is compiled, too."""

    # Client.

    def publish(
        self, marker: int, position: int, size: int, sequence: int, capacity: int, opcode: int, flags: int, head: int, free: int, /
    ) -> None:
        """Stores a request, behind a wrap marker at `marker` unless that is NO_MARKER, and wakes the server."""

    def answer_at(self, position: int, window_ns: int, /) -> int:
        """Size of the response, or an ANSWER_ value. Spins for the window; 0 looks once."""

    def status_at(self, position: int, /) -> int: ...
    def size_at(self, position: int, /) -> int: ...
    def state_at(self, position: int, /) -> int: ...

    def cancel(self, position: int, /) -> int:
        """1 when the request was taken back, 0 when the server was faster."""

    def abandon(self, position: int, /) -> None:
        """Says that nobody will read the answer. The caller looks at the state next."""

    def release(self, position: int, freed: int, /) -> None:
        """Gives an answered frame back, and so many bytes of the ring with it, and wakes who waits for that."""

    def store_free(self, free: int, /) -> None: ...

    def spin_for_responses(self, seen: int, window_ns: int, /) -> int:
        """1 when the number of responses is no longer `seen`."""

    # Server.

    def spin_for_request(self, passed: int, window_ns: int, /) -> int:
        """1 when there is something to look at. A kick before the call is not seen, but left a token."""

    @property
    def seen(self) -> Sequence[int]:
        """What look saw: the request block's written_count and, with LOOK_PUBLISHED, its written_bytes."""

    def look(self, passed: int, /) -> int:
        """LOOK_ bits: whether something else than `passed` frames is published, and whether a client wants a reset."""

    def kick(self) -> None:
        """Makes whoever polls for requests look again."""

    def take_next(self) -> int:
        """Takes an ordinary request right under the cursor: 1, and taken says what it is. Else it does nothing: 0."""

    def taken(self) -> list[int]:
        """The request that was taken: position, size, capacity, opcode, flags and sequence number."""

    def take(self, position: int, passed: int, /) -> int:
        """1 when the request is ours, 0 when it was cancelled. `passed` counts it."""

    def skip(self, position: int, passed: int, /) -> None: ...

    def answer(self, position: int, size: int, status: int, state: int, /) -> None:
        """Stores the response's size and status, its state, then the totals, and wakes the client."""

    def finish(self, position: int, /) -> None:
        """Ends a one-way frame; nothing of it is touched afterwards."""

    def set_semaphores(self, request_ready: int, response_ready: int, response_consumed: int, space_available: int) -> None:
        """Says where the semaphores are; nobody may be waiting on the former ones."""


class Ops(Protocol):
    """What works on any address."""

    def load64(self, address: int, /) -> int:
        """Acquire."""

    def store64(self, address: int, value: int, /) -> None:
        """Release."""

    def cas64(self, address: int, expected: int, desired: int, /) -> int:
        """1 when it was exchanged."""

    def touch(self, address: int, size: int, page: int, /) -> None:
        """Writes to each page without changing it: by an atomic addition of nothing, so that no store of the other side is lost."""

    def post_if_zero(self, semaphore: int, /) -> None:
        """Fences, then posts when the semaphore's value reads 0."""

    def wait(self, semaphore: int, timeout_ns: int, /) -> int:
        """WAIT_TOKEN, 0 when time is up or -1 when a signal came; then fences."""

    def port(self, request: int, response: int, payload: int) -> Port:
        """A port for a segment whose parts stand at these addresses."""


def _load() -> tuple[Ops, str]:
    try:
        from ._ops_native import NativeOps

        return NativeOps(), "native"
    except ImportError as native_missing:
        reason = native_missing
    try:
        from ._ops_fallback import FallbackOps

        return FallbackOps(), "libatomic"
    except (ImportError, OSError, AttributeError) as libatomic_missing:
        raise ImportError(
            "zeroduplex needs its compiled helper or libatomic.so.1 and found neither. Install one: "
            "`pip install --force-reinstall zeroduplex cffi` for the helper (a C compiler is needed where no wheel fits), "
            f"or the system package of libatomic (Debian, Ubuntu: `apt install libatomic1`; Fedora: `dnf install libatomic`). "
            f"The helper: {reason}. libatomic: {libatomic_missing}."
        ) from libatomic_missing


ops, BACKEND = _load()
