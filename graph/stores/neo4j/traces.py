"""What of erased rows stays in Neo4j's files, and for how long by the server's own settings.

Measured on 5.26: the newest transaction log stays until it is full, whatever the retention policy says and however often the server
makes a checkpoint; deleted strings stay in the store's files until their space is used again. So the day holds under a condition.
"""

from __future__ import annotations

import re

from neo4j.exceptions import Neo4jError

from graph.receipts import Traces
from graph.stores.neo4j.bolt import Ask
from graph.stores.neo4j.texts import text

RETENTION = "db.tx_log.rotation.retention_policy"
"""For how long transaction logs are kept, for example `2 days`, or `2 days 2G`: no longer, and no more."""
SETTINGS = (RETENTION, "db.tx_log.rotation.size", "db.checkpoint.interval.time")
WHAT = (
    "Transaction logs: by that day the retention policy lets go of the file that the erasure was written to, provided that the server "
    "wrote enough meanwhile to fill it (db.tx_log.rotation.size); on a quiet server the newest file stays until it is full. Store and "
    "index files: no query finds what was deleted, and its space is used again by what is written next."
)
KEEPS_NOTHING = frozenset({"false", "keep_none"})
_SPAN = re.compile(r"(\d+)\s*(hours?|days?)")


async def traces(ask: Ask) -> Traces:
    """What outlives an erasure in the server's logs."""
    try:
        row = await ask(text("settings"), names=list(SETTINGS))
    except Neo4jError:  # the user may not see settings
        row = None
    settings = {name: str(value) for name, value in row[0]} if row else {}
    return Traces(store="neo4j", what=WHAT, days=days_of(settings.get(RETENTION, "")), settings=settings)


def days_of(policy: str) -> int | None:
    """Whole days until a log file is too old to be kept; None where the policy counts something else, or keeps everything."""
    if policy in KEEPS_NOTHING:
        return 1
    if found := _SPAN.match(policy):
        days = int(found[1]) if found[2].startswith("day") else -(-int(found[1]) // 24)
        return days + 1  # from the end of the day on which the last row was written to it
    return None
