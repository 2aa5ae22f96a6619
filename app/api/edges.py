"""Edges that lead to other customers: loaded by the root field with one question for all of them, and only when selected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.api.selection import Selection
from graph.changes import Change
from graph.node import Key
from graph.people import Conflict, Customer, Identity
from graph.tenant import Tenant

EDGES = ("customer", "customers")
"""What it is called, and what of a conflict, which has several."""
Leading = Conflict | Identity | Change
"""What has such an edge."""


async def fill(tenant: Tenant, selected: Selection, things: Iterable[object]) -> None:
    """Give every identifier, conflict and change whose customers are selected those customers, as deep as they are selected.

    Takes one statement a level, and none where nothing is missing: what a customer holds knows its customer already.
    """
    shown, asked = list(things), set[int]()
    for _ in range(selected.levels(*EDGES)):
        missing = [one for one in _missing(shown, selected) if id(one) not in asked]
        if not missing:
            return
        asked.update(map(id, missing))
        keys = sorted({key for one in missing for key in _sides(one)})
        holder = dict(zip(keys, await tenant.customers(keys), strict=True))
        for one in missing:
            _edge(one).extend({c.key: c for key in _sides(one) if (c := holder[key])}.values())


def _sides(one: Leading) -> tuple[Key, ...]:
    """Whose customers stand in its edge."""
    if isinstance(one, Conflict):
        return one.about
    return (one.customer_key,) if isinstance(one, Change) else (one.key,)


def _edge(one: Leading) -> list[Customer]:
    """Where its customers are kept."""
    if isinstance(one, Conflict):
        return one.people
    return one.holder if isinstance(one, Change) else one.around.customer


def _missing(things: Iterable[object], selected: Selection) -> Iterator[Leading]:
    """What is shown without the customers that are selected, along those branches alone that lead to such an edge."""
    below = {name: selected.under(name) for name in selected.names}
    leading = {name: under for name, under in below.items() if name in EDGES or under.levels(*EDGES)}
    for thing in things:
        for name, under in leading.items():
            if isinstance(thing, Leading) and name == EDGES[isinstance(thing, Conflict)] and not _edge(thing):
                yield thing  # its edge is remembered once it was looked at: not before it is filled
            else:
                yield from _missing(_shown(thing, name), under)


def _shown(thing: object, name: str) -> list[object]:
    """What stands in a field, by its name in the API."""
    value = getattr(thing, re.sub("([A-Z])", r"_\1", name).lower(), None)
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
