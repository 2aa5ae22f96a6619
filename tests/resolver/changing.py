"""Tells a history while the identity policy changes, its jobs half done, left and overtaken; in the end the story's own policy holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from graph import policy_walk
from graph.evidence import Said
from graph.jobs import Job, JobKind, JobState
from graph.node import Key
from graph.policy import IdentityPolicy
from graph.policy_walk import apply_policy
from graph.rebuild import apart
from graph.registry import registry_only
from graph.set_policy import Change, Foreseen, rehearse_identity_policy, set_identity_policy
from graph.state import Label, Member, StoredRollup, named_by
from graph.stores import Store
from graph.turn import Writes
from graph.upkeep import change_job, rescope, take
from tests.resolver.histories import Story, World, story
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names, policy
from tests.resolver.operations import Operation, said, shuffled
from tests.resolver.rebuilt import expected, in_memory, picture_of, rebuilt_from
from tests.resolver.reference import truth
from tests.resolver.telling import Teller, WatchedTenant


class ChangingTeller(Teller):
    """Begins under a policy of chance, and changes it now and then, whatever is being told."""

    def __init__(self, tenant: WatchedTenant, world: World, chance: random.Random) -> None:
        super().__init__(tenant, world, chance)
        self.own = policy(world)

    async def prepare(self) -> None:
        """The brand, under some policy of chance."""
        await super().prepare()
        await self.tenant.write(registry_only, lambda _: (Writes(policy=self._any()), None))

    async def tell(self, operations: Sequence[Operation]) -> None:
        """Until then under changing policies."""
        await super().tell(operations)
        await self._change(self._any())
        await self.work()

    async def _tell(self, one: Operation) -> None:
        await super()._tell(one)
        if self.chance.random() < 0.08:
            await self._change(self._any())
        if self.chance.random() < 0.2:
            await self._some_pages()

    def _any(self) -> IdentityPolicy:
        """The same namespaces in any order, with any slots, in clear or not; another threshold."""
        chance = self.chance
        spaces = [
            replace(one, max_per_customer=chance.choice([None, 1, 2, one.max_per_customer]), is_sensitive=chance.random() < 0.4)
            for one in self.own.namespaces
        ]
        chance.shuffle(spaces)
        return replace(self.own, namespaces=spaces, generic_after=chance.choice([1, 2, 3, 4, 5, self.own.generic_after]))

    async def _change(self, to: IdentityPolicy) -> Job:
        change = Change(namespaces=to.namespaces, generic_after=to.generic_after)
        self.tenant.tally["policy changes"] += 1
        return (await set_identity_policy(self.tenant, change, reason="test", author="test"))[1]

    async def _some_pages(self) -> None:
        """A worker does a little of a job and dies; its lease runs out at once."""
        for name, job in await self.tenant.store.jobs(self.tenant.now()):
            if name != self.tenant.name or job.kind is not JobKind.POLICY_CHANGE:
                continue
            held = await take(self.tenant, job.key, "mortal")
            for _ in range(self.chance.randint(1, 3)):
                if held is not None and held.state is JobState.RUNNING:
                    held = await policy_walk._apply_page(self.tenant, held, "mortal")
            await change_job(self.tenant, job.key, lambda one, _: replace(one, lease_until=0) if one.state is JobState.RUNNING else None)

    async def begin_with_own_threshold(self) -> None:
        """A policy that shares the story's threshold, and a little of its job or nothing."""
        await self._change(replace(self._any(), generic_after=self.own.generic_after))
        if self.chance.random() < 0.7:
            await self._some_pages()

    async def work(self) -> None:
        """Do every job."""
        while jobs := [job for name, job in await self.tenant.store.jobs(self.tenant.now()) if name == self.tenant.name]:
            for job in jobs:
                held = await take(self.tenant, job.key, "worker")
                assert held is not None
                done = await (rescope if held.kind is JobKind.RESCOPE else apply_policy)(self.tenant, held, "worker")
                assert done is not None
                assert done.state in {JobState.DONE, JobState.CANCELLED}

    async def foresee(self) -> Foreseen:
        """What the story's own policy would do now."""
        return await rehearse_identity_policy(self.tenant, self._last, reason="test")

    async def end(self) -> Job:
        """The story's own policy, applied to everybody; gives its job."""
        _, job = await set_identity_policy(self.tenant, self._last, reason="test", author="test")
        await self.work()
        [done] = await self.tenant.store.nodes(self.tenant.name, [job.key])
        assert isinstance(done, Job)
        return done

    @property
    def _last(self) -> Change:
        return Change(namespaces=self.own.namespaces, generic_after=self.own.generic_after)


Partition = Mapping[Key, Key]


@dataclass(frozen=True)
class Moved:
    """Counted by its definition, from who was whose before and after."""

    merges: int
    splits: int

    @classmethod
    def between(cls, before: Partition, after: Partition) -> Moved:
        """Customers of before that share one with another, and those whose members are in several."""
        classes = {customer: {key for key, of in before.items() if of == customer} for customer in set(before.values())}
        shares = [
            customer
            for customer, members in classes.items()
            if any(before[key] != customer for key in before if after[key] in {after[one] for one in members})
        ]
        return cls(len(shares), sum(len({after[key] for key in members}) > 1 for members in classes.values()))


async def check_in_memory(seed: int, tally: Counter[str]) -> None:
    """Whatever policies held before: all is as under the last one alone, as was foreseen, as a rebuild makes it; no secret is left."""
    store, one, chance = MemoryStore(), story(seed), random.Random(seed)
    teller = ChangingTeller(WatchedTenant(cast("Store", store), "t", tally), one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    before = {key: member.customer for key, member in store.members.items()}
    foreseen = await teller.foresee()
    assert before == {key: member.customer for key, member in store.members.items()}, f"history {seed}"
    job = await teller.end()
    _ends_as_under_the_last(store, one, seed)
    moved = Moved.between(before, {key: member.customer for key, member in store.members.items()})
    assert moved == Moved(foreseen.merges, foreseen.splits), f"history {seed}"
    assert moved == Moved(job.merges, job.splits), f"history {seed}"
    assert set() == secrets_in(store.rollups, store.members, store.policy), f"history {seed}"


async def check_overtaken(seed: int) -> None:
    """A job that is half done when the story's own policy comes in force leaves nothing to be told by."""
    store, one, chance = MemoryStore(), story(seed), random.Random(seed)
    teller = ChangingTeller(WatchedTenant(cast("Store", store), "t", Counter()), one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    await teller.begin_with_own_threshold()
    await teller.end()
    _ends_as_under_the_last(store, one, seed)


def _ends_as_under_the_last(store: MemoryStore, one: Story, seed: int) -> None:
    names = Names(store.made)
    assert expected(truth(said(one.operations), one.world.rules, names.key), names.key) == in_memory(store), f"history {seed}"
    assert [] == list(apart(picture_of(store), rebuilt_from(store))), f"history {seed}"


def secrets_in(rollups: Mapping[Key, StoredRollup], members: Mapping[Key, Member], held: IdentityPolicy) -> set[str]:
    """Values in clear that a sensitive namespace still has."""
    named = [one for stored in rollups.values() if stored.rollup.said is Said.CLAIMS for one in named_by(stored.rollup)]
    people = [one for one in (*named, *members.values()) if one.label is Label.EXTERNAL_ID]
    return {one.value for one in people if one.value is not None and held.of(one.scope).is_sensitive}
