"""Use cases of the steward's desk: decisions about pairs of identifiers, made and revoked. The rule that reads them is in resolve.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph.accounts import Registry
from graph.decisions import Decision, DecisionKind, contradiction
from graph.derive import News, derive
from graph.errors import Refused, SimpleError, UserErrorCode, not_found
from graph.keys import random_key
from graph.node import Key
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes


async def decide_on(  # a decision is all of these
    tenant: Tenant, kind: DecisionKind, a: Key, b: Key, *, reason: str, author: str, key: Key | None = None, at: int | None = None
) -> Decision:
    """Make a decision on two identifiers (of a UnionID: the key of its text). Raises Refused where it contradicts standing ones."""
    now = tenant.now()
    made = Decision(key=key or random_key(), kind=kind, a=a, b=b, reason=reason, author=author, decided=now if at is None else at)

    def decide(loaded: Loaded) -> tuple[Writes, Decision]:
        other = contradiction(made, loaded.decisions.values()) if kind is not DecisionKind.RETRACT else None
        if other:
            message = f"This contradicts decision {other.id}: revoke that one first."
            raise Refused(SimpleError(message=message, code=UserErrorCode.CONTRADICTING_DECISION))
        return derive(loaded, tenant.keys, News(cause=f"decision {kind.value}", decisions=[made]), now).writes, made

    return await tenant.write(lambda _: _around([made]), decide)


async def revoke_decision(tenant: Tenant, key: Key) -> Decision:
    """Take a decision back: what it did is undone. Revoking twice changes nothing."""
    now = tenant.now()
    found = (await tenant.store.nodes(tenant.name, [key]))[0]
    if not isinstance(found, Decision):
        raise not_found("No decision has this id.", "decisionId")

    def decide(loaded: Loaded) -> tuple[Writes, Decision]:
        known = loaded.nodes.get(key)
        if not isinstance(known, Decision) or known.revoked is not None:
            return Writes(), known if isinstance(known, Decision) else found
        revoked = replace(known, revoked=now)
        return derive(loaded, tenant.keys, News(cause="decision revoked", decisions=[revoked]), now).writes, revoked

    def scope_of(_: Registry) -> Scope:
        around = _around([found])
        return replace(around, keys=frozenset([key]))

    return await tenant.write(scope_of, decide)


def _around(decisions: Sequence[Decision]) -> Scope:
    """Both ends of each decision, by key and by text; a generic one is loaded whole, because its links may come and go."""
    ends = frozenset(key for decision in decisions for key in (decision.a, decision.b))
    return Scope(people=ends, expand=ends, names=ends)
