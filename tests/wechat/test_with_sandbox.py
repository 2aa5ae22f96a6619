"""The client against the sandbox: two readings of WeChat's rules, written apart, have to agree."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.sandbox.brand import Brand, TouchpointKind
from app.sandbox.linjian import make_brand
from app.sandbox.server import sandbox_app
from app.wechat.calls import Pace
from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from app.wechat.errors import CredentialsRefused, LoginCodeInvalid, LoginCodeUsed
from app.wechat.redact import Secret

QUICK = Pace(calls_per_second=1000)


class Sandbox:
    """A brand, the door of its sandbox, and the way in for a client."""

    def __init__(self) -> None:
        self.brand: Brand = make_brand(people=300)
        self.transport = httpx.ASGITransport(app=sandbox_app(self.brand))

    def app_id(self, kind: TouchpointKind) -> str:
        """Return the first touchpoint of a kind."""
        return next(one.app_id for one in self.brand.touchpoints if one.kind is kind)

    async def knock(self, path: str, **wish: object) -> dict[str, object]:
        """Ask the sandbox's own door."""
        async with httpx.AsyncClient(transport=self.transport, base_url="http://sandbox") as http:
            answer: dict[str, object] = (await http.post(f"/sandbox/{path}", json=wish)).json()
        return answer

    async def code(self, app_id: str, person: int, **wish: object) -> str:
        """Let a person open a touchpoint."""
        return str((await self.knock("login", appId=app_id, person=person, **wish))["code"])


@pytest.fixture
def sandbox() -> Sandbox:
    """A fresh sandbox."""
    return Sandbox()


@pytest.fixture
async def client(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[WeChatClient]:
    """A client with the credentials file that the sandbox writes."""
    path = tmp_path / "wechat.toml"
    path.write_text(sandbox.brand.credentials(), encoding="utf-8")
    credentials = Credentials.from_file(path)
    async with WeChatClient(credentials, base_url="http://sandbox", pace=QUICK, transport=sandbox.transport) as opened:
        yield opened


async def test_mini_program_login_tells_the_truth_once(sandbox: Sandbox, client: WeChatClient) -> None:
    """A code gives the person's ids at that touchpoint, and a second time nothing."""
    app_id = sandbox.app_id(TouchpointKind.MINI_PROGRAM)
    code = await sandbox.code(app_id, 7)
    identity = await client.code_to_session(app_id, code)

    assert (sandbox.brand.open_id(7, app_id), sandbox.brand.union_id(7, app_id)) == (identity.open_id, identity.union_id)
    with pytest.raises(LoginCodeUsed):
        await client.code_to_session(app_id, code)
    with pytest.raises(LoginCodeInvalid):
        await client.code_to_session(app_id, "never issued")


@pytest.mark.parametrize("kind", [TouchpointKind.SERVICE_ACCOUNT, TouchpointKind.WEBSITE_APP, TouchpointKind.MOBILE_APP])
async def test_oauth_login_tells_the_truth(sandbox: Sandbox, client: WeChatClient, kind: TouchpointKind) -> None:
    """Web, website and app codes give the person's ids at that touchpoint."""
    app_id = sandbox.app_id(kind)
    identity = await client.exchange_oauth_code(app_id, await sandbox.code(app_id, 7, snapshot=False))

    assert (sandbox.brand.open_id(7, app_id), sandbox.brand.union_id(7, app_id)) == (identity.open_id, identity.union_id)
    assert not identity.is_snapshot_user


async def test_snapshot_visitor_is_recognised(sandbox: Sandbox, client: WeChatClient) -> None:
    """A virtual visitor carries the flag and not the person's ids."""
    app_id = sandbox.app_id(TouchpointKind.SERVICE_ACCOUNT)
    identity = await client.exchange_oauth_code(app_id, await sandbox.code(app_id, 7, snapshot=True))

    assert identity.is_snapshot_user
    assert sandbox.brand.open_id(7, app_id) != identity.open_id


async def test_all_followers_are_told_about(sandbox: Sandbox, client: WeChatClient) -> None:
    """Pages end, batches answer for each OpenID, and whoever is found has the UnionID of the truth."""
    app_id = sandbox.app_id(TouchpointKind.SERVICE_ACCOUNT)
    open_ids: list[str] = []
    after, is_last = None, False
    while not is_last:
        page = await client.followers(app_id, after)
        open_ids += page.open_ids
        after, is_last = page.next_open_id, page.is_last
    answers = [await client.user_infos(app_id, open_ids[start : start + 100]) for start in range(0, len(open_ids), 100)]

    assert page.total == len(open_ids) == len(set(open_ids)) > 0
    assert len(open_ids) == sum(len(one.found) + len(one.refused) + len(one.missing) for one in answers)
    told = [info for one in answers for info in one.found if info.union_id]
    assert told
    for info in told:
        person = sandbox.brand.person_of(info.open_id, app_id)
        assert person is not None
        assert sandbox.brand.union_id(person, app_id) == info.union_id


async def test_tokens_that_die_are_replaced_unnoticed(sandbox: Sandbox, client: WeChatClient) -> None:
    """After WeChat kills every token the next call succeeds all the same."""
    app_id = sandbox.app_id(TouchpointKind.SERVICE_ACCOUNT)
    first = await client.followers(app_id)
    await sandbox.knock("tokens/expire", appId=app_id)

    assert first.open_ids == (await client.followers(app_id)).open_ids


async def test_a_wrong_secret_is_refused_with_a_remedy(sandbox: Sandbox) -> None:
    """A mistaken AppSecret shows at the first token, as a matter of credentials."""
    app_id = sandbox.app_id(TouchpointKind.SERVICE_ACCOUNT)
    wrong = Credentials({app_id: Secret("f" * 32)})
    async with WeChatClient(wrong, base_url="http://sandbox", pace=QUICK, transport=sandbox.transport) as client:
        with pytest.raises(CredentialsRefused, match="AppSecret"):
            await client.prove(app_id)
