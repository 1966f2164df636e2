"""What all programs here have in common: flags, errors, exit codes and stopping on a signal."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NoReturn

from zeroduplex import BufferConfig, DuplexChannelFactory, DuplexServer, WaitStrategy, ZeroDuplexError


class Flags(argparse.ArgumentParser):
    """Takes `--flag value` and `--flag=value`. Wrong flags end the program with 2."""

    def __init__(self, program: str, description: str) -> None:
        super().__init__(prog=program, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)

    def add_name_and_wait(self) -> None:
        self.add_argument("--name", default="", help="name of the channel")
        self.add_argument(
            "--wait", type=WaitStrategy, default=WaitStrategy.HYBRID, metavar="spin|hybrid|block", help="how to wait for the other side"
        )

    def add_protocol(self) -> None:
        self.add_argument("--protocol", choices=("v1", "v2"), default="v2", help="v2 answers in place, v1 into a buffer of the client's")


def make_server(protocol: str, name: str, config: BufferConfig, workers: int, wait: WaitStrategy) -> DuplexServer:
    """A server of either protocol; the handler is the same."""
    factory = DuplexChannelFactory()
    create = factory.create_immutable_server if protocol == "v1" else factory.create_in_place_duplex_server
    return create(name, config, workers=workers, wait=wait)


def number(least: int, most: int = 2**63 - 1) -> Callable[[str], int]:
    """A flag's type: a whole number within bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not within {least} to {most}")
        return value

    return parse


class Failed(Exception):
    """Ends the program with 1 and a message."""


def run(program: str, main: Callable[[], None]) -> NoReturn:
    """Runs a program to its end: exit code 0, or 1 with a message on stderr that starts with the error's name."""
    try:
        main()
        sys.stdout.flush()
    except ZeroDuplexError as e:
        fail(program, f"{e.code.name.lower()}: {e}")
    except (Failed, OSError) as e:
        fail(program, str(e))
    except KeyboardInterrupt:
        fail(program, "interrupted")
    sys.exit(0)


def fail(program: str, message: str) -> NoReturn:
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(1)


def serve_until_signal(server: DuplexServer) -> None:
    """Says that clients may come, waits for SIGTERM or SIGINT and stops in good order."""
    asked: SimpleQueue[None] = SimpleQueue()  # not an Event: the signal may come while this thread is inside of its wait and has its lock

    def ask(_: int, __: FrameType | None) -> None:
        asked.put(None)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    print("ready", flush=True)
    while True:
        with suppress(Empty):
            asked.get(timeout=0.1)  # a signal that another thread was given does not end the main thread's wait
            break
    server.stop(5)


def pin_to_cpu(cpu: int) -> None:
    """Keeps the calling thread, and threads that it starts later, on one CPU; -1 leaves it free."""
    if cpu >= 0:
        try:
            os.sched_setaffinity(0, {cpu})
        except OSError as e:
            raise Failed(f"CPU {cpu}: {e.strerror}") from e
