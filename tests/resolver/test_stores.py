"""What real stores must find beyond the keys that they are asked for: all UnionIDs of a text."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from pathlib import Path

from graph.stores import Store, open_store
from tests.resolver.facts import Bound, Decided, Seen
from tests.resolver.held import everybody
from tests.resolver.histories import Story, World, story
from tests.resolver.memory_store import NOW
from tests.resolver.operations import Bind, Register, Row
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

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


async def test_sqlite_finds_unionids_by_their_text(tmp_path: Path) -> None:
    """A SAME of two UnionIDs, whose texts are nobody's key, joins at once on SQLite."""
    async with open_store(f"sqlite:///{tmp_path / 'texts.db'}", secret=SECRET, clock=lambda: NOW) as store:
        await check_two_unionids(store)


async def test_neo4j_finds_unionids_by_their_text(neo4j_uri: str) -> None:
    """A SAME of two UnionIDs, whose texts are nobody's key, joins at once on Neo4j."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check_two_unionids(store)
