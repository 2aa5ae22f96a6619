"""A binding at WeChat's limit: refused with the rule where it is planned, recorded and flagged where it has happened."""

from __future__ import annotations

from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import Step, in_every_order, play
from tests.hard_cases.steps import day, unbind

BIND = """mutation ($input: BindTouchpointInput!) { bindTouchpoint(input: $input) { binding { state isOverLimit } job { kind }
  errors { code path ... on BindingLimitReached { limit { relation limit used remaining limitedBy
    components { kind effect limit used remaining rule { name value certainty source asOf isOverridden } } } } } } }"""
BINDINGS = """query ($id: String!) { openPlatform(openAppId: $id) { bindings { isOverLimit touchpoint { appId } } } }"""


async def bind_stranger(api: Api, app_id: str, on: int, *, has_happened: bool) -> Json:
    """A mini program of somebody else's bound; gives the payload."""
    said = {"appId": app_id, "openAppId": "wxB", "at": day(on), "hasHappened": has_happened}
    answer: Json = (await api.ask(BIND, input=said))["bindTouchpoint"]
    return answer


def stranger(number: int) -> Step:
    """It happened on that day of the month."""

    async def do(api: Api) -> None:
        assert [] == (await bind_stranger(api, f"far{number}", number, has_happened=True))["errors"]

    return Step(f"far{number}", do)


async def bound(api: Api) -> dict[str, bool]:
    """What is bound to wxB, and whether it is over a limit."""
    found = (await api.ask(BINDINGS, id="wxB"))["openPlatform"]["bindings"]
    return {one["touchpoint"]["appId"]: one["isOverLimit"] for one in found}


async def test_a_binding_beyond_the_limit_is_refused_with_its_rule(brands: Brands) -> None:
    """The sixth mini program of another subject is refused with rule, source and date; if it happened, it is recorded and flagged."""
    five = [stranger(number) for number in range(1, 6)]
    for order in (five, five[::-1]):
        api = await brands.fresh()
        await play(api, order)
        (error,) = (await bind_stranger(api, "far6", 6, has_happened=False))["errors"]
        assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == (error["code"], error["path"])
        limit = error["limit"]
        assert ("DIFFERENT", 5, 5, 0, "BOUND_AT_ONCE") == tuple(
            limit[name] for name in ("relation", "limit", "used", "remaining", "limitedBy")
        )
        (biting,) = [one for one in limit["components"] if one["kind"] == "BOUND_AT_ONCE"]
        assert ("REFUSES", 5, 5, 0) == tuple(biting[name] for name in ("effect", "limit", "used", "remaining"))
        rule = biting["rule"]
        assert ("mini_program_different", 5, "DOCUMENTED", "2025-11-28", False) == tuple(
            rule[name] for name in ("name", "value", "certainty", "asOf", "isOverridden")
        )
        assert "开放平台绑定应用账号" in rule["source"]
        assert {"other", "far1", "far2", "far3", "far4", "far5"} == set(await bound(api))
        happened = await bind_stranger(api, "far6", 6, has_happened=True)
        assert ({"state": "ACTIVE", "isOverLimit": True}, []) == (happened["binding"], happened["errors"])
        assert ["far6"] == [app_id for app_id, is_over in (await bound(api)).items() if is_over]


async def test_which_binding_is_over_is_a_matter_of_time(brands: Brands) -> None:
    """Of six that happened the last in time is flagged, whichever was told last."""

    async def sixth_is_flagged(api: Api) -> None:
        assert {"other": False, **{f"far{number}": number == 6 for number in range(1, 7)}} == await bound(api)

    await in_every_order(brands, *(stranger(number) for number in range(1, 7)), check=sixth_is_flagged)


async def test_an_unbinding_makes_room(brands: Brands) -> None:
    """Where one of five is unbound, before or after a refusal, the sixth is bound without being flagged."""
    for is_refused_first in (True, False):
        api = await brands.fresh()
        await play(api, [stranger(number) for number in range(1, 6)])
        if is_refused_first:
            assert (await bind_stranger(api, "far6", 10, has_happened=False))["errors"]
        await play(api, [unbind("far2", on=9)])
        assert [] == (await bind_stranger(api, "far6", 10, has_happened=False))["errors"]
        assert {"other": False, "far1": False, "far3": False, "far4": False, "far5": False, "far6": False} == await bound(api)
