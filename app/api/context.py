"""What resolvers reach: the services of this process, and who asks in this one operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import strawberry

from app.access import Access, Caller
from app.following import Following
from app.ingest.ports import BackfillService, LoginService
from graph.apikeys import Scope
from graph.chains import Chains
from graph.changes import Change
from graph.gather import Recorder
from graph.node import Key
from graph.people import Identity
from graph.stores import Page, Slice, Store
from graph.tenant import Tenant


@dataclass(frozen=True, kw_only=True)
class Services:
    """What lives as long as the process."""

    store: Store
    recorder: Recorder
    access: Access
    logins: LoginService
    backfills: BackfillService
    following: Following
    wake: Callable[[], None]
    """Tells the worker that a job waits; it would find it by itself, only later."""
    backup_days: int = 30
    """Days after which the operator's back-ups of the store are destroyed: what receipts of erasures say."""


@dataclass(kw_only=True)
class Context:
    """What one operation carries: make one for each."""

    services: Services
    caller: Caller
    renewed: Callable[[], Awaitable[Caller]] | None = field(default=None, repr=False)
    """Looks the caller's key up again: what lasts must end with it."""
    resumes_after: str | None = None
    """The cursor that a reconnecting reader of events says it had: it counts more than the operation's own."""
    at: str | None = None
    """The cursor of what a subscription gave last."""
    open_id_pages: dict[tuple[str, Page], asyncio.Task[Slice[Identity]]] = field(default_factory=dict)
    """Pages of touchpoints' OpenIDs that this operation asked for: asked again, they are not loaded again."""
    histories: dict[Key, asyncio.Task[Sequence[Change]]] = field(default_factory=dict)
    """Customers' histories, likewise."""
    explained: dict[Key, asyncio.Task[Chains]] = field(default_factory=dict)
    """What customers hang together by, as far as this operation asked."""

    @cached_property
    def tenant(self) -> Tenant:
        """The caller's part of the store."""
        return Tenant(self.services.store, self.caller.tenant)

    async def renew(self) -> None:
        """Raises Unauthenticated or Forbidden where the key is no longer good for what is being read."""
        if self.renewed:
            (await self.renewed()).must_have(Scope.READ)

    def wake(self) -> None:
        """A job was put: let the worker start on it."""
        self.services.wake()


Info = strawberry.Info[Context, None]
