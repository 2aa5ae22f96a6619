"""Who may do what: API keys, made, recognised and revoked. A key opens one tenant; its secret is never stored."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from graph.apikeys import ApiKey, Scope
from graph.errors import Refused, invalid, not_found
from graph.given import name_text
from graph.keys import random_key
from graph.node import Key, Millis
from graph.stores import Page, Slice, Store, StoreUnavailable
from graph.tenant import Tenant
from graph.turn import Loaded, Writes
from graph.turn import Scope as Sight

PREFIX = "ug_"
"""So that a leaked secret is recognised as one by whoever scans for them."""
REMEMBERED_FOR = 3.0
"""Seconds for which a process trusts a key it has looked up: one revoked by another process dies that late, one revoked here at once."""
REMEMBERED = 1024
"""Keys that a process remembers; of more, those used least recently are looked up anew."""
NOTED_EVERY: Millis = 60_000
"""How exactly the last use of a key is noted."""

log = structlog.get_logger(__name__)


class Unauthenticated(Exception):
    """No key was given, or none that opens anything. The message may be shown to the caller."""


class Forbidden(Exception):
    """The key lacks a scope. The message may be shown to the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a tenant, by one of its keys."""

    tenant: str
    key_name: str
    key: str = ""
    """Its id's key; empty for a caller that none names."""
    scopes: frozenset[Scope]

    def must_have(self, scope: Scope) -> None:
        """Raises Forbidden, naming the scope, where the key lacks it."""
        if scope not in self.scopes:
            raise Forbidden(f"This needs an API key with the scope {scope.value}; `viewer` shows the scopes of yours.")


@dataclass(frozen=True, slots=True)
class _Known:
    tenant: str
    key: ApiKey
    until: float


class Access:
    """Recognises keys. One for a process; `close` waits for what is still being noted."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._noted: dict[Key, Millis] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def authenticate(self, header: str | None) -> Caller:
        """Whose key an Authorization header carries. Raises Unauthenticated."""
        scheme, _, secret = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("Send an API key: `Authorization: Bearer ug_…`.")
        found = await self._look_up(digest_of(secret.strip()))
        now = self._store.clock()
        if found is None or not found.key.is_good(now):
            raise Unauthenticated("This API key is unknown, revoked or expired.")
        self._note_use(found, now)
        return Caller(tenant=found.tenant, key_name=found.key.name, key=found.key.key, scopes=frozenset(found.key.scopes))

    def forget(self, key: ApiKey) -> None:
        """Trust nothing that was remembered of a key: it was revoked here."""
        self._known.pop(key.digest, None)

    async def close(self) -> None:
        """Wait until the last uses are noted."""
        await asyncio.gather(*self._noting)

    async def _look_up(self, digest: str) -> _Known | None:
        known = self._known.get(digest)
        if known and self._clock() < known.until:
            self._known.move_to_end(digest)
            return known
        asked_at = self._clock()
        found = await self._store.api_key(digest)
        if found is None:
            self._known.pop(digest, None)
            return None
        known = self._known[digest] = _Known(*found, until=asked_at + REMEMBERED_FOR)
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _note_use(self, used: _Known, now: Millis) -> None:
        noted = max(self._noted.get(used.key.key, 0), used.key.last_used or 0)
        if now - noted < NOTED_EVERY:
            return
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[used.key.key] = now
        task = asyncio.create_task(_note(Tenant(self._store, used.tenant), used.key.key, now))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)


async def _note(tenant: Tenant, key: Key, now: Millis) -> None:
    """Note that a key was used. That it could not be noted keeps nobody from working."""
    try:
        await _change(tenant, key, lambda known: replace(known, last_used=max(now, known.last_used or 0)))
    except (StoreUnavailable, Refused):
        log.warning("the last use of an API key could not be noted", key=f"{ApiKey.prefix}_{key}")


async def create_key(tenant: Tenant, name: str, scopes: Sequence[Scope], expires: Millis | None = None) -> tuple[ApiKey, str]:
    """Make a key; its secret, given beside it, is shown this once. Raises Refused."""
    name_text(name)
    now = tenant.now()
    if not scopes:
        raise invalid("A key without scopes opens nothing: name at least one.", "scopes")
    if expires is not None and expires <= now:
        raise invalid("`expiresAt` has passed already.", "expiresAt")
    secret = PREFIX + secrets.token_urlsafe(32)
    in_order = [scope for scope in Scope if scope in scopes]
    made = ApiKey(key=random_key(), name=name, scopes=in_order, digest=digest_of(secret), created=now, expires=expires)
    await tenant.write(lambda _: Sight(), lambda _: (Writes(put=[made]), None))
    return made, secret


async def list_keys(tenant: Tenant, page: Page) -> Slice[ApiKey]:
    """A tenant's keys, revoked and expired ones too, in the order of their ids."""
    return (await tenant.store.page(tenant.name, ApiKey, page))[1]


async def revoke_key(tenant: Tenant, key: Key | None) -> ApiKey:
    """From now on the key opens nothing. Revoking it again changes nothing. Raises Refused where there is none."""
    now = tenant.now()
    revoked = await _change(tenant, key, lambda known: known if known.revoked is not None else replace(known, revoked=now)) if key else None
    if revoked is None:
        raise not_found("There is no API key with this id: `apiKeys`, or `uniongraph key list`, lists them.", "id")
    return revoked


async def _change(tenant: Tenant, key: Key, change: Callable[[ApiKey], ApiKey]) -> ApiKey | None:
    def decide(loaded: Loaded) -> tuple[Writes, ApiKey | None]:
        known = loaded.nodes.get(key)
        if not isinstance(known, ApiKey):
            return Writes(), None
        changed = change(known)
        return Writes(put=[] if changed == known else [changed]), changed

    return await tenant.write(lambda _: Sight(keys=frozenset([key])), decide)


def digest_of(secret: str) -> str:
    """What is stored of a secret. It is 32 random bytes, so a plain hash cannot be searched for it."""
    return hashlib.sha256(secret.encode()).hexdigest()
