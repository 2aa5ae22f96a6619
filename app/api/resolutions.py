"""How identities come in: resolutions, migrations, external ids, and what waited in quarantine. Login codes are in logins.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import strawberry

from app.api.context import Info
from app.api.edges import fill
from app.api.fields import Payload, mutation
from app.api.people import CustomerBy, ExternalIDInput
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph.apikeys import Scope
from graph.errors import UserError, invalid
from graph.evidence import ResolutionSource
from graph.gather import LARGEST
from graph.link import ExternalLink, Migration, link_external_ids, record_migrations, unlink_external_ids
from graph.node import Doc, Id, key_of, millis
from graph.people import Conflict, Customer
from graph.requests import MAX_REQUEST_ID
from graph.results import Outcome, Result
from graph.rows import Row
from graph.tenant import Tenant
from graph.upkeep import replay_quarantine


@publish_input
@dataclass(frozen=True, kw_only=True)
class ResolutionInput:
    """What WeChat answered about one user of one touchpoint."""

    app_id: Annotated[str, Doc("The touchpoint's AppID. Where it is not registered yet, the item waits in quarantine.")]
    open_id: Annotated[str, Doc("The OpenID exactly as WeChat gave it: 1 to 64 characters out of 0-9 A-Z a-z _ -.")]
    union_id: Annotated[str | None, Doc("The UnionID, if one came; blanks around it are cut off, and an empty one is none.")] = None
    observed_at: Annotated[datetime | None, Doc("When WeChat was asked; not more than 5 minutes ahead of our clock. Absent: now.")] = None
    source: Annotated[ResolutionSource, Doc("Which of WeChat's answers it is.")]
    external_ids: Annotated[list[ExternalIDInput] | None, Doc("Ids from outside of WeChat that came with it.")] = None
    is_snapshot_user: Annotated[bool, Doc("WeChat's is_snapshotuser: a virtual visitor; such an item is rejected.")] = False

    @property
    def row(self) -> Row:
        """The same, as the graph takes it."""
        return Row(
            app_id=self.app_id,
            open_id=self.open_id,
            union_id=self.union_id,
            observed=None if self.observed_at is None else millis(self.observed_at),
            source=self.source,
            external_ids=tuple(one.ref for one in self.external_ids or ()),
            is_snapshot_user=self.is_snapshot_user,
        )


@publish_input
@dataclass(frozen=True, kw_only=True)
class RecordResolutionsInput:
    """Items to record."""

    items: Annotated[list[ResolutionInput], Doc(f"Up to {LARGEST}; each is applied or not by itself, and said so.")]
    request_id: Annotated[
        str | None,
        Doc(
            f"An id of your own for this call, a UUID for example: 1 to {MAX_REQUEST_ID} printable ASCII characters without blanks. "
            "Sent again within a day with the same items it is answered the same, and nothing is applied again; with other items it is "
            "INVALID_INPUT. Only a keyed hash of it is kept."
        ),
    ] = None


@publish_input
@dataclass(frozen=True, kw_only=True)
class MigrationInput:
    """WeChat's answer about one follower that it moved."""

    from_open_id: Annotated[str, Doc("The OpenID under the old account (ori_openid).")]
    to_open_id: Annotated[str, Doc("The OpenID under the new account (new_openid).")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class RecordMigrationsInput:
    """What changeopenid answered."""

    from_app_id: Annotated[str, Doc("The AppID of the old account.")]
    to_app_id: Annotated[str, Doc("The AppID of the new account.")]
    items: Annotated[list[MigrationInput], Doc(f"Up to {LARGEST} followers.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class ExternalIdLinkInput:
    """An external id and whose it is, or is no more."""

    customer: Annotated[CustomerBy, Doc("Whose. Named by a customer id, its current first identifier is meant.")]
    external_id: Annotated[ExternalIDInput, Doc("The external id.")]
    observed_at: Annotated[datetime | None, Doc("Since when; not more than 5 minutes ahead of our clock. Absent: now.")] = None

    @property
    def link(self) -> ExternalLink:
        """The same, as the graph takes it."""
        observed = None if self.observed_at is None else millis(self.observed_at)
        return ExternalLink(customer=self.customer.by, external_id=self.external_id.ref, observed=observed)


@publish_input
@dataclass(frozen=True, kw_only=True)
class LinkExternalIdsInput:
    """External ids to link."""

    items: Annotated[list[ExternalIdLinkInput], Doc(f"Up to {LARGEST}.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class UnlinkExternalIdsInput:
    """External ids to take back."""

    items: Annotated[list[ExternalIdLinkInput], Doc(f"Up to {LARGEST}. A claim made after `observedAt` stands.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class ReplayQuarantineInput:
    """What to try again."""

    ids: Annotated[list[Id] | None, Doc("Ids (`qua_…`); absent or null: all that waits.")] = None


@publish
@dataclass(kw_only=True)
class ResolutionResult:
    """What became of one item."""

    index: Annotated[int, Doc("Which item: counted from 0, in the order of the input.")]
    outcome: Annotated[Outcome, Doc("What became of it.")]
    customer: Annotated[Customer | None, Doc("Whose it is now; null where it was not applied.")] = None
    customer_id: Annotated[Id | None, Doc("The same customer's id, at no further cost.")] = None
    is_new_customer: Annotated[bool, Doc("Whether this call made the customer.")] = False
    conflict: Annotated[
        Conflict | None, Doc("The conflict that opened with it, about what it names or others of its customer; null where none.")
    ] = None
    error: Annotated[UserError | None, Doc("Why it was rejected; null where it was not.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class RecordResolutionsPayload(Payload):
    """One outcome an item, and how many of each."""

    results: Annotated[list[ResolutionResult], Doc("One an item, in the order of the input; empty where the whole call was refused.")] = (
        field(default_factory=list)
    )
    applied: Annotated[int, Doc("How many said something new.")] = 0
    unchanged: Annotated[int, Doc("How many were known: only times moved.")] = 0
    quarantined: Annotated[int, Doc("How many wait, or whose UnionID waits, until something is registered.")] = 0
    rejected: Annotated[int, Doc("How many cannot be applied and were not stored.")] = 0


@publish
@dataclass(frozen=True, kw_only=True)
class RecordMigrationsPayload(Payload):
    """One outcome a follower."""

    results: Annotated[list[ResolutionResult], Doc("One an item, in the order of the input.")] = field(default_factory=list)


@publish
@dataclass(frozen=True, kw_only=True)
class LinkExternalIdsPayload(Payload):
    """One outcome an item."""

    results: Annotated[list[ResolutionResult], Doc("One an item, in the order of the input.")] = field(default_factory=list)


@publish
@dataclass(frozen=True, kw_only=True)
class UnlinkExternalIdsPayload(Payload):
    """One outcome an item."""

    results: Annotated[list[ResolutionResult], Doc("One an item, in the order of the input.")] = field(default_factory=list)


@publish
@dataclass(frozen=True, kw_only=True)
class ReplayQuarantinePayload(Payload):
    """How it went."""

    replayed: Annotated[int, Doc("How many no longer wait.")] = 0


@strawberry.type
class ResolutionMutations:
    """Mutations that bring identities in."""

    @mutation(needs=Scope.INGEST)
    async def record_resolutions(
        self,
        info: Info,
        input: Annotated[RecordResolutionsInput, strawberry.argument(description="The items.")],  # noqa: A002
    ) -> RecordResolutionsPayload:
        """Record up to 500 of WeChat's answers. Each has its own outcome, and the same one again changes nothing but times."""
        _not_too_many(input.items)
        context = info.context
        rows = [item.row for item in input.items]
        found = await context.services.recorder.record(context.tenant, rows, request_id=input.request_id)
        results = await _shown(context.tenant, Selection.of(info).under("results"), found)
        return _counted(results, found)

    @mutation(needs=Scope.INGEST)
    async def record_migrations(
        self,
        info: Info,
        input: Annotated[RecordMigrationsInput, strawberry.argument(description="The followers.")],  # noqa: A002
    ) -> RecordMigrationsPayload:
        """Record up to 500 followers whom WeChat moved to another official account: both OpenIDs are one person's."""
        _not_too_many(input.items)
        moved = [Migration(from_open_id=one.from_open_id, to_open_id=one.to_open_id) for one in input.items]
        found = await record_migrations(info.context.tenant, input.from_app_id, input.to_app_id, moved)
        return RecordMigrationsPayload(results=await _shown(info.context.tenant, Selection.of(info).under("results"), found))

    @mutation(needs=Scope.INGEST)
    async def link_external_ids(
        self,
        info: Info,
        input: Annotated[LinkExternalIdsInput, strawberry.argument(description="The links.")],  # noqa: A002
    ) -> LinkExternalIdsPayload:
        """Say of up to 500 external ids whose they are. Customers who share one are joined, as far as the identity policy allows."""
        _not_too_many(input.items)
        found = await link_external_ids(info.context.tenant, [one.link for one in input.items])
        return LinkExternalIdsPayload(results=await _shown(info.context.tenant, Selection.of(info).under("results"), found))

    @mutation(needs=Scope.INGEST)
    async def unlink_external_ids(
        self,
        info: Info,
        input: Annotated[UnlinkExternalIdsInput, strawberry.argument(description="The links.")],  # noqa: A002
    ) -> UnlinkExternalIdsPayload:
        """Take up to 500 external ids back from their customers. What they alone joined falls apart; a later claim wins."""
        _not_too_many(input.items)
        found = await unlink_external_ids(info.context.tenant, [one.link for one in input.items])
        return UnlinkExternalIdsPayload(results=await _shown(info.context.tenant, Selection.of(info).under("results"), found))

    @mutation(needs=Scope.INGEST)
    async def replay_quarantine(
        self,
        info: Info,
        input: Annotated[ReplayQuarantineInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> ReplayQuarantinePayload:
        """Try what waits in quarantine again, now. What still cannot be applied stays; ids of nothing are passed over."""
        keys = None if input.ids is None else [key for one in input.ids if (key := key_of(one, "qua"))]
        return ReplayQuarantinePayload(replayed=await replay_quarantine(info.context.tenant, keys))


def _not_too_many(items: Sequence[object]) -> None:
    if len(items) > LARGEST:
        raise invalid(f"At most {LARGEST} items in one call; here are {len(items)}. Nothing was applied.", "items")


def _counted(results: list[ResolutionResult], found: Sequence[Result]) -> RecordResolutionsPayload:
    count = Counter(one.outcome for one in found)
    return RecordResolutionsPayload(
        results=results,
        applied=count[Outcome.APPLIED],
        unchanged=count[Outcome.UNCHANGED],
        quarantined=count[Outcome.QUARANTINED],
        rejected=count[Outcome.REJECTED],
    )


async def _shown(tenant: Tenant, selected: Selection, found: Sequence[Result]) -> list[ResolutionResult]:
    """Results with their customers and conflicts, each loaded with one question for all of them, and only if selected."""
    customers = await _customers(tenant, found) if selected.has("customer") else {}
    conflicts = await _conflicts(tenant, found) if selected.has("conflict") else {}
    await fill(tenant, selected.under("customer"), customers.values())
    await fill(tenant, selected.under("conflict"), conflicts.values())
    return [
        ResolutionResult(
            index=index,
            outcome=one.outcome,
            customer=customers.get(one.customer or ""),
            customer_id=Id(f"{Customer.prefix}_{one.customer}") if one.customer else None,
            is_new_customer=one.is_new_customer,
            conflict=conflicts.get(one.conflict or ""),
            error=one.error,
        )
        for index, one in enumerate(found)
    ]


async def _customers(tenant: Tenant, found: Sequence[Result]) -> dict[str, Customer]:
    keys = list(dict.fromkeys(one.customer for one in found if one.customer))
    return {key: one for key, one in zip(keys, await tenant.customers(keys), strict=True) if one}


async def _conflicts(tenant: Tenant, found: Sequence[Result]) -> dict[str, Conflict]:
    keys = list(dict.fromkeys(one.conflict for one in found if one.conflict))
    return {key: one for key, one in zip(keys, await tenant.conflicts(keys), strict=True) if one} if keys else {}
