"""Opening: is it ours, is it of this version, which secret made its keys; then the schema, and one step per older version."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Any, LiteralString

from neo4j.exceptions import AuthError, ClientError, ConfigurationError, Forbidden

from graph.keys import fingerprint
from graph.stores import StoreRefused
from graph.stores.neo4j.bolt import Bolt
from graph.stores.neo4j.shapes import COLUMNS
from graph.stores.neo4j.texts import schema, text

VERSION = 3
"""The version of schema.cypher and of what the statements expect to find. A later one adds its step to STEPS."""
STEPS: dict[int, tuple[str, ...]] = {
    2: ("rekey", "name_customers_of_changes", "name_witnesses", "name_conflicts", "name_loose", "count_members"),
    3: ("name_revoked", "name_states"),
}
"""By version, the statements that bring what an earlier one wrote up to it. Each may run again."""
OLDEST_SERVER = (5, 26)
LABELS = ("ExternalID",)
PROPERTIES = (
    *("tenant", "turn", "sequence", "registryVersion", "policy", "locked", "secretFingerprint", "digest", "leaseUntil", "started", "row"),
    *("blocked", "erased", "receipt", "returned", "document", "signature", "publicKey", "identifierCount"),
    *("state", "mentions", "loose", "touchpoint", "touchpointKey", "conflict", "appId", "revoked", "textKey", "from", "to", "path", "made"),
    *("customerKey", "witness", "isRevoked"),
)
APPLIED = ("customers", "accounts", "members", "issued", "rollups", "conflicts", "retired", "ended", "changes")
TYPES = (
    *("SEEN", "RESOLVED_AS", "MIGRATED_TO", "CLAIMS", "UNLINKED", "BELONGS_TO"),
    *("ISSUED", "ABOUT", "OWNS", "OPERATES", "RELATED_TO", "BINDS"),
)
NOT_OURS = "The store was made with another secret, so none of its keys would be found. Set UNIONGRAPH_SECRET to that one."
NOBODY = ""
"""A tenant that cannot exist: statements rehearsed for it touch nothing."""


async def prepare(bolt: Bolt, secret: bytes) -> None:
    """Make sure that the store may be opened, and open it. Raises StoreRefused with a remedy."""
    await _reach(bolt)
    await bolt.change(text("schema_name"))
    found = await bolt.read(text("schema_found"))
    version, secret_of = found or (None, None)
    if version is not None and version > VERSION:
        raise StoreRefused(f"The store has schema {version}; this UnionGraph knows {VERSION}. Start a newer UnionGraph.")
    if secret_of is not None and secret_of != fingerprint(secret):
        raise StoreRefused(NOT_OURS)
    if version != VERSION:
        await _migrate(bolt, secret, version or VERSION)
    await _warm_up(bolt)


async def _reach(bolt: Bolt) -> None:
    try:
        found = await bolt.read(text("server"))
    except (AuthError, Forbidden) as error:
        raise StoreRefused(f"Neo4j at {bolt.address.uri} does not let this user in: check user and password in the store's URL.") from error
    except ConfigurationError as error:
        raise StoreRefused(f"The store's URL is not one that the Neo4j driver takes: {bolt.address.uri}.") from error
    except ClientError as error:
        raise StoreRefused(f"Neo4j at {bolt.address.uri} refused: {error.code}. Check the database's name in the store's URL.") from error
    version = str(found[0]) if found else "0"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise StoreRefused(f"Neo4j at {bolt.address.uri} is {version}; UnionGraph needs 5.26 or newer.")


async def _migrate(bolt: Bolt, secret: bytes, since: int) -> None:
    """From an older version, from nothing, or from an opening that was cut short, to this version."""
    for statement in schema():
        await bolt.change(statement)
    # What a statement names and the database has never seen is a warning each time it runs.
    names = sorted({*PROPERTIES, *chain(*COLUMNS.values())})
    await bolt.change(text("make_names"), labels=[*LABELS], types=[*TYPES], properties=names)
    for version in range(since + 1, VERSION + 1):
        for step in STEPS[version]:
            await bolt.change(text(step))
    made = await bolt.change(text("schema_made"), fingerprint=fingerprint(secret), version=VERSION)
    if made != [fingerprint(secret)]:
        raise StoreRefused(NOT_OURS)


async def _warm_up(bolt: Bolt) -> None:
    """Let Neo4j plan the statements that callers wait for, all at once; a second or two the first time after its start, nothing later."""
    page = {"after": "", "before": "~", "limit": 1, "isCounted": False, "touchpoint": "", "usedAll": [], "usedNone": []}
    filters = {"state": None, "hasConflict": None, "since": None}
    asked = {"tenant": NOBODY, "known": -1, "keys": [], "version": -1} | page | filters | COLUMNS
    whole = [text("customers", then="aggregates"), text("walk_by_key", then="customers_chosen")]
    reads = [*whole, text("registry"), text("open_ids"), text("nodes"), text("feed_end")]
    writes: dict[LiteralString, dict[str, Any]] = {
        text("take_turn"): {},
        text("load"): {name: [] for name in ("people", "expand", "partners", "names", "keys")} | {"enough": 1} | COLUMNS,
        text("touch"): {"version": -1, "touches": []},
        text("apply"): {name: [] for name in APPLIED} | {"turn": 0, "sequence": 0, "version": 0, "policy": None, "blocked": 0},
        text("put", label="Quarantined"): {"rows": []},
    }
    await asyncio.gather(
        *(bolt.read(statement, **asked) for statement in reads),
        *(bolt.rehearse(statement, tenant=NOBODY, **parameters) for statement, parameters in writes.items()),
    )
