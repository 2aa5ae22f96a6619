"""The store for production: Neo4j, by Bolt. The statements are in cypher/, as they run in Neo4j Browser."""

from __future__ import annotations

from graph.node import Clock
from graph.stores.neo4j.address import Address
from graph.stores.neo4j.bolt import Bolt
from graph.stores.neo4j.migrate import prepare
from graph.stores.neo4j.store import Neo4jStore

__all__ = ["Neo4jStore", "open_neo4j"]


async def open_neo4j(url: str, *, secret: bytes, clock: Clock, warns: bool = False) -> Neo4jStore:
    """Connect, migrate the schema forward, warm up. Raises StoreRefused.

    With `warns` whatever Neo4j remarks on a statement becomes a Python warning: for tests, where warnings are errors.
    """
    bolt = Bolt(Address.of(url), warns=warns)
    try:
        await prepare(bolt, secret)
    except BaseException:
        await bolt.close()
        raise
    return Neo4jStore(bolt, secret, clock)
