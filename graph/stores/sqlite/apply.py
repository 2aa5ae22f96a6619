"""Applies what a turn decided, and the whole turn around it: lock, load, decide, apply."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import orjson

from graph.accounts import Registry
from graph.evidence import Rollup
from graph.node import Key
from graph.state import ConflictRow, CustomerRow, Label, Member, StoredRollup
from graph.stores.mapping import REGISTRY_NODES, policy_row
from graph.stores.sqlite.database import Database
from graph.stores.sqlite.load import load
from graph.stores.sqlite.rows import body_of, conflict_row, customer_row, member_row, mention_rows, rollup_row
from graph.stores.sqlite.statements import sql
from graph.turn import Incomplete, Loaded, Scope, Writes

T = TypeVar("T")
P = TypeVar("P", Member, CustomerRow)

ROUNDS = 50
"""How often one turn may ask to see more before something must be wrong with it."""


class Endless(RuntimeError):
    """A turn went on asking to see more; that is a mistake in what decides, not in the data."""


def take_turn(
    database: Database,
    tenant: int,
    registry_of: Callable[[], Registry],
    scope_of: Callable[[Registry], Scope],
    decide: Callable[[Loaded], tuple[Writes, T]],
) -> T:
    """One writing turn from its lock to its commit. Whatever `decide` raises undoes it."""
    with database.turn():
        turn, sequence = _state(database, tenant)
        registry = registry_of()
        scope = scope_of(registry)
        for _ in range(ROUNDS):
            loaded = load(database, tenant, registry, scope, turn=turn + 1, sequence=sequence)
            try:
                writes, answer = decide(loaded)
            except Incomplete as more:
                wider = scope.wider(more.scope)
                if wider == scope:
                    raise Endless("The turn asked for what it had been shown.") from more
                scope = wider
                continue
            apply(database, tenant, writes, sequence)
            return answer
        raise Endless(f"The turn asked to see more {ROUNDS} times.")


def _state(database: Database, tenant: int) -> tuple[int, int]:
    row = database.row(sql("tenant.state"), {"tenant": tenant})
    assert row is not None  # noqa: S101  # tenants are never removed, and this one was found a moment ago
    return row[0], row[1]


def apply(database: Database, tenant: int, writes: Writes, sequence: int) -> None:
    """Apply every list as it stands, and move the tenant on."""
    database.many(sql("apply.unlink"), _said(tenant, writes.forgotten))
    database.many(sql("apply.forget"), _keyed(tenant, (rollup.key for rollup in writes.forgotten)))
    for statement in (sql("apply.erase_conflict"), sql("apply.erase_place"), sql("apply.erase_mention")):
        database.many(statement, _keyed(tenant, writes.erased))
    if writes.erased or writes.wipes:
        database.rows(sql("tenant.unswept"))
    _apply_people(database, tenant, writes)
    _apply_evidence(database, tenant, writes.rollups)
    _apply_conflicts(database, tenant, writes.conflicts)
    database.many(sql("apply.change"), [(tenant, change.sequence, body_of(change)) for change in writes.changes])
    database.many(sql("apply.put"), [(tenant, type(node).__name__, node.key, body_of(node)) for node in writes.put])
    database.many(sql("apply.drop"), [(tenant, type(node).__name__, node.key) for node in writes.drop])
    is_registered = writes.policy is not None or any(isinstance(node, REGISTRY_NODES) for node in (*writes.put, *writes.drop))
    database.rows(
        sql("tenant.advance"),
        {
            "tenant": tenant,
            "sequence": max([sequence, *(change.sequence for change in writes.changes)]),
            "registered": int(is_registered),
            "blocked": writes.blocked,
            "policy": orjson.dumps(policy_row(writes.policy)).decode() if writes.policy else None,
        },
    )


def _apply_people(database: Database, tenant: int, writes: Writes) -> None:
    # Sorted, because neighbouring keys share a page of the file.
    database.many(sql("apply.member"), sorted((tenant, *member_row(member)) for member in _last(writes.members)))
    database.many(sql("apply.customer"), sorted((tenant, *customer_row(row)) for row in _last(writes.customers)))
    # Only a UnionID or an external id can come back.
    database.many(sql("apply.returned"), _keyed(tenant, {one.key for one in writes.members if one.label is not Label.OPEN_ID}))
    database.many(sql("apply.former"), _keyed(tenant, writes.retired))
    database.many(sql("apply.retired"), _keyed(tenant, writes.retired))
    database.many(sql("apply.returned"), _keyed(tenant, writes.erased))
    database.many(sql("apply.unfollowed"), _keyed(tenant, writes.erased))
    database.many(sql("apply.ended"), _keyed(tenant, writes.ended))


def _apply_evidence(database: Database, tenant: int, rollups: Iterable[StoredRollup]) -> None:
    last = {stored.rollup.key: stored for stored in rollups}
    database.many(sql("apply.unlink"), _said(tenant, (stored.rollup for stored in last.values())))
    database.many(sql("apply.evidence"), sorted((tenant, *rollup_row(stored)) for stored in last.values()))
    database.many(sql("apply.link"), sorted((tenant, *row) for stored in last.values() for row in mention_rows(stored)))


def _apply_conflicts(database: Database, tenant: int, conflicts: Iterable[ConflictRow]) -> None:
    last = {row.key: row for row in conflicts}
    keyed = _keyed(tenant, last)
    database.many(sql("apply.conflict"), [{"tenant": tenant, **conflict_row(row)} for row in last.values()])
    database.many(sql("apply.unmention"), keyed)
    mentions = [(tenant, key, named, int(named in row.about)) for key, row in last.items() for named in row.mentions]
    database.many(sql("apply.mention"), mentions)
    database.many(sql("apply.unplace"), keyed)
    database.many(sql("apply.place"), keyed)


def _keyed(tenant: int, keys: Iterable[Key]) -> list[tuple[int, Key]]:
    return [(tenant, key) for key in sorted(keys)]


def _said(tenant: int, rollups: Iterable[Rollup]) -> list[tuple[int, Key, Key]]:
    return sorted((tenant, rollup.a, rollup.key) for rollup in rollups)


def _last(rows: list[P]) -> Iterable[P]:
    """Of several rows with one key the last one holds."""
    return {row.key: row for row in rows}.values()
