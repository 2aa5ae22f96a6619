"""Between the columns of people's tables and the dataclasses of graph/state.py. Nodes of other kinds: graph/stores/mapping.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, TypeVar, cast

import orjson

from graph.evidence import ResolutionSource, Rollup, Said
from graph.node import Key, Node
from graph.state import (
    ConflictKind,
    ConflictRow,
    ConflictState,
    CustomerRow,
    CustomerState,
    EvidenceKind,
    Label,
    Member,
    Step,
    StoredRollup,
)
from graph.stores.mapping import NODES, from_row, to_row

N = TypeVar("N", bound=Node)
Row = tuple[Any, ...]

LABELS = {label.value: label for label in Label}
SAID = {said.name: said for said in Said}
SOURCES = {source.name: source for source in ResolutionSource}
STATES = {state.name: state for state in CustomerState}


def member_from(row: Row) -> Member:
    """In the order of `load.member_columns`."""
    key, label, scope, value, text_key, account, customer, first, last, times, crowded, turn, witness = row[:13]
    return Member(
        key=key,
        label=LABELS[label],
        scope=scope,
        value=value,
        text_key=text_key,
        account=account,
        customer=customer,
        first=first,
        last=last,
        times=times,
        crowded=crowded,
        turn=turn,
        witness=witness,
    )


def member_row(member: Member) -> Row:
    """The same, for `apply.member`."""
    return (
        member.key,
        member.label.value,
        member.scope,
        member.value,
        member.text_key,
        member.account,
        member.customer,
        member.first,
        member.last,
        member.times,
        member.crowded,
        member.turn,
        member.witness,
    )


def customer_from(row: Row) -> CustomerRow:
    """In the order of `load.customer_columns`."""
    key, first, last, state, has_conflict, has_shed, turn, size = row[:8]
    flags = {"has_conflict": bool(has_conflict), "has_shed": bool(has_shed)}
    return CustomerRow(key=key, first=first, last=last, state=STATES[state], **flags, turn=turn, size=size)


def customer_row(row: CustomerRow) -> Row:
    """The same, for `apply.customer`."""
    return (row.key, row.first, row.last, row.state.name, int(row.has_conflict), int(row.has_shed), row.turn, row.size)


def rollup_from(row: Row) -> StoredRollup:
    """In the order of `load.evidence_columns`."""
    key, said, a, b, source, first, last, times, text, settled, version, ends = row[:12]
    rollup = Rollup(key=key, said=SAID[said], a=a, b=b, source=SOURCES[source], first=first, last=last, times=times, text=text)
    pairs = tuple((Key(end), live == 1) for end, live in orjson.loads(ends).items())
    return StoredRollup(rollup=rollup, ends=pairs, settled=bool(settled), version=version)


def rollup_row(stored: StoredRollup) -> Row:
    """The same, for `apply.evidence`."""
    r = stored.rollup
    ends = orjson.dumps({end: int(live) for end, live in sorted(stored.ends)}).decode()
    return (r.key, r.said.name, r.a, r.b, r.source.name, r.first, r.last, r.times, r.text, int(stored.settled), stored.version, ends)


def mention_rows(stored: StoredRollup) -> Iterator[Row]:
    """What leads back to a roll-up, for `apply.link`."""
    rollup, ends = stored.rollup, {end for end, _ in stored.ends}
    for named in ends if ends and rollup.said is Said.RESOLVED_AS else ends | ({rollup.b} - {rollup.a}):
        yield named, rollup.a, rollup.key, int(named in ends)


def named_by(stored: StoredRollup) -> set[Key]:
    """The identifiers that a roll-up names; a UnionID's text is none."""
    named = {stored.rollup.a, *(end for end, _ in stored.ends)}
    return named if stored.rollup.said is Said.RESOLVED_AS else named | {stored.rollup.b}


def conflict_from(row: Row) -> ConflictRow:
    """In the order of `conflicts.columns`."""
    key, kind, refused_count, opened, resolved, links = row[:6]
    read = orjson.loads(links)
    return ConflictRow(
        key=key,
        kind=ConflictKind[kind],
        about=tuple(read["about"]),
        refused=_step_from(read["refused"]) if read["refused"] else None,
        refused_count=refused_count,
        kept=tuple(map(_step_from, read["kept"])),
        namespace=read.get("namespace", ""),
        opened=opened,
        resolved=resolved,
    )


def conflict_row(row: ConflictRow) -> dict[str, Any]:
    """The same, for `apply.conflict`."""
    links = {
        "about": row.about,
        "refused": row.refused and _step_row(row.refused),
        "kept": [_step_row(step) for step in row.kept],
        "namespace": row.namespace,
    }
    return {
        "key": row.key,
        "kind": row.kind.name,
        "state": state_of(row).name,
        "refused_count": row.refused_count,
        "opened": row.opened,
        "resolved": row.resolved,
        "links": orjson.dumps(links).decode(),
    }


def state_of(row: ConflictRow) -> ConflictState:
    """Whether its cause still stands."""
    return ConflictState.OPEN if row.resolved is None else ConflictState.RESOLVED


def _step_row(step: Step) -> dict[str, Any]:
    return asdict(step) | {"kind": step.kind.name, "sources": [source.name for source in step.sources]}


def _step_from(read: Mapping[str, Any]) -> Step:
    return Step(**{**read, "kind": EvidenceKind[read["kind"]], "sources": tuple(SOURCES[name] for name in read["sources"])})


def node_from(label: str, body: str) -> Node:
    """A node of any kind from its JSON."""
    return from_row(NODES[label], orjson.loads(body))


def node_of(kind: type[N], body: str) -> N:
    """A node of this kind from its JSON."""
    return from_row(kind, orjson.loads(body))


def body_of(node: Node) -> str:
    """A node as JSON."""
    return orjson.dumps(cast("dict[str, Any]", to_row(node))).decode()
