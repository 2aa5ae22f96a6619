"""The identity policy: changed, rehearsed, and who changed it when and why. The policy itself is in graph/policy.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import strawberry

from app.api.connection import After, Before, Connection, First, Last, connection, page_of
from app.api.context import Info
from app.api.fields import Payload, mutation, query
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph.apikeys import Scope
from graph.effect import PartitionEffect
from graph.given import UNSET, Unset, not_null
from graph.jobs import Job
from graph.node import Doc
from graph.policy import MOST_NAMESPACES, MOST_PER_CUSTOMER, WIDEST_CROWD, IdentityPolicy, NamespacePolicy, Normaliser
from graph.policy_changes import SAMPLES, PolicyChange
from graph.set_policy import BUDGET, Change, rehearse_identity_policy, set_identity_policy


@publish_input
@dataclass(frozen=True, kw_only=True)
class NamespacePolicyInput:
    """How one namespace of external ids takes part in joining customers."""

    namespace: Annotated[str, Doc("Its name: 1 to 64 lower-case letters, digits, `_`, `.`, `-`, beginning with a letter.")]
    max_per_customer: Annotated[
        int | None, Doc(f"How many of its values one customer may have by evidence, 1 to {MOST_PER_CUSTOMER}; absent or null: any number.")
    ] = None
    is_sensitive: Annotated[
        bool,
        Doc(
            "Whether only a keyed hash of a value is kept. Switched on, the values that stand anywhere but in reasons, which people wrote, "
            "are taken out by the job. Switched off again they do not come back by themselves: each is known again when it is next sent."
        ),
    ] = False
    normaliser: Annotated[
        Normaliser,
        Doc(
            "How values are brought into one form. It cannot change once the namespace has values: they are kept in that form alone, "
            "often as a hash, and ids that were given out name them for ever. One that no policy listed is TRIMMED."
        ),
    ] = Normaliser.EXACT

    @property
    def policy(self) -> NamespacePolicy:
        """The same, as the graph takes it."""
        return NamespacePolicy(**vars(self))


@publish_input
@dataclass(frozen=True, kw_only=True)
class SetIdentityPolicyInput:
    """What to change; what is left out stays."""

    namespaces: Annotated[
        list[NamespacePolicyInput] | Unset | None,
        Doc(f"All of them, 1 to {MOST_NAMESPACES}, in rank order: identities such as the member number before contacts such as a phone."),
    ] = UNSET
    generic_after: Annotated[
        int | Unset | None, Doc(f"1 to {WIDEST_CROWD}: an identifier claimed by more accounts than this joins nothing.")
    ] = UNSET
    reason: Annotated[str, Doc("Why, for those who read it later: 1 to 1,000 characters. No personal data.")]
    dry_run: Annotated[bool, Doc("Whether to change nothing and say what would happen.")] = False

    @property
    def change(self) -> Change:
        """The same, as the graph takes it. Raises Refused where something is null."""
        namespaces = not_null(self.namespaces, "namespaces")
        return Change(
            namespaces=UNSET if isinstance(namespaces, Unset) else [one.policy for one in namespaces],
            generic_after=not_null(self.generic_after, "genericAfter"),
        )


@publish
@dataclass(frozen=True, kw_only=True)
class SetIdentityPolicyPayload(Payload):
    """The policy, and what the change does to customers."""

    policy: Annotated[
        IdentityPolicy | None, Doc("The policy in force now: the new one, or after a dryRun the old one; null where it was refused.")
    ] = None
    job: Annotated[
        Job | None,
        Doc(
            "What brings customers in line with the policy; after a dryRun, what goes on counting where the time was too short "
            f"({BUDGET:.0f} s), and null where everything is counted."
        ),
    ] = None
    merges: Annotated[
        int | None,
        Doc(
            "dryRun: how many of today's customers would come to share a customer with another one of today's, as far as they are counted. "
            "Null without dryRun: the job counts as it goes."
        ),
    ] = None
    splits: Annotated[
        int | None,
        Doc("dryRun: how many of today's customers would have their identifiers in more than one customer, as far as they are counted."),
    ] = None
    effect: Annotated[
        PartitionEffect | None, Doc(f"dryRun: some of these customers, up to {SAMPLES} as they are and up to {SAMPLES} as they would be.")
    ] = None


@strawberry.type
class PolicyQueries:
    """Questions about the identity policy's past."""

    @query()
    async def policy_changes(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[PolicyChange]:
        """Every change of the identity policy, oldest first: who, when, why, from what to what."""
        tenant = info.context.tenant
        page = page_of(Selection.of(info), first, after, last, before)
        _, found = await tenant.store.page(tenant.name, PolicyChange, page)
        return connection(found, page, lambda one: one.key, found.items)


@strawberry.type
class PolicyMutations:
    """Mutations on the identity policy."""

    @mutation(needs=Scope.ADMIN)
    async def set_identity_policy(
        self,
        info: Info,
        *,
        input: Annotated[SetIdentityPolicyInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> SetIdentityPolicyPayload:
        """Change how customers are joined. The policy holds at once for whatever comes; a job brings everybody else in line with it.

        Counts while a change is still being applied are those of what is left to do. Another change ends the job of the one before.
        """
        tenant = info.context.tenant
        if input.dry_run:
            seen = await rehearse_identity_policy(tenant, input.change, reason=input.reason)
            if seen.job:
                info.context.wake()
            view = await tenant.view()
            job = replace(seen.job, view=view) if seen.job else None
            return SetIdentityPolicyPayload(
                policy=view.registry.policy, job=job, merges=seen.merges, splits=seen.splits, effect=seen.effect
            )
        policy, made = await set_identity_policy(tenant, input.change, reason=input.reason, author=info.context.caller.key_name)
        info.context.wake()
        return SetIdentityPolicyPayload(policy=policy, job=replace(made, view=await tenant.view()))
