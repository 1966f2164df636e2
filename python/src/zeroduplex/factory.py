"""Making both sides of channels."""

from __future__ import annotations

from typing import Any

from ._attach import ChannelAttempt
from ._create import create_segment
from ._generated import wire
from ._locks import OwnerLock
from ._names import check_name
from ._pages import PageWish
from ._server_base import ErrorFunction
from ._system import system_error
from ._v1.connect import LONGEST_NAME, DualBufferAttempt
from ._v1.duplex_client import DualBufferDuplexChannel
from ._v1.duplex_server import ImmutableDuplexServer
from ._v1.writer import Writer
from .channel import InPlaceDuplexChannel
from .client import DuplexClient
from .config import BufferConfig
from .errors import (
    BufferNotFoundError,
    InvalidArgumentError,
    NameInUseError,
    ReaderAlreadyConnectedError,
    ServerNotFoundError,
    ZeroDuplexError,
)
from .memory import SharedMemory, SharedMemoryView
from .options import SPIN_WINDOW, LapMode, WaitStrategy, check_duration, check_mode, check_platform, seconds
from .server import InPlaceDuplexServer


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
        spin_window: float = SPIN_WINDOW,
        workers: int = wire.DEFAULT_V2_WORKERS,
        reset_timeout: float = seconds(wire.DEFAULT_V2_RESET_TIMEOUT),
        stop_timeout: float = seconds(wire.DEFAULT_V2_STOP_TIMEOUT),
        mode: int = wire.DEFAULT_V2_OBJECT_MODE,
        on_error: ErrorFunction = _ignore,
        prefault: bool = False,
        huge_pages: bool = False,
    ) -> InPlaceDuplexServer:
        """Makes a channel whose server changes requests in place. Clients can connect when it returns; their requests wait for start.

        spin_window: how long a hybrid wait spins before it sleeps. workers: handlers that run at the same time; with more than one,
        answers may come out of order. reset_timeout: how long handlers of a client that is gone may run on before the server gives its
        object up and makes a new one; keep it below the clients' connect_timeout. stop_timeout: what close waits. mode: permission bits
        of the object and its semaphores. on_error: is told of errors that no call returns, such as failing one-way handlers and a
        corrupted segment; called from the server's threads, it must not block.
        prefault: makes every page of this process's mapping present and writable before the first call, so that the first frames cost as
        much as later ones. huge_pages: asks the kernel for huge pages, a wish and never an error; who creates the memory has to ask, and
        prefaults by that. memory_report says what became of both.

        InvalidNameError, InvalidArgumentError, NameInUseError, OutOfMemoryError, PermissionDeniedError, UnsupportedPlatformError.
        """
        check_name(name)
        config = config if config is not None else BufferConfig()
        config.layout()  # its errors come before anything is touched
        options = _server_options(wait, spin_window, workers, reset_timeout, stop_timeout, mode, on_error, PageWish(prefault, huge_pages))
        try:
            owner = OwnerLock(name)
        except ZeroDuplexError:
            raise
        except OSError as e:
            raise system_error(f"locking the name {name!r}", e) from e
        try:
            segment = create_segment(name, config, mode, None, options["wish"])
        except BaseException:
            owner.release()
            raise
        return InPlaceDuplexServer(name, config, owner, segment, **options)

    def create_immutable_server(
        self,
        name: str,
        config: BufferConfig | None = None,
        *,
        wait: WaitStrategy = WaitStrategy.HYBRID,
        spin_window: float = SPIN_WINDOW,
        workers: int = 1,
        reset_timeout: float = seconds(wire.DEFAULT_V2_RESET_TIMEOUT),
        stop_timeout: float = seconds(wire.DEFAULT_V2_STOP_TIMEOUT),
        mode: int = wire.DEFAULT_V2_OBJECT_MODE,
        on_error: ErrorFunction = _ignore,
        prefault: bool = False,
        huge_pages: bool = False,
    ) -> ImmutableDuplexServer:
        """Makes a channel of ZeroBuffer v1, for clients of that protocol and for those of create_client, which recognise it. It takes what
        create_in_place_duplex_server takes, so that changing the call is enough.

        config: of the request buffer, BufferConfig.default_v1() when None; each client makes its own response buffer. name: at most 191
        characters. workers: 1, since responses come in the order of requests. reset_timeout: means nothing here.

        InvalidNameError, InvalidArgumentError, NameInUseError, OutOfMemoryError, PermissionDeniedError, UnsupportedPlatformError.
        """
        check_name(name, LONGEST_NAME)
        config = config if config is not None else BufferConfig.default_v1()
        config.layout_v1()
        if config.memory is not None and not isinstance(config.memory, SharedMemory):
            raise InvalidArgumentError("a v1 channel takes two buffers and cannot be put into one memory")
        if workers > 1:
            raise InvalidArgumentError(f"{workers} workers; v1 answers in order and has 1")
        options = _server_options(wait, spin_window, workers, reset_timeout, stop_timeout, mode, on_error, PageWish(prefault, huge_pages))
        del options["workers"], options["reset_timeout"]
        try:
            return ImmutableDuplexServer(name, config, **options)
        except ReaderAlreadyConnectedError as e:
            raise NameInUseError(f"the channel {name!r}: {e.detail}") from e

    def create_client(
        self,
        name: str,
        *,
        wait: WaitStrategy = WaitStrategy.HYBRID,
        spin_window: float = SPIN_WINDOW,
        connect_timeout: float = seconds(wire.DEFAULT_V2_CONNECT_TIMEOUT),
        call_timeout: float = seconds(wire.DEFAULT_V2_CALL_TIMEOUT),
        send_timeout: float = seconds(wire.DEFAULT_V2_SEND_TIMEOUT),
        lap: LapMode = LapMode.EAGER,
        memory: SharedMemoryView | None = None,
        allow_other_users: bool = False,
        response_config: BufferConfig | None = None,
        prefault: bool = False,
        huge_pages: bool = False,
    ) -> DuplexClient:
        """Connects to a living server, of an in-place channel or else of ZeroBuffer v1 (DualBufferDuplexChannel says what that lacks).
        Retries within connect_timeout (0 tries once) what time may heal: no server yet, another client still attached, a reset under way.

        call_timeout, send_timeout: for calls and receives, and for sends and acquisitions, that give none themselves. lap: means nothing
        to v1. memory: connects to an in-place channel in existing memory. allow_other_users: accepts an object that belongs to another
        user. response_config: v1 only, of the response buffer, which the client makes; BufferConfig.default_v1() when None.
        prefault, huge_pages: as of a server, for this process's mapping.

        ServerNotFoundError, WriterAlreadyConnectedError, ServerBusyError, VersionMismatchError, PermissionDeniedError, CorruptedError,
        OutOfMemoryError, InvalidNameError, InvalidArgumentError, UnsupportedPlatformError.
        """
        check_platform()
        check_name(name)
        response_config = response_config if response_config is not None else BufferConfig.default_v1()
        response_config.layout_v1()
        window = check_duration("a spin window", spin_window)
        call = check_duration("a call timeout", call_timeout)
        send = check_duration("a send timeout", send_timeout)
        strategy, laps = WaitStrategy(wait), LapMode(lap)
        wish = PageWish(prefault, huge_pages)
        in_place = ChannelAttempt(name, check_duration("a connect timeout", connect_timeout), memory, allow_other_users, wish)
        dual = DualBufferAttempt(name, allow_other_users, response_config, wish) if memory is None and len(name) <= LONGEST_NAME else None
        options = {"spin_window": window, "call_timeout": call, "send_timeout": send}
        while True:
            try:
                return InPlaceDuplexChannel(in_place.once(), wait=strategy, lap=laps, **options)
            except in_place.healed_by_time as e:
                error = e
            if dual is not None and isinstance(error, ServerNotFoundError):
                try:
                    segment, responses = dual.once()
                except BufferNotFoundError:
                    pass  # what the other protocol said tells more
                except dual.healed_by_time as e:
                    error = e
                else:
                    del error  # it knows this frame, which would keep the client alive
                    writer = Writer._over(segment, send, strategy, window)
                    return DualBufferDuplexChannel(name, writer, responses, wait=strategy, **options)
            if not in_place.pause():
                raise error


def _server_options(
    wait: WaitStrategy,
    spin_window: float,
    workers: int,
    reset_timeout: float,
    stop_timeout: float,
    mode: int,
    on_error: ErrorFunction,
    wish: PageWish,
) -> dict[str, Any]:
    """What the servers of both protocols take, checked."""
    check_platform()
    if workers < 1:
        raise InvalidArgumentError(f"{workers} workers; at least 1 is needed")
    if not callable(on_error):
        raise InvalidArgumentError(f"the error function cannot be called: {on_error!r}")
    return {
        "wait": WaitStrategy(wait),
        "spin_window": check_duration("a spin window", spin_window),
        "workers": workers,
        "reset_timeout": check_duration("a reset timeout", reset_timeout),
        "stop_timeout": check_duration("a stop timeout", stop_timeout),
        "mode": check_mode(mode),
        "on_error": on_error,
        "wish": wish,
    }
