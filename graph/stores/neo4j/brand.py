"""A tenant's registry: from memory while its version is the store's, and the pages and nodes that come with it."""

from __future__ import annotations

from graph.accounts import Registry
from graph.errors import not_found
from graph.stores.neo4j import shapes
from graph.stores.neo4j.bolt import Ask, Row
from graph.stores.neo4j.texts import text
from graph.stores.neo4j.torn import settled

NEVER = -1


class Registries:
    """The latest registry of each tenant that this process has seen."""

    def __init__(self) -> None:
        self._known: dict[str, Registry] = {}

    def known(self, tenant: str) -> Registry:
        """The latest; an empty one where there is none."""
        return self._known.get(tenant) or Registry(version=NEVER)

    @settled
    async def current(self, ask: Ask, tenant: str) -> Registry:
        """The registry as it is now: one statement, whose answer holds the nodes only if they have changed."""
        known = self._known.get(tenant)
        row = found(await ask(text("registry"), tenant=tenant, known=known.version if known else NEVER), tenant)
        version, policy, nodes = row
        if known is None or known.version != version:
            known = self._known[tenant] = shapes.registry(version, policy, nodes)
        return known

    async def at(self, ask: Ask, tenant: str, version: int) -> Registry:
        """The registry that an answer was given under; without a statement where it is in memory."""
        known = self._known.get(tenant)
        return known if known and known.version == version else await self.current(ask, tenant)


def found(row: Row | None, tenant: str) -> Row:
    """An answer about a tenant. None means that there is no such tenant."""
    if row is None:
        raise not_found(f"There is no tenant named {tenant}.")
    return row
