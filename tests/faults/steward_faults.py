"""What could be wrong with decisions, their previews and explanations: entered into the same list as the faults of the rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from graph import derive, resolve, steward, why
from graph.decisions import Decision, DecisionKind
from graph.derive import News
from graph.effect import PartitionEffect, effect
from graph.evidence import Rollup
from graph.keys import Keys
from graph.node import Id, Key, Millis
from graph.partition import Partition
from graph.refusals import Clash, Slots
from graph.resolve import Facts, Link
from graph.state import Step
from graph.turn import Loaded, Writes
from tests.faults.faults import AT_ONCE, FAULTS, fault

__all__ = ["FAULTS"]
CHAINS = "every_membership_has_a_chain"
SLOTS = "slots_and_decisions_hold"
REHEARSALS = "a_rehearsal_foretells"
UNDONE = "decided_and_revoked_is_as_before"
TAKEN_BACK = "added_and_retracted_is_as_before"


@fault(UNDONE)
def revoked_decision_counts(patch: pytest.MonkeyPatch) -> None:
    """A decision is noted as revoked, and what it did stays."""

    def noted(loaded: Loaded, keys: Keys, news: News, now: Millis) -> derive.Derived:
        found = derive.derive(loaded, keys, news, now)
        return replace(found, writes=Writes(put=found.writes.put)) if news.cause == "revokeDecision" else found

    patch.setattr(steward, "derive", noted)


@fault(AT_ONCE)
def retract_binds_one_scope(patch: pytest.MonkeyPatch) -> None:
    """A RETRACT takes a UnionID away in one Open Platform account and leaves it in another."""
    right = derive._Derivation._ends

    def ends(self: Any, rollup: Rollup) -> Iterable[tuple[Key, Millis]]:  # noqa: ANN401  # the class is private
        if not self.is_retracted(rollup):
            return right(self, rollup)
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(derive._Derivation, "is_retracted", lambda *_: False)
            return list(right(self, rollup))[1:]

    patch.setattr(derive._Derivation, "_ends", ends)


@fault(TAKEN_BACK)
def retract_forgets_later_sources(patch: pytest.MonkeyPatch) -> None:
    """A RETRACT takes back what WeChat said, and not what a table or a person said."""
    right = derive._Derivation.is_retracted
    patch.setattr(derive._Derivation, "is_retracted", lambda self, one: right(self, one) and one.source.value not in {"MANUAL", "IMPORT"})


@fault(AT_ONCE)
def same_beats_different(patch: pytest.MonkeyPatch) -> None:
    """A SAME joins whom a DIFFERENT keeps apart."""
    right = Slots.different_pair

    def in_account(self: Slots, one: Partition, a: Key, b: Key) -> Clash | None:
        return right(self, one, a, b) or self._two_in_a_slot(one.members(a), one.members(b))

    def in_customer(self: Slots, one: Partition, a: Key, b: Key) -> Clash | None:
        return right(self, one, a, b) or self._too_many_values(one.members(a), one.members(b))

    patch.setattr(Slots, "clash_in_account", in_account)
    patch.setattr(Slots, "clash_in_customer", in_customer)
    patch.setattr(Slots, "different_pair", lambda *_: None)


@fault(SLOTS)
def same_before_claims(patch: pytest.MonkeyPatch) -> None:
    """SAMEs are joined before claims, so that they fill slots and part what was together without them."""
    right = resolve._Rule._customers

    def customers(self: Any, accounts: Partition, claims: Iterable[Link]) -> Partition:  # noqa: ANN401  # the class is private
        early = Partition.by_pairs((), ((key, members[0]) for members in accounts.classes() for key in members))
        for _, a, b in self._pairs(DecisionKind.SAME):
            if not self.slots.different_pair(early, a, b):
                early.join(a, b)
        return right(self, early, claims)

    patch.setattr(resolve._Rule, "_customers", customers)


@fault(SLOTS)
def same_joins_the_named_alone(patch: pytest.MonkeyPatch) -> None:
    """A SAME moves the two identifiers that it names, and leaves behind whom they came with."""
    right = resolve._Rule._customers

    def customers(self: Any, accounts: Partition, claims: Iterable[Link]) -> Partition:  # noqa: ANN401  # the class is private
        found = right(self, accounts, claims)
        named = {key for _, a, b in self._pairs(DecisionKind.SAME) for key in (a, b)}
        kept = [[key for key in members if key not in named] for members in found.classes() if not named.isdisjoint(members)]
        others = [members for members in found.classes() if named.isdisjoint(members)]
        pairs = [(key, members[0]) for members in (*kept, *others) for key in members]
        joined = [(a, b) for _, a, b in self._pairs(DecisionKind.SAME)]
        return Partition.by_pairs(self.facts.identifiers, [*pairs, *joined])

    patch.setattr(resolve._Rule, "_customers", customers)


@fault(REHEARSALS)
def effect_omits_a_customer(patch: pytest.MonkeyPatch) -> None:
    """A preview leaves out one of the customers that there would be."""

    def short(before: Mapping[Key, Key], after: Mapping[Key, Key], ids: Mapping[Key, Id]) -> PartitionEffect:
        found = effect(before, after, ids)
        return replace(found, after=found.after[:-1])

    patch.setattr(derive, "effect", short)


@fault(REHEARSALS)
def effect_names_everybody(patch: pytest.MonkeyPatch) -> None:
    """A preview lists every customer that was looked at, changed or not."""

    def wide(before: Mapping[Key, Key], after: Mapping[Key, Key], ids: Mapping[Key, Id]) -> PartitionEffect:
        return PartitionEffect(before=effect(before, {}, ids).before, after=effect({}, after, ids).after)

    patch.setattr(derive, "effect", wide)


@fault(REHEARSALS)
def rehearsal_is_stored(patch: pytest.MonkeyPatch) -> None:
    """A dry run is stored like the real call."""
    patch.setattr(steward.Word, "__getattribute__", lambda self, name: name != "is_rehearsal" and object.__getattribute__(self, name))


@fault(CHAINS)
def refused_links_are_steps(patch: pytest.MonkeyPatch) -> None:
    """An explanation shows links that the rule refused."""
    patch.setattr(why, "_joins", lambda *_: True)
    patch.setattr(why, "steps_taken", lambda facts: [*resolve.steps_taken(facts), *(link.step for link in facts.links)])


@fault(CHAINS)
def decisions_are_no_steps(patch: pytest.MonkeyPatch) -> None:
    """An explanation leaves out what stewards decided."""

    def undecided(facts: Facts) -> list[Step]:
        return resolve.steps_taken(replace(facts, decisions=[one for one in facts.decisions if _is_other(one)]))

    patch.setattr(why, "steps_taken", undecided)


def _is_other(one: Decision) -> bool:
    return one.kind is not DecisionKind.SAME
