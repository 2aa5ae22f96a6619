"""What every command is: options, a run, and the failures that are answered with one line instead of a traceback."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop

from app.ingest.table_rows import TableInvalid
from app.settings import SettingsInvalid
from app.wechat.errors import WeChatError
from graph.errors import Refused
from graph.stores import StoreRefused, StoreUnavailable

FAILED, MISUSED = 1, 2


class CommandFailed(Exception):
    """The command cannot do what was asked; the text says why, and what to do."""


EXPECTED = (CommandFailed, SettingsInvalid, TableInvalid, StoreRefused, StoreUnavailable, Refused, WeChatError)


@dataclass(frozen=True)
class Command:
    """One word after `uniongraph`."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Gives the exit code."""


def run_async(work: Coroutine[Any, Any, int]) -> int:
    """Run a command that waits for things."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def write(text: str) -> None:
    """A line on standard output: what was asked for, and nothing else."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """A line for the person at the terminal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def add_tenant(parser: argparse.ArgumentParser) -> None:
    """Declare `--tenant`."""
    parser.add_argument("--tenant", default="default", metavar="NAME", help="whose graph (default: %(default)s)")
