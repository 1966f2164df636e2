"""What can be chosen about a channel's side."""

from __future__ import annotations

import math
import sys
from datetime import timedelta
from enum import Enum

from ._generated import wire
from .errors import InvalidArgumentError, UnsupportedPlatformError


class WaitStrategy(Enum):
    """How a side waits for the other. The two sides need not wait in the same way."""

    HYBRID = "hybrid"
    """Spins for the spin window and then sleeps. The default."""
    SPIN = "spin"
    """Never sleeps: lowest latency, one core busy all the time."""
    BLOCK = "block"
    """Sleeps at once: least processor time, a wake-up of 5 to 60 µs per wait."""

    @classmethod
    def parse(cls, text: str) -> WaitStrategy:
        """Reads "hybrid", "spin" or "block"."""
        try:
            return cls(text)
        except ValueError:
            raise InvalidArgumentError(f"wait strategy {text!r} is none of spin, hybrid, block") from None


class LapMode(Enum):
    """When an empty ring starts again at its beginning."""

    EAGER = "eager"
    """Whenever nothing is in flight: the same cache-warm bytes again and again. The default."""
    NEEDED = "needed"
    """Only when a frame would not fit otherwise: walks through the whole ring."""


def seconds(duration: timedelta) -> float:
    return duration.total_seconds()


WAIT_SLICE = seconds(wire.DEFAULT_V2_WAIT_SLICE)
"""Longest sleep in seconds before a waiter looks at its peer again."""

SPIN_WINDOW = seconds(wire.DEFAULT_V2_SPIN_WINDOW)
"""How long a hybrid wait spins before it sleeps, in seconds."""

SPIN_SLICE_NS = 1_000_000
"""Longest spin in one native call: signals are handled in between."""


def check_duration(name: str, value: float) -> float:
    if not value >= 0 or math.isinf(value):
        raise InvalidArgumentError(f"{name} of {value} s is not a duration of 0 or more seconds")
    return float(value)


def spin_times(strategy: WaitStrategy, window: float) -> tuple[int, int]:
    """How long a server spins at a time, in nanoseconds, where nothing came lately and where something did: only who never sleeps spins
    in vain."""
    if strategy is WaitStrategy.SPIN:
        return SPIN_SLICE_NS, SPIN_SLICE_NS
    return 0, nanoseconds(window) if strategy is WaitStrategy.HYBRID else 0


def check_mode(mode: int) -> int:
    """Permission bits of an object and its semaphores."""
    if mode & ~0o777 or mode & 0o600 != 0o600:
        raise InvalidArgumentError(f"mode {mode:#o} is not permission bits with at least 0600")
    return mode


def check_platform() -> None:
    """Refuses where the layout of glibc's semaphores is another one."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or sys.byteorder != "little":
        raise UnsupportedPlatformError(f"{sys.platform}, {sys.byteorder}-endian, pointers up to {sys.maxsize:#x}")


def nanoseconds(duration: float) -> int:
    return int(duration * 1e9)
