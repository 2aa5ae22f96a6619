"""The back door to Neo4j: a driver of its own, with statements and property names of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, LiteralString

from neo4j import GraphDatabase, Session

from graph.decisions import Decision
from graph.evidence import ResolutionSource, Rollup, Said
from graph.keys import fingerprint
from graph.node import Key
from graph.state import ConflictKind, ConflictRow, CustomerRow, CustomerState, EvidenceKind, Label, Member, Step, StoredRollup
from graph.stores.mapping import to_row
from graph.turn import Writes
from tests.neo4j_server import driver_arguments
from tests.stores.cast import Stored

RENAMED = {
    "text_key": "textKey",
    "first": "firstSeenAt",
    "last": "lastSeenAt",
    "has_conflict": "hasConflict",
    "has_shed": "hasShed",
    "app_id": "appId",
    "touchpoint_key": "touchpointKey",
    "lease_until": "leaseUntil",
    "lease_owner": "leaseOwner",
    "customer_key": "customerKey",
    "changes_left": "changesLeft",
    "revoked_by": "revokedBy",
    "revoked_reason": "revokedReason",
}
"""Fields of rows that are planted, where the property's name is another."""
ROLLUP = ("key", "b", "source", "first", "last", "times", "text")


def wipe(uri: str, secret: bytes) -> None:
    """Empty the database, but for the note of who opened it where that was with this secret."""
    with _session(uri) as session:
        session.run("MATCH (n) WHERE NOT n:Schema OR n.secretFingerprint <> $mine DETACH DELETE n", mine=fingerprint(secret)).consume()


def run(uri: str, statement: LiteralString, **parameters: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # whatever the statement takes
    """Anything, and what it answers."""
    with _session(uri) as session:
        return [record.data() for record in session.run(statement, **parameters)]


def plan(uri: str, statement: str, given: dict[str, Any]) -> list[tuple[str, str]]:
    """The operators by which Neo4j would run a statement, from the answer down to where it begins."""

    def below(step: dict[str, Any]) -> list[tuple[str, str]]:
        own = (step["operatorType"].partition("@")[0], str(step["args"].get("Details", "")))
        return [own, *(found for child in step.get("children", []) for found in below(child))]

    with _session(uri) as session:
        summary = session.run("EXPLAIN " + statement, given=given).consume()
        return below(summary.plan or {})


def profile(uri: str, statement: str, given: dict[str, Any]) -> tuple[list[Any] | None, int]:
    """What a statement answers, and how often it went to the store for that."""

    def hits(step: dict[str, Any]) -> int:
        return int(step["args"].get("DbHits", 0)) + sum(map(hits, step.get("children", [])))

    with _session(uri) as session:
        result = session.run("PROFILE " + statement, given=given)
        record = result.single()
        return record.values() if record else None, hits(result.consume().profile or {"args": {}})


def plant(uri: str, tenant: str, rows: Writes, version: int) -> None:
    """Put rows into the graph."""
    with _session(uri) as session:
        session.run("MATCH (t:Tenant {key: $tenant}) SET t.registryVersion = $version", tenant=tenant, version=version).consume()
        door = _Door(session, tenant)
        for customer in rows.customers:
            door.make("Customer", to_row(customer))
        for member in rows.members:
            door.put_member(member)
        for stored in rows.rollups:
            door.put_rollup(stored)
        for conflict in rows.conflicts:
            door.put_conflict(conflict, {member.key: member for member in rows.members})
        for node in rows.put:
            beside = {"isRevoked": node.revoked is not None} if isinstance(node, Decision) else {}
            door.make(type(node).__name__, to_row(node) | beside)
        for change in rows.changes:
            door.make("Change", to_row(change))
            door.do("MATCH (t:Tenant {key: $tenant}) WHERE t.sequence < $last SET t.sequence = $last", last=change.sequence)


def peek(uri: str, tenant: str) -> Stored:
    """Read everything of one tenant out of it; what is double must agree."""
    with _session(uri) as session:
        [found] = session.run("MATCH (t:Tenant {key: $tenant}) RETURN properties(t) AS t", tenant=tenant)
        stored = Stored(turn=found["t"]["turn"], sequence=found["t"]["sequence"], version=found["t"]["registryVersion"])
        door = _Door(session, tenant)
        stored.members = {row["key"]: _member(labels, row) for labels, row in door.every("Identifier") if "customer" in row}
        stored.customers = {row["key"]: _customer(row) for _, row in door.every("Customer")}
        stored.rollups = door.rollups()
        stored.conflicts = {row["key"]: _conflict(row) for _, row in door.every("Conflict")}
        stored.changes = sorted(row["sequence"] for _, row in door.every("Change"))
        derived = {"Identifier", "Customer", "Conflict", "Change", "WeChatAccount", "Tenant"}
        stored.nodes = {row["key"]: labels[0] for labels, row in door.every() if derived.isdisjoint(labels)}
        door.check_drawn()
        return stored


def spelled(uri: str, tenant: str) -> str:
    """Every node of one tenant, and every relationship from one."""
    nodes = run(uri, "MATCH (n {tenant: $tenant}) RETURN labels(n) AS labels, properties(n) AS held", tenant=tenant)
    return repr(nodes + run(uri, "MATCH ({tenant: $tenant})-[r]->() RETURN type(r) AS type, properties(r) AS held", tenant=tenant))


def _session(uri: str) -> Session:
    address, auth = driver_arguments(uri)
    return _Closing(GraphDatabase.driver(address, auth=auth)).session


class _Closing:
    """A session that takes its driver with it when it is closed."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401  # the driver's class is not public
        self.session: Session = driver.session()
        close = self.session.close

        def both() -> None:
            close()
            driver.close()

        self.session.close = both


class _Door:
    """One tenant's nodes."""

    def __init__(self, session: Session, tenant: str) -> None:
        self.session, self.tenant = session, tenant

    def do(self, statement: LiteralString, **parameters: Any) -> list[Any]:  # noqa: ANN401  # whatever the statement takes
        return [record.values() for record in self.session.run(statement, tenant=self.tenant, **parameters)]

    def make(self, label: str, row: Mapping[str, Any]) -> None:
        self.do("MERGE (n:$($label) {key: $row.key}) SET n = $row, n.tenant = $tenant", label=label, row=_renamed(row))

    def put_member(self, member: Member) -> None:
        row = _renamed(to_row(member))
        self.do("MERGE (n:Identifier {key: $row.key}) SET n = $row, n:$($label), n.tenant = $tenant", row=row, label=member.label.value)
        owner: LiteralString = "MATCH (c:Customer {key: $row.customer}) "
        account: LiteralString = "MERGE (p:WeChatAccount {key: $row.account}) SET p.tenant = $tenant MERGE (p)-[:BELONGS_TO]->(c) "
        belongs: LiteralString = "WITH p MATCH (n:Identifier {key: $row.key}) MERGE (n)-[:BELONGS_TO]->(p)"
        self.do(owner + (account if member.account else "WITH c AS p ") + belongs, row=row)
        self.do("MATCH (t:Touchpoint {key: $at}), (o:OpenID {key: $key}) MERGE (t)-[:ISSUED]->(o)", at=member.scope, key=member.key)

    def put_rollup(self, stored: StoredRollup) -> None:
        rollup = to_row(stored.rollup)
        values = _renamed({name: rollup[name] for name in ROLLUP}) | {"settled": stored.settled, "version": stored.version}
        make: LiteralString = (
            "MERGE (a:Identifier {key: $a}) ON CREATE SET a.tenant = $tenant "
            "MERGE (b:Identifier {key: $b}) ON CREATE SET b.tenant = $tenant "
            "CREATE (a)-[r:$($said)]->(b) SET r = $values"
        )
        said = {"a": stored.rollup.a, "said": stored.rollup.said.name}
        for end, live in stored.ends:
            other = next(((key, is_live) for key, is_live in stored.ends if key != end), (None, None))
            drawn = values | {"isLive": live, "other": other[0], "otherIsLive": other[1]}
            self.do(make, **said, b=end, values=drawn)
        if not stored.ends:
            names = stored.rollup.said is not Said.SEEN
            self.do(make, **said, b=stored.rollup.a, values=values | {"loose": stored.rollup.b if names else None})

    def put_conflict(self, row: ConflictRow, members: Mapping[Key, Member]) -> None:
        state = "OPEN" if row.resolved is None else "RESOLVED"
        steps = {"refused": json.dumps(to_row(row.refused)) if row.refused else None, "kept": json.dumps([to_row(one) for one in row.kept])}
        here = {"namespace": row.namespace}
        plain = {"key": row.key, "kind": row.kind.name, "refusedCount": row.refused_count, "opened": row.opened, "resolved": row.resolved}
        self.make("Conflict", {**plain, **steps, "state": state, "about": list(row.about), "mentions": list(row.mentions)} | here)
        for key in row.about:
            member = members.get(key)
            at = member.scope if member and member.label is Label.OPEN_ID else None
            self.do(
                "MATCH (c:Conflict {key: $about.conflict}) MATCH (n:Identifier {key: $key}) CREATE (c)-[r:ABOUT]->(n) SET r = $about",
                key=key,
                about={"conflict": row.key, "touchpoint": at, "state": state, "kind": row.kind.name},
            )

    def every(self, label: str | None = None) -> list[tuple[list[str], dict[str, Any]]]:
        found: LiteralString = "MATCH (n {tenant: $tenant}) WHERE $label IS NULL OR $label IN labels(n) RETURN labels(n), properties(n)"
        rows = self.do(found, label=label)
        return [(labels, {name: value for name, value in row.items() if name != "tenant"}) for labels, row in rows]

    def rollups(self) -> dict[Key, StoredRollup]:
        drawn = self.do(
            "MATCH (a:Identifier {tenant: $tenant})-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->(b) "
            "RETURN type(r), a.key, CASE WHEN r.isLive IS NULL THEN null ELSE b.key END, properties(r) ORDER BY b.key"
        )
        found: dict[Key, StoredRollup] = {}
        for said, a, end, row in drawn:
            rollup = Rollup(
                **{name: row[RENAMED.get(name, name)] for name in ROLLUP if name != "source"},
                said=Said[said],
                a=a,
                source=ResolutionSource[row["source"]],
            )
            before = found.get(rollup.key)
            assert before is None or before.rollup == rollup
            ends = (*(before.ends if before else ()), *([(end, row["isLive"])] if end else []))
            found[rollup.key] = StoredRollup(rollup=rollup, ends=ends, settled=row["settled"], version=row["version"])
        return found

    def check_drawn(self) -> None:
        """What people see in the graph is what the properties say: where each identifier belongs, and to nothing else."""
        drawn = self.do(
            "MATCH (n:Identifier {tenant: $tenant}) WHERE n.customer IS NOT NULL OPTIONAL MATCH (n)-[:BELONGS_TO]->(p) "
            "RETURN n.key, coalesce(n.account, n.customer), collect(p.key)"
        )
        assert [] == [row for row in drawn if row[2] != [row[1]]]
        lonely = self.do("MATCH (a:WeChatAccount {tenant: $tenant}) WHERE NOT EXISTS { (a)<-[:BELONGS_TO]-() } RETURN a.key")
        assert [] == lonely
        about = "MATCH (c:Conflict {tenant: $tenant})-[r:ABOUT]->() RETURN c.state, c.kind, r.state, r.kind"
        assert [] == [row for row in self.do(about) if row[:2] != row[2:]]
        decided = self.do("MATCH (d:Decision {tenant: $tenant}) RETURN d.isRevoked, d.revoked IS NOT NULL")
        assert [] == [row for row in decided if row[0] != row[1]]


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {RENAMED.get(name, name): value for name, value in row.items()}


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    back = {new: old for old, new in RENAMED.items()}
    return {back.get(name, name): value for name, value in row.items()}


def _member(labels: list[str], row: Mapping[str, Any]) -> Member:
    read = {"value": None, "text_key": None, "account": None, "witness": None} | _fields(row)
    label = Label[read.pop("label")]
    assert {"Identifier", label.value} == set(labels)
    return Member(**read, label=label)


def _customer(row: Mapping[str, Any]) -> CustomerRow:
    read = _fields(row)
    return CustomerRow(**{**read, "state": CustomerState[read["state"]]})


def _conflict(row: dict[str, Any]) -> ConflictRow:
    assert row["state"] == ("RESOLVED" if "resolved" in row else "OPEN")
    return ConflictRow(
        key=row["key"],
        kind=ConflictKind[row["kind"]],
        about=tuple(row["about"]),
        refused=_step(json.loads(row["refused"])) if "refused" in row else None,
        refused_count=row.get("refusedCount"),
        kept=tuple(map(_step, json.loads(row["kept"]))),
        namespace=row["namespace"],
        opened=row["opened"],
        resolved=row.get("resolved"),
    )


def _step(read: dict[str, Any]) -> Step:
    return Step(**{**read, "kind": EvidenceKind[read["kind"]], "sources": tuple(ResolutionSource[name] for name in read["sources"])})
