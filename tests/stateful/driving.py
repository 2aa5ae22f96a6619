"""Drives the state machine with Hypothesis: how many examples, on which store, and whether what it is about came up at all."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from graph.stores import Store, open_store
from tests.api.asking import StandingClock
from tests.stateful.arrivals import Arrivals
from tests.stateful.brand import Brand
from tests.stateful.erasing import Erasing
from tests.stateful.looking import Looking
from tests.stateful.machine import Opened
from tests.stateful.policies import Policies
from tests.stateful.stage import TENANT
from tests.stores import neo4j_door
from tests.stores.harness import SECRET

EXAMPLES = {"sqlite": 40, "neo4j": 8}
"""How many by default; STATEFUL_SQLITE and STATEFUL_NEO4J say otherwise."""
STEPS = 25
WORTH = (
    *(f"change {kind}" for kind in ("CREATED", "GREW", "MERGED", "SPLIT", "SHRANK", "ERASED")),
    *(f"row {what}" for what in ("APPLIED", "UNCHANGED", "QUARANTINED", "INVALID_INPUT", "NOT_FOUND")),
    *("conflicts", "compared", "effects", "pages", "request again", "erase", "setIdentityPolicy", "correctBinding", "retractEvidence"),
)
"""What must have come up."""
IS_CI = bool(os.environ.get("CI") or os.environ.get("REQUIRE_NEO4J"))
CLOCK = StandingClock()


class Everything(Arrivals, Brand, Erasing, Policies, Looking):
    """All that can be done."""


async def drive(opened: Opened, examples: int, *, shrinks: bool = True) -> Counter[str]:
    """Drive as many brands; gives how often what came up. Hypothesis is not asynchronous, so it has a thread of its own."""
    counted = Counter[str]()
    given = {"opened": staticmethod(opened), "clock": CLOCK, "loop": asyncio.get_running_loop(), "tally": counted}
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,  # a step waits for a database
        derandomize=IS_CI,
        print_blob=True,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, type("Driven", (Everything,), given), settings=chosen)
    return counted


def how_many(kind: str) -> int:
    """How many examples to drive."""
    return int(os.environ.get(f"STATEFUL_{kind.upper()}", "") or EXAMPLES[kind])


def rare(counted: Counter[str]) -> list[str]:
    """What never came up, where as many examples were driven as by default."""
    return [name for name in WORTH if not counted[name]] if counted["examples"] >= EXAMPLES["sqlite"] else []


def fresh_sqlite(folder: Path) -> Opened:
    """A new file each time."""
    numbers = itertools.count()
    return lambda: open_store(f"sqlite:///{folder}/stateful{next(numbers)}.db", secret=SECRET, clock=CLOCK)


def fresh_neo4j(uri: str) -> Opened:
    """The same server each time, without what the tenant before left behind."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        await asyncio.to_thread(neo4j_door.run, uri, "MATCH (n) WHERE n.tenant = $t OR n:Tenant AND n.key = $t DETACH DELETE n", t=TENANT)
        async with open_store(uri, secret=SECRET, clock=CLOCK) as store:
            yield store

    return opened
