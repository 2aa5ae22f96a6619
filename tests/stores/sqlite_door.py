"""The back door to an embedded store: a connection of its own, with statements of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw

from graph.evidence import ResolutionSource, Rollup, Said
from graph.node import Key, Node
from graph.state import ConflictKind, ConflictRow, CustomerRow, CustomerState, EvidenceKind, Label, Member, Step, StoredRollup
from graph.stores.mapping import to_row
from graph.turn import Writes
from tests.stores.cast import Stored


def plant(path: Path, tenant: str, rows: Writes, version: int) -> None:
    """Put rows into the file."""
    with apsw.Connection(str(path)) as file:
        [(number,)] = file.execute("SELECT id FROM tenant WHERE name = ?", (tenant,))
        file.execute("UPDATE tenant SET registry_version = ? WHERE id = ?", (version, number))
        door = _Door(file, number)
        for member in rows.members:
            door.put("identifier", {**_fields(member), "label": member.label.value})
        for customer in rows.customers:
            door.put("customer", {**_fields(customer), "state": customer.state.name})
        for stored in rows.rollups:
            door.put_rollup(stored)
        for conflict in rows.conflicts:
            door.put_conflict(conflict, {member.key: member for member in rows.members})
        for node in rows.put:
            door.put_node(node)
        for change in rows.changes:
            door.put("change", {"sequence": change.sequence, "body": json.dumps(to_row(change))})
            file.execute("UPDATE tenant SET sequence = max(sequence, ?) WHERE id = ?", (change.sequence, number))


def peek(path: Path, tenant: str) -> Stored:
    """Read everything of one tenant out of it."""
    file = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    [(number, turn, sequence, version)] = file.execute("SELECT id, turn, sequence, registry_version FROM tenant WHERE name = ?", (tenant,))
    door = _Door(file, number)
    stored = Stored(turn=turn, sequence=sequence, version=version)
    stored.members = {row["key"]: Member(**{**row, "label": Label(row["label"])}) for row in door.every("identifier")}
    for row in door.every("customer"):
        flags = {"has_conflict": row["has_conflict"] == 1, "has_shed": row["has_shed"] == 1}
        stored.customers[row["key"]] = CustomerRow(**{**row, **flags, "state": CustomerState[row["state"]]})
    stored.rollups = {rollup.rollup.key: rollup for rollup in map(door.rollup, door.every("evidence"))}
    stored.conflicts = {row["key"]: _conflict(row) for row in door.every("conflict")}
    stored.changes = sorted(row["sequence"] for row in door.every("change"))
    stored.nodes = {row["key"]: row["label"] for row in door.every("node")}
    file.close()
    return stored


def spelled(path: Path, tenant: str) -> str:
    """Every row of one tenant, whatever the table."""
    file = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    [(number,)] = file.execute("SELECT id FROM tenant WHERE name = ?", (tenant,))
    tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('store', 'tenant')")]
    rows = [row for table in tables for row in file.execute(f'SELECT * FROM "{table}" WHERE tenant = ?', (number,))]  # noqa: S608
    file.close()
    return repr(rows)


class _Door:
    """One tenant's rows."""

    def __init__(self, file: apsw.Connection, tenant: int) -> None:
        self.file, self.tenant = file, tenant

    def put(self, table: str, row: Mapping[str, Any]) -> None:
        names = ", ".join(["tenant", *row])
        marks = ", ".join("?" * (len(row) + 1))
        self.file.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", (self.tenant, *row.values()))  # noqa: S608

    def put_rollup(self, stored: StoredRollup) -> None:
        rollup = stored.rollup
        row = {
            **_fields(rollup),
            "said": rollup.said.name,
            "source": rollup.source.name,
            "settled": int(stored.settled),
            "version": stored.version,
            "ends": json.dumps({end: int(live) for end, live in stored.ends}),
        }
        self.put("evidence", row)
        linked = dict(stored.ends)
        is_named = rollup.said not in {Said.SEEN, Said.RESOLVED_AS} or (rollup.said is Said.RESOLVED_AS and not linked)
        for named in {*linked, rollup.b} if is_named else set(linked):
            mention = {"named": named, "a": rollup.a, "evidence": rollup.key, "is_linked": int(named in linked)}
            self.put("evidence_mention", mention)

    def put_conflict(self, row: ConflictRow, members: Mapping[Key, Member]) -> None:
        state = "OPEN" if row.resolved is None else "RESOLVED"
        steps = {"about": row.about, "refused": _step_json(row.refused) if row.refused else None, "kept": [_step_json(s) for s in row.kept]}
        plain = {"key": row.key, "kind": row.kind.name, "refused_count": row.refused_count, "opened": row.opened, "resolved": row.resolved}
        self.put("conflict", {**plain, "state": state, "links": json.dumps({**steps, "namespace": row.namespace})})
        for key in row.mentions:
            self.put("conflict_mention", {"conflict": row.key, "identifier": key, "is_about": int(key in row.about)})
            member = members.get(key)
            if member and key in row.about and member.label is Label.OPEN_ID:
                place = {"touchpoint": member.scope, "state": state, "kind": row.kind.name, "conflict": row.key}
                self.put("conflict_touchpoint", place)

    def put_node(self, node: Node) -> None:
        self.put("node", {"label": type(node).__name__, "key": node.key, "body": json.dumps(to_row(node))})

    def every(self, table: str) -> list[dict[str, Any]]:
        cursor = self.file.execute(f"SELECT * FROM {table} WHERE tenant = ?", (self.tenant,))  # noqa: S608
        rows = []
        for row in cursor:
            names = [column[0] for column in cursor.get_description()]
            rows.append({name: value for name, value in zip(names, row, strict=True) if name != "tenant"})
        return rows

    def rollup(self, row: dict[str, Any]) -> StoredRollup:
        settled, version, ends = row.pop("settled"), row.pop("version"), json.loads(row.pop("ends"))
        rollup = Rollup(**{**row, "said": Said[row["said"]], "source": ResolutionSource[row["source"]]})
        return StoredRollup(
            rollup=rollup, ends=tuple((Key(end), live == 1) for end, live in sorted(ends.items())), settled=settled == 1, version=version
        )


def _conflict(row: dict[str, Any]) -> ConflictRow:
    read = json.loads(row.pop("links"))
    state = row.pop("state")
    assert state == ("OPEN" if row["resolved"] is None else "RESOLVED")
    return ConflictRow(
        **{**row, "kind": ConflictKind[row["kind"]]},
        about=tuple(read["about"]),
        refused=_step(read["refused"]) if read["refused"] else None,
        kept=tuple(map(_step, read["kept"])),
        namespace=read["namespace"],
    )


def _step_json(step: Step) -> dict[str, Any]:
    return {**_fields(step), "kind": step.kind.name, "sources": [source.name for source in step.sources]}


def _step(read: dict[str, Any]) -> Step:
    return Step(**{**read, "kind": EvidenceKind[read["kind"]], "sources": tuple(ResolutionSource[name] for name in read["sources"])})


def _fields(thing: object) -> dict[str, Any]:
    """Field by field, flags as numbers."""
    names = thing.__dataclass_fields__  # type: ignore[attr-defined]  # every row is a dataclass
    values = {name: getattr(thing, name) for name in names}
    return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}
