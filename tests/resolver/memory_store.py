"""A store in memory that loads what a real one may and no more: raw components, as far as generic identifiers. For these tests only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from graph.accounts import REGISTERED, Registry
from graph.changes import Change
from graph.decisions import Decision, DecisionKind
from graph.evidence import Said
from graph.jobs import UNFINISHED, Job
from graph.keys import Keys
from graph.node import Key, Millis, Node
from graph.policy import DEFAULT_POLICY, IdentityPolicy
from graph.policy_changes import PolicyChange
from graph.quarantine import Quarantined
from graph.receipts import ErasureReceipt, Traces
from graph.resolve import Crowd
from graph.state import ConflictRow, CustomerRow, Label, Member, StoredRollup
from graph.stores import Aggregate, CustomerFilter, Page, Slice
from graph.tombstones import Tombstone
from graph.turn import Incomplete, Loaded, Scope, Touch, Writes

T = TypeVar("T")
N = TypeVar("N", bound=Node)
NOW: Millis = 10**12


class QuickKeys(Keys):
    """Remembers what it derived, because histories name the same few people over and over."""

    def __init__(self, secret: bytes, tenant: str) -> None:
        super().__init__(secret, tenant)
        self._known: dict[tuple[str, ...], Key] = {}

    def derive(self, label: str, *parts: str) -> Key:
        """The same key."""
        known = self._known.get((label, *parts))
        if known is None:
            known = self._known[label, *parts] = super().derive(label, *parts)
        return known


class MemoryStore:
    """One tenant's graph in dictionaries."""

    def __init__(self) -> None:
        self.made = QuickKeys(b"secret of the tests", "t")
        self.members: dict[Key, Member] = {}
        self.rollups: dict[Key, StoredRollup] = {}
        self.customers_: dict[Key, CustomerRow] = {}
        self.conflicts_: dict[Key, ConflictRow] = {}
        self.changes_: list[Change] = []
        self.former: dict[Key, Key] = {}
        """Identifiers that nothing names any more, each with its witness."""
        self.nodes_: dict[Key, Node] = {}
        self.registered: dict[Key, Node] = {}
        self.policy: IdentityPolicy = DEFAULT_POLICY
        self.version = 0
        self.turn = 0
        self.blocked_ = 0
        self.at: dict[Key, set[Key]] = defaultdict(set)
        """For each identifier the roll-ups that name or link it."""
        self._registry: Registry | None = None

    def clock(self) -> Millis:
        """Late enough for everything."""
        return NOW

    def keys(self, tenant: str) -> Keys:
        """What makes this tenant's keys."""
        assert tenant == self.made.tenant
        return self.made

    def registry_now(self) -> Registry:
        """The brand's side."""
        if self._registry is None:
            self._registry = Registry.of(self.version, self.registered.values(), self.policy)
        return self._registry

    async def registry(self, _: str) -> Registry:
        """The brand's side."""
        return self.registry_now()

    async def write(self, _: str, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Load, decide, apply; wider where the rule must look further."""
        scope = scope_of(self.registry_now())
        while True:
            try:
                writes, answer = decide(_Loading(self, scope).loaded())
            except Incomplete as more:
                wider = scope.wider(more.scope)
                assert scope != wider, "the turn asked for what it had been shown"
                scope = wider
            else:
                self._apply(writes)
                return answer

    async def touch(self, _: str, version: int, touches: Sequence[Touch]) -> list[Key | None]:
        """Move times only."""
        return [self._touched(one) if version == self.version else None for one in touches]

    def _touched(self, one: Touch) -> Key | None:
        if any(self.members[key].value is None for key in one.valued if key in self.members):
            return None
        known = [self.rollups.get(sighting.rollup) for sighting in one.sightings]
        for sighting, stored in zip(one.sightings, known, strict=True):
            if stored is None or not stored.settled or stored.rollup.first > one.at:
                return None
            if not sighting.epoch_starts <= stored.rollup.last < sighting.epoch_ends:
                return None
        concerned = {one.open_id}
        for stored in known:
            assert stored is not None
            rollup = replace(stored.rollup, last=max(stored.rollup.last, one.at), times=stored.rollup.times + 1)
            self.rollups[rollup.key] = replace(stored, rollup=rollup)
            concerned |= {end for end, _ in stored.ends if end in self.members}
        for key in concerned:
            member = self.members[key]
            times = member.times + (key == one.open_id)
            self.members[key] = replace(member, last=max(member.last, one.at), times=times)
            row = self.customers_[member.customer]
            self.customers_[row.key] = replace(row, last=max(row.last, one.at))
        return self.members[one.open_id].customer

    async def nodes(self, _: str, keys: Sequence[Key]) -> list[Node | None]:
        """Nodes outside the registry."""
        return [self.nodes_.get(key) for key in keys]

    async def page(self, _: str, kind: type[N], page: Page) -> tuple[Registry, Slice[N]]:
        """Nodes of a kind, forward."""
        found = sorted((key, node) for key, node in self.nodes_.items() if isinstance(node, kind) and key > (page.after or ""))
        return self.registry_now(), Slice(items=[node for _, node in found[: page.limit]], has_more=len(found) > page.limit)

    async def evidence(self, _: str, keys: Sequence[Key]) -> list[StoredRollup | None]:
        """Roll-ups by key."""
        return [self.rollups.get(key) for key in keys]

    async def quarantined(self, _: str, app_id: str | None, after: Key | None, limit: int) -> list[Key]:
        """Whole rows that wait."""
        rows = [node for node in self.nodes_.values() if isinstance(node, Quarantined) and node.row and app_id in {None, node.app_id}]
        return sorted(node.key for node in rows if after is None or node.key > after)[:limit]

    async def stale(self, _: str, touchpoint: Key, version: int, after: Key | None, limit: int) -> list[Key]:
        """OpenIDs with evidence scoped under an earlier version."""
        found = {
            stored.rollup.a
            for stored in self.rollups.values()
            if stored.rollup.said is Said.RESOLVED_AS and stored.version < version and self.members[stored.rollup.a].scope == touchpoint
        }
        return sorted(key for key in found if after is None or key > after)[:limit]

    async def blocked(self, _: str) -> int:
        """Rows that were turned away."""
        return self.blocked_

    async def traces(self) -> Traces:
        """None."""
        return Traces(store="memory", what="", days=0)

    async def forget(self, _: Collection[str] | None, /) -> bool:
        """Nothing lies anywhere."""
        return True

    async def customer_page(self, _: str, which: CustomerFilter, page: Page) -> tuple[Registry, Slice[Aggregate]]:
        """How many customers there are."""
        assert (CustomerFilter(), True) == (which, page.is_counted)
        return self.registry_now(), Slice(items=[], has_more=False, total=len(self.customers_))

    async def customer_keys(self, _: str, after: Key | None, limit: int) -> list[Key]:
        """Customers' keys in order."""
        return sorted(key for key in self.customers_ if key > (after or ""))[:limit]

    async def loose_claims(self, _: str, after: Key | None, limit: int) -> list[Key]:
        """Claims that count nowhere now."""
        loose = [key for key, one in self.rollups.items() if one.rollup.said is Said.CLAIMS and not one.ends]
        return sorted(key for key in loose if after is None or key > after)[:limit]

    async def jobs(self, now: Millis) -> list[tuple[str, Job]]:
        """Unfinished jobs that nobody holds."""
        waiting = [node for node in self.nodes_.values() if isinstance(node, Job)]
        return [("t", job) for job in waiting if job.state in UNFINISHED and job.lease_until <= now]

    def _apply(self, writes: Writes) -> None:
        self.turn += 1
        self.blocked_ += writes.blocked
        for rollup in writes.forgotten:
            self._forget(rollup.key)
        self.conflicts_ = {key: row for key, row in self.conflicts_.items() if not set(writes.erased).intersection(row.about)}
        for stored in writes.rollups:
            self._put_rollup(stored)
        self.members |= {member.key: member for member in writes.members}
        self.customers_ |= {row.key: row for row in writes.customers}
        retired = {key: self.members.pop(key) for key in writes.retired}
        self.former |= {key: member.witness for key, member in retired.items() if member.witness}
        erased = set(writes.erased)
        self.former = {key: by for key, by in self.former.items() if key not in self.members and not erased.intersection((key, by))}
        for key in writes.ended:
            del self.customers_[key]
        self.conflicts_ |= {row.key: row for row in writes.conflicts}
        self.changes_ += writes.changes
        registry = [node for node in (*writes.put, *writes.drop) if isinstance(node, tuple(REGISTERED.values()))]
        for node in writes.put:
            (self.registered if node in registry else self.nodes_)[node.key] = node
        for node in writes.drop:
            (self.registered if node in registry else self.nodes_).pop(node.key, None)
        if registry or writes.policy:
            self.policy, self._registry = writes.policy or self.policy, None
            self.version += 1

    def _forget(self, key: Key) -> None:
        former = self.rollups.pop(key, None)
        for name in _named(former) if former else ():
            self.at[name].discard(key)

    def _put_rollup(self, stored: StoredRollup) -> None:
        key = stored.rollup.key
        self._forget(key)
        self.rollups[key] = stored
        for name in _named(stored):
            self.at[name].add(key)


def _named(stored: StoredRollup) -> set[Key]:
    """Who a roll-up is about: a UnionID's text is nobody."""
    rollup = stored.rollup
    return {rollup.a, *(end for end, _ in stored.ends), *([] if rollup.said is Said.RESOLVED_AS else [rollup.b])}


class _Loading:
    """One load: breadth first along live links and SAMEs."""

    def __init__(self, store: MemoryStore, scope: Scope) -> None:
        self.store, self.scope = store, scope
        self.asked = scope.people | scope.expand
        self.followed = {key: store.former[key] for key in self.asked & store.former.keys()}
        self.reached: set[Key] = set()
        self.whole: set[Key] = set()
        self.rollups: dict[Key, StoredRollup] = {}

    def loaded(self) -> Loaded:
        store = self.store
        texts = {key for key, member in store.members.items() if member.text_key in self.scope.people}
        frontier = self.asked | frozenset(self.followed.values()) | texts | self._same(self.scope.names)
        while frontier:
            self.reached |= frontier
            frontier = frozenset(beyond for key in frontier for beyond in self._beyond(key)) - self.reached
        border = {name for stored in self.rollups.values() for name in _named(stored)}
        members = {key: store.members[key] for key in self.reached | border if key in store.members}
        names = self.asked | self.scope.names | {name for member in members.values() for name in member.names}
        return Loaded(
            registry=store.registry_now(),
            turn=store.turn + 1,
            sequence=len(store.changes_),
            asked=self.asked,
            whole=frozenset(self.whole),
            members=members,
            followed=self.followed,
            rollups=self.rollups,
            decisions={one.key: one for one in self._standing() if names & one.pair},
            conflicts={
                key: row for key, row in store.conflicts_.items() if row.resolved is None and not members.keys().isdisjoint(row.about)
            },
            crowds={key: self._crowd(member) for key, member in members.items() if member.crowded and key not in self.whole},
            customers={m.customer: store.customers_[m.customer] for m in members.values() if m.customer in store.customers_},
            nodes={key: store.nodes_[key] for key in self.scope.keys if key in store.nodes_} | self._searched(),
            tombstones={
                key: stone for key in names | members.keys() | self.scope.keys if isinstance(stone := store.nodes_.get(key), Tombstone)
            },
            searched=self.scope.mentions,
            in_use=self.scope.namespaces & {one.scope for one in store.members.values() if one.label is Label.EXTERNAL_ID},
        )

    def _searched(self) -> dict[Key, Node]:
        """What holds one of the texts that were searched for, and all that holds words of people."""
        if not self.scope.mentions:
            return {}
        nodes = self.store.nodes_.values()
        rows = {n.key: n for n in nodes if isinstance(n, Quarantined) and any(text in n.row for text in self.scope.mentions)}
        return rows | {n.key: n for n in nodes if isinstance(n, Decision | Job | ErasureReceipt | PolicyChange)}

    def _beyond(self, key: Key) -> Iterable[Key]:
        """Load what is said by and about one identifier; gives those it hangs together with."""
        member = self.store.members.get(key)
        is_whole = member is not None and (not member.crowded or self._is_opened(member))
        if is_whole:
            self.whole.add(key)
        if key in self.scope.decided:
            self.rollups |= {k: one for k, one in self.store.rollups.items() if one.rollup.b == key and not one.ends}
        for evidence in self.store.at[key] if is_whole or key in self.asked else ():
            stored = self.store.rollups[evidence]
            if is_whole or stored.rollup.a == key:
                self.rollups[evidence] = stored
            for end, is_live in stored.ends if is_whole else ():
                if is_live and key in {stored.rollup.a, end}:
                    yield from (stored.rollup.a, end)
        yield from self._same(frozenset(member.names if member else (key,)))

    def _same(self, names: frozenset[Key]) -> frozenset[Key]:
        """Whom SAMEs join to these."""
        sames = [one for one in self._standing() if one.kind is DecisionKind.SAME and names & one.pair]
        return frozenset(other.key for one in sames for other in self.store.members.values() if one.pair.intersection(other.names))

    def _is_opened(self, member: Member) -> bool:
        return member.key in self.scope.expand or (member.label is Label.OPEN_ID and member.key in self.scope.people)

    def _standing(self) -> list[Decision]:
        return [node for node in self.store.nodes_.values() if isinstance(node, Decision) and node.revoked is None]

    def _crowd(self, member: Member) -> Crowd:
        """What stands beside a generic identifier outside of what was loaded."""
        inside = self.whole | self.asked
        beside: set[Key] = set()
        for evidence in self.store.at[member.key]:
            stored = self.store.rollups[evidence]
            if stored.rollup.a == member.key and member.label is not Label.EXTERNAL_ID:
                beside.update(end for end, _ in stored.ends)
            elif member.key in dict(stored.ends):
                beside.add(stored.rollup.a)
        enough = self.scope.enough(self.store.policy)
        outside = [self.store.members[key] for key in beside - inside if key in self.store.members]
        if member.label is Label.EXTERNAL_ID:
            return Crowd(accounts=min(enough, len({other.account or other.key for other in outside})))
        in_slot = [other for other in outside if f"{other.label.value} {other.scope}" == member.crowded]
        return Crowd(slot=member.crowded, neighbours=min(enough, len(in_slot)))
