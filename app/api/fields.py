"""How root fields are declared: their scope, their description from the docstring, and for mutations the payload of refusals."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from strawberry.extensions import FieldExtension

from app.access import Forbidden, Unauthenticated
from app.api.context import Context
from app.api.read_scope import leads_beyond
from graph.apikeys import Scope
from graph.errors import Refused, UserError
from graph.node import Doc

Resolver = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What a mutation answers."""

    errors: Annotated[list[UserError], Doc("Why it was refused, or which part was; empty where nothing was.")] = field(default_factory=list)


class Needs(FieldExtension):
    """Lets only those in whose key has a scope; without a scope, any good key."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def resolve_async(self, next_: Resolver, source: object, info: strawberry.Info[Context, None], **arguments: object) -> object:
        """Check, then resolve."""
        self.check(info)
        return await next_(source, info, **arguments)

    def check(self, info: strawberry.Info[Context, None]) -> None:
        """Raises Unauthenticated or Forbidden."""
        caller = getattr(info.context, "caller", None)
        if caller is None:
            raise Unauthenticated("Send an API key: `Authorization: Bearer ug_…`.")
        if self.scope is not None:
            caller.must_have(self.scope)


class NeedsToChange(Needs):
    """The same for a mutation, whose answer may be read without READ as far as what it changed, and no further."""

    def check(self, info: strawberry.Info[Context, None]) -> None:
        """Raises Unauthenticated or Forbidden."""
        super().check(info)
        if Scope.READ not in info.context.caller.scopes and leads_beyond(info):
            raise Forbidden(
                "It was not done. What an answer leads to beyond what the mutation changed needs an API key with the scope READ: "
                "select less, or use such a key; `viewer` shows the scopes of yours."
            )


class Answers(FieldExtension):
    """Turns a refusal into the payload's errors."""

    def __init__(self, payload: type[Payload]) -> None:
        self._payload = payload

    async def resolve_async(self, next_: Resolver, source: object, info: strawberry.Info[Context, None], **arguments: object) -> object:
        """Resolve; what was refused is an answer."""
        try:
            return await next_(source, info, **arguments)
        except Refused as refused:
            return self._payload(errors=refused.errors)


class NeedsToSubscribe(Needs):
    """The same for a subscription, whose resolver gives what is iterated over without being awaited."""

    async def resolve_async(
        self, next_: Callable[..., Any], source: object, info: strawberry.Info[Context, None], **arguments: object
    ) -> object:
        """Check, then resolve."""
        self.check(info)
        return next_(source, info, **arguments)


def subscription(*, needs: Scope) -> Callable[[Callable[..., Any]], Any]:
    """Declare a root field to follow by."""
    return lambda resolver: strawberry.subscription(
        resolver=resolver, description=inspect.cleandoc(resolver.__doc__ or ""), extensions=[NeedsToSubscribe(needs)]
    )


def query(*, needs: Scope | None = Scope.READ) -> Callable[[Resolver], Any]:
    """Declare a root field to read by."""
    return lambda resolver: strawberry.field(
        resolver=resolver, description=inspect.cleandoc(resolver.__doc__ or ""), extensions=[Needs(needs)]
    )


def mutation(*, needs: Scope) -> Callable[[Resolver], Any]:
    """Declare a root field to write by; it answers the payload that it is annotated with."""

    def declared(resolver: Resolver) -> object:
        payload = typing.get_type_hints(resolver)["return"]
        return strawberry.mutation(
            resolver=resolver,
            description=f"{inspect.cleandoc(resolver.__doc__ or '')} Needs the scope {needs.value}.",
            extensions=[NeedsToChange(needs), Answers(payload)],
        )

    return declared
