"""Fixtures of the WeChat tests; retries wait no time here."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina

from app.wechat.client import WeChatClient
from tests.wechat.scripted import ManualClock, ScriptedWeChat


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries decide as ever but wait no time."""
    stamina.set_testing(testing=True, attempts=100, cap=True)
    yield
    stamina.set_testing(testing=False)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


@pytest.fixture
def wechat() -> ScriptedWeChat:
    """A WeChat that gives tokens and waits for its script."""
    return ScriptedWeChat()


@pytest.fixture
async def client(wechat: ScriptedWeChat, clock: ManualClock) -> AsyncIterator[WeChatClient]:
    """A client that asks the scripted WeChat."""
    async with wechat.client(clock=clock) as opened:
        yield opened
