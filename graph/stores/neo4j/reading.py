"""A tenant read whole from Neo4j. It promises read-committed only: every page is of its own moment, and `state` tells what passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString, TypeVar

from graph.accounts import Registry
from graph.node import Key, Node
from graph.state import ConflictRow, CustomerRow
from graph.stores import Page
from graph.stores.neo4j import others, shapes
from graph.stores.neo4j.bolt import Ask, Row
from graph.stores.neo4j.brand import Registries, found
from graph.stores.neo4j.texts import text
from graph.stores.neo4j.torn import Torn, settled
from graph.stores.reading import Holding, State

N = TypeVar("N", bound=Node)


class Neo4jReading:
    """The questions of graph/stores/reading.py."""

    is_snapshot = False

    def __init__(self, ask: Ask, registries: Registries, tenant: str) -> None:
        self._ask, self._registries, self._tenant = ask, registries, tenant

    async def state(self) -> State:
        """How far the tenant has come."""
        turn, sequence, version = found(await self._ask(text("state"), tenant=self._tenant), self._tenant)
        return State(turn=turn, sequence=sequence, version=version)

    async def registry(self) -> Registry:
        """The brand's side."""
        return await self._registries.current(self._ask, self._tenant)

    async def holdings(self, after: Key | None, limit: int) -> list[Holding]:
        """Everybody, in the order of their keys."""
        return await self._holdings(text("holdings_after", then="holdings"), after=after or "", limit=limit)

    async def holdings_of(self, keys: Sequence[Key]) -> list[Holding]:
        """These of them."""
        return await self._holdings(text("holdings_by_key", then="holdings"), keys=list(keys))

    @settled
    async def _holdings(self, statement: LiteralString, **parameters: Any) -> list[Holding]:  # noqa: ANN401  # whatever it takes
        return [_holding(row) for row in sorted(await self._rows(statement, **parameters), key=lambda row: str(row[0]))]

    @settled
    async def customers(self, after: Key | None, limit: int) -> list[CustomerRow]:
        """Customers by themselves."""
        return list(map(shapes.customer, await self._rows(text("customer_rows"), after=after or "", limit=limit)))

    @settled
    async def conflicts(self, after: Key | None, limit: int) -> list[ConflictRow]:
        """Conflicts as they are stored."""
        return list(map(shapes.conflict, await self._rows(text("conflict_rows"), after=after or "", limit=limit)))

    async def nodes(self, kind: type[N], after: Key | None, limit: int) -> list[N]:
        """Nodes of one kind."""
        return (await others.page(self._ask, self._tenant, kind, Page(limit=limit, after=after), None))[1].items

    async def _rows(self, statement: LiteralString, **parameters: Any) -> list[Row]:  # noqa: ANN401  # whatever the statement takes
        return list(found(await self._ask(statement, tenant=self._tenant, **parameters, **shapes.COLUMNS), self._tenant)[0])


def _holding(row: Row) -> Holding:
    key, member, said, witness = row
    if key is None:
        raise Torn
    rollups = sorted(shapes.rollups(said).values(), key=lambda one: one.rollup.key)
    return Holding(key=key, member=shapes.member(member) if member else None, rollups=tuple(rollups), witness=witness)
