"""Reads customers whole, and finds which ones a page shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from graph.node import Key
from graph.state import ConflictRow, CustomerRow, Member, StoredRollup
from graph.stores import Aggregate, CustomerFilter, Page
from graph.stores.sqlite.database import Database, listed
from graph.stores.sqlite.pages import counted, edges, page_of
from graph.stores.sqlite.rows import conflict_from, customer_from, member_from, named_by, rollup_from
from graph.stores.sqlite.statements import backwards, sql

FEW = 10_000
"""Up to so many customers are sorted rather than looked for along their keys: 10 ms."""


def whole(database: Database, tenant: int, keys: Sequence[Key]) -> tuple[int, list[Aggregate | None]]:
    """The registry's version, and the customers that hold these identifiers, in order. One statement."""
    return _whole(database, sql("customers.whole"), tenant, keys)


def named(database: Database, tenant: int, names: Sequence[Key]) -> tuple[int, list[Aggregate | None]]:
    """The same of those that decisions name, UnionIDs by their text's key. One statement."""
    return _whole(database, sql("customers.named"), tenant, names)


def _whole(database: Database, statement: LiteralString, tenant: int, keys: Sequence[Key]) -> tuple[int, list[Aggregate | None]]:
    parts: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for kind, *row in database.rows(statement, {"tenant": tenant, "keys": listed(list(keys))}):
        parts[kind].append(tuple(row))
    holder = {row[0]: row[1] for row in parts["asked"]}
    made = _Assembly(parts).aggregates()
    return parts["version"][0][0], [made.get(holder.get(key, "")) for key in keys]


class _Assembly:
    """The rows of one answer, on their way to aggregates."""

    def __init__(self, parts: Mapping[str, list[tuple[Any, ...]]]) -> None:
        self.rows = [customer_from(row) for row in parts["customer"]]
        self.people = {row[0]: member_from(row) for row in (*parts["member"], *parts["mentioned"])}
        self.members: dict[Key, list[Member]] = defaultdict(list)
        self.rollups: dict[Key, list[StoredRollup]] = defaultdict(list)
        self.conflicts: dict[Key, list[ConflictRow]] = defaultdict(list)
        for row in parts["member"]:
            member = self.people[row[0]]
            self.members[member.customer].append(member)
        for row in parts["rollup"]:
            self.rollups[self.people[row[2]].customer].append(rollup_from(row))
        conflict = {row[0]: conflict_from(row) for row in parts["conflict"]}
        for row in parts["trouble"]:
            self.conflicts[row[1]].append(conflict[row[0]])

    def aggregates(self) -> dict[Key, Aggregate]:
        return {row.key: self._aggregate(row) for row in self.rows}

    def _aggregate(self, row: CustomerRow) -> Aggregate:
        rollups, conflicts = self.rollups[row.key], self.conflicts[row.key]
        named = {key for stored in rollups for key in named_by(stored)} | {key for conflict in conflicts for key in conflict.mentions}
        return Aggregate(
            row=row,
            members=tuple(self.members[row.key]),
            rollups=tuple(rollups),
            conflicts=tuple(conflicts),
            mentioned={key: m for key in named if (m := self.people.get(key)) and m.customer != row.key},
        )


def page_keys(database: Database, tenant: int, which: CustomerFilter, page: Page) -> tuple[list[Key], bool, int | None]:
    """The keys of the customers on a page, whether more lies beyond, and if asked how many there are in all."""
    name, bindings = _plan(database, tenant, which)
    is_backward, around = edges(page)
    rows = database.rows(backwards(name) if is_backward else sql(name), bindings | around)
    items, has_more = page_of([Key(key) for (key,) in rows], page)
    if not page.is_counted:
        return items, has_more, None
    if name == "customers.page" and which == CustomerFilter():
        return items, has_more, database.rows(sql("customers.count_all"), bindings)[0][0]
    return items, has_more, counted(database, name, bindings)


def _plan(database: Database, tenant: int, which: CustomerFilter) -> tuple[str, dict[str, Any]]:
    """Which index to walk: the condition that leaves fewest, as far as counting a little can tell."""
    bindings: dict[str, Any] = {
        "tenant": tenant,
        "state": which.state and which.state.name,
        "has_conflict": None if which.has_open_conflict is None else int(which.has_open_conflict),
        "seen_since": which.seen_since,
        "used_all": listed(which.used_all),
        "used_none": listed(which.used_none),
        "touchpoint": None,
        "enough": FEW + 1,
    }
    ways = [(database.rows(sql("customers.few_at_touchpoint"), bindings | {"touchpoint": t})[0][0], t) for t in which.used_all]
    fewest, touchpoint = min(ways, default=(FEW + 1, None))
    if which.seen_since is not None:
        seen = database.rows(sql("customers.few_last"), bindings)[0][0]
        if seen <= FEW and (touchpoint is None or seen < fewest):
            return "customers.page_by_last", bindings
    if which.has_open_conflict and fewest > FEW:
        return "customers.page_by_conflict", bindings
    if touchpoint is not None:
        return "customers.page_by_touchpoint", bindings | {"touchpoint": touchpoint}
    return ("customers.page_by_state" if which.state else "customers.page"), bindings
