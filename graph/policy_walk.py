"""Use case: walk over everybody under a new identity policy, page by page, as a job that survives its worker; or only to count.

Every customer's raw component is derived anew, whole. Whatever is written after the change is derived under the new policy by itself, so
that who moves to another customer during the walk, even to one that it has passed, is in line already.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from graph import effect
from graph.derive import Derived, News, derive
from graph.jobs import UNFINISHED, Job, JobKind, JobState
from graph.node import Key, Millis, Node
from graph.policy import IdentityPolicy
from graph.policy_changes import Tally, read, write
from graph.policy_crowds import CAUSE, around, under, widest
from graph.quarantine import Quarantined
from graph.rows import kept_under
from graph.sensitivity import hides_more, tells
from graph.stores import Store
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes
from graph.upkeep import LEASE, PAGE, mine, take


class Part(enum.Enum):
    """What is walked over, one after the other."""

    CUSTOMERS = "CUSTOMERS"
    CLAIMS = "CLAIMS"
    """Claims that were taken back, of somebody whom nothing names any more: no customer knows them, but they may hold a value in clear."""
    ROWS = "ROWS"
    """Rows that wait: their external ids are kept as the policy says."""
    OVER = "OVER"


AFTER = {Part.CUSTOMERS: Part.CLAIMS, Part.CLAIMS: Part.ROWS, Part.ROWS: Part.OVER}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands."""

    part: Part = Part.CUSTOMERS
    after: str = ""
    widest: int = 0
    """External ids with a crowd of up to so many accounts are looked at whole: see policy_crowds.py. 0: none."""
    wipes: bool = False
    """Values in clear are taken out: in the end their bytes go, too."""

    @classmethod
    def at_first(cls, before: IdentityPolicy, policy: IdentityPolicy, applying: Job | None) -> Place:
        """Where a change begins. What was left to do of the one before, by the job that applied it, is its own to do."""
        left = cls.of(applying) if applying and applying.state is not JobState.DONE else cls()
        return cls(widest=max(widest(before, policy), left.widest), wipes=hides_more(before, policy) or left.wipes)

    @classmethod
    def of(cls, job: Job) -> Place:
        """Where a job is to go on."""
        written = json.loads(job.checkpoint)
        return cls(Part(written["part"]), written["after"], written["widest"], written.get("wipes", False))

    @property
    def checkpoint(self) -> str:
        """As a job keeps it."""
        return json.dumps({"part": self.part.value, "after": self.after, "widest": self.widest, "wipes": self.wipes})

    def on(self, after: str | None) -> Place:
        """Further on; where there is nothing more, at the next part."""
        return replace(self, after=after) if after else replace(self, part=AFTER[self.part], after="")


@dataclass(frozen=True, slots=True)
class _Page:
    """What is dealt with in one turn."""

    people: Sequence[Key]
    rows: Sequence[Quarantined]
    customers: int
    then: Place


async def _page(tenant: Tenant, place: Place) -> _Page:
    """The next page; an empty one leads to the next part."""
    store, name = tenant.store, tenant.name
    if place.part is Part.CUSTOMERS:
        keys = await store.customer_keys(name, Key(place.after), PAGE)
        return _Page(keys, (), len(keys), place.on(keys[-1] if keys else None))
    if place.part is Part.CLAIMS:
        claims = await store.loose_claims(name, Key(place.after), PAGE)
        policy = (await store.registry(name)).policy
        told = {one.rollup.a for one in await store.evidence(name, claims) if one is not None and tells(one.rollup, policy)}
        return _Page(sorted(told), (), 0, place.on(claims[-1] if claims else None))
    keys = await store.quarantined(name, None, Key(place.after), PAGE)
    rows = [node for node in await store.nodes(name, keys) if isinstance(node, Quarantined)]
    return _Page((), rows, 0, place.on(keys[-1] if keys else None))


async def apply_policy(tenant: Tenant, job: Job, owner: str) -> Job | None:
    """Do a POLICY_CHANGE job from wherever it stands. Killed anywhere, it is taken up again; a page done twice changes nothing."""
    held: Job | None = job
    while held is not None and mine(held, owner):
        held = await (_rehearsal_page if held.is_rehearsal else _apply_page)(tenant, held, owner)
    if held is not None and _wipes(held):
        await tenant.store.forget(None)
    return held


def _wipes(job: Job) -> bool:
    return job.state is JobState.DONE and not job.is_rehearsal and Place.of(job).wipes


async def _apply_page(tenant: Tenant, job: Job, owner: str) -> Job | None:
    """Bring the next page in line with the policy in force, and note it in the job, in one turn."""
    place = Place.of(job)
    page = await _page(tenant, place)
    policy = (await tenant.store.registry(tenant.name)).policy
    formed = {row.key: kept_under(row, policy, tenant.keys) for row in page.rows}
    keys = frozenset([job.key, *formed, *(row.key for row in formed.values())])
    now = tenant.now()

    def decide(loaded: Loaded) -> tuple[Writes, Job | None]:
        held = loaded.nodes.get(job.key)
        if not isinstance(held, Job) or not mine(held, owner):
            return Writes(), held if isinstance(held, Job) else None
        if loaded.registry.policy.job != job.key:
            late = overtaken(held, now)
            return Writes(put=[late]), late
        writes, tally = _reformed(page.rows, formed, loaded), Tally()
        if page.people:
            derived = derive(loaded, tenant.keys, News(cause=CAUSE), now)
            tally.add(derived.before, derived.after, derived.ids)
            writes.add(derived.writes)
        step = _stepped(held, page, tally, now)
        writes.put.append(step)
        writes.wipes = _wipes(step)
        return writes, step

    scope = (await around(tenant, page.people, policy, page.then.widest)).wider(Scope(keys=keys))
    return await tenant.write(lambda _: scope, decide)


def _reformed(rows: Sequence[Quarantined], formed: dict[Key, Quarantined], loaded: Loaded) -> Writes:
    """Rows that wait, in the form that the policy gives them. One that comes to be the same as another keeps every count."""
    before = {key: node for key, node in loaded.nodes.items() if isinstance(node, Quarantined)}
    after = dict(before)
    for row in rows:
        known, form = after.pop(row.key, None), formed[row.key]
        if known is not None:
            moved = replace(known, key=form.key, row=form.row)
            after[form.key] = moved.merged(after[form.key]) if form.key in after else moved
    gone: list[Node] = [node for key, node in before.items() if key not in after]
    return Writes(put=[node for key, node in after.items() if before.get(key) != node], drop=gone)


def _stepped(job: Job, page: _Page, tally: Tally, now: Millis) -> Job:
    """A job one page further."""
    merges, splits = job.merges + tally.merges, job.splits + tally.splits
    step = replace(job, done=job.done + page.customers, merges=merges, splits=splits, progressed=now)
    if page.then.part is Part.OVER:
        return ended(step, now)
    return replace(step, checkpoint=page.then.checkpoint, lease_until=now + LEASE)


def ended(job: Job, now: Millis) -> Job:
    """A job that has dealt with everything."""
    return replace(job, state=JobState.DONE, finished=now, total=job.done, lease_owner="", lease_until=0)


def overtaken(job: Job, now: Millis) -> Job:
    """A job that another change of the policy made pointless."""
    said = "Another identity policy came in force: its own job deals with every customer."
    return replace(job, state=JobState.CANCELLED, last_error=said, finished=now, lease_owner="", lease_until=0)


@dataclass
class Rehearsal:
    """A walk that counts what a policy would do, and writes nothing."""

    policy: IdentityPolicy
    base: Key | None
    """The job of the policy in force: under another one, what was counted is worth nothing."""
    place: Place
    done: int = 0
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def of(cls, job: Job) -> Rehearsal:
        """As a job left it."""
        written = json.loads(job.checkpoint)
        place = Place(after=written["after"], widest=written["widest"])
        return cls(read(written["policy"]), written["base"], place, job.done, Tally.of(job))

    def noted(self, job: Job, now: Millis) -> Job:
        """The job, as far as this came."""
        written = json.dumps({"policy": write(self.policy), "base": self.base, "after": self.place.after, "widest": self.place.widest})
        tally, samples = self.tally, effect.write(self.tally.effect)
        return replace(job, done=self.done, merges=tally.merges, splits=tally.splits, samples=samples, progressed=now, checkpoint=written)

    @property
    def is_over(self) -> bool:
        """Whether everybody was counted."""
        return self.place.part is not Part.CUSTOMERS

    async def step(self, tenant: Tenant) -> bool:
        """Count a page of customers; False where the policy in force is another one by now. It holds the turn as long as a page takes."""
        page = await _page(tenant, self.place)
        if page.people:
            scope = await around(tenant, page.people, self.policy, self.place.widest)
            derived = await tenant.write(lambda _: scope, lambda loaded: (Writes(), self._derived(tenant, loaded)))
            if derived is None:
                return False
            self.tally.add(derived.before, derived.after, derived.ids, among=page.people)
        self.place, self.done = page.then, self.done + page.customers
        return True

    def _derived(self, tenant: Tenant, loaded: Loaded) -> Derived | None:
        if loaded.registry.policy.job != self.base:
            return None
        return derive(under(loaded, self.policy), tenant.keys, News(cause=CAUSE), tenant.now())


async def _rehearsal_page(tenant: Tenant, job: Job, owner: str) -> Job | None:
    """Count the next page, then note it: a page that was counted and not noted is counted again from where the job stood."""
    walk = Rehearsal.of(job)
    is_current = await walk.step(tenant)
    now = tenant.now()

    def decide(loaded: Loaded) -> tuple[Writes, Job | None]:
        held = loaded.nodes.get(job.key)
        if not isinstance(held, Job) or not mine(held, owner):
            return Writes(), held if isinstance(held, Job) else None
        step = walk.noted(replace(held, lease_until=now + LEASE), now) if is_current else overtaken(held, now)
        if is_current and walk.is_over:
            step = ended(step, now)
        return Writes(put=[step]), step

    return await tenant.write(lambda _: Scope(keys=frozenset([job.key])), decide)


async def run_policy_changes(store: Store, owner: str) -> int:
    """Do every POLICY_CHANGE job that nobody holds; gives how many ended."""
    ended = 0
    for name, job in await store.jobs(store.clock()):
        if job.kind is JobKind.POLICY_CHANGE:
            tenant = Tenant(store, name)
            held = await take(tenant, job.key, owner)
            done = await apply_policy(tenant, held, owner) if held else None
            ended += done is not None and done.state not in UNFINISHED
    return ended
