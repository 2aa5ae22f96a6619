"""The registry of each tenant in memory, with its version: every read brings the current version along, so a stale copy is noticed."""

from __future__ import annotations

import orjson

from graph.accounts import Registry
from graph.stores.mapping import policy_from
from graph.stores.sqlite.database import Database
from graph.stores.sqlite.rows import node_from
from graph.stores.sqlite.statements import sql

NEVER = -1


class Registries:
    """What was read last, by tenant. Threads may share it: a registry never changes, and putting one in its place is one step."""

    def __init__(self) -> None:
        self._known: dict[int, Registry] = {}

    def known(self, tenant: int | None) -> Registry:
        """The latest; an empty one where there is none."""
        return (self._known.get(tenant) if tenant is not None else None) or Registry(version=NEVER)

    def at(self, database: Database, tenant: int, version: int) -> Registry:
        """The registry at this version or a later one; from memory where that is it."""
        known = self._known.get(tenant)
        if known is None or known.version != version:
            with database.snapshot():
                known = self._known[tenant] = read(database, tenant)
        return known

    def locked(self, database: Database, tenant: int, version: int) -> Registry:
        """The same inside a transaction. It may yet be undone, so what is read there is not kept."""
        known = self._known.get(tenant)
        return known if known is not None and known.version == version else read(database, tenant)


def read(database: Database, tenant: int) -> Registry:
    """The registry as it is in the file, in two statements of one transaction."""
    _, _, version, policy = database.rows(sql("tenant.state"), {"tenant": tenant})[0]
    nodes = [node_from(label, body) for label, body in database.rows(sql("tenant.registry"), {"tenant": tenant})]
    return Registry.of(version, nodes, policy_from(orjson.loads(policy)) if policy else None)
