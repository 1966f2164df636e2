"""Making both sides of channels."""

from __future__ import annotations

import sys

from ._attach import ChannelAttempt
from ._create import create_segment
from ._generated import wire
from ._locks import OwnerLock
from ._names import check_name
from ._server_base import ErrorFunction
from ._system import system_error
from .channel import InPlaceDuplexChannel
from .client import DuplexClient
from .config import BufferConfig
from .errors import InvalidArgumentError, UnsupportedPlatformError, ZeroDuplexError
from .memory import SharedMemoryView
from .options import LapMode, WaitStrategy, check_duration, seconds
from .server import InPlaceDuplexServer

_SPIN_WINDOW = seconds(wire.DEFAULT_V2_SPIN_WINDOW)


def _ignore(_: ZeroDuplexError) -> None:
    """What happens to errors that nobody wants to hear of."""


class DuplexChannelFactory:
    """Makes both sides of channels. It has no state: any instance will do, and all are thread-safe. Durations are in seconds."""

    def create_in_place_duplex_server(
        self,
        name: str,
        config: BufferConfig | None = None,
        *,
        wait: WaitStrategy = WaitStrategy.HYBRID,
        spin_window: float = _SPIN_WINDOW,
        workers: int = wire.DEFAULT_V2_WORKERS,
        reset_timeout: float = seconds(wire.DEFAULT_V2_RESET_TIMEOUT),
        stop_timeout: float = seconds(wire.DEFAULT_V2_STOP_TIMEOUT),
        mode: int = wire.DEFAULT_V2_OBJECT_MODE,
        on_error: ErrorFunction = _ignore,
    ) -> InPlaceDuplexServer:
        """Makes a channel whose server changes requests in place. Clients can connect when it returns; their requests wait for start.

        spin_window: how long a hybrid wait spins before it sleeps. workers: handlers that run at the same time; with more than one,
        answers may come out of order. reset_timeout: how long handlers of a client that is gone may run on before the server gives its
        object up and makes a new one; keep it below the clients' connect_timeout. stop_timeout: what close waits. mode: permission bits
        of the object and its semaphores. on_error: is told of errors that no call returns, such as failing one-way handlers and a
        corrupted segment; called from the server's threads, it must not block.

        InvalidNameError, InvalidArgumentError, NameInUseError, OutOfMemoryError, PermissionDeniedError, UnsupportedPlatformError.
        """
        _check_platform()
        check_name(name)
        config = config if config is not None else BufferConfig()
        config.layout()  # its errors come before anything is touched
        if workers < 1:
            raise InvalidArgumentError(f"{workers} workers; at least 1 is needed")
        if mode & ~0o777 or mode & 0o600 != 0o600:
            raise InvalidArgumentError(f"mode {mode:#o} is not permission bits with at least 0600")
        if not callable(on_error):
            raise InvalidArgumentError(f"the error function cannot be called: {on_error!r}")
        options = {
            "spin_window": check_duration("a spin window", spin_window),
            "reset_timeout": check_duration("a reset timeout", reset_timeout),
            "stop_timeout": check_duration("a stop timeout", stop_timeout),
        }
        strategy = WaitStrategy(wait)
        try:
            owner = OwnerLock(name)
        except ZeroDuplexError:
            raise
        except OSError as e:
            raise system_error(f"locking the name {name!r}", e) from e
        try:
            segment = create_segment(name, config, mode, None)
        except BaseException:
            owner.release()
            raise
        return InPlaceDuplexServer(name, config, owner, segment, wait=strategy, workers=workers, mode=mode, on_error=on_error, **options)

    def create_client(
        self,
        name: str,
        *,
        wait: WaitStrategy = WaitStrategy.HYBRID,
        spin_window: float = _SPIN_WINDOW,
        connect_timeout: float = seconds(wire.DEFAULT_V2_CONNECT_TIMEOUT),
        call_timeout: float = seconds(wire.DEFAULT_V2_CALL_TIMEOUT),
        send_timeout: float = seconds(wire.DEFAULT_V2_SEND_TIMEOUT),
        lap: LapMode = LapMode.EAGER,
        memory: SharedMemoryView | None = None,
        allow_other_users: bool = False,
    ) -> DuplexClient:
        """Connects to a living server. Retries within connect_timeout (0 tries once) what time may heal: no server yet, another client
        still attached, a reset under way.

        call_timeout, send_timeout: for calls and receives, and for sends and acquisitions, that give none themselves. memory: connects
        to a channel in existing memory. allow_other_users: accepts an object that belongs to another user.

        ServerNotFoundError, WriterAlreadyConnectedError, ServerBusyError, VersionMismatchError, PermissionDeniedError, CorruptedError,
        InvalidNameError, InvalidArgumentError, UnsupportedPlatformError.
        """
        _check_platform()
        check_name(name)
        window = check_duration("a spin window", spin_window)
        call = check_duration("a call timeout", call_timeout)
        send = check_duration("a send timeout", send_timeout)
        strategy, laps = WaitStrategy(wait), LapMode(lap)
        segment = ChannelAttempt(name, check_duration("a connect timeout", connect_timeout), memory, allow_other_users).run()
        return InPlaceDuplexChannel(segment, wait=strategy, spin_window=window, call_timeout=call, send_timeout=send, lap=laps)


def _check_platform() -> None:
    """Refuses where the layout of glibc's semaphores is another one."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or sys.byteorder != "little":
        raise UnsupportedPlatformError(f"{sys.platform}, {sys.byteorder}-endian, pointers up to {sys.maxsize:#x}")
