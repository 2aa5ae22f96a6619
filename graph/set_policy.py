"""Use cases of the identity policy: change it, or see first what that would do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph.accounts import Registry
from graph.effect import PartitionEffect
from graph.given import UNSET, Unset, reason_text
from graph.jobs import UNFINISHED, Job, JobKind
from graph.keys import random_key
from graph.node import Millis
from graph.policy import IdentityPolicy, NamespacePolicy
from graph.policy_changes import PolicyChange, key_at, listed, proposed, write
from graph.policy_walk import Place, Rehearsal, overtaken
from graph.stores import CustomerFilter, Page
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

BUDGET = 10.0
"""Seconds that whoever asks for a rehearsal waits; what takes longer goes on as a job."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be changed; what is left out stays."""

    namespaces: Sequence[NamespacePolicy] | Unset = UNSET
    generic_after: int | Unset = UNSET

    def scope_of(self, registry: Registry) -> Scope:
        """What a turn must know to check it."""
        applying = {registry.policy.job} if registry.policy.job else set()
        return Scope(namespaces=listed(registry.policy, self.namespaces), keys=frozenset(applying))

    def applying(self, loaded: Loaded) -> Job | None:
        """The job that applies the policy in force, or did; None where there never was one."""
        jobs = (node for node in loaded.nodes.values() if isinstance(node, Job))
        return next(jobs, None)

    def on(self, loaded: Loaded) -> IdentityPolicy:
        """The new policy. Raises Refused."""
        return proposed(loaded.registry.policy, self.namespaces, self.generic_after, loaded.in_use)


async def set_identity_policy(tenant: Tenant, change: Change, *, reason: str, author: str) -> tuple[IdentityPolicy, Job]:
    """Put a new policy in force at once, and a job that brings every customer in line with it. Raises Refused.

    A job that still applied the policy before ends: the new one deals with everybody.
    """
    now, why = tenant.now(), reason_text(reason)
    total = await _customers(tenant)

    def decide(loaded: Loaded) -> tuple[Writes, tuple[IdentityPolicy, Job]]:
        before, key = loaded.registry.policy, random_key()
        policy = replace(change.on(loaded), job=key)
        applying = change.applying(loaded)
        place = Place.at_first(before, policy, applying)
        job = Job(key=key, kind=JobKind.POLICY_CHANGE, started=now, progressed=now, total=total, checkpoint=place.checkpoint)
        noted = PolicyChange(
            key=key_at(now), author=author, reason=why, changed=now, job_key=job.key, before=write(before), after=write(policy)
        )
        late = [overtaken(applying, now)] if applying and applying.state in UNFINISHED else []
        return Writes(put=[job, noted, *late], policy=policy), (policy, job)

    return await tenant.write(change.scope_of, decide)


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What a change of policy would do."""

    policy: IdentityPolicy
    merges: int
    splits: int
    effect: PartitionEffect
    job: Job | None
    """What goes on counting where there was not enough time for all; None where everything is counted."""


async def rehearse_identity_policy(tenant: Tenant, change: Change, *, reason: str) -> Foreseen:
    """Count what a change would do, and change nothing. Raises Refused as the change would."""
    until = time.monotonic() + BUDGET
    reason_text(reason)
    started = tenant.now()
    told = await tenant.write(
        change.scope_of, lambda loaded: (Writes(), (loaded.registry.policy, change.on(loaded), change.applying(loaded)))
    )
    before, policy, applying = told
    walk = Rehearsal(policy, before.job, Place.at_first(before, policy, applying))
    while not walk.is_over and time.monotonic() < until:
        if not await walk.step(tenant):  # another policy came in force: what was counted is no longer so
            return await rehearse_identity_policy(tenant, change, reason=reason)
    job = None if walk.is_over else await _go_on(tenant, walk, started)
    tally = walk.tally
    return Foreseen(policy=walk.policy, merges=tally.merges, splits=tally.splits, effect=tally.effect, job=job)


async def _go_on(tenant: Tenant, walk: Rehearsal, started: Millis) -> Job:
    total = await _customers(tenant)
    job = walk.noted(Job(key=random_key(), kind=JobKind.POLICY_CHANGE, is_rehearsal=True, started=started, total=total), tenant.now())
    await tenant.write(lambda _: Scope(), lambda _: (Writes(put=[job]), None))
    return job


async def _customers(tenant: Tenant) -> int:
    page = Page(limit=1, is_counted=True)
    return (await tenant.store.customer_page(tenant.name, CustomerFilter(), page))[1].total or 0
