"""`uniongraph export FILE`: a tenant as JSON Lines, to keep, or to bring into another store."""

import argparse
import fcntl
import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from app.commands.command import Command, CommandFailed, add_tenant, run_async, tell
from app.commands.progress import staged_bar
from app.own_file import open_own
from app.server import opened_store
from app.settings import Settings, add_arguments
from app.transfer.exporting import Export
from app.transfer.lines import Header
from graph.tenant import Tenant

STDOUT = "-"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write a tenant as JSON Lines: registry, identity policy, evidence, decisions, tombstones, receipts, and whole rows in quarantine. "
        "Not in it: what is derived from these, the change feed, jobs, and API keys: make keys anew with `uniongraph key create`. "
        "`uniongraph import` brings it into any store that was made with the same secret. It holds identifiers in clear: "
        "only its owner may read the file."
    )
    parser.add_argument("file", metavar="FILE", help="where to write it, in one step when all of it is there; - for standard output")
    add_tenant(parser)
    add_arguments(parser, ("store", "data"))


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_export(arguments))


async def _export(arguments: argparse.Namespace) -> int:
    async with opened_store(Settings.load(arguments)) as store:
        tenant = Tenant(store, arguments.tenant)
        await store.registry(arguments.tenant)
        header = Header.of(tenant.keys, version("uniongraph"), datetime.now(UTC).isoformat(timespec="seconds"))
        with staged_bar("writing evidence") as show:
            export = Export(tenant, header, show)
            if arguments.file == STDOUT:
                await _write(export, sys.stdout.buffer)
            else:
                await _write_safely(export, Path(arguments.file))
    counts = ", ".join(f"{count:,} {kind}" for kind, count in export.counts.items() if count)
    tell(f"{sum(export.counts.values()):,} lines: {counts}.")
    if export.passed:
        tell(
            f"{export.passed:,} turns passed while it was read, and this store gives no snapshot: all that was written before is in it, "
            "and some of what came meanwhile. What is missing comes with a later export: bring that one in, too."
        )
    return 0


async def _write(export: Export, file: IO[bytes]) -> None:
    async for chunk in export.lines():
        file.write(chunk)
    file.flush()


async def _write_safely(export: Export, path: Path) -> None:
    """Under another name until it is whole and on the disk: whatever was there before stays until then."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _clear(path)
        with _created(new) as file:
            await _write(export, file)
            os.fsync(file.fileno())
            new.replace(path)
    except OSError as error:
        raise CommandFailed(f"{error.filename or path} cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Remove what killed exports to the same file left: identifiers in clear. Who still writes holds a lock, which ends with them."""
    names = re.compile(rf"\.{re.escape(path.name)}\.\d+\.new")
    for left in [one for one in path.parent.iterdir() if names.fullmatch(one.name)]:
        try:
            with left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
        except (BlockingIOError, FileNotFoundError):  # it is being written, or was this moment put in its place
            continue


def _created(new: Path) -> IO[bytes]:
    """A new file that only its owner may read, locked; again, where another export took it for left over before it was locked."""
    while True:
        file = open_own(new, "xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


COMMAND = Command("export", "write a tenant as JSON Lines, to keep or to bring into another store", _add_arguments, _run)
