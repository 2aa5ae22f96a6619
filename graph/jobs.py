"""Work that outlives a request: what it is, how far it came, who is doing it.

How each kind is done is the business of upkeep.py and of the service.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.accounts import Registered, Touchpoint
from graph.effect import PartitionEffect, read
from graph.node import Doc, Internal, Key, Millis, moment


class JobKind(enum.Enum):
    """What a job does."""

    BACKFILL = "BACKFILL"
    """Ask WeChat for every follower of an official account."""
    RESCOPE = "RESCOPE"
    """Bring evidence in line with a binding history that changed, and apply what waited for it."""
    RESTORE = "RESTORE"
    """Bring in an export, by `uniongraph import`: nobody else goes on with it, for the file is there."""
    POLICY_CHANGE = "POLICY_CHANGE"
    """Bring every customer in line with a new identity policy; or only count what that would do, if it is a rehearsal."""


class JobState(enum.Enum):
    """Where a job stands."""

    QUEUED = "QUEUED"
    """Nobody works on it yet."""
    RUNNING = "RUNNING"
    """A worker is on it."""
    WAITING_FOR_QUOTA = "WAITING_FOR_QUOTA"
    """WeChat's quota is used up; it goes on by itself."""
    DONE = "DONE"
    """It is finished."""
    FAILED = "FAILED"
    """It cannot go on: see `lastError`."""
    CANCELLED = "CANCELLED"
    """Somebody ended it; what it did stays."""


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.WAITING_FOR_QUOTA})
RESUMABLE = frozenset({JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class Job(Registered):
    """Work in progress. Killed at any moment, it goes on from its checkpoint: every step it repeats changes nothing."""

    prefix: ClassVar[str] = "job"
    kind: Annotated[JobKind, Doc("What it does.")]
    touchpoint_key: Annotated[Key | None, Internal] = None
    state: Annotated[JobState, Doc("Where it stands.")] = JobState.QUEUED
    done: Annotated[int, Doc("OpenIDs dealt with so far; of a POLICY_CHANGE: customers.")] = 0
    total: Annotated[int | None, Doc("How many to deal with, as far as is known; null before that is known. It may move.")] = None
    with_union_id: Annotated[int | None, Doc("Of those done, how many have a UnionID; null where the job does not ask.")] = None
    failed: Annotated[int, Doc("OpenIDs that could not be dealt with.")] = 0
    merges: Annotated[int, Doc("POLICY_CHANGE: customers that came, or would come, to share a customer with another one, so far.")] = 0
    splits: Annotated[int, Doc("POLICY_CHANGE: customers that fell, or would fall, apart, so far.")] = 0
    is_rehearsal: Annotated[bool, Doc("POLICY_CHANGE: whether it only counts and changes nothing.")] = False
    last_error: Annotated[str | None, Doc("What went wrong last and what to do; null where nothing did.")] = None
    started: Annotated[Millis, Internal] = 0
    progressed: Annotated[Millis, Internal] = 0
    finished: Annotated[Millis | None, Internal] = None
    checkpoint: Annotated[str, Internal] = ""
    """Where to go on; what it says is the kind's own business. Never holds an identifier in clear."""
    samples: Annotated[str, Internal] = ""
    """Of a rehearsal: some of those whom it counted, as effect.py writes them. An erasure leaves ids here, as it does in the feed."""
    lease_owner: Annotated[str, Internal] = ""
    lease_until: Annotated[Millis, Internal] = 0

    @cached_property
    def touchpoint(self) -> Touchpoint | None:
        """The touchpoint it works on."""
        known = self.touchpoint_key in self.view.registry.touchpoints
        return self.view.touchpoint(self.touchpoint_key) if self.touchpoint_key and known else None

    @cached_property
    def effect(self) -> PartitionEffect | None:
        """POLICY_CHANGE that only counts: some of the customers counted so far, up to 20 as they are and up to 20 as they would be.

        Null for every other job.
        """
        return read(self.samples) if self.samples else None

    @cached_property
    def rate_per_second(self) -> float:
        """OpenIDs, or customers, a second since it started."""
        seconds = (self.progressed - self.started) / 1000
        return self.done / seconds if seconds > 0 else 0.0

    @cached_property
    def eta_seconds(self) -> float | None:
        """Seconds left at that rate; null where the total or the rate is unknown, or it has finished."""
        if self.total is None or not self.rate_per_second or self.state not in UNFINISHED:
            return None
        return max(0.0, (self.total - self.done) / self.rate_per_second)

    @cached_property
    def started_at(self) -> datetime:
        """When it was asked for."""
        return moment(self.started)

    @cached_property
    def finished_at(self) -> datetime | None:
        """When it ended, however it ended; null while it has not."""
        return None if self.finished is None else moment(self.finished)
