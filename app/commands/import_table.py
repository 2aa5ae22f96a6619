"""`uniongraph import FILE`: a table that the brand already has, or an export of a tenant, into the graph."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.commands.command import Command, CommandFailed, add_tenant, run_async, tell
from app.commands.progress import staged_bar
from app.ingest import table
from app.ingest.table import Import, Tally
from app.ingest.table_file import open_table
from app.server import opened_store
from app.settings import Settings, add_arguments
from app.transfer.export_file import is_export, open_export
from app.transfer.importing import Restoration
from graph.restoring import Cancelled
from graph.tenant import Tenant


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        help="CSV with a header, or JSON Lines: appId, openId, unionId, observedAt; any other column is a namespace of external ids, "
        "which the identity policy lists; or what `uniongraph export` wrote, whose tenant is made if it is new",
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="a column that is no external id; may be repeated")
    parser.add_argument(
        "--take",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column to be taken as external ids though the identity policy does not list it; may be repeated",
    )
    add_tenant(parser)
    add_arguments(parser, ("store", "data"))


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_import(arguments))


async def _import(arguments: argparse.Namespace) -> int:
    settings = Settings.load(arguments)
    if is_export(arguments.file):
        return await _restore(arguments.file, arguments.tenant, settings)
    found = open_table(arguments.file, arguments.ignore)
    if found.encoding != "utf-8":
        tell(f"{found.path} is not UTF-8: it is read as GB 18030 (GBK).")
    async with opened_store(settings) as store:
        tenant = Tenant(store, arguments.tenant)
        policy = (await store.registry(arguments.tenant)).policy
        taken = frozenset(one.namespace for one in policy.namespaces) | {name.lower() for name in arguments.take}
        _look_at(found.format.namespaces, taken)
        work = Import(tenant, found, settings.store_url, taken)
        started = time.monotonic()
        tally = await with_bar(work)
        seconds = time.monotonic() - started
    tell(_summary(tally, seconds))
    if tally.rejected > tally.erased or work.rejected_path.exists():
        tell(f"What was not applied, and why: {work.rejected_path}. Put right, that file can be imported itself.")
    return 0


def _look_at(columns: Sequence[str], taken: frozenset[str]) -> None:
    """Say which columns join people, before any does. Raises CommandFailed."""
    strange = [name for name in columns if name not in taken]
    if strange:
        raise CommandFailed(
            f"Nothing was imported: the identity policy lists no namespaces {', '.join(strange)}. Whoever has the same value there would "
            "be one customer: say --ignore COLUMN for what is no external id, and list the others in the policy, or say --take COLUMN."
        )
    if columns:
        tell(f"Taken as external ids: {', '.join(columns)}. A column that is none: --ignore COLUMN.")


async def _restore(path: Path, name: str, settings: Settings) -> int:
    """Bring in an export."""
    started = time.monotonic()
    async with opened_store(settings) as store:
        tenant = Tenant(store, name)
        with staged_bar("looking through the export") as show:
            size = max(path.stat().st_size, 1)  # noqa: ASYNC240  # a local file, once
            work = Restoration(tenant, open_export(path, tenant.keys, lambda done: show("looking through the export", done / size)))
            try:
                progress = await work.run(lambda done, _: show(path.name, done / size))
            except Cancelled:
                raise CommandFailed("Its job was cancelled: what was brought in stays. Start it again to begin anew.") from None
    if work.resumed:
        tell(f"Went on after line {work.resumed:,}, where an earlier attempt stopped.")
    tell(f"{progress.number:,} lines in {time.monotonic() - started:.1f} s, {progress.rejected:,} of them rejected.")
    if progress.rejected:
        tell(f"What was not brought in, and why: {work.rejected_path}.")
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
    of_the_erased = f" {tally.erased:,} of those name somebody who was erased and are not written down." if tally.erased else ""
    return ", ".join(parts) + of_the_erased


COMMAND = Command("import", "import a table of OpenIDs and UnionIDs, or an export", _add_arguments, _run)
