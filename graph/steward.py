"""Use cases of the steward's desk: decisions about pairs of identifiers, made and revoked. The rule that reads them is in resolve.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from graph.accounts import Registry
from graph.decisions import Decision, DecisionKind, contradiction, standing
from graph.derive import News, derive
from graph.effect import PartitionEffect
from graph.errors import Refused, SimpleError, UserErrorCode, invalid, not_found
from graph.evidence import Rollup, Said
from graph.given import reason_text
from graph.keys import random_key
from graph.link import By
from graph.node import Key, key_of
from graph.state import Identifier, named_by
from graph.tenant import Tenant
from graph.turn import Incomplete, Loaded, Scope, Writes

CAUSE = {
    DecisionKind.SAME: "declareSame",
    DecisionKind.DIFFERENT: "declareDifferent",
    DecisionKind.RETRACT: "retractEvidence",
}
"""What the feed names as the cause."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a steward's word came to."""

    decision: Decision | None
    """The decision as it is stored; None where it is new and nothing was to be stored."""
    effect: PartitionEffect
    """The customers that it changed, or would change; none where it says nothing new."""


NOTHING = PartitionEffect(before=[], after=[])


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a steward says, beside what it is about."""

    reason: str
    author: str
    """The name of the API key."""
    is_rehearsal: bool = False
    """Only say what would follow."""


async def declare(tenant: Tenant, kind: DecisionKind, a: By, b: By, word: Word) -> Ruling:
    """Decide that two are one human (SAME) or two (DIFFERENT). Raises Refused: NOT_FOUND, INVALID_INPUT, CONTRADICTING_DECISION.

    What is decided on are identifiers: those that were named; of a customer that was named by id, the one that gives it its id now.
    """
    reason_text(word.reason)

    def scope_of(registry: Registry) -> Scope:
        keys = {key for by in (a, b) if (key := by.key(registry, tenant.keys))}
        return _around(keys | {tenant.keys.union_text(by.union_id[1]) for by in (a, b) if by.union_id})

    def names_of(loaded: Loaded) -> tuple[Key, Key]:
        one, other = _meant(a, "a", loaded, tenant), _meant(b, "b", loaded, tenant)
        if one == other:
            raise invalid("Both sides mean the same identifier: name two different ones.", "b")
        return one, other

    return await _decide(tenant, kind, scope_of, names_of, word)


async def retract_evidence(tenant: Tenant, evidence_id: str, word: Word) -> Ruling:
    """Take the evidence on a pair back, from whatever source, that of a later day too. Raises Refused: NOT_FOUND, INVALID_INPUT."""
    reason_text(word.reason)
    key = key_of(evidence_id, "evd")
    stored = (await tenant.store.evidence(tenant.name, [key]))[0] if key else None
    unknown = not_found("No evidence has this id: steps of `Customer.why` and of conflicts have one.", "evidenceId")
    if key is None or stored is None:
        decided = (await tenant.store.nodes(tenant.name, [key]))[0] if key else None
        if isinstance(decided, Decision):
            raise invalid(f"This step is no evidence but decision {decided.id}: revoke that one.", "evidenceId")
        raise unknown
    rollup = stored.rollup

    def names_of(loaded: Loaded) -> tuple[Key, Key]:
        if rollup.key not in loaded.rollups:  # it went with somebody erased meanwhile
            raise unknown
        return _pair(rollup, loaded)

    return await _decide(tenant, DecisionKind.RETRACT, lambda _: _around({rollup.a, rollup.b}), names_of, word)


async def revoke_decision(tenant: Tenant, decision_id: str, word: Word) -> Ruling:
    """Take a decision back: what it did is undone. Revoking twice changes nothing. Raises Refused: NOT_FOUND."""
    reason_text(word.reason)
    key = key_of(decision_id, Decision.prefix)
    found = (await tenant.store.nodes(tenant.name, [key]))[0] if key else None
    unknown = not_found("No decision has this id: `decisions` lists them.", "decisionId")
    if not isinstance(found, Decision):
        raise unknown
    now = tenant.now()

    def decide(loaded: Loaded) -> tuple[Writes, Ruling]:
        known = loaded.nodes.get(found.key)
        if not isinstance(known, Decision):  # it went with somebody erased meanwhile
            raise unknown
        if known.revoked is not None:
            return Writes(), Ruling(decision=known, effect=NOTHING)
        revoked = replace(known, revoked=now, revoked_by=word.author, revoked_reason=word.reason)
        derived = derive(loaded, tenant.keys, News(cause="revokeDecision", decisions=[revoked]), now)
        if word.is_rehearsal:
            return Writes(), Ruling(decision=known, effect=derived.effect)
        return derived.writes, Ruling(decision=revoked, effect=derived.effect)

    scope = replace(_around({found.a, found.b}), keys=frozenset([found.key]))
    return await tenant.write(lambda _: scope, decide)


async def _decide(
    tenant: Tenant, kind: DecisionKind, scope_of: Callable[[Registry], Scope], names_of: Callable[[Loaded], tuple[Key, Key]], word: Word
) -> Ruling:
    """Make a decision in a turn of its own, unless the same one stands already."""
    key, now = random_key(), tenant.now()

    def decide(loaded: Loaded) -> tuple[Writes, Ruling]:
        a, b = names_of(loaded)
        _must_see({a, b}, loaded)
        # After those that it could meet, so that the order of SAMEs does not hang on the clock: a rehearsal and the real call agree.
        decided = max([now, *(one.decided + 1 for one in loaded.decisions.values())])
        made = Decision(key=key, kind=kind, a=a, b=b, reason=word.reason, author=word.author, decided=decided)
        same = [one for one in standing(loaded.decisions.values()) if one.kind is kind and one.pair == made.pair]
        if same:
            return Writes(), Ruling(decision=same[0], effect=NOTHING)
        writes, effect = _derived(tenant, loaded, made)
        if word.is_rehearsal:
            return Writes(), Ruling(decision=None, effect=effect)
        return writes, Ruling(decision=made, effect=effect)

    return await tenant.write(scope_of, decide)


def _derived(tenant: Tenant, loaded: Loaded, made: Decision) -> tuple[Writes, PartitionEffect]:
    """What follows from a decision. Raises Refused where it contradicts standing ones."""
    others = contradiction(made, loaded.decisions.values())
    if others:
        named = ", ".join(one.id for one in others)
        message = (
            f"This contradicts decision {named}: revoke that one first."
            if len(others) == 1
            else f"This contradicts decisions {named} together: revoke one of them first."
        )
        raise Refused(SimpleError(message=message, code=UserErrorCode.CONTRADICTING_DECISION))
    derived = derive(loaded, tenant.keys, News(cause=CAUSE[made.kind], decisions=[made]), tenant.now())
    return derived.writes, derived.effect


def _meant(by: By, side: str, loaded: Loaded, tenant: Tenant) -> Key:
    """The key that a decision names somebody by."""
    key = by.key(loaded.registry, tenant.keys)
    member = loaded.holder(key) if by.id is not None else loaded.members.get(key) if key else None
    if member is None:
        raise not_found("No customer has this identifier.", side)
    return _name_of(loaded.members[member.customer] if by.id is not None else member)


def _name_of(identifier: Identifier) -> Key:
    return identifier.names[0]


def _pair(rollup: Rollup, loaded: Loaded) -> tuple[Key, Key]:
    """The two keys by which a decision names what a roll-up links; a claim tells of those that are no members now."""
    known = {one.key: one for one in named_by(rollup)} if rollup.said is Said.CLAIMS else {}
    known |= {key: loaded.members[key] for key in (rollup.a, rollup.b) if key in loaded.members}
    a, b = (_name_of(known[key]) if key in known else key for key in (rollup.a, rollup.b))
    return a, b


def _must_see(names: set[Key], loaded: Loaded) -> None:
    """Whatever SAMEs lead to from here decides what contradicts: they may lead over identifiers that no evidence names any more."""
    joined = {key for one in loaded.decisions.values() if one.kind is DecisionKind.SAME for key in one.pair}
    known = {name for member in loaded.members.values() for name in (member.key, *member.names)}
    unseen = (names | (joined - known)) - loaded.asked
    if unseen:
        raise Incomplete(people=unseen, expand=names & unseen, names=unseen)


def _around(names: set[Key]) -> Scope:
    """Both ends of a decision, by key and by text; a generic one is loaded whole, because its links may come and go."""
    ends = frozenset(names)
    return Scope(people=ends, expand=ends, names=ends)
