"""What somebody who follows the change feed knows: customers' keys with the ids of their identifiers, as the API tells one to apply it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from graph.changes import Change

Membership = dict[str, frozenset[str]]


def replayed(changes: Iterable[Change], known: Membership | None = None) -> Membership:
    """Apply changes to what is known; those of a transaction together."""
    customers = dict(known or {})
    for _, together in groupby(changes, key=lambda change: change.transaction):
        items = list(together)
        for gone in {key for change in items for key in (change.customer_key, *change.previous)}:
            customers.pop(gone, None)
        customers |= {change.customer_key: frozenset(change.identifiers) for change in items if change.identifiers}
    return customers


def check_numbers(changes: list[Change]) -> None:
    """1, 2, 3, …, and the changes of a transaction side by side, each saying how many of them follow."""
    assert list(range(1, len(changes) + 1)) == [change.sequence for change in changes]
    runs = [(transaction, list(together)) for transaction, together in groupby(changes, key=lambda change: change.transaction)]
    assert len(dict(runs)) == len(runs)
    for _, together in runs:
        assert [*reversed(range(len(together)))] == [change.changes_left for change in together]
