"""The change feed's items: the difference between two partitions of identifiers into customers. Pure."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from graph.node import Internal, Key, Millis, Node


class ChangeKind(enum.Enum):
    """What became of a customer. Where several fit, the first in this order is named: the membership says the rest."""

    ERASED = "ERASED"
    ENDED = "ENDED"
    MERGED = "MERGED"
    SPLIT = "SPLIT"
    CREATED = "CREATED"
    GREW = "GREW"
    SHRANK = "SHRANK"
    RENAMED = "RENAMED"


@dataclass(frozen=True, kw_only=True)
class Change(Node):
    """One resulting customer with its complete membership and the ids its members had before."""

    prefix: ClassVar[str] = "chg"
    sequence: Annotated[int, Internal]
    """1, 2, 3, … for a tenant, without gaps, in the order of commits."""
    kind: ChangeKind
    occurred: Annotated[Millis, Internal]
    transaction: Annotated[Key, Internal]
    """Changes of one transaction share it and are applied together."""
    customer: Annotated[Key, Internal]
    previous: Annotated[list[str], Internal]
    """Keys of the customers that its members were in before, its own among them if it was there."""
    identifiers: Annotated[list[str], Internal]
    """Ids of all its members."""
    cause: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one customer, before it has a place in the feed."""

    kind: ChangeKind
    customer: Key
    previous: tuple[Key, ...]
    members: tuple[Key, ...]


def differences(before: Mapping[Key, Key], after: Mapping[Key, Key]) -> list[Difference]:
    """Compare two partitions (identifier → customer) of the same part of the graph; ordered by customer, ended ones last."""
    old, new = _classes(before), _classes(after)
    found = []
    for customer, members in sorted(new.items()):
        previous = tuple(sorted({before[key] for key in members if key in before}))
        if previous == (customer,) and old[customer] == members:
            continue
        found.append(Difference(_kind(customer, members, previous, old, after), customer, previous, tuple(sorted(members))))
    survivors = {customer for difference in found for customer in difference.previous} | new.keys()
    found += [Difference(ChangeKind.ENDED, customer, (customer,), ()) for customer in sorted(old.keys() - survivors)]
    return found


def _kind(
    customer: Key, members: frozenset[Key], previous: tuple[Key, ...], old: Mapping[Key, frozenset[Key]], after: Mapping[Key, Key]
) -> ChangeKind:
    if not previous:
        return ChangeKind.CREATED
    if len(previous) > 1:
        return ChangeKind.MERGED
    former = old[previous[0]]
    if any(after.get(key, customer) != customer for key in former):
        return ChangeKind.SPLIT
    if former < members:
        return ChangeKind.GREW
    if members < former:
        return ChangeKind.SHRANK
    return ChangeKind.RENAMED if former == members else ChangeKind.GREW


def _classes(partition: Mapping[Key, Key]) -> dict[Key, frozenset[Key]]:
    classes: dict[Key, set[Key]] = defaultdict(set)
    for key, customer in partition.items():
        classes[customer].add(key)
    return {customer: frozenset(members) for customer, members in classes.items()}


def in_feed(
    found: Iterable[Difference], ids: Mapping[Key, str], *, first: int, transaction: Key, at: Millis, cause: str, key_of: Mapping[int, Key]
) -> list[Change]:
    """Give differences their places in the feed, from sequence number `first` on."""
    return [
        Change(
            key=key_of[sequence],
            sequence=sequence,
            kind=difference.kind,
            occurred=at,
            transaction=transaction,
            customer=difference.customer,
            previous=list(difference.previous),
            identifiers=[ids[key] for key in difference.members],
            cause=cause,
        )
        for sequence, difference in enumerate(found, first)
    ]
