"""The steward's desk: decisions, each with a preview of exactly the customers that it changes. Conflicts are in people.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

import strawberry

from app.api.connection import After, Before, Connection, First, Last, node_connection, page_of, shown
from app.api.context import Info
from app.api.edges import fill
from app.api.fields import Payload, mutation, query
from app.api.people import CustomerBy
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph import stores
from graph.apikeys import Scope
from graph.decisions import Decision, DecisionKind
from graph.effect import PartitionEffect
from graph.node import Doc, Id, Key, key_of
from graph.steward import Ruling, Word, declare, retract_evidence, revoke_decision
from graph.tenant import Tenant

SIDES = ("a", "b")
REASON = Doc("Why, for those who read it later: 1 to 1,000 characters. Write nobody's identifiers into it.")
DRY_RUN = Doc("Only say what would change; nothing is stored.")
DECISION = Doc("The decision, or the one that said the same already; null where it was refused, and in a dry run of a new one.")
EFFECT = Doc("The customers that it changed, or in a dry run would change; none where it says nothing new; null where it was refused.")
IS_DRY_RUN = Doc("Whether nothing was stored because `dryRun` was asked for; false where it was refused.")


@publish_input
@dataclass(frozen=True, kw_only=True)
class DecisionFilter:
    """Which decisions; all conditions together."""

    customer_id: Annotated[Id | None, Doc("On an identifier of this customer (`cus_…`, any id that was ever theirs).")] = None
    is_revoked: Annotated[bool | None, Doc("Revoked ones, or those that stand.")] = None

    async def which(self, tenant: Tenant) -> stores.DecisionFilter:
        """The same, as the store takes it."""
        names = None if self.customer_id is None else await _names_of(tenant, self.customer_id)
        return stores.DecisionFilter(names=names, is_revoked=self.is_revoked)


@publish_input
@dataclass(frozen=True, kw_only=True)
class DeclareSameInput:
    """Two who are one."""

    a: Annotated[CustomerBy, Doc("One of them.")]
    b: Annotated[CustomerBy, Doc("The other one.")]
    reason: Annotated[str, REASON]
    dry_run: Annotated[bool, DRY_RUN] = False


@publish_input
@dataclass(frozen=True, kw_only=True)
class DeclareDifferentInput:
    """Two who are not one."""

    a: Annotated[CustomerBy, Doc("One of them. To part a customer, name two of its identifiers: its id names one of them alone.")]
    b: Annotated[CustomerBy, Doc("The other one.")]
    reason: Annotated[str, REASON]
    dry_run: Annotated[bool, DRY_RUN] = False


@publish_input
@dataclass(frozen=True, kw_only=True)
class RevokeDecisionInput:
    """What is to be taken back."""

    decision_id: Annotated[Id, Doc("The decision (`dec_…`).")]
    reason: Annotated[str, REASON]
    dry_run: Annotated[bool, DRY_RUN] = False


@publish_input
@dataclass(frozen=True, kw_only=True)
class RetractEvidenceInput:
    """What shall not count."""

    evidence_id: Annotated[Id, Doc("The step (`evd_…`) of an explanation or a conflict: all that was said of its pair is meant.")]
    reason: Annotated[str, REASON]
    dry_run: Annotated[bool, DRY_RUN] = False


@dataclass(frozen=True, kw_only=True)
class _RulingPayload(Payload):
    """What every mutation of the desk answers."""

    decision: Annotated[Decision | None, DECISION] = None
    effect: Annotated[PartitionEffect | None, EFFECT] = None
    is_dry_run: Annotated[bool, IS_DRY_RUN] = False


@publish
@dataclass(frozen=True, kw_only=True)
class DeclareSamePayload(_RulingPayload):
    """Two became one."""


@publish
@dataclass(frozen=True, kw_only=True)
class DeclareDifferentPayload(_RulingPayload):
    """Two are kept apart."""


@publish
@dataclass(frozen=True, kw_only=True)
class RevokeDecisionPayload(_RulingPayload):
    """What it did is undone."""


@publish
@dataclass(frozen=True, kw_only=True)
class RetractEvidencePayload(_RulingPayload):
    """The evidence does not count."""


@strawberry.type
class StewardQueries:
    """Questions of the desk."""

    @query()
    async def decisions(
        self,
        info: Info,
        *,
        filter: Annotated[  # noqa: A002  # the argument's name in the API
            DecisionFilter | None, strawberry.argument(description="Which decisions; without it, all, revoked ones too.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Decision]:
        """What stewards decided, in the order of their ids."""
        selected, tenant = Selection.of(info), info.context.tenant
        page = page_of(selected, first, after, last, before)
        which = await (filter or DecisionFilter()).which(tenant)
        _, found = await tenant.store.page(tenant.name, Decision, page, which)
        await fill_sides(tenant, shown(selected), found.items)
        return node_connection(found, page)


@strawberry.type
class StewardMutations:
    """Mutations of the desk."""

    @mutation(needs=Scope.STEWARD)
    async def declare_same(
        self,
        info: Info,
        *,
        input: Annotated[DeclareSameInput, strawberry.argument(description="Who.")],  # noqa: A002
    ) -> DeclareSamePayload:
        """Decide that two are one person, whatever the policy's slots say. Where a DIFFERENT stands in the way it is a conflict meanwhile.

        It names identifiers and not customers: of one named by id, the identifier that gives it its id now.
        """
        ruling = await declare(info.context.tenant, DecisionKind.SAME, input.a.by, input.b.by, _word(info, input))
        return await _answered(DeclareSamePayload, info, ruling, input)

    @mutation(needs=Scope.STEWARD)
    async def declare_different(
        self,
        info: Info,
        *,
        input: Annotated[DeclareDifferentInput, strawberry.argument(description="Who.")],  # noqa: A002
    ) -> DeclareDifferentPayload:
        """Decide that two are two people: no evidence joins their identifiers, and what was joined by it parts."""
        ruling = await declare(info.context.tenant, DecisionKind.DIFFERENT, input.a.by, input.b.by, _word(info, input))
        return await _answered(DeclareDifferentPayload, info, ruling, input)

    @mutation(needs=Scope.STEWARD)
    async def revoke_decision(
        self,
        info: Info,
        *,
        input: Annotated[RevokeDecisionInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RevokeDecisionPayload:
        """Take a decision back: everything is as if it had never been made. One that was revoked before stays as it is."""
        ruling = await revoke_decision(info.context.tenant, input.decision_id, _word(info, input))
        return await _answered(RevokeDecisionPayload, info, ruling, input)

    @mutation(needs=Scope.STEWARD)
    async def retract_evidence(
        self,
        info: Info,
        *,
        input: Annotated[RetractEvidenceInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RetractEvidencePayload:
        """Decide that what was said of a pair does not count, from whatever source, nor what will be said. The evidence itself is kept.

        A UnionID is meant under every Open Platform account. To undo it, revoke the decision.
        """
        ruling = await retract_evidence(info.context.tenant, input.evidence_id, _word(info, input))
        return await _answered(RetractEvidencePayload, info, ruling, input)


P = TypeVar("P", bound=_RulingPayload)
Input = DeclareSameInput | DeclareDifferentInput | RevokeDecisionInput | RetractEvidenceInput


def _word(info: Info, said: Input) -> Word:
    return Word(reason=said.reason, author=info.context.caller.key_name, is_rehearsal=said.dry_run)


async def _answered(payload: type[P], info: Info, ruling: Ruling, said: Input) -> P:
    if ruling.decision:
        await fill_sides(info.context.tenant, Selection.of(info).under("decision"), [ruling.decision])
    return payload(decision=ruling.decision, effect=ruling.effect, is_dry_run=said.dry_run)


async def fill_sides(tenant: Tenant, selected: Selection, decisions: Sequence[Decision]) -> None:
    """Give decisions their identifiers where they are selected: one question for all, and what lies behind those as deep as selected."""
    if selected.names.isdisjoint(SIDES):
        return
    held = await tenant.fill_decisions(decisions)
    await fill(tenant, selected.both(*((side,) for side in SIDES)), held)


async def _names_of(tenant: Tenant, customer_id: str) -> tuple[Key, ...]:
    """The keys by which decisions may name a customer's identifiers; none where nobody has this id."""
    key = key_of(customer_id, "cus")
    customer = (await tenant.customers([key]))[0] if key else None
    if customer is None:
        return ()
    texts = (tenant.keys.union_text(one.value) for one in customer.union_ids)
    return (*customer.identities, *texts)
