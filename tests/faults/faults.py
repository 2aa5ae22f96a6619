"""What could be wrong with the rule: each fault is one small patch of graph/, one line that says it, and the property that must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from graph import derive, evidence, links, record, requests, resolve
from graph.bindings import History
from graph.evidence import End, ResolutionSource, Rollup
from graph.node import FOR_EVER, SINCE_EVER, Key, Millis
from graph.partition import Partition
from graph.policy import IdentityPolicy
from graph.refusals import Slots
from graph.requests import Asked, Request
from graph.resolve import Crowd, Facts, Link, Resolution
from graph.results import Result
from graph.rows import Sighted
from graph.state import ConflictKind
from graph.tenant import Tenant
from graph.turn import Loaded

AT_ONCE = "all_at_once_equals_the_reference"
ONE_BY_ONE = "one_after_another_equals_the_reference"
APPLIED_ONCE = "requests_are_applied_once"
Patch = Callable[[pytest.MonkeyPatch], None]

FAULTS: dict[str, tuple[Patch, str]] = {}
"""By name: the patch, whose docstring says what is wrong, and the property that must turn red."""


def fault(noticed_by: str) -> Callable[[Patch], Patch]:
    """Enter a patch into the list, with the property that must notice it."""

    def enter(patch: Patch) -> Patch:
        FAULTS[patch.__name__] = (patch, noticed_by)
        return patch

    return enter


@fault(AT_ONCE)
def first_arrival_wins(patch: pytest.MonkeyPatch) -> None:
    """Whatever link arrived first wins, not the strongest and earliest."""
    patch.setattr(Link, "order", property(lambda _: (0, 0, "", "")))


@fault(AT_ONCE)
def strongest_source_ignored(patch: pytest.MonkeyPatch) -> None:
    """A weak source counts as much as WeChat's own answers."""
    patch.setattr(links, "STRENGTH", dict.fromkeys(ResolutionSource, 1))


@fault(AT_ONCE)
def scope_by_last_epoch(patch: pytest.MonkeyPatch) -> None:
    """A roll-up is scoped by the epoch of its last sighting alone."""
    patch.setattr(derive, "ends", lambda rollup, history: evidence.ends(replace(rollup, first=rollup.last), history))


@fault(AT_ONCE)
def one_end_only(patch: pytest.MonkeyPatch) -> None:
    """A roll-up counts where it was first seen and nowhere else."""
    patch.setattr(derive, "ends", lambda rollup, history: evidence.ends(replace(rollup, last=rollup.first), history))


@fault(AT_ONCE)
def epoch_start_ignored(patch: pytest.MonkeyPatch) -> None:
    """A link counts as seen before the epoch that scoped it had begun."""

    def ends(rollup: Rollup, history: History) -> list[End]:
        return [End(end.platform_key, rollup.first) for end in evidence.ends(rollup, history)]

    patch.setattr(derive, "ends", ends)


@fault(AT_ONCE)
def uncovered_end_guessed(patch: pytest.MonkeyPatch) -> None:
    """An end that no binding covers is scoped by the next best one instead of waiting."""

    def ends(rollup: Rollup, history: History) -> list[End]:
        bound = [epoch for epoch in history.epochs if epoch.platform_key]
        return evidence.ends(rollup, history) or [End(epoch.platform_key, rollup.first) for epoch in bound[:1] if epoch.platform_key]

    patch.setattr(derive, "ends", ends)


@fault(AT_ONCE)
def generic_external_id_ignored(patch: pytest.MonkeyPatch) -> None:
    """A shared phone joins everybody."""
    patch.setattr(resolve._Rule, "_crowded_by_claims", lambda *_: {})


@fault(AT_ONCE)
def virtual_visitor_ignored(patch: pytest.MonkeyPatch) -> None:
    """A virtual visitor joins everybody."""
    patch.setattr(resolve._Rule, "_crowded_by_slot", lambda *_: {})


@fault(AT_ONCE)
def generic_counted_by_identifiers(patch: pytest.MonkeyPatch) -> None:
    """Generic is who is claimed by many identifiers, though they be one account."""
    right = resolve._Rule._crowded_by_claims
    patch.setattr(resolve._Rule, "_crowded_by_claims", lambda self, claims, _: right(self, claims, Partition()))


@fault(AT_ONCE)
def claims_before_layer_1(patch: pytest.MonkeyPatch) -> None:
    """Claims are joined before accounts, so that a phone can split a WeChat account."""
    right = resolve._Rule._customers

    def customers(self: Any, accounts: Partition, claims: list[Link]) -> Partition:  # noqa: ANN401  # the class is private
        found = right(self, Partition(self.facts.identifiers), claims)
        for first, *others in accounts.classes():
            for other in others:
                if not self.slots.clash_in_customer(found, first, other):
                    found.join(first, other)
        return found

    patch.setattr(resolve._Rule, "_customers", customers)


@fault(AT_ONCE)
def different_ignored_in_layer_1(patch: pytest.MonkeyPatch) -> None:
    """Layer 1 joins what a steward declared DIFFERENT."""
    patch.setattr(Slots, "clash_in_account", lambda self, one, a, b: self._two_in_a_slot(one.members(a), one.members(b)))


@fault(AT_ONCE)
def same_obeys_slots(patch: pytest.MonkeyPatch) -> None:
    """A SAME is refused where a slot stands in its way."""
    right = Slots.different_pair
    patch.setattr(
        Slots, "different_pair", lambda self, one, a, b: right(self, one, a, b) or self._too_many_values(one.members(a), one.members(b))
    )


@fault(AT_ONCE)
def highest_rank_shed_first(patch: pytest.MonkeyPatch) -> None:
    """What is too large loses the claims of the highest rank first."""
    right = resolve._Rule._shed

    def shed(self: Any, claims: list[Link], wechat: list[Link]) -> tuple[list[Link], set[Key]]:  # noqa: ANN401  # the class is private
        with _ranks_turned_round():
            return right(self, claims, wechat)

    patch.setattr(resolve._Rule, "_shed", shed)


@contextmanager
def _ranks_turned_round() -> Iterator[None]:
    rank = IdentityPolicy.rank
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IdentityPolicy, "rank", lambda self, namespace: (-rank(self, namespace)[0], ""))
        yield


@fault(AT_ONCE)
def unlink_not_timed(patch: pytest.MonkeyPatch) -> None:
    """What was unlinked once never counts again, however late it is claimed."""
    patch.setattr(derive, "taken_back", lambda rollups: dict.fromkeys(links.taken_back(rollups), FOR_EVER))


@fault(AT_ONCE)
def retract_of_everybody(patch: pytest.MonkeyPatch) -> None:
    """A RETRACT takes a UnionID away from everybody, not from one OpenID."""
    patch.setattr(derive._Derivation, "is_retracted", lambda self, rollup: any(rollup.b in pair for pair in self.retracted))


@fault(AT_ONCE)
def seed_by_key_only(patch: pytest.MonkeyPatch) -> None:
    """A customer's id is its least key, whatever was seen first."""
    patch.setattr(resolve._Rule, "_seniority", lambda _, key: (0, 0, key))


@fault(ONE_BY_ONE)
def resolved_class_loaded(patch: pytest.MonkeyPatch) -> None:
    """Only the resolved customers are loaded, so that refused links do not lead to whom they were refused."""

    def narrowed(loaded: Loaded) -> Loaded:
        customers = {member.customer for key, member in loaded.members.items() if key in loaded.asked}
        members = {key: member for key, member in loaded.members.items() if member.customer in customers}
        here = members.keys() | loaded.asked
        # What an asked OpenID said is kept, or a re-scoping job would wait for it for ever.
        rollups = {
            key: one
            for key, one in loaded.rollups.items()
            if one.rollup.a in loaded.asked or here >= {one.rollup.a, *(end for end, _ in one.ends)}
        }
        conflicts = {key: row for key, row in loaded.conflicts.items() if here >= set(row.about)}
        return replace(loaded, members=members, whole=loaded.whole & here, rollups=rollups, conflicts=conflicts)

    right = derive._Derivation.__init__
    patch.setattr(derive._Derivation, "__init__", lambda self, loaded, *others: right(self, narrowed(loaded), *others))


@fault(ONE_BY_ONE)
def shed_never_comes_back(patch: pytest.MonkeyPatch) -> None:
    """What the size cap shed stays shed as long as anybody remembers it."""
    right = derive._Derivation._ends

    def ends(self: Any, rollup: Rollup) -> list[tuple[Key, Millis]]:  # noqa: ANN401  # the class is private
        shed = {key for row in self.loaded.conflicts.values() if row.kind is ConflictKind.TOO_LARGE for key in row.about}
        return [] if rollup.b in shed else list(right(self, rollup))

    patch.setattr(derive._Derivation, "_ends", ends)


@fault(ONE_BY_ONE)
def generic_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Once generic, generic for ever: the crowd outside is taken to be as large as it was."""

    def resolution(facts: Facts) -> Resolution:
        crowds = {key: Crowd(accounts=99 * (not crowd.slot), slot=crowd.slot, neighbours=99) for key, crowd in facts.crowds.items()}
        return resolve.resolve(replace(facts, crowds=crowds))

    patch.setattr(derive, "resolve", resolution)


@fault(ONE_BY_ONE)
def touch_across_epochs(patch: pytest.MonkeyPatch) -> None:
    """Seeing a pair again only moves its last time, though a binding changed in between."""
    right = vars(Sighted)["touch"].fget

    def touch(self: Sighted) -> object:
        made = right(self)
        anywhere = [replace(one, epoch_starts=SINCE_EVER, epoch_ends=FOR_EVER) for one in made.sightings]
        return replace(made, sightings=tuple(anywhere))

    patch.setattr(Sighted, "touch", property(touch))


@fault(ONE_BY_ONE)
def touch_of_the_unsettled(patch: pytest.MonkeyPatch) -> None:
    """An unlinked or retracted pair may be touched, so that a later claim never wins."""
    patch.setattr(derive._Derivation, "is_settled", lambda *_: True)


@fault(APPLIED_ONCE)
def request_only_remembered(patch: pytest.MonkeyPatch) -> None:
    """A request is noted and applied again all the same."""
    patch.setattr(requests, "KEPT", 0)


@fault(APPLIED_ONCE)
def request_known_by_its_id_alone(patch: pytest.MonkeyPatch) -> None:
    """Other items under the same id are answered as if they were the first ones."""
    patch.setattr(Asked, "again", lambda _, first: first.results)


@fault(APPLIED_ONCE)
def request_touched(patch: pytest.MonkeyPatch) -> None:
    """What only moves times is done before anybody looks whether the request came before."""
    right = record._touched

    async def touched(tenant: Tenant, batch: record.Batch, asked: Sequence[Asked | None]) -> dict[int, Result]:
        await right(tenant, batch, [None] * len(asked))
        return {}

    patch.setattr(record, "_touched", touched)


@fault(APPLIED_ONCE)
def twins_in_one_turn(patch: pytest.MonkeyPatch) -> None:
    """Two that come in one turn are both taken for the first."""
    right = record._told_apart

    def told_apart(batch: record.Batch, loaded: Loaded) -> tuple[list[tuple[Asked, range]], list[tuple[Asked, Request | None, range]]]:
        first, again = right(batch, loaded)
        twins = [(request, span) for request, known, span in again if known is None]
        return first + twins, [one for one in again if one[1]]

    patch.setattr(record, "_told_apart", told_apart)
