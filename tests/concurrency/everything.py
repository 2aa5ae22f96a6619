"""All that a tenant has in its database, as it lies there, and the back door to a SQLite file; the one to Neo4j is beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import apsw

from graph.accounts import Registry
from graph.changes import Change
from graph.decisions import Decision
from graph.jobs import Job
from graph.node import Key, Node
from graph.policy import IdentityPolicy
from graph.quarantine import Quarantined
from graph.state import ConflictRow, CustomerRow, Member, StoredRollup
from graph.stores.mapping import NODES, REGISTRY_NODES, from_row, policy_from
from tests.stores import sqlite_door

N = TypeVar("N", bound=Node)


@dataclass(kw_only=True)
class Everything:
    """One tenant."""

    turn: int
    sequence: int
    version: int
    policy: IdentityPolicy | None
    members: dict[Key, Member]
    customers: dict[Key, CustomerRow]
    rollups: dict[Key, StoredRollup]
    conflicts: dict[Key, ConflictRow]
    nodes: list[Node]
    """The registry, jobs, quarantined rows, decisions and API keys."""
    changes: list[Change]
    oddities: list[str] = field(default_factory=list)
    """What lies there in two ways that disagree, or hangs on nothing."""

    @property
    def registry(self) -> Registry:
        """The brand's side."""
        return Registry.of(self.version, (node for node in self.nodes if isinstance(node, REGISTRY_NODES)), self.policy)

    def each(self, kind: type[N]) -> Iterator[N]:
        """The nodes of one kind."""
        return (node for node in self.nodes if isinstance(node, kind))

    @property
    def decisions(self) -> dict[Key, Decision]:
        """Those that stand."""
        return {one.key: one for one in self.each(Decision) if one.revoked is None}

    @property
    def jobs(self) -> list[Job]:
        """All that were ever asked for, in the order in which they were."""
        return sorted(self.each(Job), key=lambda job: (job.started, job.key))

    @property
    def waiting(self) -> dict[Key, Quarantined]:
        """What waits in quarantine."""
        return {one.key: one for one in self.each(Quarantined)}


NO_WAY_BACK = """
SELECT e.key, l.key, 1 FROM evidence AS e CROSS JOIN json_each(e.ends) AS l WHERE e.tenant = ?1
UNION
SELECT e.key, e.b, 0 FROM evidence AS e
WHERE e.tenant = ?1 AND e.said <> 'SEEN' AND iif(e.said = 'RESOLVED_AS', e.ends = '{}', e.ends ->> e.b IS NULL)
EXCEPT
SELECT m.evidence, m.named, m.is_linked FROM evidence_mention AS m WHERE m.tenant = ?1
"""
NOTHING_NAMES_IT = """
SELECT m.evidence FROM evidence_mention AS m LEFT JOIN evidence AS e ON e.tenant = m.tenant AND e.key = m.evidence AND e.a = m.a
WHERE m.tenant = ? AND CASE m.is_linked
    WHEN 1 THEN e.ends ->> m.named IS NULL
    ELSE e.b IS NOT m.named OR (e.said = 'RESOLVED_AS' AND e.ends <> '{}') OR e.ends ->> m.named IS NOT NULL
END
"""
NOBODY = """
SELECT m.evidence FROM evidence_mention AS m
WHERE m.tenant = ? AND m.is_linked = 1 AND NOT EXISTS (SELECT * FROM identifier AS i WHERE i.tenant = m.tenant AND i.key = m.named)
"""


def from_sqlite(path: Path, tenant: str) -> Everything:
    """Read it through a connection of its own."""
    people = sqlite_door.peek(path, tenant)
    file = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    [(number, policy)] = file.execute("SELECT id, policy FROM tenant WHERE name = ?", (tenant,))
    nodes = list(file.execute("SELECT label, body FROM node WHERE tenant = ?", (number,)))
    changes = list(file.execute("SELECT sequence, body FROM change WHERE tenant = ? ORDER BY sequence", (number,)))
    lost = [row for question in (NO_WAY_BACK, NOTHING_NAMES_IT, NOBODY) for row in file.execute(question, (number,))]
    file.close()
    read = [from_row(Change, json.loads(body)) for _, body in changes]
    return Everything(
        turn=people.turn,
        sequence=people.sequence,
        version=people.version,
        policy=policy_from(json.loads(policy)) if policy else None,
        members=people.members,
        customers=people.customers,
        rollups=people.rollups,
        conflicts=people.conflicts,
        nodes=[from_row(NODES[label], json.loads(body)) for label, body in nodes],
        changes=read,
        oddities=[f"{len(lost)} ways back from what evidence names to it are missing, or lead from nobody or to nothing"] * bool(lost)
        + ["a change does not lie under its own number"] * ([one.sequence for one in read] != [number for number, _ in changes]),
    )


def text_of_files(path: Path) -> str:
    """The bytes of the file, its log and the log's index."""
    files = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    return "\n".join(file.read_bytes().decode("latin-1") for file in files if file.exists())
