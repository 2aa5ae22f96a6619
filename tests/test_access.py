"""API keys: who they let in, for how long, and how fast they die."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.access import REMEMBERED, REMEMBERED_FOR, Access, Caller, Forbidden, Unauthenticated, create_key, list_keys, revoke_key
from graph.apikeys import Scope
from graph.errors import Refused
from graph.keys import random_key
from graph.stores import Page, Store, StoreUnavailable, open_store
from graph.tenant import Tenant
from tests.api.asking import Counting, StandingClock


class Ticking:
    """A monotonic clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@pytest.fixture
def clock() -> StandingClock:
    """The store's clock."""
    return StandingClock()


@pytest.fixture
async def store(tmp_path: Path, clock: StandingClock) -> AsyncIterator[Store]:
    """A fresh store with one tenant."""
    async with open_store(f"sqlite:///{tmp_path}/graph.db", secret=b"s" * 32, clock=clock) as opened:
        await opened.create_tenant("acme")
        yield opened


@pytest.fixture
def tenant(store: Store) -> Tenant:
    """The tenant whose keys are made."""
    return Tenant(store, "acme")


async def let_in(access: Access, secret: str) -> Caller | None:
    """Who a secret is, if anybody."""
    try:
        return await access.authenticate(f"Bearer {secret}")
    except Unauthenticated:
        return None
    finally:
        await access.close()


async def test_a_key_opens_its_tenant(tenant: Tenant) -> None:
    """A secret begins with ug_, opens its tenant with its scopes, and is nowhere in the store."""
    made, secret = await create_key(tenant, "dashboard", [Scope.INGEST, Scope.READ])
    assert secret.startswith("ug_")
    assert len(secret) == 3 + 43
    opened = await let_in(Access(tenant.store), secret)
    assert Caller(tenant="acme", key_name="dashboard", scopes=frozenset({Scope.READ, Scope.INGEST}), key=made.key) == opened
    (stored,) = (await list_keys(tenant, Page())).items
    assert (made.key, 64) == (stored.key, len(stored.digest))
    assert secret[3:] not in repr(stored)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcg==", "Bearer ug_wrong", "ug_wrong", "Bearer 微信"])
async def test_what_is_no_key_is_nobody(store: Store, header: str | None) -> None:
    """No header, another scheme and an unknown secret are Unauthenticated."""
    with pytest.raises(Unauthenticated):
        await Access(store).authenticate(header)


async def test_the_scheme_is_read_as_http_wants_it(tenant: Tenant) -> None:
    """The word Bearer may be written in any case, and blanks may follow it."""
    _, secret = await create_key(tenant, "x", [Scope.READ])
    access = Access(tenant.store)
    assert "x" == (await access.authenticate(f"bearer   {secret} ")).key_name
    await access.close()


async def test_a_key_expires_by_the_stores_clock(tenant: Tenant, clock: StandingClock) -> None:
    """Until the moment it is good, from the moment on it is not, although it was looked up a moment ago."""
    _, secret = await create_key(tenant, "x", [Scope.READ], clock.now + 1000)
    access = Access(tenant.store)
    clock.now += 999
    assert await let_in(access, secret)
    clock.now += 1
    assert None is await let_in(access, secret)


async def test_a_revoked_key_dies_within_3_seconds(tenant: Tenant) -> None:
    """Revoked here it is dead at once; revoked by another process it is trusted for 3 seconds at most after it was looked up."""
    made, secret = await create_key(tenant, "x", [Scope.READ])
    ticking = Ticking()
    here, there = Access(tenant.store, ticking), Access(tenant.store, ticking)
    assert await let_in(here, secret)
    assert await let_in(there, secret)
    here.forget(await revoke_key(tenant, made.key))
    assert None is await let_in(here, secret)
    ticking.now = REMEMBERED_FOR - 0.01
    assert await let_in(there, secret)
    ticking.now = REMEMBERED_FOR
    assert None is await let_in(there, secret)
    assert 3 == REMEMBERED_FOR


async def test_a_known_key_is_not_looked_up_again(tenant: Tenant) -> None:
    """Within the time that a key is trusted the store is asked once; what is no key is asked for every time and never kept."""
    _, secret = await create_key(tenant, "x", [Scope.READ])
    counting = Counting(tenant.store)
    access = Access(counting)
    for _ in range(10):
        await let_in(access, secret)
    assert 1 == counting.asked["api_key"]
    for number in range(REMEMBERED + 10):
        assert None is await let_in(access, f"ug_{number}")
    await let_in(access, secret)
    assert 1 + REMEMBERED + 10 == counting.asked["api_key"]


async def test_the_last_use_is_noted_once_a_minute(tenant: Tenant, clock: StandingClock) -> None:
    """Uses within a minute are one write, off the way of the request; the next minute's is another."""
    _, secret = await create_key(tenant, "x", [Scope.READ])
    counting = Counting(tenant.store)
    access = Access(counting)
    first = clock.now
    for _ in range(5):
        await access.authenticate(f"Bearer {secret}")
    assert 0 == counting.asked["write"]
    await access.close()
    clock.now += 59_999
    await let_in(access, secret)
    assert (1, first) == (counting.asked["write"], (await list_keys(tenant, Page())).items[0].last_used)
    clock.now += 1
    await let_in(access, secret)
    assert (2, first + 60_000) == (counting.asked["write"], (await list_keys(tenant, Page())).items[0].last_used)


async def test_noting_a_use_keeps_nobody_out_and_revives_nothing(tenant: Tenant) -> None:
    """A store that cannot write lets the caller in all the same; a use that is noted late does not undo a revocation."""
    made, secret = await create_key(tenant, "x", [Scope.READ])

    counting = Counting(tenant.store)
    stuck = Access(counting)
    assert "x" == (await stuck.authenticate(f"Bearer {secret}")).key_name
    counting.failing = StoreUnavailable()
    await stuck.close()
    access = Access(tenant.store)
    await access.authenticate(f"Bearer {secret}")
    await revoke_key(tenant, made.key)
    await access.close()
    (stored,) = (await list_keys(tenant, Page())).items
    assert stored.revoked is not None
    assert stored.last_used is not None


async def test_revoking(tenant: Tenant, clock: StandingClock) -> None:
    """Revoking again changes nothing; revoking what is no key is refused."""
    made, _ = await create_key(tenant, "x", [Scope.READ])
    revoked = await revoke_key(tenant, made.key)
    clock.now += 5
    assert revoked == await revoke_key(tenant, made.key)
    for nothing in (None, random_key()):
        with pytest.raises(Refused):
            await revoke_key(tenant, nothing)


def test_a_missing_scope_is_named() -> None:
    """Scopes do not contain each other: ADMIN alone may not even read, and is told so."""
    caller = Caller(tenant="acme", key_name="x", scopes=frozenset({Scope.ADMIN}))
    caller.must_have(Scope.ADMIN)
    with pytest.raises(Forbidden, match="READ"):
        caller.must_have(Scope.READ)
