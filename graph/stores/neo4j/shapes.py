"""How things are written in Neo4j: property names, positional lists, and what a relationship holds of a roll-up. The one place for that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from graph.accounts import Registry
from graph.decisions import Decision
from graph.evidence import ResolutionSource, Rollup, Said
from graph.node import Key, Node
from graph.policy import IdentityPolicy
from graph.state import ConflictKind, ConflictRow, ConflictState, CustomerRow, EvidenceKind, Label, Member, Step, StoredRollup
from graph.stores.mapping import NODES, from_row, policy_from, policy_row, to_row
from graph.stores.neo4j.torn import Torn

Properties = dict[str, Any]

TIMES = {"first": "firstSeenAt", "last": "lastSeenAt"}


@cache
def property_of(field: str) -> str:
    """A field's name as a property: `text_key` is textKey, `first` firstSeenAt."""
    head, *tail = field.split("_")
    return TIMES.get(field) or head + "".join(word.capitalize() for word in tail)


def _fields(cls: type, *left_out: str) -> tuple[str, ...]:
    return tuple(name for name in cls.__dataclass_fields__ if name not in left_out)  # type: ignore[attr-defined]  # it is a dataclass


MEMBER = _fields(Member)
CUSTOMER = _fields(CustomerRow)
"""A row is read value by value, and the size after the turn: whoever sees a turn's number sees its size."""
ROLLUP = (*_fields(Rollup, "said", "a"), "settled", "version", "is_live", "other", "other_is_live")
"""Of a relationship: what was said is its type, who said it its start."""
CONFLICT = _fields(ConflictRow)

COLUMNS = {
    "member": [property_of(name) for name in MEMBER],
    "customer": [property_of(name) for name in CUSTOMER],
    "rollup": [property_of(name) for name in ROLLUP],
    "conflict": [property_of(name) for name in CONFLICT],
}
"""The parameters that say in which order a statement lists values."""


def properties(thing: object, tenant: str) -> Properties:
    """A stored dataclass as a node's properties."""
    beside = {"isRevoked": thing.revoked is not None} if isinstance(thing, Decision) else {}  # no index holds what is missing
    return {property_of(name): value for name, value in to_row(thing).items()} | {"tenant": tenant} | beside


def node(label: str, found: Mapping[str, Any]) -> Node:
    """A node of a stored class again. Raises Torn."""
    if found.get("key") is None:
        raise Torn
    cls = NODES[label]
    return from_row(cls, {name: found.get(property_of(name)) for name in cls.__dataclass_fields__})


def registry(version: int, policy: str | None, nodes: Iterable[Sequence[Any]]) -> Registry:
    """The registry of `registry` in brand.cypher."""
    return Registry.of(version, (node(label, found) for label, found in nodes), policy_from(json.loads(policy)) if policy else None)


def policy_text(policy: IdentityPolicy) -> str:
    """A policy as the tenant's node holds it."""
    return json.dumps(policy_row(policy), ensure_ascii=False)


def _listed(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Values by their names. Raises Torn where what they are of is no more: then all of them are null."""
    row = dict(zip(names, values, strict=True))
    if row["key"] is None:
        raise Torn
    return row


def member(values: Sequence[Any]) -> Member:
    """An identifier's node as listed by COLUMNS. Raises Torn."""
    return from_row(Member, _listed(MEMBER, values))


def customer(values: Sequence[Any]) -> CustomerRow:
    """A customer's node as listed by COLUMNS. Raises Torn."""
    return from_row(CustomerRow, _listed(CUSTOMER, values))


def member_write(one: Member, tenant: str) -> Properties:
    """An identifier, its label and where it belongs."""
    return {"label": one.label.value, "place": one.account or one.customer, "values": properties(one, tenant)}


def rollup_write(stored: StoredRollup) -> Properties:
    """A roll-up as one relationship per end, each knowing of the other; without ends a loop, which keeps what it names in `loose`."""
    rollup = stored.rollup
    values = {property_of(name): value for name, value in to_row(rollup).items() if name not in {"said", "a"}}
    values |= {"settled": stored.settled, "version": stored.version}
    links = []
    for end, is_live in stored.ends:
        others = [other for other in stored.ends if other[0] != end]
        beside = {"other": others[0][0], "otherIsLive": others[0][1]} if others else {}
        links.append({"end": end, "values": values | {"isLive": is_live} | beside})
    if not links:
        loose = {} if rollup.said is Said.SEEN else {"loose": rollup.b}
        links.append({"end": rollup.a, "values": values | loose})
    return {"key": rollup.key, "said": rollup.said.name, "a": rollup.a, "links": links}


def rollup(said: str, a: Key | None, end: Key | None, values: Sequence[Any]) -> StoredRollup:
    """A roll-up from any one of its relationships; its ends in the order of their keys. Raises Torn."""
    row = _listed(ROLLUP, values)
    if a is None or end is None:
        raise Torn
    ends: list[tuple[Key, bool]] = []
    if row["is_live"] is not None:
        ends.append((end, row["is_live"]))
    if row["other"] is not None:
        ends.append((row["other"], row["other_is_live"]))
    return StoredRollup(
        rollup=from_row(Rollup, row | {"said": said, "a": a}), ends=tuple(sorted(ends)), settled=row["settled"], version=row["version"]
    )


def rollups(found: Iterable[Sequence[Any]]) -> dict[Key, StoredRollup]:
    """Roll-ups by key; copies of one are the same."""
    return {values[0]: rollup(said, a, end, values) for said, a, end, values in found}


def conflict_write(row: ConflictRow, tenant: str) -> Properties:
    """A conflict's node. Its steps are JSON: they are shown, never asked for."""
    return {
        "tenant": tenant,
        "key": row.key,
        "kind": row.kind.name,
        "state": (ConflictState.OPEN if row.resolved is None else ConflictState.RESOLVED).name,
        "about": list(row.about),
        "mentions": list(row.mentions),
        "refused": json.dumps(to_row(row.refused)) if row.refused else None,
        "refusedCount": row.refused_count,
        "kept": json.dumps([to_row(step) for step in row.kept]),
        "namespace": row.namespace,
        "opened": row.opened,
        "resolved": row.resolved,
    }


def conflict(values: Sequence[Any], count: int | None = None) -> ConflictRow:
    """A conflict's node as listed by COLUMNS, with the count of a generic identifier's links where it was asked for. Raises Torn."""
    row = _listed(CONFLICT, values)
    return ConflictRow(
        key=row["key"],
        kind=ConflictKind[row["kind"]],
        about=tuple(row["about"]),
        refused=_step(json.loads(row["refused"])) if row["refused"] else None,
        refused_count=row["refused_count"] if count is None else count,
        kept=tuple(_step(step) for step in json.loads(row["kept"])),
        namespace=row["namespace"] or "",
        opened=row["opened"],
        resolved=row["resolved"],
    )


def _step(row: Mapping[str, Any]) -> Step:
    return Step(
        kind=EvidenceKind[row["kind"]],
        a=row["a"],
        b=row["b"],
        sources=tuple(ResolutionSource[name] for name in row["sources"]),
        first=row["first"],
        last=row["last"],
        evidence=row["evidence"],
    )


def is_open_id(one: Member) -> bool:
    """Whether it was issued by a touchpoint."""
    return one.label is Label.OPEN_ID
