"""One token per AppID, fetched once, renewed early, never overwritten by an older one."""

import asyncio
from datetime import timedelta

import pytest

from app.wechat.errors import CredentialsRefused, TokenRejected
from app.wechat.messages import Token
from app.wechat.redact import Secret
from app.wechat.tokens import TokenCache
from tests.wechat.scripted import APP, SECRET, STABLE_TOKEN, ManualClock

REFUSED = TokenRejected("the token has expired", path="/cgi-bin/user/info", app_id=APP, remedy="none", errcode=42001)


class Issuer:
    """Hands out token-1, token-2, …; waits while its gate is closed."""

    def __init__(self) -> None:
        self.fetched = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.is_stuck = False

    async def __call__(self, app_id: str) -> Token:
        """Fetch a token."""
        assert app_id == APP
        if not self.is_stuck:
            self.fetched += 1
        number = self.fetched
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return Token(Secret(f"token-{number}"), 7200)


@pytest.fixture
def issuer() -> Issuer:
    """An issuer with an open gate."""
    return Issuer()


@pytest.fixture
def cache(issuer: Issuer, clock: ManualClock) -> TokenCache:
    """A cache in front of the issuer."""
    return TokenCache(issuer, clock)


async def settle() -> None:
    """Let background tasks run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_twenty_callers_cause_one_fetch(issuer: Issuer, cache: TokenCache) -> None:
    """However many wait, WeChat is asked once."""
    issuer.gate.clear()
    callers = [asyncio.create_task(cache.token(APP)) for _ in range(20)]
    await settle()
    issuer.gate.set()

    assert [Secret("token-1")] * 20 == await asyncio.gather(*callers)
    assert 1 == issuer.fetched


async def test_a_cancelled_caller_takes_nothing_from_the_others(issuer: Issuer, cache: TokenCache) -> None:
    """Cancelling the caller that started the fetch leaves the fetch running."""
    issuer.gate.clear()
    first, second = asyncio.create_task(cache.token(APP)), asyncio.create_task(cache.token(APP))
    await settle()
    first.cancel()
    issuer.gate.set()

    assert Secret("token-1") == await second
    assert 1 == issuer.fetched


async def test_life_counts_from_the_start_of_the_request(issuer: Issuer, cache: TokenCache, clock: ManualClock) -> None:
    """A slow answer does not lengthen the life of the token it brings."""
    issuer.gate.clear()
    started = clock.now
    caller = asyncio.create_task(cache.token(APP))
    await settle()
    clock.move(100)
    issuer.gate.set()
    await caller

    kept = cache.compare_and_set(APP, -1, Token(Secret("unused"), 1), clock.now)
    assert started + timedelta(seconds=7200) == kept.expires_at


async def test_with_300_seconds_left_nothing_is_fetched(issuer: Issuer, cache: TokenCache, clock: ManualClock) -> None:
    """The early refresh begins below 300 s, not at it."""
    await cache.token(APP)
    clock.move(7200 - 300)
    await cache.token(APP)
    await settle()

    assert 1 == issuer.fetched


async def test_early_refresh_happens_behind_the_callers_back(issuer: Issuer, cache: TokenCache, clock: ManualClock) -> None:
    """Below 300 s the old token is returned at once and never missing, while the new one is fetched."""
    await cache.token(APP)
    clock.move(7200 - 299)
    issuer.gate.clear()

    assert Secret("token-1") == await cache.token(APP)
    await settle()
    assert Secret("token-1") == await cache.token(APP)
    issuer.gate.set()
    await settle()
    assert (Secret("token-2"), 2) == (await cache.token(APP), issuer.fetched)


async def test_a_failed_early_refresh_costs_no_call_and_is_not_hammered(issuer: Issuer, cache: TokenCache, clock: ManualClock) -> None:
    """While the old token lives a failed refresh is invisible, and is tried again only after a pause."""
    await cache.token(APP)
    clock.move(7200 - 299)
    issuer.failure = REFUSED
    for _ in range(5):
        assert Secret("token-1") == await cache.token(APP)
        await settle()
    assert 2 == issuer.fetched

    clock.move(10)
    await cache.token(APP)
    await settle()
    assert 3 == issuer.fetched


async def test_an_expired_token_is_never_returned(cache: TokenCache, clock: ManualClock) -> None:
    """At the end of its life a token is replaced before anybody gets it."""
    await cache.token(APP)
    clock.move(7200)

    assert Secret("token-2") == await cache.token(APP)


async def test_an_older_slow_answer_does_not_overwrite_a_newer_token(issuer: Issuer, cache: TokenCache, clock: ManualClock) -> None:
    """Whoever read the cache before it was written again has lost, and gets the newer token."""
    await cache.token(APP)
    clock.move(7200)
    issuer.gate.clear()
    slow = asyncio.create_task(cache.token(APP))
    await settle()
    cache.compare_and_set(APP, cache.version(APP), Token(Secret("newer"), 7200), clock.now)
    issuer.gate.set()

    assert Secret("newer") == await slow
    assert Secret("newer") == await cache.token(APP)


async def test_a_failing_token_that_was_replaced_meanwhile_is_not_refreshed(issuer: Issuer, cache: TokenCache) -> None:
    """If the cache already holds another token, that one is used and WeChat is not asked."""
    await cache.token(APP)

    assert Secret("token-1") == await cache.replacement(APP, Secret("an older one"), REFUSED)
    assert 1 == issuer.fetched


async def test_twenty_failing_callers_cause_one_refresh(issuer: Issuer, cache: TokenCache) -> None:
    """A dead token makes everybody fail at once and is replaced once."""
    dead = await cache.token(APP)
    fresh = await asyncio.gather(*(cache.replacement(APP, dead, REFUSED) for _ in range(20)))

    assert ([Secret("token-2")] * 20, 2) == (fresh, issuer.fetched)


async def test_the_same_token_again_is_permanent(issuer: Issuer, cache: TokenCache) -> None:
    """If WeChat hands out the token that it refuses, there is no loop but an error with a remedy."""
    dead = await cache.token(APP)
    issuer.is_stuck = True

    with pytest.raises(TokenRejected) as caught:
        await cache.replacement(APP, dead, REFUSED)
    assert (42001, False) == (caught.value.errcode, caught.value.is_retryable)
    assert "hands out" in str(caught.value)


async def test_a_failed_fetch_reaches_all_and_is_tried_anew(issuer: Issuer, cache: TokenCache) -> None:
    """Everybody who waited hears of the failure; the next caller starts afresh."""
    issuer.failure = CredentialsRefused("wrong secret", path=STABLE_TOKEN, app_id=APP, remedy="mend it", errcode=40125)
    outcomes = await asyncio.gather(*(cache.token(APP) for _ in range(3)), return_exceptions=True)
    issuer.failure = None

    assert [CredentialsRefused] * 3 == [type(outcome) for outcome in outcomes]
    assert Secret("token-2") == await cache.token(APP)


async def test_closing_stops_what_runs_in_the_background(issuer: Issuer, cache: TokenCache) -> None:
    """No task outlives the cache."""
    issuer.gate.clear()
    caller = asyncio.create_task(cache.token(APP))
    await settle()
    await cache.close()

    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_the_cache_holds_no_app_secret(cache: TokenCache) -> None:
    """Keys are AppIDs, and printing the cache shows no token."""
    await cache.token(APP)

    assert [APP] == list(cache._cached)
    assert SECRET not in repr(cache._cached)
    assert "token-1" not in repr(cache._cached)
