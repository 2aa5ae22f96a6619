"""What could be wrong with changes of the identity policy: patches like those of faults.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from graph import policy_walk, sensitivity
from graph.evidence import Rollup
from graph.jobs import Job
from graph.node import Key
from graph.policy import IdentityPolicy
from graph.policy_changes import Tally
from graph.policy_walk import AFTER, Place
from graph.tenant import Tenant
from graph.turn import Scope
from tests.faults.faults import fault
from tests.faults.steward_faults import FAULTS

NO_TRACE = "policies_leave_no_trace"
ALL = FAULTS
"""Those of the rule, those of decisions, and these."""


@fault(NO_TRACE)
def only_the_first_page_is_walked(patch: pytest.MonkeyPatch) -> None:
    """A change deals with one page of customers and leaves the others as they are."""
    patch.setattr(Place, "on", lambda self, _: replace(self, part=AFTER[self.part], after=""))


@fault(NO_TRACE)
def customers_passed_over(patch: pytest.MonkeyPatch) -> None:
    """A killed job goes on one page too far."""
    right = Place.of

    def of(job: Job) -> Place:
        return replace(right(job), after="~") if job.done else right(job)

    patch.setattr(Place, "of", of)


@fault(NO_TRACE)
def claims_keep_their_text(patch: pytest.MonkeyPatch) -> None:
    """Only identifiers lose a value that is sensitive now, not the claims that name them."""

    def written(rollup: Rollup, _: Mapping[Key, Any]) -> Rollup:
        return rollup

    patch.setattr(sensitivity, "written", written)


@fault(NO_TRACE)
def identifiers_keep_their_value(patch: pytest.MonkeyPatch) -> None:
    """An identifier that is known keeps the value that it came with."""
    patch.setattr(sensitivity, "kept", lambda identifier, _: identifier)


@fault(NO_TRACE)
def customers_counted_on_every_page(patch: pytest.MonkeyPatch) -> None:
    """A dry run counts every customer that a page shows, once for each page that shows it."""
    right = Tally.add
    patch.setattr(Tally, "add", lambda self, before, after, ids, among=None: right(self, before, after, ids))  # noqa: ARG005


@fault(NO_TRACE)
def crowds_judged_from_outside(patch: pytest.MonkeyPatch) -> None:
    """Whether an external id is generic under another threshold is judged by the accounts that its claimants were before."""

    async def around(_: Tenant, people: Sequence[Key], policy: IdentityPolicy, most: int) -> Scope:
        return Scope(people=frozenset(people), crowd=max(policy.generic_after, most))

    patch.setattr(policy_walk, "around", around)
