"""A tenant that was told a history, in memory or in a real store, and a steward who may do anything to it: what some invariants need."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from graph.chains import Chains
from graph.changes import Change
from graph.decisions import Decision, DecisionKind
from graph.effect import CustomerSketch, PartitionEffect
from graph.errors import Refused, UserErrorCode
from graph.link import By
from graph.node import Id, Key
from graph.quarantine import Quarantined
from graph.rebuild import apart
from graph.state import PREFIX, ConflictKind, Member, Step, StoredRollup
from graph.steward import Ruling, Word, declare, retract_evidence
from graph.stores import CustomerFilter
from graph.why import steps_within
from tests.concurrency.everything import Everything
from tests.concurrency.rebuild import differences
from tests.resolver.facts import Name
from tests.resolver.held import EVERYTHING, everybody, follows, held
from tests.resolver.histories import Story
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names, external
from tests.resolver.operations import Row
from tests.resolver.rebuilt import State, in_memory, of_picture, picture_of, rebuilt_from
from tests.resolver.telling import WatchedTenant

WORD = Word(reason="test", author="test")
REHEARSED = Word(reason="test", author="test", is_rehearsal=True)


@dataclass(frozen=True)
class Group:
    """A customer as it is held: its members and the steps that hold it together."""

    members: tuple[Member, ...]
    steps: tuple[Step, ...]

    @property
    def chains(self) -> Chains:
        """To look for a way between two of them."""
        return Chains(self.steps)


Decide = Callable[[Word], Awaitable[Ruling]]


class Desk:
    """What a steward can do, and what can be seen of it."""

    read: Callable[[], Awaitable[Everything]]
    """All that a real store has of it, by the back door."""

    def __init__(self, tenant: WatchedTenant, one: Story, seed: int, *, is_live: bool) -> None:
        self.tenant, self.story, self.seed, self.is_live = tenant, one, seed, is_live
        self.chance = random.Random(seed)
        self.names = Names(tenant.keys)
        store: object = tenant.store
        self.memory = store if isinstance(store, MemoryStore) else None

    async def state(self) -> State:
        """Who is who, and what is in conflict."""
        return in_memory(self.memory) if self.memory else await held(self.tenant)

    async def members(self) -> list[Member]:
        """Everybody."""
        if self.memory:
            return list(self.memory.members.values())
        return [member for customer in await everybody(self.tenant) for member in customer.members]

    async def changes(self) -> list[Change]:
        """The feed."""
        return self.memory.changes_ if self.memory else await self.tenant.store.changes(self.tenant.name, 0, 10_000)

    async def rollups(self) -> list[StoredRollup]:
        """All evidence."""
        if self.memory:
            return list(self.memory.rollups.values())
        return list({one.rollup.key: one for customer in await everybody(self.tenant) for one in customer.rollups}.values())

    async def waiting(self) -> set[Key]:
        """The keys of what lies in quarantine."""
        if self.memory:
            return {key for key, node in self.memory.nodes_.items() if isinstance(node, Quarantined)}
        return {one.key for one in (await self.tenant.store.page(self.tenant.name, Quarantined, EVERYTHING))[1].items}

    async def rebuilt(self, standing: list[Decision]) -> State:
        """What would follow from its evidence if these decisions stood alone."""
        return of_picture(rebuilt_from(self.memory, standing)) if self.memory else await follows(self.tenant, standing)

    async def differences(self) -> list[object]:
        """Where what is stored is not what follows from the evidence."""
        if self.memory:
            return list(apart(picture_of(self.memory), rebuilt_from(self.memory)))
        return list(differences(await self.read(), self.tenant.keys))

    async def groups(self) -> list[Group]:
        """Every customer."""
        if self.memory:
            return list(_groups_in(self.memory))
        customers = await self.tenant.customer_page(CustomerFilter(), EVERYTHING)
        return [Group(one.members, tuple(await self.tenant.steps_within(one))) for one in customers.items]

    async def decisions(self) -> list[Decision]:
        """Those that stand."""
        nodes = (
            self.memory.nodes_.values() if self.memory else (await self.tenant.store.page(self.tenant.name, Decision, EVERYTHING))[1].items
        )
        return [one for one in nodes if isinstance(one, Decision) and one.revoked is None]

    async def standing(self) -> set[Key]:
        """The same by their keys."""
        return {one.key for one in await self.decisions()}

    async def ids(self) -> dict[Key, Id]:
        """What clients call everybody who is there."""
        return {member.key: Id(f"{PREFIX[member.label]}_{member.key}") for member in await self.members()}

    async def anybody(self) -> By:
        """Somebody who is known, named in any way."""
        people = sorted((await self.state()).people)
        known = [name for name in self._named() if self.names.key(name) in people]
        if self.chance.random() < 0.2 or not known:
            return By(id=Id(f"cus_{self.chance.choice(people)}"))
        kind, scope, text = self.chance.choice(known)
        if kind == "open":
            return By(open_id=(scope, text))
        return By(union_id=(scope, text)) if kind == "union" else By(external_id=external((kind, scope, text)))

    def _named(self) -> list[Name]:
        rows = [one for one in self.story.operations if isinstance(one, Row)]
        texts = {row.seen.text for row in rows if row.seen.text}
        unions = [("union", platform, text) for platform in self.story.world.platforms for text in texts]
        return sorted({row.seen.who for row in rows} | {ext for row in rows for ext in row.exts} | set(unions))

    async def something(self, kinds: Iterable[DecisionKind] = DecisionKind) -> Decide | None:
        """Something to decide, drawn by chance; None where there is nothing to retract."""
        kind = self.chance.choice(list(kinds))
        if kind is not DecisionKind.RETRACT:
            a, b = await self.anybody(), await self.anybody()
            return lambda word: declare(self.tenant, kind, a, b, word)
        steps = sorted({step.evidence for group in await self.groups() for step in group.steps if step.sources})
        if not steps:
            return None
        evidence = self.chance.choice(steps)
        return lambda word: retract_evidence(self.tenant, f"evd_{evidence}", word)

    async def decided(self, decide: Decide | None, word: Word = WORD) -> Ruling | None:
        """What it came to; None where it was refused, as it may be."""
        if decide is None:
            return None
        try:
            return await decide(word)
        except Refused as refused:
            if refused.errors[0].code not in {UserErrorCode.CONTRADICTING_DECISION, UserErrorCode.INVALID_INPUT}:
                raise
            self.tenant.tally[refused.errors[0].code.value] += 1
            return None


def _groups_in(store: MemoryStore) -> Iterator[Group]:
    classes: dict[Key, list[Member]] = defaultdict(list)
    for member in store.members.values():
        classes[member.customer].append(member)
    shed = {key for row in store.conflicts_.values() if row.kind is ConflictKind.TOO_LARGE and row.resolved is None for key in row.about}
    decided = [node for node in store.nodes_.values() if isinstance(node, Decision)]
    for members in classes.values():
        here = {member.key for member in members}
        rollups = [stored for stored in store.rollups.values() if stored.rollup.a in here]
        yield Group(tuple(members), tuple(steps_within(members, rollups, decided, store.registry_now(), shed)))


def difference(before: State, after: State, ids: Mapping[Key, Id]) -> PartitionEffect:
    """Who changed from one state to another, counted plainly."""

    def sketches(state: State) -> set[tuple[str, tuple[str, ...]]]:
        customers: dict[Key, list[Id]] = defaultdict(list)
        for key, (_, customer) in state.people.items():
            customers[customer].append(ids[key])
        return {(f"cus_{customer}", tuple(sorted(members))) for customer, members in customers.items()}

    def listed(found: set[tuple[str, tuple[str, ...]]]) -> list[CustomerSketch]:
        return [CustomerSketch(customer_id=Id(customer), identifiers=[*map(Id, members)]) for customer, members in sorted(found)]

    return PartitionEffect(before=listed(sketches(before) - sketches(after)), after=listed(sketches(after) - sketches(before)))
