"""Rebuilds all that is derived from everything at once, and says where it differs from what is stored; the feed is replayed beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from graph.changes import Change, ChangeKind
from graph.derive import PREFIX, News, derive
from graph.keys import Keys
from graph.node import Key
from graph.quarantine import Quarantined
from graph.state import ConflictRow, CustomerRow, Label, Member
from graph.turn import Incomplete, Loaded, Writes
from tests.concurrency.everything import Everything

V = TypeVar("V")

NEVER = -1
"""A registry version before all others: whatever was scoped under it is scoped anew, and written."""
NOBODY = Key("nobody")
SHOWN = 5
"""Differences of one kind that are told in full."""


def differences(stored: Everything, keys: Keys) -> list[str]:
    """Everything in which the stored state is not the one that follows from the evidence."""
    return [*stored.oddities, *_derived(stored, keys), *_places(stored), *_feed(stored)]


def merges(stored: Everything) -> int:
    """How many customers were made of several."""
    return sum(change.kind is ChangeKind.MERGED for change in stored.changes)


def _derived(stored: Everything, keys: Keys) -> Iterator[str]:
    fresh = rebuilt(stored, keys)
    made = {member.key: member for member in fresh.members}
    yield from _apart("partition", _by(made, _place), _by(stored.members, _place))
    yield from _apart("crowded", _by(made, lambda m: bool(m.crowded)), _by(stored.members, lambda m: bool(m.crowded)))
    generic = {key for key, member in made.items() if member.crowded}
    yield from _apart("identifier", _by(made, _undated), {key: _near(one, made.get(key), generic) for key, one in stored.members.items()})
    rows = {row.key: row for row in fresh.customers}
    yield from _apart("customer", _by(rows, _undated), {key: _near(one, rows.get(key), generic) for key, one in stored.customers.items()})
    opened = {row.key: (row.kind, row.about) for row in fresh.conflicts}
    yield from _apart("conflict", opened, {key: (row.kind, row.about) for key, row in stored.conflicts.items() if row.resolved is None})
    ends = {one.rollup.key: (one.ends, one.settled) for one in fresh.rollups}
    yield from _apart("roll-up", ends, {key: (tuple(sorted(one.ends)), one.settled) for key, one in stored.rollups.items()})
    waits = {node.key: node.holder for node in fresh.put if isinstance(node, Quarantined)}
    yield from _apart("waiting UnionID", waits, {key: node.holder for key, node in stored.waiting.items() if node.holder})


def rebuilt(stored: Everything, keys: Keys) -> Writes:
    """What a turn would write that saw everything whole and nothing derived."""
    rollups = {key: replace(one, ends=((NOBODY, False),), version=NEVER) for key, one in stored.rollups.items()}
    asked = frozenset(stored.members)
    while True:
        loaded = Loaded(
            registry=stored.registry,
            turn=stored.turn,
            sequence=stored.sequence,
            asked=asked,
            whole=frozenset(stored.members),
            members=stored.members,
            rollups=rollups,
            decisions=stored.decisions,
        )
        try:
            return derive(loaded, keys, News(cause="rebuild"), 0).writes
        except Incomplete as more:  # an end that should be stored and is not: a difference that shows below
            wider = asked | more.scope.people
        assert asked < wider
        asked = wider


def _place(member: Member) -> tuple[Key | None, Key]:
    return member.account, member.customer


def _undated(row: V) -> V:
    """Without the number of the turn that wrote it."""
    assert isinstance(row, Member | CustomerRow)
    return replace(row, turn=0)


def _near(stored: V, made: V | None, generic: set[Key]) -> V:
    """What is stored; of a generic identifier, which joins nothing, without its dates: they are not kept exactly.

    Its crowd is not loaded for them when a link of its goes to another scope, or when one that is read for another end grows.
    """
    assert isinstance(stored, Member | CustomerRow)
    if stored.key in generic and isinstance(stored, Member) and isinstance(made, Member):
        # Of two crowded slots it keeps the one that was found first, for the other need not be among what is loaded.
        return replace(stored, turn=0, first=made.first, last=made.last, crowded=made.crowded if stored.crowded else "")
    if stored.key in generic and isinstance(made, CustomerRow):
        return replace(stored, turn=0, first=made.first, last=made.last)
    return _undated(stored)


def _by(rows: Mapping[Key, V], look: object) -> dict[Key, object]:
    assert callable(look)
    return {key: look(row) for key, row in rows.items()}


def _apart(what: str, expected: Mapping[Key, object], found: Mapping[Key, object]) -> Iterator[str]:
    wrong = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    for key in wrong[:SHOWN]:
        yield f"{what} {key}: {expected.get(key, 'nothing')} follows, {found.get(key, 'nothing')} is stored"
    if len(wrong) > SHOWN:
        yield f"{what}: {len(wrong)} in all"


def _places(stored: Everything) -> Iterator[str]:
    """Each OpenID in one account, each account in one customer, each customer with somebody in it."""
    customer_of: dict[Key, set[Key]] = defaultdict(set)
    for member in stored.members.values():
        if (member.account is None) != (member.label is Label.EXTERNAL_ID):
            yield f"{member.key} is in account {member.account}"
        if member.account:
            customer_of[member.account].add(member.customer)
    yield from (f"account {key} is in {customers}" for key, customers in customer_of.items() if len(customers) != 1)
    filled = {member.customer for member in stored.members.values()}
    yield from (f"customer {key} is not stored" for key in filled - stored.customers.keys())
    yield from (f"customer {key} is empty" for key in stored.customers.keys() - filled)


def _feed(stored: Everything) -> Iterator[str]:
    """Numbers without gaps, and a replay that gives the membership."""
    numbers = [change.sequence for change in stored.changes]
    if numbers != list(range(1, stored.sequence + 1)):
        yield f"the feed's numbers are not 1 to {stored.sequence}: {len(numbers)} of them, the last {numbers[-1:]}"
    transactions = [list(changes) for _, changes in groupby(stored.changes, lambda change: change.transaction)]
    if len(transactions) != len({change.transaction for change in stored.changes}):
        yield "the changes of one transaction lie apart"
    members: dict[Key, set[str]] = defaultdict(set)
    for member in stored.members.values():
        members[member.customer].add(f"{PREFIX[member.label]}_{member.key}")
    yield from _apart("feed", _replayed(transactions), members)


def _replayed(transactions: Iterable[list[Change]]) -> dict[Key, set[str]]:
    """Each customer's members after all changes."""
    customers: dict[Key, set[str]] = {}
    for changes in transactions:
        for former in (key for change in changes for key in change.previous):
            customers.pop(Key(former), None)
        customers |= {change.customer: set(change.identifiers) for change in changes if change.identifiers}
    return customers


def open_conflicts(stored: Everything) -> list[ConflictRow]:
    """Those that stand."""
    return [row for row in stored.conflicts.values() if row.resolved is None]
