"""What is wrong with a tenant as it lies in the database: where it differs from a rebuild, and from a replay of its feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from graph.changes import Change, ChangeKind
from graph.keys import Keys
from graph.node import Key
from graph.rebuild import Picture, apart, rebuilt
from graph.state import PREFIX, ConflictRow, Label
from tests.concurrency.everything import Everything

SHOWN = 5
"""Differences of one kind that are told in full."""


def differences(stored: Everything, keys: Keys) -> list[str]:
    """Everything in which the stored state is not the one that follows from the evidence."""
    return [*stored.oddities, *_derived(stored, keys), *_places(stored), *_feed(stored)]


def merges(stored: Everything) -> int:
    """How many customers were made of several."""
    return sum(change.kind is ChangeKind.MERGED for change in stored.changes)


def _derived(stored: Everything, keys: Keys) -> Iterator[str]:
    held = Picture(
        members=stored.members,
        customers=stored.customers,
        rollups=stored.rollups,
        conflicts={row.key: row for row in open_conflicts(stored)},
        waiting={key: node for key, node in stored.waiting.items() if node.holder},
    )
    open_ids = {key: member for key, member in stored.members.items() if member.label is Label.OPEN_ID}
    said = [one.rollup for one in stored.rollups.values()]
    made = rebuilt(stored.registry, keys, open_ids, said, stored.decisions.values())
    found = list(apart(held, made))
    for one in found[:SHOWN]:
        yield f"{one.part.value} {one.key}: {one.follows} follows, {one.stored} is stored"
    if len(found) > SHOWN:
        yield f"{len(found)} differences in all"


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
        customers |= {change.customer_key: set(change.identifiers) for change in changes if change.identifiers}
    return customers


def open_conflicts(stored: Everything) -> list[ConflictRow]:
    """Those that stand."""
    return [row for row in stored.conflicts.values() if row.resolved is None]
