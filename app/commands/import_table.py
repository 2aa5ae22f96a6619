"""`uniongraph import FILE`: a table that the brand already has, into the graph."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.commands.command import Command, add_tenant, run_async, tell
from app.ingest import table
from app.ingest.table import Import, Tally
from app.ingest.table_file import open_table
from app.server import opened_store
from app.settings import Settings, add_arguments
from graph.tenant import Tenant


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        help="CSV with a header, or JSON Lines: appId, openId, unionId, observedAt; any other column is a namespace of external ids",
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="a column that is no external id; may be repeated")
    add_tenant(parser)
    add_arguments(parser, ("store", "data"))


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_import(arguments))


async def _import(arguments: argparse.Namespace) -> int:
    settings = Settings.load(arguments)
    found = open_table(arguments.file, arguments.ignore)
    if found.encoding != "utf-8":
        tell(f"{found.path} is not UTF-8: it is read as GB 18030 (GBK).")
    if found.format.namespaces:
        tell(f"Taken as external ids: {', '.join(found.format.namespaces)}. A column that is none: --ignore COLUMN.")
    async with opened_store(settings) as store:
        tenant = Tenant(store, arguments.tenant)
        await store.registry(arguments.tenant)
        work = Import(tenant, found, settings.store_url)
        started = time.monotonic()
        tally = await with_bar(work)
        seconds = time.monotonic() - started
    tell(_summary(tally, seconds))
    if tally.rejected or work.rejected_path.exists():
        tell(f"What was not applied, and why: {work.rejected_path}. Put right, that file can be imported itself.")
    return 0


async def with_bar(work: Import) -> Tally:
    """Run an import under a progress bar, where somebody sees it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[speed]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    started = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(work.table.path.name, total=work.table.size, rows=0, speed=0.0)
        before: list[int] = []

        def show(progress: table.Progress) -> None:
            if not before:
                before.append(progress.tally.rows)
                if table.resumed(progress, work.table):
                    tell(f"Going on after line {progress.number - 1:,}, where an earlier attempt stopped.")
            speed = (progress.tally.rows - before[0]) / max(time.monotonic() - started, 0.001)
            bar.update(task, completed=progress.offset, rows=progress.tally.rows, speed=speed)

        return await work.run(show)


def _summary(tally: Tally, seconds: float) -> str:
    parts = (
        f"{tally.rows:,} rows in {seconds:.1f} s: {tally.applied:,} applied",
        f"{tally.unchanged:,} known already",
        f"{tally.quarantined:,} waiting until something is registered",
        f"{tally.rejected:,} rejected.",
    )
    return ", ".join(parts)


COMMAND = Command("import", "import a table of OpenIDs and UnionIDs", _add_arguments, _run)
