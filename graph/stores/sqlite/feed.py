"""Reads the change feed: in pages by number, and what befell some customers."""

from __future__ import annotations

from collections.abc import Mapping

from graph.changes import NO_NUMBER, Change
from graph.node import Key
from graph.stores import Page, Slice
from graph.stores.sqlite.database import Database, listed
from graph.stores.sqlite.pages import edges, page_of
from graph.stores.sqlite.rows import node_of
from graph.stores.sqlite.statements import backwards, sql


def end(database: Database, tenant: int) -> int:
    """The last change's number; 0 where there is none yet."""
    return int(database.rows(sql("feed.end"), {"tenant": tenant})[0][0])


def after(database: Database, tenant: int, number: int, limit: int) -> list[Change]:
    """The changes after a number, in order."""
    around = {"tenant": tenant, "after": number, "before": NO_NUMBER, "limit": limit}
    return [node_of(Change, body) for _, body in database.rows(sql("feed.page"), around)]


def page(database: Database, tenant: int, asked: Page) -> tuple[int, Slice[Change]]:
    """The last change's number, and changes in the order of their numbers, which the page gives as text."""
    is_backward, around = edges(asked)
    around |= {"tenant": tenant, "after": int(asked.after or 0), "before": int(asked.before or NO_NUMBER)}
    with database.snapshot():
        last = end(database, tenant)
        rows = database.rows(backwards("feed.page") if is_backward else sql("feed.page"), around)
    shown, has_more = page_of(rows, asked)
    return last, Slice(items=[node_of(Change, body) for _, body in shown], has_more=has_more)


def of_customers(database: Database, tenant: int, before: Mapping[Key, int]) -> list[Change]:
    """Of each customer its changes before a number, in no order."""
    rows = database.rows(sql("feed.of_customers"), {"tenant": tenant, "customers": listed(list(before.items()))})
    return [node_of(Change, body) for (body,) in rows]
