"""Makes the bytes of erased rows go: out of the log, and out of pages from which SQLite moved rows without wiping the place."""

from __future__ import annotations

from collections.abc import Collection

from graph.receipts import Traces
from graph.stores.sqlite.database import Database
from graph.stores.sqlite.statements import sql

MANY = 100
"""Texts from which on writing the file anew is cheaper than searching it for them."""
TRACES = Traces(
    store="sqlite",
    what="Nothing: deleted rows are overwritten with zeros (secure_delete), the write-ahead log is emptied after the erasure, and the file "
    "is written anew where a search of its bytes finds anything of what was erased.",
    days=0,
    settings={"secure_delete": "ON"},
)


def sweep(database: Database, texts: Collection[str] | None, erasures: int) -> bool:
    """Wipe what was erased, or with None all that is free.

    False where another connection reads an old state for so long that the log cannot be emptied.

    `secure_delete` overwrites what is deleted, but not the copies that stay in a page's gap when its rows are moved to another page
    (measured: 6 of 2,000). So the file is searched, and written anew where anything is found.
    """
    if not database.log_emptied():
        return False
    if texts is None or len(texts) > MANY or database.holds(texts):
        database.vacuum()
        if not database.log_emptied():
            return False
    with database.turn():
        database.rows(sql("tenant.swept"), {"erasures": erasures})
    return database.log_emptied()


def sweep_after_crash(database: Database) -> None:
    """What was erased before the process died was known to that process alone: the file is written anew."""
    rows = database.rows(sql("tenant.to_sweep"))
    if not rows or not rows[0][0]:
        return
    database.vacuum()
    if database.log_emptied():
        with database.turn():
            database.rows(sql("tenant.swept"), {"erasures": rows[0][0]})
