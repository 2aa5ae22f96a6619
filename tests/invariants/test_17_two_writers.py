"""Invariant 17: two writers at once end as some serial order does, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from graph.state import Label
from graph.stores import Store, open_store
from tests.invariants.replay import check_numbers, replayed
from tests.resolver.held import everybody, held
from tests.resolver.histories import story
from tests.resolver.memory_store import NOW
from tests.resolver.names import Names
from tests.resolver.operations import Bind, Correct, Operation, Register, Revoke, Row, Withdraw, said, shuffled
from tests.resolver.rebuilt import expected
from tests.resolver.reference import truth
from tests.resolver.tally import how_many
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
ONE_IN = 10
"""Two writers tell one in so many of the histories that a run asks for."""


class Writer(Teller):
    """Leaves the jobs to whoever does them when all is said."""

    async def work(self) -> None:
        """Not yet."""


async def two_writers_end_as_one(stores: Sequence[Store], seeds: range) -> None:
    """Deal histories out to two writers, each with its own store on the same data; order does not matter, so the reference can judge."""
    run = secrets.token_hex(4)
    for seed in seeds:
        try:
            await _check(stores, f"writers {seed} {run}", seed)
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise


async def _check(stores: Sequence[Store], name: str, seed: int) -> None:
    one, chance = story(seed), random.Random(seed)
    await stores[0].create_tenant(name)
    tenants = [WatchedTenant(store, name, Counter()) for store in stores]
    writers = [Writer(tenant, one.world, random.Random(f"{seed} {number}")) for number, tenant in enumerate(tenants)]
    await writers[0].prepare()
    played = shuffled(one.operations, chance)
    for part in _parts(played):
        hands: list[list[Operation]] = [[], []]
        for operation in part:
            is_about_bindings = isinstance(operation, Bind | Correct | Withdraw)
            hands[0 if is_about_bindings else chance.randrange(2)].append(operation)
        await asyncio.gather(*(writer.tell(hand) for writer, hand in zip(writers, hands, strict=True)))
    await Teller(tenants[1], one.world, chance).work()
    names = Names(tenants[0].keys)
    assert expected(truth(said(one.operations), one.world.rules, names.key), names.key) == await held(tenants[0])
    await _nothing_is_lost(tenants[1], names, played)


def _parts(operations: list[Operation]) -> list[list[Operation]]:
    """Touchpoints; rows and bindings; what needs these; what takes decisions back. Inside of each the order is anybody's."""
    first: list[Operation] = [one for one in operations if isinstance(one, Register)]
    second: list[Operation] = [one for one in operations if isinstance(one, Row | Bind | Correct | Withdraw)]
    last: list[Operation] = [one for one in operations if isinstance(one, Revoke)]
    return [first, second, [one for one in operations if one not in {*first, *second, *last}], last]


async def _nothing_is_lost(tenant: WatchedTenant, names: Names, played: Sequence[Operation]) -> None:
    """Every row that was acknowledged is counted, and every change stands in the feed once."""
    changes = await tenant.store.changes(tenant.name, 0, 10_000)
    check_numbers(changes)
    members = [member for customer in await everybody(tenant) for member in customer.members]
    customers = {key: len(identifiers) for key, identifiers in replayed(changes).items()}
    assert Counter(member.customer for member in members) == customers
    seen = {member.key: member.times for member in members if member.label is Label.OPEN_ID and member.times}
    assert Counter(names.key(one.seen.who) for one in played if isinstance(one, Row)) == seen


async def on_two(url: str, seeds: range) -> None:
    """Open it twice, as two processes do."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(url, secret=SECRET, clock=lambda: NOW)) for _ in range(2)]
        await two_writers_end_as_one(stores, seeds)


async def test_17_two_writers_on_sqlite(tmp_path: Path) -> None:
    """On SQLite two writers at once lose nothing, and end where one would."""
    await on_two(f"sqlite:///{tmp_path}/writers.db", range(how_many("sqlite", ONE_IN)))


async def test_17_two_writers_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j two writers at once lose nothing, and end where one would."""
    await on_two(neo4j_uri, range(how_many("neo4j", ONE_IN)))
