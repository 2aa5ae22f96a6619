"""An export: a tenant read whole, line by line, in an order that is right even where the store gives no snapshot.

On SQLite all of it is of one moment. On Neo4j each page is of its own, so the order matters: rows in quarantine come first and
evidence after them, so that one released in between is in one place or in both, never in none; the registry comes after the
evidence that needs it, and decisions and tombstones last. Evidence only grows and is merged, so a page read late does no harm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable

from app.transfer import lines
from app.transfer.lines import Header
from graph.evidence import Said
from graph.node import Key, Node
from graph.quarantine import Quarantined
from graph.restoring import Former, Testimony
from graph.rows import from_json
from graph.state import Identifier, Label, Member
from graph.stores.mapping import REGISTRY_NODES, TRAVELLING
from graph.stores.reading import Holding, Reading, paged, share
from graph.tenant import Tenant

Show = Callable[[str, float], object]

MEANWHILE = 500
"""Released rows whose evidence is read again at once."""


class Export:
    """One export while it is written."""

    def __init__(self, tenant: Tenant, header: Header, show: Show = lambda *_: None) -> None:
        self.tenant, self.header, self.show = tenant, header, show
        self.counts: Counter[str] = Counter()
        self.passed = 0
        """Turns of others that passed meanwhile."""

    async def lines(self) -> AsyncIterator[bytes]:
        """All of it, as bytes to be written one after the other."""
        async with self.tenant.store.reading(self.tenant.name) as reading:
            began = await reading.state()
            yield lines.write(self.header)
            waiting: dict[Key, Key | None] = {}
            async for chunk in self._waiting(reading, waiting):
                yield chunk
            async for holdings in paged(reading.holdings):
                yield await self._said(reading, holdings)
                self.show("writing evidence", share(holdings[-1].key))
            if not reading.is_snapshot and await reading.state() != began:
                async for chunk in self._meanwhile(reading, waiting):
                    yield chunk
            async for chunk in self._rest(reading):
                yield chunk
            ended = await reading.state()
            self.passed = ended.turn - began.turn
            yield lines.end(self.counts, began, ended)

    def _written(self, kind: str, chunk: Iterable[bytes]) -> bytes:
        written = list(chunk)
        self.counts[kind] += len(written)
        return b"".join(written)

    async def _waiting(self, reading: Reading, waiting: dict[Key, Key | None]) -> AsyncIterator[bytes]:
        """Whole rows in quarantine, each noted with the OpenID that it is about; a UnionID that waits follows from the evidence."""
        async for nodes in paged(lambda after, limit: reading.nodes(Quarantined, after, limit)):
            whole = [node for node in nodes if node.row]
            if not reading.is_snapshot:
                waiting.update((node.key, self._open_id(node)) for node in whole)
            yield self._written(Quarantined.__name__, map(lines.write, whole))

    def _open_id(self, node: Quarantined) -> Key | None:
        return next((self.tenant.keys.open_id(row.app_id, row.open_id) for row in from_json(node)), None)

    async def _said(self, reading: Reading, holdings: list[Holding]) -> bytes:
        """Everybody who said something, with the OpenIDs that this names: a migration names another one."""
        others = {r.rollup.b for one in holdings for r in one.rollups if r.rollup.said is Said.MIGRATED_TO}
        members = {one.key: one.member for one in holdings if one.member}
        if missing := sorted(others - members.keys()):
            members |= {one.key: one.member for one in await reading.holdings_of(missing) if one.member}
        said = self._written(lines.SAID, [lines.write(_testimony(one, members)) for one in holdings if one.rollups])
        former = [Former(key=one.key, witness=one.witness) for one in holdings if one.witness]
        return said + self._written(lines.FORMER, map(lines.write, former))

    async def _meanwhile(self, reading: Reading, waiting: dict[Key, Key | None]) -> AsyncIterator[bytes]:
        """Rows that were released while evidence was read: they do not wait any more, and what they became is read again."""
        left: set[Key] = set()
        async for nodes in paged(lambda after, limit: reading.nodes(Quarantined, after, limit)):
            left.update(node.key for node in nodes)
        gone = [key for key in waiting if key not in left]
        for at in range(0, len(gone), MEANWHILE):
            batch = gone[at : at + MEANWHILE]
            yield await self._said(reading, await reading.holdings_of(sorted({key for one in batch if (key := waiting[one])})))
            yield self._written(lines.RELEASED, map(lines.released, batch))

    async def _rest(self, reading: Reading) -> AsyncIterator[bytes]:
        """The registry, the policy, decisions, and whatever else of the tenant's is to be taken along."""
        registry = await reading.registry()
        shelves = (
            registry.entities,
            registry.relations,
            registry.open_platforms,
            registry.touchpoints,
            registry.bindings,
            registry.overrides,
        )
        for kind, shelf in zip(REGISTRY_NODES, shelves, strict=True):
            nodes: list[Node] = [shelf[key] for key in sorted(shelf)]
            yield self._written(kind.__name__, map(lines.write, nodes))
        yield self._written(lines.POLICY, [lines.write(registry.policy)])
        for kind in TRAVELLING:
            if kind is not Quarantined:
                async for found in paged(lambda after, limit, kind=kind: reading.nodes(kind, after, limit)):  # type: ignore[misc]  # one kind after the other
                    yield self._written(kind.__name__, map(lines.write, found))


def _testimony(one: Holding, members: dict[Key, Member]) -> Testimony:
    named = {one.key, *(r.rollup.b for r in one.rollups if r.rollup.said is Said.MIGRATED_TO)}
    found = [members[key] for key in sorted(named) if key in members and members[key].label is Label.OPEN_ID]
    open_ids = tuple(Identifier(key=m.key, label=m.label, scope=m.scope, value=m.value) for m in found)
    return Testimony(by=one.key, rollups=tuple(stored.rollup for stored in one.rollups), open_ids=open_ids)
