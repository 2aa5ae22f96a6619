"""Login codes against the sandbox: the kind of the touchpoint picks the call, the answer becomes evidence."""

import asyncio

import pytest

from app.demo.http import post
from app.ingest.login import Logins
from app.ingest.ports import MissingUnionIdReason
from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from graph.erase import Order, erase_customer
from graph.errors import Refused, UserErrorCode, WeChatRefused
from graph.evidence import ResolutionSource
from graph.link import By
from graph.people import Customer
from graph.record import record_resolutions
from graph.results import Outcome, Result
from graph.rows import ExternalRef, Row
from tests.api.asking import Api, StandingClock
from tests.ingest.conftest import World

MINUTE = 60_000
SEEN_BY = {
    "Linjian Coffee Ordering": ResolutionSource.CODE2SESSION,
    "Battle of the Beans": ResolutionSource.CODE2SESSION,
    "Linjian Coffee": ResolutionSource.WEB_OAUTH,
    "Linjian Website": ResolutionSource.WEB_OAUTH,
    "Linjian App": ResolutionSource.APP_OAUTH,
}


async def code_for(world: World, name: str, **wish: object) -> tuple[str, str]:
    """A fresh code of a touchpoint, and its AppID."""
    app_id = world.touchpoint(name).app_id
    answer = await asyncio.to_thread(post, world.door, "/sandbox/login", {"appId": app_id, **wish})
    return app_id, answer["code"]


def plain_person(world: World, name: str) -> int:
    """Somebody who uses a touchpoint and whose UnionID WeChat shows."""
    app_id = world.touchpoint(name).app_id
    return next(
        number
        for number in range(world.brand.people)
        if world.brand.crowd.uses(number, app_id) and world.brand.crowd.quirk(number) == "PLAIN"
    )


async def customer_of(world: World, app_id: str, open_id: str) -> Customer:
    """Who holds an OpenID."""
    found = (await world.tenant.customers([world.tenant.keys.open_id(app_id, open_id)]))[0]
    assert found is not None
    return found


@pytest.mark.parametrize("name", list(SEEN_BY))
async def test_a_code_becomes_evidence_of_its_kind(world: World, name: str) -> None:
    """Each kind of touchpoint is asked by its own call, and the customer is there with OpenID, UnionID and source."""
    person = plain_person(world, name)
    app_id, code = await code_for(world, name, person=person)
    answer = await world.logins.exchange(world.tenant, app_id, code, (ExternalRef(namespace="member", value="LJ1"),))
    customer = await customer_of(world, app_id, world.brand.open_id(person, app_id))
    assert answer.result is not None
    assert (True, customer.key) == (answer.result.is_new_customer, answer.result.customer)
    assert [SEEN_BY[name]] == customer.touchpoints[0].sources
    assert [world.brand.union_id(person, app_id)] == [one.value for one in customer.union_ids]
    assert [("member", "LJ1")] == [(one.namespace, one.value) for one in customer.external_ids]
    assert (None, False) == (answer.missing_union_id_reason, answer.is_snapshot_user)


async def test_a_code_works_once(world: World) -> None:
    """A code that was used is refused as LOGIN_CODE_USED and changes nothing."""
    app_id, code = await code_for(world, "Linjian Coffee Ordering", person=0)
    await world.logins.exchange(world.tenant, app_id, code, ())
    before = await world.state()
    with pytest.raises(Refused) as refused:
        await world.logins.exchange(world.tenant, app_id, code, ())
    assert UserErrorCode.LOGIN_CODE_USED is refused.value.errors[0].code
    assert before == await world.state()


async def test_an_invented_code_is_refused_by_wechat(world: World) -> None:
    """WeChat's own refusal arrives with errcode, rid, and whether repeating may help."""
    with pytest.raises(Refused) as refused:
        await world.logins.exchange(world.tenant, world.touchpoint("Linjian Coffee Ordering").app_id, "invented", ())
    error = refused.value.errors[0]
    assert isinstance(error, WeChatRefused)
    assert (40029, False, True) == (error.errcode, error.is_retryable, error.rid is not None)
    assert "invented" not in error.message


async def test_a_snapshot_user_is_dropped(world: World) -> None:
    """Who comes through a snapshot page is made up by WeChat: told, and not stored."""
    app_id, code = await code_for(world, "Linjian Coffee", person=1, scope="snsapi_userinfo", snapshot=True)
    answer = await world.logins.exchange(world.tenant, app_id, code, ())
    assert (None, True, MissingUnionIdReason.SNAPSHOT_USER) == (answer.result, answer.is_snapshot_user, answer.missing_union_id_reason)
    assert ([], []) == await world.state()


async def test_an_unbound_touchpoint_gives_no_union_id(world: World) -> None:
    """Where the touchpoint is bound nowhere, that is the reason."""
    app_id, code = await code_for(world, "Linjian Branches")
    answer = await world.logins.exchange(world.tenant, app_id, code, ())
    assert MissingUnionIdReason.NOT_BOUND is answer.missing_union_id_reason


async def test_a_base_scope_is_too_small(world: World) -> None:
    """Where the user granted snsapi_base alone and none came, that is the reason; where one is known already, there is none."""
    name = "Linjian Retail"
    app_id = world.touchpoint(name).app_id
    crowd = world.brand.crowd
    person = next(
        n for n in range(world.brand.people) if crowd.uses(n, app_id) and not crowd.follows(n, app_id) and crowd.quirk(n) == "PLAIN"
    )
    reasons = []
    for scope in ("snsapi_base", "snsapi_userinfo", "snsapi_base"):
        _, code = await code_for(world, name, person=person, scope=scope, snapshot=False if scope == "snsapi_userinfo" else None)
        reasons.append((await world.logins.exchange(world.tenant, app_id, code, ())).missing_union_id_reason)
    assert [MissingUnionIdReason.SCOPE_TOO_SMALL, None, None] == reasons


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize(
    "external_id, field", [({"namespace": "Not One", "value": "1"}, "namespace"), ({"namespace": "phone", "value": "x"}, "value")]
)
async def test_a_malformed_external_id_does_not_cost_the_code(
    world: World, external_id: dict[str, str], field: str, *, is_known: bool
) -> None:
    """A malformed external id is INVALID_INPUT, names its field and changes nothing; the same code is good afterwards."""
    person = plain_person(world, "Linjian Coffee Ordering")
    app_id, code = await code_for(world, "Linjian Coffee Ordering", person=person)
    if is_known:
        _, earlier = await code_for(world, "Linjian Coffee Ordering", person=person)
        await world.logins.exchange(world.tenant, app_id, earlier, ())
    before = await world.state()
    api = Api(world.tenant.store, StandingClock(), tenant=world.tenant.name)
    api.logins = world.logins  # type: ignore[assignment]  # the real service in place of the scripted one
    login = {"appId": app_id, "code": code}
    good = {"namespace": "member", "value": "LJ1"}

    refused = await api.do("exchangeLoginCode", "customer { id }", **login, externalIds=[good, external_id])
    assert (None, [("INVALID_INPUT", ["externalIds", "1", field])]) == (
        refused["customer"],
        [(error["code"], error["path"]) for error in refused["errors"]],
    )
    assert before == await world.state()
    payload = await api.done("exchangeLoginCode", "customer { openIds { value } } isNewCustomer", **login, externalIds=[good])
    open_ids = [{"value": world.brand.open_id(person, app_id)}]
    assert (open_ids, not is_known) == (payload["customer"]["openIds"], payload["isNewCustomer"])


async def test_a_login_that_is_turned_away_is_said_so(world: World) -> None:
    """A login before the time of what was erased (a clock ran ahead) is ERASED and changes nothing; a later one begins anew."""
    person = plain_person(world, "Linjian Coffee Ordering")
    app_id = world.touchpoint("Linjian Coffee Ordering").app_id
    open_id = world.brand.open_id(person, app_id)
    ahead = Row(app_id=app_id, open_id=open_id, observed=world.clock() + MINUTE, source=ResolutionSource.CODE2SESSION)
    await record_resolutions(world.tenant, [ahead])
    await erase_customer(world.tenant, Order(by=By(open_id=(app_id, open_id)), reason="asked by letter", author="Ann", backup_days=0))
    _, code = await code_for(world, "Linjian Coffee Ordering", person=person)
    with pytest.raises(Refused) as refused:
        await world.logins.exchange(world.tenant, app_id, code, ())
    assert [UserErrorCode.ERASED] == [error.code for error in refused.value.errors]
    assert ([], []) == await world.state()
    world.clock.ahead += 2 * MINUTE
    _, code = await code_for(world, "Linjian Coffee Ordering", person=person)
    answer = await world.logins.exchange(world.tenant, app_id, code, ())
    customer = world.tenant.keys.open_id(app_id, open_id)
    assert Result(outcome=Outcome.APPLIED, customer=customer, is_new_customer=True) == answer.result


@pytest.mark.parametrize(
    "name, code", [("Linjian Journal", UserErrorCode.INVALID_INPUT), ("Linjian Flagship Store", UserErrorCode.INVALID_INPUT)]
)
async def test_a_kind_without_login_is_refused(world: World, name: str, code: UserErrorCode) -> None:
    """Subscription accounts and stores have no login: WeChat is not asked."""
    with pytest.raises(Refused) as refused:
        await world.logins.exchange(world.tenant, world.touchpoint(name).app_id, "code", ())
    assert code is refused.value.errors[0].code


async def test_an_unregistered_touchpoint_is_not_found(world: World) -> None:
    """WeChat is not asked for touchpoints that nobody registered."""
    with pytest.raises(Refused) as refused:
        await world.logins.exchange(world.tenant, "wx0000000000000000", "code", ())
    assert UserErrorCode.NOT_FOUND is refused.value.errors[0].code


async def test_a_missing_secret_is_said_with_its_remedy(world: World) -> None:
    """Without an AppSecret the answer names the setting."""
    app_id = world.touchpoint("Linjian Coffee Ordering").app_id
    async with WeChatClient(Credentials(), base_url=world.door) as wechat:
        with pytest.raises(Refused) as refused:
            await Logins(wechat, world.recorder).exchange(world.tenant, app_id, "code", ())
    error = refused.value.errors[0]
    assert (UserErrorCode.INVALID_INPUT, True) == (error.code, f"UNIONGRAPH_WECHAT_SECRET_{app_id}" in error.message)


async def test_wechat_out_of_reach_is_said_so(world: World) -> None:
    """Where WeChat cannot be reached, the code is not spent and the answer is WECHAT_UNAVAILABLE."""
    app_id, code = await code_for(world, "Linjian Coffee Ordering", person=5)
    async with WeChatClient(world.wechat._credentials, base_url="http://127.0.0.1:9") as wechat:
        with pytest.raises(Refused) as refused:
            await Logins(wechat, world.recorder).exchange(world.tenant, app_id, code, ())
    assert UserErrorCode.WECHAT_UNAVAILABLE is refused.value.errors[0].code
    assert (await world.logins.exchange(world.tenant, app_id, code, ())).result is not None
