"""Questions about the change feed: pages by number, and what befell some customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from graph.changes import NO_NUMBER, Change
from graph.node import Key
from graph.stores import Page, Slice
from graph.stores.neo4j import shapes
from graph.stores.neo4j.bolt import Ask
from graph.stores.neo4j.brand import found
from graph.stores.neo4j.paging import is_backward
from graph.stores.neo4j.texts import text
from graph.stores.neo4j.torn import Torn, settled


async def end(ask: Ask, tenant: str) -> int:
    """The last change's number; 0 where there is none yet."""
    return int(found(await ask(text("feed_end"), tenant=tenant), tenant)[0])


@settled
async def page(ask: Ask, tenant: str, asked: Page) -> tuple[int, Slice[Change]]:
    """The last change's number, and changes in the order of their numbers, which the page gives as text.

    Neo4j promises no snapshot: of a turn that is being committed a later change may be seen before an earlier one. Then it is read again,
    for whoever goes on from the later one would miss the other for ever.
    """
    around = {"after": int(asked.after or 0), "before": int(asked.before or NO_NUMBER), "limit": asked.limit}
    statement = text("feed_page", is_backward=is_backward(asked))
    last, has_more, rows = found(await ask(statement, tenant=tenant, **around), tenant)
    items = sorted(_changes(rows), key=lambda change: change.sequence)
    numbers = [change.sequence for change in items]
    begins = numbers[0] if is_backward(asked) and numbers else around["after"] + 1
    if numbers != list(range(begins, begins + len(items))):
        raise Torn
    return last, Slice(items=items, has_more=has_more)


async def of_customers(ask: Ask, tenant: str, before: Mapping[Key, int]) -> list[Change]:
    """Of each customer its changes before a number, in no order."""
    return _changes(found(await ask(text("feed_of_customers"), tenant=tenant, customers=list(map(list, before.items()))), tenant)[0])


def _changes(rows: Iterable[Mapping[str, Any]]) -> list[Change]:
    return [cast("Change", shapes.node(Change.__name__, row)) for row in rows]
