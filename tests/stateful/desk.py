"""Rules about people who are known: external ids linked and taken back, the steward's decisions, each rehearsed first, and erasure."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.api.asking import Json, at
from tests.resolver.facts import Claimed, Decided, Kind, Name
from tests.resolver.operations import as_decided, contradictory
from tests.stateful.answers import difference, foretold
from tests.stateful.machine import NUMBERS, RESULTS, SOMETIMES, Machine, picked
from tests.stateful.stage import EVERYBODY, EXTS, by, external, iso

SKETCH = "{ customerId identifiers }"
RULING = f"decision {{ id decidedAt revokedAt }} effect {{ before {SKETCH} after {SKETCH} }} isDryRun"
WHOM = st.tuples(st.sampled_from(("known", "known", "anybody", "id")), NUMBERS)
"""How somebody is named, and which of them."""


class Meant(NamedTuple):
    """Somebody as a caller names them."""

    given: Json
    named: Name
    """The identifier that stands there, or in the id."""
    member: Name | None
    """The identifier that is meant: of a customer named by id the one that gives the id now. None where nobody is known by that."""


class Desk(Machine):
    """What is said and decided of people who are known."""

    def meant(self, whom: tuple[str, int]) -> Meant:
        """Somebody: by an identifier, or by any id that was ever theirs, which means the identifier that gives them their id now."""
        how, number = whom
        now, stage = self.stage.now, self.stage
        if how == "id" and stage.issued:
            one = str(picked(number, list(stage.issued)))
            found = self.asked("query ($by: CustomerBy!) { customer(by: $by) { id } }", by={"id": one})["customer"]
            return Meant({"id": one}, stage.of_id(one), found and stage.of_id(found["id"]))
        holder = now.holder
        known = [name for name in EVERYBODY if stage.id[name] in holder]
        name = picked(number, known if how == "known" and known else list(EVERYBODY))
        assert name
        return Meant(by(name), name, name if stage.id[name] in holder else None)

    # ── external ids ─────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(whom=WHOM, ext=st.sampled_from(EXTS), minute=SOMETIMES)
    def link(self, whom: tuple[str, int], ext: Name, minute: int | None) -> None:
        """Somebody has an external id."""
        given, named, claimant = self.meant(whom)
        payload = self.do("linkExternalIds", RESULTS, items=[self._item(given, ext, minute)])
        moment = self.at(minute)
        if claimant is None:
            expected = "ERASED" if as_decided(named) in self.model.graves.all else "NOT_FOUND"
        elif claimant == ext:
            expected = "INVALID_INPUT"
        elif self.model.graves.bar([claimant, as_decided(claimant), ext], moment):
            expected = "ERASED"
        else:
            expected = self.model.tell(Claimed(claimant, ext, "MANUAL", moment))
        self.check_results(payload, [expected])

    @rule(whom=WHOM, ext=st.sampled_from(EXTS), minute=SOMETIMES)
    def unlink(self, whom: tuple[str, int], ext: Name, minute: int | None) -> None:
        """Somebody has an external id no more: every claim that their identifiers made is taken back as of then."""
        given, _, name = self.meant(whom)
        holder, ids = self.stage.now.holder, self.stage.id
        payload = self.do("unlinkExternalIds", RESULTS, items=[self._item(given, ext, minute)])
        claimants = {fact.claimant for fact in self.model.facts if isinstance(fact, Claimed) and fact.ext == ext}
        theirs = {one for one in claimants if name and ids[one] in holder and holder[ids[one]] == holder[ids[name]]}
        expected = self.model.unlink(theirs, ext, self.at(minute)) if theirs else "NOT_FOUND"
        self.check_results(payload, [expected])

    def _item(self, given: Json, ext: Name, minute: int | None) -> Json:
        return {"customer": given, "externalId": external(ext), "observedAt": None if minute is None else iso(self.at(minute))}

    # ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(one=WHOM, other=WHOM, kind=st.sampled_from(("SAME", "DIFFERENT")))
    def declare(self, one: tuple[str, int], other: tuple[str, int], kind: Kind) -> None:
        """A steward decides about two."""
        (a, _, left), (b, _, right) = self.meant(one), self.meant(other)
        refusal = self._refusal(kind, left, right)
        payload = self._rehearsed("declareSame" if kind == "SAME" else "declareDifferent", refusal, a=a, b=b)
        if payload and left and right:
            self._decided(payload, kind, left, right)

    def _refusal(self, kind: Kind, left: Name | None, right: Name | None) -> str:
        if left is None or right is None:
            return "NOT_FOUND"
        a, b = as_decided(left), as_decided(right)
        if a == b:
            return "INVALID_INPUT"
        others = [other for other in self.model.decisions.values() if other.kind != "RETRACT"]
        if self._standing(kind, a, b):
            return ""
        return "CONTRADICTING_DECISION" if contradictory([*others, Decided("new", kind, a, b, 0)]) else ""

    def _standing(self, kind: Kind, a: Name, b: Name) -> str | None:
        found = (key for key, other in self.model.decisions.items() if other.kind == kind and {other.a, other.b} == {a, b})
        return next(found, None)

    def _rehearsed(self, mutation: str, refusal: str, **given: object) -> Json | None:
        """Rehearse it, do it: what was foretold comes true. None where it is refused."""
        before = self.stage.now
        rehearsed = self.do(mutation, RULING, reason="As tested.", dryRun=True, **given)
        self.wait(self.stage.look())
        assert (before.customers, before.decisions, []) == (self.stage.now.customers, self.stage.now.decisions, self.stage.now.changes)
        payload = self.do(mutation, RULING, reason="As tested.", **given)
        assert refusal == self.outcome(payload, mutation)
        assert rehearsed["errors"] == payload["errors"]
        if refusal:
            return None
        assert (True, False) == (rehearsed["isDryRun"], payload["isDryRun"])
        assert foretold(rehearsed["effect"]) == foretold(payload["effect"])
        self.foretold = before, payload["effect"]
        return payload

    def _decided(self, payload: Json, kind: Kind, left: Name, right: Name) -> None:
        """Note a decision, unless the same one stood already."""
        a, b, key = as_decided(left), as_decided(right), payload["decision"]["id"]
        stood = self._standing(kind, a, b)
        assert stood in {None, key}
        if stood is None:
            self.model.decisions[key] = Decided(key.partition("_")[2], kind, a, b, at(payload["decision"]["decidedAt"]))
        self._came_true()

    def _came_true(self) -> None:
        before, effect = self.foretold
        self.both_say_the_same()
        assert difference(before, self.stage.now) == foretold(effect)
        self.tally["effects"] += bool(effect["after"])

    @rule(number=NUMBERS)
    def revoke(self, number: int) -> None:
        """A decision is taken back, or once more."""
        which = picked(number, [*self.model.decisions, *self.model.revoked])
        if which is None:
            return
        assert self._rehearsed("revokeDecision", "", decisionId=which)
        if which in self.model.decisions:
            self.model.revoked[which] = self.model.decisions.pop(which)
        self._came_true()

    @rule(number=NUMBERS, step=NUMBERS)
    def retract_evidence(self, number: int, step: int) -> None:
        """A step that holds somebody together does not count any more."""
        customers = {customer: sorted(one.members) for customer, one in self.stage.now.customers.items() if len(one.members) > 1}
        customer = picked(number, sorted(customers))
        if customer is None:
            return
        held = customers[customer]
        first = held.pop(step % len(held))
        document = """query ($by: CustomerBy!, $source: ID!, $target: ID!) {
          customer(by: $by) { why(source: $source, target: $target) { id kind source { id } target { id } } } }"""
        way = self.asked(document, by={"id": customer}, source=first, target=held[step % len(held)])["customer"]["why"]
        if not way:  # a policy that came into force explains nothing of those whom its job has not reached
            assert not self.stage.now.is_settled
            return
        chosen = way[step % len(way)]
        is_decided = chosen["kind"] == "DECLARED_SAME"
        payload = self._rehearsed("retractEvidence", "INVALID_INPUT" if is_decided else "", evidenceId=chosen["id"])
        if payload:
            left, right = (self.stage.name[chosen[side]["id"]] for side in ("source", "target"))
            self._decided(payload, "RETRACT", left, right)
