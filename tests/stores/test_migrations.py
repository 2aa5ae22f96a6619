"""What an older version wrote is brought forward when the store is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, LiteralString

import apsw
import pytest

from graph.decisions import Decision
from graph.keys import Keys, fingerprint
from graph.node import Key
from graph.state import ConflictState
from graph.stores import ConflictFilter, DecisionFilter, Page, Store, open_store
from graph.stores.neo4j import open_neo4j
from graph.stores.sqlite.migrate import APPLICATION
from graph.stores.sqlite.statements import read
from tests.stores import neo4j_door
from tests.stores.harness import NOW, SECRET

TENANT = "acme"
KEYS = Keys(SECRET, TENANT)
ONE, TWO, PHONE = KEYS.open_id("wxa", "one"), KEYS.open_id("wxa", "two"), KEYS.external_id("phone", "1")
OLD, TEXT = Key("z" * 22), Key("t" * 22)
"""Of something that was said: its key as version 1 made it, and what it is about."""
SEEN, UNLINKED = Key("s" * 22), Key("u" * 22)
CLAIM = {claimant: KEYS.derive("Evidence", claimant) for claimant in (ONE, TWO)}
TURNS = ["a" * 22, "b" * 22, "b" * 22]


def changes() -> list[dict[str, Any]]:
    """The feed as version 1 wrote it."""
    plain = {"kind": "CREATED", "occurred": 1, "previous": [], "identifiers": [f"oid_{ONE}"], "cause": "test"}
    return [
        {**plain, "key": KEYS.derive("Change", str(n)), "sequence": n, "transaction": turn, "customer": ONE}
        for n, turn in enumerate(TURNS, 1)
    ]


def brought(key: Key, a: Key) -> Key:
    """What version 2 makes of a roll-up's key: it begins as that of who said it."""
    return Key(a[:11] + key[11:])


async def check(store: Store) -> None:
    """The feed is read as today's is, and an external id has the witness of its own customer, who knows how many they are."""
    found = await store.changes(TENANT, 0, 10)
    assert [(1, ONE, 0), (2, ONE, 1), (3, ONE, 0)] == [(one.sequence, one.customer_key, one.changes_left) for one in found]
    assert [1, 2] == sorted(one.sequence for one in await store.changes_of(TENANT, {ONE: 3}))
    _, (aggregate,) = await store.customers(TENANT, [PHONE])
    assert aggregate is not None
    assert {ONE: None, PHONE: ONE} == {member.key: member.witness for member in aggregate.members}
    assert 2 == aggregate.row.size


async def test_sqlite_from_version_1(tmp_path: Path) -> None:
    """A file of version 1 is brought to today's, and opened again it is left alone."""
    path = tmp_path / "old.db"
    with apsw.Connection(str(path)) as file:
        file.execute(read("schema.sql"))
        file.execute("INSERT INTO store VALUES (1, ?)", (fingerprint(SECRET),))
        file.execute("INSERT INTO tenant (id, name, sequence) VALUES (1, ?, 3)", (TENANT,))
        for key, label, customer, first in ((ONE, "OpenID", ONE, 5), (TWO, "OpenID", TWO, 1), (PHONE, "ExternalID", ONE, 5)):
            row = (key, label, "scope", "value", None, None, customer, first, 9, 1, "", 1)
            file.execute("INSERT INTO identifier VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        file.execute("INSERT INTO customer VALUES (1, ?, 5, 9, 'PROVISIONAL', 0, 0, 1)", (ONE,))
        for claimant in (ONE, TWO):
            file.execute("INSERT INTO link VALUES (1, ?, ?, ?, ?)", (CLAIM[claimant], PHONE, claimant, int(claimant == ONE)))
        for key, said, a, b in (
            (OLD, "RESOLVED_AS", ONE, TEXT),
            (SEEN, "SEEN", TWO, TWO),
            (CLAIM[ONE], "CLAIMS", ONE, PHONE),
            (CLAIM[TWO], "CLAIMS", TWO, PHONE),
            (UNLINKED, "UNLINKED", TWO, PHONE),
        ):
            evidence = (key, said, a, b, "IMPORT", 5, 9, 1, "u", 1, 1, "scope" if said == "RESOLVED_AS" else None)
            file.execute("INSERT INTO evidence VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", evidence)
        for change in changes():
            file.execute("INSERT INTO change VALUES (1, ?, ?)", (change["sequence"], json.dumps(change)))
        file.execute(f"PRAGMA user_version = 1; PRAGMA application_id = {APPLICATION}")
    for _ in range(2):
        async with open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) as store:
            await check(store)
            assert [ONE] == await store.stale(TENANT, Key("scope"), 2, None, 10)
        with apsw.Connection(str(path)) as file:
            assert {
                (brought(OLD, ONE), ONE, TEXT, "{}"),
                (brought(SEEN, TWO), TWO, TWO, "{}"),
                (brought(CLAIM[ONE], ONE), ONE, PHONE, json.dumps({PHONE: 1}, separators=(",", ":"))),
                (brought(CLAIM[TWO], TWO), TWO, PHONE, json.dumps({PHONE: 0}, separators=(",", ":"))),
                (brought(UNLINKED, TWO), TWO, PHONE, "{}"),
            } == set(file.execute("SELECT key, a, b, ends FROM evidence"))
            assert {
                (TEXT, ONE, brought(OLD, ONE), 0),
                (PHONE, ONE, brought(CLAIM[ONE], ONE), 1),
                (PHONE, TWO, brought(CLAIM[TWO], TWO), 1),
                (PHONE, TWO, brought(UNLINKED, TWO), 0),
            } == set(file.execute("SELECT named, a, evidence, is_linked FROM evidence_mention"))


def say_what_version_3_marks(uri: str) -> None:
    """A resolved conflict and two decisions as version 2 wrote them, and an index that it walked."""
    neo4j_door.run(uri, "CREATE INDEX conflict_state IF NOT EXISTS FOR (n:Conflict) ON (n.tenant, n.state, n.key)")
    kind = {"key": "k" * 22, "tenant": TENANT, "kind": "TWO_VALUES_ONE_NAMESPACE", "state": "RESOLVED"}
    conflict = kind | {"mentions": [ONE, PHONE], "about": [PHONE], "kept": "[]", "opened": 1, "resolved": 2}
    make: LiteralString = (
        "MATCH (n:Identifier {key: $about}) CREATE (k:Conflict)-[:ABOUT {conflict: $row.key, touchpoint: 's'}]->(n) SET k = $row"
    )
    neo4j_door.run(uri, make, row=conflict, about=PHONE)
    plain = {"tenant": TENANT, "kind": "SAME", "a": ONE, "b": TWO, "reason": "", "author": "", "decided": 1}
    for name, revoked in (("d", None), ("e", 5)):
        neo4j_door.run(uri, "CREATE (d:Decision) SET d = $row", row=plain | {"key": name * 22, "revoked": revoked})


async def check_filters(store: Store) -> None:
    """The conflict is found by its state and its touchpoint, the decisions by whether they stand."""
    for which in (ConflictFilter(states=(ConflictState.RESOLVED,)), ConflictFilter(touchpoint=Key("s"))):
        assert ["k" * 22] == [one.row.key for one in (await store.conflict_page(TENANT, which, Page()))[1].items]
    for decision, is_revoked in (("d", False), ("e", True)):
        _, decided = await store.page(TENANT, Decision, Page(), DecisionFilter(is_revoked=is_revoked))
        assert [decision * 22] == [one.key for one in decided.items]


@pytest.mark.neo4j
async def test_neo4j_from_version_1(neo4j_uri: str) -> None:
    """A graph of version 1 is brought to today's, and opened again it is left alone."""
    neo4j_door.wipe(neo4j_uri, SECRET)
    run = neo4j_door.run
    await (await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW)).close()
    run(neo4j_uri, "MATCH (s:Schema) SET s.version = 1")
    run(neo4j_uri, "CREATE (:Tenant {key: $tenant, turn: 1, sequence: 3, registryVersion: 0})", tenant=TENANT)
    run(neo4j_uri, "UNWIND $rows AS row CREATE (c:Change) SET c = row, c.tenant = $tenant", rows=changes(), tenant=TENANT)
    people: list[tuple[Key, str, Key, int]] = [(ONE, "OpenID", ONE, 5), (TWO, "OpenID", TWO, 1), (PHONE, "ExternalID", ONE, 5)]
    for key, label, customer, first in people:
        row = {"key": key, "customer": customer, "firstSeenAt": first, "turn": 1, "crowded": "", "scope": "s"}
        run(neo4j_uri, "CREATE (n:Identifier:$($label)) SET n = $row, n.tenant = $tenant", label=label, row=row, tenant=TENANT)
    run(neo4j_uri, "MATCH (o:OpenID), (p:ExternalID) CREATE (o)-[:CLAIMS {isLive: true}]->(p)")
    run(neo4j_uri, "MATCH (o:OpenID {key: $one}) CREATE (o)-[:RESOLVED_AS {key: $old, b: $text}]->(o)", one=ONE, old=OLD, text=TEXT)
    say_what_version_3_marks(neo4j_uri)
    for _ in range(2):
        store = await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW)
        found = neo4j_door.run(neo4j_uri, "MATCH (n:Identifier) WHERE n.witness IS NOT NULL RETURN n.key AS key, n.witness AS witness")
        assert [{"key": PHONE, "witness": ONE}] == found
        said = run(neo4j_uri, "MATCH ()-[r:RESOLVED_AS]->() RETURN r.key AS key, r.loose AS loose")
        assert [{"key": brought(OLD, ONE), "loose": TEXT}] == said
        assert [{"namespace": "s"}] == run(neo4j_uri, "MATCH (k:Conflict) RETURN k.namespace AS namespace")
        await check_filters(store)
        changed = await store.changes(TENANT, 0, 10)
        assert [(1, ONE, 0), (2, ONE, 1), (3, ONE, 0)] == [(one.sequence, one.customer_key, one.changes_left) for one in changed]
        await store.close()
    assert [] == run(neo4j_uri, "SHOW INDEXES YIELD name WHERE name = 'conflict_state'")
    neo4j_door.wipe(neo4j_uri, SECRET)
