"""Tells a history to a tenant through the use cases, in any order, and reads what follows. Also counts what happened on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from graph.accounts import Registry
from graph.binding import _recorded, bind_touchpoint, correct_binding, move_touchpoint, retract_binding, unbind_touchpoint
from graph.bindings import TouchpointKind
from graph.changes import ChangeKind
from graph.decisions import Decision, DecisionKind
from graph.derive import News, derive
from graph.errors import Refused
from graph.evidence import ResolutionSource, Rollup
from graph.evidence import Said as Saying
from graph.jobs import JobKind, JobState
from graph.keys import random_key
from graph.link import By, ExternalLink, Migration, link_external_ids, record_migrations
from graph.node import Key, Millis
from graph.quarantine import Quarantined
from graph.record import Row as GivenRow
from graph.record import record_resolutions
from graph.registry import register_touchpoint, registry_only
from graph.results import Outcome
from graph.state import ConflictKind, naming
from graph.steward import Word, _derived, revoke_decision
from graph.stores import Store
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes
from graph.upkeep import rescope, take
from tests.resolver.facts import Bound, Claimed, Decided, Moved, Unlinked
from tests.resolver.histories import World
from tests.resolver.names import Names, external, policy
from tests.resolver.operations import Bind, Correct, Operation, Register, Revoke, Row, Withdraw

T = TypeVar("T")


class WatchedTenant(Tenant):
    """A tenant whose writes are counted by what they do."""

    def __init__(self, store: Store, name: str, tally: Counter[str]) -> None:
        super().__init__(store, name)
        self.tally = tally

    async def write(self, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Take the turn, and count."""
        last: list[tuple[Loaded, Writes]] = []

        def watched(loaded: Loaded) -> tuple[Writes, T]:
            writes, answer = decide(loaded)
            last[:] = [(loaded, writes)]
            return writes, answer

        answer = await super().write(scope_of, watched)
        count(*last[0], self.tally)
        self._count_releases(*last[0])
        return answer

    def _count_releases(self, loaded: Loaded, writes: Writes) -> None:
        """Whole rows that went, and UnionIDs that waited and are linked now; dropping what never waited is no release."""
        known = loaded.rollups
        linked = [
            made.rollup.key for made in writes.rollups if made.rollup.key in known and len(made.ends) > len(known[made.rollup.key].ends)
        ]
        waited = {self.keys.derive("Waiting", key) for key in linked} | loaded.nodes.keys()
        self.tally["releases"] += sum(isinstance(node, Quarantined) and node.key in waited for node in writes.drop)


def count(loaded: Loaded, writes: Writes, tally: Counter[str]) -> None:
    """Add up what one turn did."""
    tally["merges"] += sum(one.kind is ChangeKind.MERGED for one in writes.changes)
    tally["splits"] += sum(one.kind is ChangeKind.SPLIT for one in writes.changes)
    for row in writes.conflicts:
        is_new = row.resolved is None and row.key not in loaded.conflicts
        mass = {ConflictKind.GENERIC_IDENTIFIER: "generic conflicts", ConflictKind.TOO_LARGE: "sheds"}
        tally[mass.get(row.kind, "refusals")] += is_new
    for member in writes.members:
        before = loaded.members.get(member.key)
        tally["generic flips"] += bool(before) and bool(before.crowded if before else "") != bool(member.crowded)
    for stored in writes.rollups:
        known = loaded.rollups.get(stored.rollup.key)
        tally["re-scopes"] += known is not None and known.version < stored.version and set(dict(known.ends)) != set(dict(stored.ends))


class Teller:
    """Tells operations to one tenant."""

    def __init__(self, tenant: WatchedTenant, world: World, chance: random.Random) -> None:
        self.tenant, self.world, self.chance = tenant, world, chance
        self.names = Names(tenant.keys)
        self.bindings: dict[str, str] = {}
        self.decisions: dict[str, Key] = {}

    async def prepare(self) -> None:
        """The brand and its policy."""
        writes = Writes(put=self.names.brand(self.world), policy=policy(self.world))
        await self.tenant.write(registry_only, lambda _: (writes, None))

    async def tell(self, operations: Sequence[Operation]) -> None:
        """All of it, rows in batches, jobs done now and then."""
        batch: list[Row] = []
        for one in operations:
            if batch and (not isinstance(one, Row) or self.chance.random() < 0.3):
                await self._rows(batch)
                batch = []
            if isinstance(one, Row):
                batch.append(one)
                continue
            if self.chance.random() < 0.1:
                await self.work()
            await self._tell(one)
        if batch:
            await self._rows(batch)
        await self.work()

    async def work(self) -> None:
        """Do every job of this tenant: the store may hold others', which are nobody's business here."""
        while jobs := [job for name, job in await self.tenant.store.jobs(self.tenant.now()) if name == self.tenant.name]:
            for job in jobs:
                held = await take(self.tenant, job.key, "worker")
                assert held is not None
                assert held.kind is JobKind.RESCOPE
                done = await rescope(self.tenant, held, "worker")
                assert done is not None
                assert JobState.DONE is done.state

    async def _rows(self, rows: Sequence[Row]) -> None:
        given = [
            GivenRow(
                app_id=row.seen.who[1],
                open_id=row.seen.who[2],
                union_id=row.seen.text,
                observed=row.seen.at,
                source=ResolutionSource(row.seen.source),
                external_ids=tuple(map(external, row.exts)),
            )
            for row in rows
        ]
        results = await record_resolutions(self.tenant, given)
        assert Outcome.REJECTED not in {result.outcome for result in results}

    async def _tell(self, one: Operation) -> None:
        match one:
            case Register(app):
                await register_touchpoint(self.tenant, app, kind=TouchpointKind.MINI_PROGRAM, name=app)
            case Moved(old, new, at):
                moved = [Migration(from_open_id=old[2], to_open_id=new[2])]
                await record_migrations(self.tenant, old[1], new[1], moved, at)
            case Claimed() | Unlinked():
                await self._claim(one)
            case Bind() | Correct() | Withdraw():
                await self._bind(one)
            case Decided():
                await self._decide(one)
            case Revoke(key):
                await revoke_decision(self.tenant, f"dec_{self.decision_key(key)}", Word(reason="test", author="test"))

    async def _claim(self, one: Claimed | Unlinked) -> None:
        if isinstance(one, Unlinked):
            await self._say(Saying.UNLINKED, one, "MANUAL", one.at)
        elif one.claimant[0] == "open":
            await self._link(one)
        else:
            await self._say(Saying.CLAIMS, one, one.source, one.at)

    async def _link(self, one: Claimed) -> None:
        link = ExternalLink(customer=By(open_id=one.claimant[1:]), external_id=external(one.ext), observed=one.at)
        result = (await link_external_ids(self.tenant, [link]))[0]
        if result.outcome is Outcome.REJECTED:  # its first row waits for its touchpoint
            await self.work()
            result = (await link_external_ids(self.tenant, [link]))[0]
        assert result.outcome in {Outcome.APPLIED, Outcome.UNCHANGED}

    async def _say(self, saying: Saying, one: Claimed | Unlinked, source: str, at: Millis) -> None:
        """Evidence that the use cases make only of what is known by then, said directly, so that its order cannot matter."""
        a, b = self.names.identifier(one.claimant), self.names.identifier(one.ext)
        rollup = Rollup(
            key=self.tenant.keys.evidence(saying.value, a.key, b.key, source),
            said=saying,
            a=a.key,
            b=b.key,
            source=ResolutionSource(source),
            first=at,
            last=at,
            times=1,
            text=naming(a, b) if saying is Saying.CLAIMS else "",
        )
        news = News(cause="test", identifiers={a.key: a, b.key: b}, rollups=[rollup])
        both = frozenset((a.key, b.key))
        scope = Scope(people=both, expand=frozenset([b.key]), names=frozenset(a.names))
        await self.tenant.write(lambda _: scope, lambda loaded: (derive(loaded, self.tenant.keys, news, self.tenant.now()).writes, None))

    async def _bind(self, one: Bind | Correct | Withdraw) -> None:
        if isinstance(one, Bind):
            self.bindings[one.name] = await self._assert(one.bound)
        elif isinstance(one, Correct):
            await correct_binding(self.tenant, self.bindings[one.name], reason="test", open_app_id=one.bound.platform, at=one.bound.starts)
        else:
            await retract_binding(self.tenant, self.bindings[one.name], reason="test")

    async def _assert(self, bound: Bound) -> str:
        """Through the use case that fits what is known by then; where none does, because it says nothing new, directly."""
        tenant, app, platform, at = self.tenant, bound.app, bound.platform, bound.starts
        try:
            if platform is None:
                return (await unbind_touchpoint(tenant, app, at=at))[0].id if at is not None else await self.assert_directly(bound)
            if at is None and (await tenant.store.registry(tenant.name)).assertions(tenant.keys.touchpoint(app)):
                return await self.assert_directly(bound)
            return (await bind_touchpoint(tenant, app, platform, at=at, has_happened=True))[0].id
        except Refused:
            pass
        try:
            assert platform is not None
            return (await move_touchpoint(tenant, app, platform, at=at, has_happened=True))[0].id
        except (Refused, AssertionError):
            return await self.assert_directly(bound)

    async def assert_directly(self, bound: Bound) -> str:
        """Say it, whatever it changes; a job has that to do."""
        binding = self.names.binding(bound, random_key())

        def decide(loaded: Loaded) -> tuple[Writes, None]:
            return _recorded(loaded, binding, random_key(), self.tenant.now())[0], None

        await self.tenant.write(registry_only, decide)
        return binding.id

    async def _decide(self, one: Decided) -> None:
        a, b = self.names.key(one.a), self.names.key(one.b)
        key, both = self.decision_key(one.key), frozenset((a, b))
        made = Decision(key=key, kind=DecisionKind(one.kind), a=a, b=b, reason="test", author="test", decided=one.at)
        scope = Scope(people=both, expand=both, names=both)
        await self.tenant.write(lambda _: scope, lambda loaded: (_derived(self.tenant, loaded, made)[0], None))

    def decision_key(self, name: str) -> Key:
        """A decision's key: in each tenant another, as keys of chance are, but in the order of the names, by which ties are broken."""
        return Key(name.replace("0" * 10, self.tenant.keys.derive("Decisions")[:10], 1).ljust(22, "x"))
