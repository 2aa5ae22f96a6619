"""The rule about the identity policy: a dry run counts what then happens, and the policy holds for everybody once its job is done."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from graph.node import Key
from tests.resolver.changing import Moved
from tests.resolver.facts import Truth
from tests.resolver.names import NORMALISER
from tests.stateful.machine import Machine
from tests.stateful.stage import LISTED, UNLISTED

SLOTS = st.sampled_from((None, 1, 2))


class Policies(Machine):
    """How customers are joined."""

    @rule(
        order=st.permutations(LISTED),
        slots=st.lists(SLOTS, min_size=len(LISTED), max_size=len(LISTED)),
        hidden=st.sampled_from(LISTED),
        generic_after=st.integers(1, 4),
    )
    def set_policy(self, order: list[str], slots: list[int | None], hidden: str, generic_after: int) -> None:
        """Other ranks, slots and thresholds, and another namespace whose values are kept by their keys alone."""
        most = dict(zip(order, slots, strict=True))
        spaces = [
            {"namespace": one, "maxPerCustomer": most[one], "isSensitive": one in {hidden, "phone"}, "normaliser": NORMALISER[one].value}
            for one in order
        ]
        given = {"namespaces": spaces, "genericAfter": generic_after, "reason": "As tested."}
        before = self.truth
        foreseen = self.do("setIdentityPolicy", "merges splits", dryRun=True, **given)
        payload = self.do("setIdentityPolicy", "job { id }", **given)
        assert [] == foreseen["errors"] == payload["errors"]
        assert payload["job"]
        rules = self.model.rules
        most |= {one: rules.most[one] for one in UNLISTED}
        self.model.rules = replace(rules, namespaces=(*order, *UNLISTED), most=most, generic_after=generic_after)
        if before:
            moved = Moved.between(self._keyed(before), self._keyed(self.model.truth()))
            assert (moved.merges, moved.splits) == (foreseen["merges"], foreseen["splits"])
            self.tally["foreseen"] += bool(moved.merges or moved.splits)
        self.tally["setIdentityPolicy"] += 1

    def _keyed(self, truth: Truth) -> dict[Key, Key]:
        key = self.stage.names.key
        return {key(name): key(seed) for name, seed in truth.customers.items()}
