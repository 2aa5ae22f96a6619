"""The back door to a Neo4j: its own driver and statements. Relationships are held against the properties that say the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

from neo4j import GraphDatabase, Session

from graph.changes import Change
from graph.evidence import ResolutionSource, Rollup, Said
from graph.node import Key
from graph.state import ConflictKind, ConflictRow, CustomerRow, CustomerState, EvidenceKind, Label, Member, Step, StoredRollup
from graph.stores.mapping import NODES, from_row, policy_from
from tests.concurrency.everything import Everything
from tests.neo4j_server import driver_arguments

Found = dict[str, Any]

PEOPLE: LiteralString = """
MATCH (n:Identifier {tenant: $tenant}) WHERE n.customer IS NOT NULL
RETURN properties(n) AS has, [l IN labels(n) WHERE l <> 'Identifier'] AS labels,
  [(n)-[:BELONGS_TO]->(p) | [labels(p)[0], p.key]] AS places
"""
ACCOUNTS: LiteralString = """
MATCH (a:WeChatAccount {tenant: $tenant}) RETURN a.key AS key, [(a)-[:BELONGS_TO]->(c) | c.key] AS customers
"""
EVIDENCE: LiteralString = """
MATCH (a:Identifier {tenant: $tenant})-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->(b)
RETURN type(r) AS said, a.key AS a, b.key AS end, properties(r) AS has
"""
EVERY_PROPERTY: LiteralString = """
MATCH (n) RETURN properties(n) AS has
UNION ALL
MATCH ()-[r]->() RETURN properties(r) AS has
"""
NODES_OF: LiteralString = "MATCH (n:$($label) {tenant: $tenant}) RETURN properties(n) AS has"


def from_neo4j(uri: str, tenant: str) -> Everything:
    """Read everything of one tenant."""
    address, auth = driver_arguments(uri)
    with GraphDatabase.driver(address, auth=auth) as driver, driver.session() as session:
        [[state]] = session.run("MATCH (t:Tenant {key: $tenant}) RETURN properties(t)", tenant=tenant).values()
        people = [record.data() for record in session.run(PEOPLE, tenant=tenant)]
        accounts = {record["key"]: record["customers"] for record in session.run(ACCOUNTS, tenant=tenant)}
        copies = [record.data() for record in session.run(EVIDENCE, tenant=tenant)]
        nodes = {label: _nodes(session, label, tenant) for label in (*NODES, "Customer", "Conflict")}
    policy = state.get("policy")
    rollups, apart = _rollups(copies)
    members = [_member(one) for one in people]
    changes = sorted((from_row(Change, _fields(has)) for has in nodes.pop(Change.__name__)), key=lambda change: change.sequence)
    return Everything(
        turn=state["turn"],
        sequence=state["sequence"],
        version=state["registryVersion"],
        policy=policy_from(json.loads(policy)) if policy else None,
        members={one.key: one for one in members},
        customers={has["key"]: _customer(has) for has in nodes.pop("Customer")},
        rollups=rollups,
        conflicts={has["key"]: _conflict(has) for has in nodes.pop("Conflict")},
        nodes=[from_row(NODES[label], _fields(has)) for label, found in nodes.items() for has in found],
        changes=changes,
        oddities=[*apart, *_misplaced(zip(people, members, strict=True), accounts)],
    )


def text_of_graph(uri: str) -> str:
    """Every property of every node and every relationship."""
    address, auth = driver_arguments(uri)
    with GraphDatabase.driver(address, auth=auth) as driver, driver.session() as session:
        return "\n".join(json.dumps(record["has"], ensure_ascii=False, default=str) for record in session.run(EVERY_PROPERTY))


def _nodes(session: Session, label: str, tenant: str) -> list[Found]:
    return [record["has"] for record in session.run(NODES_OF, label=label, tenant=tenant)]


def _fields(has: Found) -> Found:
    """Properties by the names of fields: textKey is text_key. Which class they belong to is from_row's business."""
    return {_field(name): value for name, value in has.items()}


def _field(name: str) -> str:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return {"first_seen_at": "first", "last_seen_at": "last"}.get(snake, snake)


def _member(found: Found) -> Member:
    has = _fields(found["has"])
    [label] = found["labels"]
    names = ("key", "scope", "value", "text_key", "account", "customer", "first", "last", "times", "crowded", "turn")
    values: Found = {name: has.get(name) for name in names}
    return Member(label=Label(label), **values)


def _customer(found: Found) -> CustomerRow:
    has = _fields(found)
    names = ("key", "first", "last", "has_conflict", "has_shed", "turn", "size")
    return CustomerRow(state=CustomerState[has["state"]], **{name: has[name] for name in names})


def _rollups(copies: Iterable[Found]) -> tuple[dict[Key, StoredRollup], list[str]]:
    """Each roll-up from all of its relationships, and which of them do not agree."""
    by_key: dict[Key, list[Found]] = defaultdict(list)
    for copy in copies:
        by_key[copy["has"]["key"]].append(copy)
    found = {key: _rollup(same) for key, same in by_key.items()}
    apart = [f"the relationships of roll-up {key} disagree" for key, same in by_key.items() if len({_said_by(copy) for copy in same}) > 1]
    return found, apart


def _said_by(copy: Found) -> str:
    """What all relationships of one roll-up say alike."""
    has = {name: value for name, value in copy["has"].items() if name not in {"isLive", "other", "otherIsLive"}}
    return json.dumps([copy["said"], copy["a"], has], sort_keys=True)


def _rollup(same: list[Found]) -> StoredRollup:
    copy = same[0]
    has = _fields(copy["has"])
    names = ("key", "b", "first", "last", "times", "text")
    said, source = Said[copy["said"]], ResolutionSource[has["source"]]
    rollup = Rollup(said=said, a=copy["a"], source=source, **{name: has[name] for name in names})
    ends = sorted((one["end"], one["has"]["isLive"]) for one in same if "isLive" in one["has"])
    return StoredRollup(rollup=rollup, ends=tuple(ends), settled=has["settled"], version=has["version"])


def _misplaced(people: Iterable[tuple[Found, Member]], accounts: Mapping[Key, list[Key]]) -> Iterable[str]:
    """Whoever belongs elsewhere by relationship than by property."""
    held = set()
    for found, member in people:
        places = [tuple(place) for place in found["places"]]
        held.add(member.account)
        if member.account is None:
            if places != [("Customer", member.customer)]:
                yield f"{member.key} belongs to {places} and says {member.customer}"
        elif places != [("WeChatAccount", member.account)] or accounts.get(member.account) != [member.customer]:
            yield f"{member.key} belongs to {places}, they to {accounts.get(member.account)}; it says {member.account} of {member.customer}"
    yield from (f"nobody belongs to account {key}" for key in accounts.keys() - held)


def _conflict(has: Found) -> ConflictRow:
    refused = json.loads(has["refused"]) if has.get("refused") else None
    return ConflictRow(
        key=has["key"],
        kind=ConflictKind[has["kind"]],
        about=tuple(has["about"]),
        refused=_step(refused) if refused else None,
        refused_count=has.get("refusedCount"),
        kept=tuple(_step(step) for step in json.loads(has["kept"])),
        opened=has["opened"],
        resolved=has.get("resolved"),
        namespace=has["namespace"],
    )


def _step(read: Found) -> Step:
    sources = tuple(ResolutionSource[name] for name in read["sources"])
    return Step(**{**read, "kind": EvidenceKind[read["kind"]], "sources": sources})
