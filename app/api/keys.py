"""API keys, and who one is by the key one holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from app.access import create_key, list_keys, revoke_key
from app.api.connection import After, Before, Connection, First, Last, node_connection, page_of
from app.api.context import Info
from app.api.fields import Payload, mutation, query
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph.apikeys import ApiKey, Scope
from graph.node import Doc, Id, key_of, millis


@publish
@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who asks."""

    tenant: Annotated[str, Doc("The tenant that the key opens.")]
    key_name: Annotated[str, Doc("What the key's maker called it.")]
    scopes: Annotated[list[Scope], Doc("What it may do.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class CreateApiKeyInput:
    """A key to be made."""

    name: Annotated[str, Doc("Whose, or for what: 1 to 200 characters.")]
    scopes: Annotated[list[Scope], Doc("What it may do; at least one. No scope contains another.")]
    expires_at: Annotated[datetime | None, Doc("From when on it opens nothing, in the future; absent: never.")] = None


@publish_input
@dataclass(frozen=True, kw_only=True)
class RevokeApiKeyInput:
    """A key to be revoked."""

    id: Annotated[Id, Doc("Which (`key_…`).")]


@publish
@dataclass(frozen=True, kw_only=True)
class CreateApiKeyPayload(Payload):
    """The key, and this once its secret."""

    api_key: Annotated[ApiKey | None, Doc("The key; null where it was refused.")] = None
    secret: Annotated[str | None, Doc("What to send as `Authorization: Bearer …`. It is shown this once; we keep a hash.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class RevokeApiKeyPayload(Payload):
    """The key as it is now."""

    api_key: Annotated[ApiKey | None, Doc("The key; null where it was refused.")] = None


@strawberry.type
class KeyQueries:
    """Questions about keys."""

    @query(needs=None)
    async def viewer(self, info: Info) -> Viewer:
        """Who you are: your key's tenant, name and scopes. Any good key may ask."""
        caller = info.context.caller
        return Viewer(tenant=caller.tenant, key_name=caller.key_name, scopes=[scope for scope in Scope if scope in caller.scopes])

    @query()
    async def api_keys(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[ApiKey]:
        """The tenant's keys, revoked and expired ones too, in the order of their ids. Never their secrets."""
        page = page_of(Selection.of(info), first, after, last, before)
        return node_connection(await list_keys(info.context.tenant, page), page)


@strawberry.type
class KeyMutations:
    """Mutations on keys."""

    @mutation(needs=Scope.ADMIN)
    async def create_api_key(
        self,
        info: Info,
        *,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="The key.")],  # noqa: A002
    ) -> CreateApiKeyPayload:
        """Make a key to this tenant. Its secret is shown this once."""
        expires = None if input.expires_at is None else millis(input.expires_at)
        made, secret = await create_key(info.context.tenant, input.name, input.scopes, expires)
        return CreateApiKeyPayload(api_key=made, secret=secret)

    @mutation(needs=Scope.ADMIN)
    async def revoke_api_key(
        self,
        info: Info,
        *,
        input: Annotated[RevokeApiKeyInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RevokeApiKeyPayload:
        """Revoke a key: from now on it opens nothing; other machines of this service notice within 3 seconds."""
        revoked = await revoke_key(info.context.tenant, key_of(input.id, ApiKey.prefix))
        info.context.services.access.forget(revoked)
        return RevokeApiKeyPayload(api_key=revoked)
