"""The same random histories through real stores, read back by the questions that the product asks."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from pathlib import Path

import pytest

from graph.decisions import Decision
from graph.state import ConflictState, Identifier, Label
from graph.stores import Aggregate, ConflictFilter, CustomerFilter, Page, Store, open_store
from graph.tenant import Tenant
from tests.resolver.facts import Bound, Decided, Seen
from tests.resolver.histories import Story, World, story
from tests.resolver.memory_store import NOW
from tests.resolver.names import Names
from tests.resolver.operations import Bind, Register, Row, said, shuffled
from tests.resolver.rebuilt import State, expected, rebuilt
from tests.resolver.reference import truth
from tests.resolver.tally import SHARES, TALLIES, share_of
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
EVERYTHING = Page(limit=10_000)


async def told(store: Store, one: Story, name: str, kind: str, chance: random.Random) -> Tenant:
    """A new tenant that was told a history in a random order. Its name is part of every key, so the same name ties the same way."""
    tenant = WatchedTenant(store, name, TALLIES[kind])
    await store.create_tenant(tenant.name)
    teller = Teller(tenant, one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    TALLIES[kind]["histories"] += 1
    return tenant


async def everybody(tenant: Tenant) -> list[Aggregate]:
    """Every customer."""
    return (await tenant.store.customer_page(tenant.name, CustomerFilter(), EVERYTHING))[1].items


async def held(tenant: Tenant) -> State:
    """What a store answers when asked for everything."""
    _, conflicts = await tenant.store.conflict_page(tenant.name, ConflictFilter(states=(ConflictState.OPEN,)), EVERYTHING)
    people = {member.key: (member.account, member.customer) for customer in await everybody(tenant) for member in customer.members}
    return State(people, frozenset((found.row.kind.value, found.row.about) for found in conflicts.items))


async def rebuilt_from(tenant: Tenant) -> State:
    """What follows from the evidence and decisions that the store hands out."""
    customers = await everybody(tenant)
    members = [member for customer in customers for member in customer.members if member.label is Label.OPEN_ID]
    known = {one.key: Identifier(key=one.key, label=one.label, scope=one.scope, value=one.value) for one in members}
    rollups = [stored.rollup for customer in customers for stored in customer.rollups]
    _, decided = await tenant.store.page(tenant.name, Decision, EVERYTHING)
    return rebuilt(await tenant.store.registry(tenant.name), tenant.keys, known, rollups, decided.items)


async def check(store: Store, kind: str, share: int) -> None:
    """Tell a share of the histories, and compare each with the reference and with a rebuild."""
    run = "" if kind == "sqlite" else secrets.token_hex(4)  # a Neo4j that was given may hold another run's
    for seed in share_of(kind, share):
        one = story(seed)
        tenant = await told(store, one, f"history {seed} {run}", kind, random.Random(seed))
        names = Names(tenant.keys)
        found = await held(tenant)
        right = expected(truth(said(one.operations), one.world.rules, names.key), names.key)
        assert right == found, tenant.name
        assert await rebuilt_from(tenant) == found, tenant.name
        answers = await tenant.store.customers(tenant.name, list(right.people))
        assert [customer for _, customer in right.people.values()] == [one.row.key if one else None for one in answers[1]]


TWO_UNIONIDS = (
    Register("wxapp0"),
    Register("wxapp1"),
    Bind("first", Bound("wxapp0", "wxop0", None)),
    Bind("second", Bound("wxapp1", "wxop1", None)),
    Row(Seen(("open", "wxapp0", "o1"), "PUSH", 1000, "Uone")),
    Row(Seen(("open", "wxapp1", "o2"), "PUSH", 1000, "Utwo")),
    Decided("decision00000000000000", "SAME", ("text", "", "Uone"), ("text", "", "Utwo"), 2000),
)


async def check_two_unionids(store: Store) -> None:
    """Tell it, and count who there is."""
    one = Story(World(("wxop0", "wxop1"), ("wxapp0", "wxapp1"), 2, story(0).world.rules), TWO_UNIONIDS)
    tenant = WatchedTenant(store, f"histories {secrets.token_hex(8)}", Counter())
    await store.create_tenant(tenant.name)
    teller = Teller(tenant, one.world, random.Random(0))
    await teller.prepare()
    await teller.tell(one.operations)
    assert 1 == len(await everybody(tenant))


@pytest.mark.parametrize("share", range(SHARES["sqlite"]))
async def test_sqlite_equals_the_reference(share: int, tmp_path: Path) -> None:
    """On SQLite any order of use cases ends in what the reference says, and so does a rebuild from what was stored."""
    async with open_store(f"sqlite:///{tmp_path / 'histories.db'}", secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "sqlite", share)


@pytest.mark.parametrize("share", range(SHARES["neo4j"]))
async def test_neo4j_equals_the_reference(share: int, neo4j_uri: str) -> None:
    """On Neo4j any order of use cases ends in what the reference says, and so does a rebuild from what was stored."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "neo4j", share)


async def test_sqlite_finds_unionids_by_their_text(tmp_path: Path) -> None:
    """A SAME of two UnionIDs, whose texts are nobody's key, joins at once on SQLite."""
    async with open_store(f"sqlite:///{tmp_path / 'texts.db'}", secret=SECRET, clock=lambda: NOW) as store:
        await check_two_unionids(store)


async def test_neo4j_finds_unionids_by_their_text(neo4j_uri: str) -> None:
    """A SAME of two UnionIDs, whose texts are nobody's key, joins at once on Neo4j."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check_two_unionids(store)
