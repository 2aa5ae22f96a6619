"""The change feed's items: the difference between two partitions of identifiers into customers. Pure."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.node import Doc, Id, Internal, Key, Millis, Node, moment
from graph.people import Customer

NO_NUMBER = 2**62
"""Greater than any change's number."""
TRANSACTION = "txn"
"""What the id of a transaction begins with."""


class ChangeKind(enum.Enum):
    """What became of a customer. Where several fit, the first in this order is named: the membership says the rest."""

    ERASED = "ERASED"
    """Its person was erased: forget the customer, and every identifier that `erasedIdentifierIds` names."""
    ENDED = "ENDED"
    """Nothing names its identifiers any more. Its id leads to the customer of an OpenID that they came with."""
    MERGED = "MERGED"
    """It holds identifiers of several former customers."""
    SPLIT = "SPLIT"
    """It holds some of the identifiers of a customer that fell apart; the others have changes of their own beside it."""
    CREATED = "CREATED"
    """None of its identifiers was in a customer before."""
    GREW = "GREW"
    """Identifiers came to it."""
    SHRANK = "SHRANK"
    """Identifiers that nothing names any more left it, or that were erased with somebody else: see `erasedIdentifierIds`."""
    RENAMED = "RENAMED"
    """It holds what it held, under another id: older evidence came to light, or its oldest is gone. The former id still leads to it."""


@dataclass(frozen=True, kw_only=True)
class Change(Node):
    """One item of the change feed: a resulting customer with its complete membership, and the ids that its members had before.

    To follow it, apply the changes of a transaction together, when the one with `changesLeft` 0 has come: forget every customer in their
    `previousCustomerIds` and `customerId`, then set each `customerId` to its `identifierIds`, unless those are empty.
    """

    prefix: ClassVar[str] = "chg"
    sequence: Annotated[int, Internal]
    """1, 2, 3, … for a tenant, without gaps, in the order of commits."""
    kind: Annotated[ChangeKind, Doc("What became of the customer.")]
    occurred: Annotated[Millis, Internal]
    transaction: Annotated[Key, Internal]
    """Changes of one transaction share it and are applied together."""
    customer_key: Annotated[Key, Internal]
    previous: Annotated[list[str], Internal]
    """Keys of the customers that its members were in before, its own among them if it was there."""
    identifiers: Annotated[list[str], Internal]
    """Ids of all its members."""
    cause: Annotated[str, Doc("The operation that it followed from, for people to read.")]
    erased: Annotated[list[str], Internal] = field(default_factory=list)
    """Ids of the identifiers that were erased out of it, or with it where it is ERASED."""
    changes_left: Annotated[int, Doc("How many changes of its transaction follow it; 0: it is the last, they can be applied.")] = 0
    holder: Annotated[list[Customer], Internal] = field(default_factory=list, repr=False, compare=False)
    """The customer that has its customer's id now: filled in by who asks for it."""

    @cached_property
    def occurred_at(self) -> datetime:
        """When it was committed, by our clock, in UTC."""
        return moment(self.occurred)

    @cached_property
    def transaction_id(self) -> Id:
        """Changes that share it lie side by side in the feed and are applied together."""
        return Id(f"{TRANSACTION}_{self.transaction}")

    @cached_property
    def customer_id(self) -> Id:
        """The id that the customer had from then on."""
        return Id(f"cus_{self.customer_key}")

    @cached_property
    def previous_customer_ids(self) -> list[Id]:
        """The customers that its identifiers were in before, itself among them if it was there; empty where they are new."""
        return [Id(f"cus_{key}") for key in self.previous]

    @cached_property
    def identifier_ids(self) -> list[Id]:
        """All its identifiers from then on (`oid_…`, `uid_…`, `xid_…`), not only those that came; empty where it ended or was erased."""
        return [Id(identifier) for identifier in self.identifiers]

    @cached_property
    def erased_identifier_ids(self) -> list[Id]:
        """The identifiers that were erased with it where it is ERASED, and else out of it: a UnionID goes in every scope, also from others.

        External ids that others claim stay, and are in changes of theirs.
        """
        return [Id(identifier) for identifier in self.erased or ()]

    @cached_property
    def customer(self) -> Customer | None:
        """Who has the id `customerId` now, which may be a later customer; null where it was erased."""
        return self.holder[0] if self.holder else None


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one customer, before it has a place in the feed."""

    kind: ChangeKind
    customer: Key
    previous: tuple[Key, ...]
    members: tuple[Key, ...]
    erased: tuple[Key, ...] = ()


def differences(
    before: Mapping[Key, Key], after: Mapping[Key, Key], *, erased: Collection[Key] = (), erased_customers: Collection[Key] = ()
) -> list[Difference]:
    """Compare two partitions (identifier → customer) of the same part of the graph; the erased first, ended ones last.

    Who is erased with all identifiers is ERASED rather than ENDED, and so are the named customers, though others keep an external id
    of theirs: no other customer is said to come from an erased one.
    """
    gone = _erased(before, erased, erased_customers) if erased else []
    without = {one.customer for one in gone}
    before = {key: customer for key, customer in before.items() if customer not in without} if gone else before
    old, new = _classes(before), _classes(after)
    found = list(gone)
    for customer, members in sorted(new.items()):
        previous = tuple(sorted({before[key] for key in members if key in before}))
        if previous == (customer,) and old[customer] == members:
            continue
        lost = _lost(previous, old, erased)
        found.append(Difference(_kind(customer, members, previous, old, after), customer, previous, tuple(sorted(members)), lost))
    survivors = {customer for difference in found for customer in difference.previous} | new.keys()
    found += [
        Difference(ChangeKind.ENDED, customer, (customer,), (), _lost([customer], old, erased))
        for customer in sorted(old.keys() - survivors)
    ]
    return found


def _lost(previous: Iterable[Key], old: Mapping[Key, frozenset[Key]], erased: Collection[Key]) -> tuple[Key, ...]:
    """Of former customers the identifiers that are erased."""
    return tuple(sorted(key for one in previous for key in old[one] if key in erased)) if erased else ()


def _erased(before: Mapping[Key, Key], erased: Collection[Key], named: Collection[Key]) -> list[Difference]:
    return [
        Difference(ChangeKind.ERASED, customer, (customer,), (), tuple(sorted(members.intersection(erased))))
        for customer, members in sorted(_classes(before).items())
        if customer in named or members.issubset(erased)
    ]


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
    items = list(found)
    return [
        Change(
            key=key_of[sequence],
            sequence=sequence,
            kind=difference.kind,
            occurred=at,
            transaction=transaction,
            customer_key=difference.customer,
            previous=list(difference.previous),
            identifiers=[ids[key] for key in difference.members],
            erased=[ids[key] for key in difference.erased],
            cause=cause,
            changes_left=len(items) - 1 - sequence + first,
        )
        for sequence, difference in enumerate(items, first)
    ]


def former(lived: Iterable[Change], read: Mapping[Key, int]) -> dict[Key, int]:
    """The customers that these changes' members came from, each with the number before which its own changes are still to be read.

    `read` says up to which number each customer's were.
    """
    before: dict[Key, int] = {}
    for change in lived:
        for key in map(Key, change.previous):
            if change.sequence > read.get(key, 0):
                before[key] = max(change.sequence, before.get(key, 0))
    return before
