"""What a change does to who is who: the customers it touches, before and after. Pure; what the feed tells is in changes.py."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from graph.node import Doc, Id, Key


@dataclass(frozen=True, kw_only=True)
class CustomerSketch:
    """A customer in outline: an id, and whose it is."""

    customer_id: Annotated[Id, Doc("The customer's id (`cus_…`).")]
    identifiers: Annotated[list[Id], Doc("The ids of all its identifiers (`oid_…`, `uid_…`, `xid_…`), in order.")]


@dataclass(frozen=True, kw_only=True)
class PartitionEffect:
    """Exactly the customers that a change touches; every other one stays as it is."""

    before: Annotated[list[CustomerSketch], Doc("Those of today that will not be there as they are; by id.")]
    after: Annotated[list[CustomerSketch], Doc("Those that will be there in their place; by id.")]


def effect(before: Mapping[Key, Key], after: Mapping[Key, Key], ids: Mapping[Key, Id]) -> PartitionEffect:
    """Compare two partitions (identifier → customer) of the same part of the graph, which holds each customer whole or not at all."""
    old, new = _sketches(before, ids), _sketches(after, ids)
    return PartitionEffect(
        before=[sketch for customer, sketch in old.items() if new.get(customer) != sketch],
        after=[sketch for customer, sketch in new.items() if old.get(customer) != sketch],
    )


def write(effect: PartitionEffect) -> str:
    """As text: ids alone, which hold no personal data."""
    return json.dumps([{one.customer_id: one.identifiers for one in side} for side in (effect.before, effect.after)])


def read(text: str) -> PartitionEffect:
    """And back."""
    before, after = [
        [CustomerSketch(customer_id=Id(one), identifiers=identifiers) for one, identifiers in side.items()] for side in json.loads(text)
    ]
    return PartitionEffect(before=before, after=after)


def _sketches(partition: Mapping[Key, Key], ids: Mapping[Key, Id]) -> dict[Key, CustomerSketch]:
    members: dict[Key, list[Id]] = defaultdict(list)
    for key, customer in partition.items():
        members[customer].append(ids[key])
    return {key: CustomerSketch(customer_id=Id(f"cus_{key}"), identifiers=sorted(members[key])) for key in sorted(members)}
