"""Rates, p50, p99 and statements per question: python -m bench [--customers 100000] [--store sqlite|neo4j|both] [--rounds 3].

A small tenant of 1,000 customers stands beside the large one in the same store, and the questions are asked of both in turn,
so that the ratio between them survives a noisy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator

from rich.console import Console
from rich.table import Table

from bench.brand import USES, found, populate
from bench.questions import QUESTIONS, Subject, Timings, ask
from bench.service import Caller, serving
from graph.keys import random_key
from graph.stores import Store, open_store
from graph.tenant import Tenant

SECRET = b"bench" * 8
SMALL = 1_000
READS = ("customer by OpenID", "page of 50 customers", "limits of all platforms", "16 readers at once")


def main() -> None:
    """Measure, and print one table a store."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--store", choices=("sqlite", "neo4j", "both"), default="both")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for kind in ("sqlite", "neo4j") if arguments.store == "both" else (arguments.store,):
        asyncio.run(measure(kind, arguments.customers, arguments.rounds))


@contextlib.asynccontextmanager
async def opened(kind: str) -> AsyncIterator[tuple[Store, str]]:
    """An empty store of a kind, and the address of a service on it; Neo4j is a real server of our own."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/bench.db"
        else:
            from tests.neo4j_server import own_server  # noqa: PLC0415  # only where it is asked for

            server = own_server()
            stack.callback(server.remove)
            server.start()
            url = server.uri
        async with open_store(url, secret=SECRET, clock=lambda: int(time.time() * 1000)) as store, serving(url, SECRET) as address:
            yield store, address


async def measure(kind: str, customers: int, rounds: int) -> None:
    """Build both tenants, ask every question of both in turn, print."""
    console = Console(width=140)
    async with opened(kind) as (store, address), contextlib.AsyncExitStack() as stack:
        subjects = []
        for people in (SMALL, customers):
            tenant = Tenant(store, f"bench-{people}-{random_key()}")
            await found(tenant)
            start = time.perf_counter()
            await populate(tenant, 0, people)
            seconds = time.perf_counter() - start
            console.print(f"{kind}: {people:,} customers, {people * USES:,} rows in {seconds:.0f} s: {people * USES / seconds:,.0f} rows/s")
            caller = await Caller.of(tenant, address)
            stack.push_async_callback(caller.close)
            subjects.append(Subject(tenant, people, next_new=people, caller=caller))
        timings = {name: [Timings(), Timings()] for name in QUESTIONS}
        for turn in range(-1, rounds):
            for name, (question, times, things) in QUESTIONS.items():
                for subject, into in zip(subjects, timings[name], strict=True):
                    # The first round warms caches and is not counted.
                    await ask(question, subject, times, things, into if turn >= 0 else Timings())
        console.print(table_of(kind, customers, timings))
    report(console, timings)


def table_of(kind: str, customers: int, timings: dict[str, list[Timings]]) -> Table:
    """One line a question."""
    table = Table(title=f"{kind}, {customers:,} customers (ratio: median here / median at {SMALL:,})")
    for column in ("question", "p50 ms", "p99 ms", "things/s", "statements", f"p50 ms at {SMALL:,}", "ratio"):
        table.add_column(column, justify="left" if column == "question" else "right")
    for name, (small, large) in timings.items():
        rate = large.things / large.median * 1000
        table.add_row(
            name,
            f"{large.median:.2f}",
            f"{large.p99:.2f}",
            f"{rate:,.0f}",
            str(large.statements),
            f"{small.median:.2f}",
            f"{large.median / small.median:.2f}",
        )
    return table


def report(console: Console, timings: dict[str, list[Timings]]) -> None:
    """The bars that the project holds itself to."""
    worst = max(READS, key=lambda name: timings[name][1].median / timings[name][0].median)
    ratio = timings[worst][1].median / timings[worst][0].median
    console.print(f"slowest growth of a read: {worst}, x{ratio:.2f} (bar: at most x1.5)")
    for how, bar in ((", HTTP", " (bar: at most 0.1)"), ("", ", without API and HTTP")):
        batch, single = (timings[f"500 new {which}{how}"][1].median for which in ("in one call", "one by one"))
        console.print(f"500 new in one call take {batch / single:.3f} of 500 calls{bar}")
    for name, aim in (("un-merge", 3), ("erase one customer", 60)):
        small, large = timings[name]
        longest = max(large.each) / 1000
        console.print(
            f"{name}: {longest:.2f} s at the longest (aim: under {aim} s), x{large.median / small.median:.2f} the median at {SMALL:,}"
        )


if __name__ == "__main__":
    main()
