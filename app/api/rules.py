"""WeChat's limits on bindings as data: listed, and overridden by who knows better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import strawberry

from app.api.context import Info
from app.api.fields import Payload, mutation, query
from app.api.publish import publish, publish_choice, publish_input
from graph.apikeys import Scope
from graph.limits import BindingRule
from graph.node import Doc
from graph.registry import override_limit


@publish_choice
@dataclass(frozen=True, kw_only=True)
class LimitOverrideInput:
    """What a limit becomes; give exactly one."""

    value: Annotated[int | None, Doc("Another number, 0 or more.")] = None
    is_unlimited: Annotated[bool | None, Doc("True: no limit.")] = None
    is_reset: Annotated[bool | None, Doc("True: what WeChat's pages say again.")] = None


@publish_input
@dataclass(frozen=True, kw_only=True)
class OverrideLimitInput:
    """Another value for one of WeChat's limits."""

    rule: Annotated[str, Doc("The rule's name, from `bindingRules`.")]
    open_app_id: Annotated[str | None, Doc("For this Open Platform account alone; absent or null: for all.")] = None
    change: Annotated[LimitOverrideInput, Doc("What it becomes.")]
    reason: Annotated[str, Doc("Why, for those who read it later: 1 to 1,000 characters.")]


@publish
@dataclass(frozen=True, kw_only=True)
class OverrideLimitPayload(Payload):
    """The rule as it applies now."""

    rule: Annotated[BindingRule | None, Doc("The rule, for the account that was named or for all; null where it was refused.")] = None


@strawberry.type
class RuleQueries:
    """Questions about WeChat's limits."""

    @query()
    async def binding_rules(self, info: Info) -> list[BindingRule]:
        """Every limit that WeChat sets on bindings, with its value, certainty, source and date, and whether it is overridden for all."""
        return (await info.context.tenant.view()).binding_rules


@strawberry.type
class RuleMutations:
    """Mutations on WeChat's limits."""

    @mutation(needs=Scope.MANAGE)
    async def override_limit(
        self,
        info: Info,
        *,
        input: Annotated[OverrideLimitInput, strawberry.argument(description="The rule and its value.")],  # noqa: A002
    ) -> OverrideLimitPayload:
        """Set one of WeChat's limits to what you know it to be, or take that back. It is shown as overridden."""
        change = vars(input.change)
        author, tenant = info.context.caller.key_name, info.context.tenant
        rule = await override_limit(tenant, input.rule, reason=input.reason, author=author, open_app_id=input.open_app_id, **change)
        return OverrideLimitPayload(rule=rule)
