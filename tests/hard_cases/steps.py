"""The operations that the cases are told in. Times are days of March 2026; the clock stands at noon of the 15th."""

from __future__ import annotations

from tests.api.asking import Api, Json, item
from tests.hard_cases.brands import NOON
from tests.hard_cases.orders import Step

HOUR = 3_600_000

RESULTS = "results { outcome customerId error { code } }"
HISTORY = "query ($app: String!) { touchpoint(appId: $app) { bindingHistory { id startedAt state } } }"


def day(number: int, minute: int = 0) -> str:
    """A minute of a day's first hour, in UTC."""
    return f"2026-03-{number:02d}T00:{minute:02d}:00Z"


def record(*rows: str, on: int, after: tuple[Step, ...] = ()) -> Step:
    """Rows written as `appId openId unionId namespace:value …` (- for no UnionID), seen on that day a minute apart. None is rejected.

    No two at one moment: of those, keys decide who is first, and every brand's keys are others.
    """
    return _results("recordResolutions", rows, after, items=[item(row, day(on, minute)) for minute, row in enumerate(rows)])


def link(customer: str, external: str, *, on: int, after: tuple[Step, ...] = ()) -> Step:
    """An external id linked to the customer who has an OpenID."""
    return _results("linkExternalIds", (customer, external), after, items=[_link(customer, external, on)])


def unlink(customer: str, external: str, *, on: int, after: tuple[Step, ...] = ()) -> Step:
    """An external id taken back from the customer who has an OpenID."""
    return _results("unlinkExternalIds", (customer, external), after, items=[_link(customer, external, on)])


def migrate(old: str, new: str, *pairs: tuple[str, str], after: tuple[Step, ...] = (), later: int = 0) -> Step:
    """Followers whom WeChat moved from one official account to another, as said at noon, or hours later: such rows bear no date."""
    items = [{"fromOpenId": one, "toOpenId": other} for one, other in pairs]
    told = _results("recordMigrations", (old, new), after, fromAppId=old, toAppId=new, items=items)

    async def do(api: Api) -> None:
        here = api.clock.now
        api.clock.now = NOON + later * HOUR
        await told.does(api)
        api.clock.now = here

    return Step(told.name, do, after)


def register(app_id: str, kind: str = "MINI_PROGRAM") -> Step:
    """A touchpoint registered."""
    return _mutation("registerTouchpoint", (app_id,), (), appId=app_id, name=app_id, kind=kind, entityId="acme")


def bind(app_id: str, platform: str, *, on: int | None = None, after: tuple[Step, ...] = ()) -> Step:
    """A touchpoint bound."""
    return _mutation("bindTouchpoint", (app_id, platform), after, appId=app_id, openAppId=platform, at=on and day(on))


def move(app_id: str, platform: str, *, on: int, after: tuple[Step, ...] = ()) -> Step:
    """A touchpoint moved: it has happened."""
    said = {"appId": app_id, "toOpenAppId": platform, "at": day(on), "hasHappened": True}
    return _mutation("moveTouchpoint", (app_id, platform), after, **said)


def unbind(app_id: str, *, on: int, after: tuple[Step, ...] = ()) -> Step:
    """A touchpoint unbound."""
    return _mutation("unbindTouchpoint", (app_id,), after, appId=app_id, at=day(on))


def correct(app_id: str, since: int | None, *, after: tuple[Step, ...] = (), **given: object) -> Step:
    """What was asserted from a day on (None: since ever) put right."""
    return _about_binding("correctBinding", app_id, since, after, given)


def retract(app_id: str, since: int | None, *, after: tuple[Step, ...] = ()) -> Step:
    """What was asserted from a day on taken back."""
    return _about_binding("retractBinding", app_id, since, after, {})


SLOTS = {"member": 1, "wecom": 1}
NORMALISERS = {"member": "TRIMMED", "wecom": "EXACT", "crm": "TRIMMED", "phone": "PHONE_E164", "email": "EMAIL"}


def spaces(*names: str, slots: dict[str, int | None] | None = None, sensitive: tuple[str, ...] = ("phone", "email")) -> list[Json]:
    """Namespaces as an identity policy lists them, all of the default ones or these: with other slots, or others of them sensitive."""
    most = SLOTS | (slots or {})
    return [
        {
            "namespace": name,
            "maxPerCustomer": most.get(name),
            "isSensitive": name in sensitive,
            "normaliser": NORMALISERS.get(name, "TRIMMED"),
        }
        for name in names or NORMALISERS
    ]


def policy(*, after: tuple[Step, ...] = (), **given: object) -> Step:
    """The identity policy changed."""
    return _mutation("setIdentityPolicy", (str(given),), after, reason="As tested.", **given)


def _link(customer: str, external: str, on: int) -> Json:
    app_id, _, value = customer.partition(":")
    namespace, _, text = external.partition(":")
    by = {"openId": {"appId": app_id, "value": value}}
    return {"customer": by, "externalId": {"namespace": namespace, "value": text}, "observedAt": day(on)}


def _results(mutation: str, told: tuple[str, ...], after: tuple[Step, ...], **given: object) -> Step:
    async def do(api: Api) -> None:
        payload = await api.done(mutation, RESULTS, **given)
        assert [] == [one for one in payload["results"] if one["outcome"] == "REJECTED"]

    return Step(" ".join((mutation, *told)), do, after)


def _mutation(mutation: str, told: tuple[str, ...], after: tuple[Step, ...], **given: object) -> Step:
    async def do(api: Api) -> None:
        await api.done(mutation, **given)

    return Step(" ".join((mutation, *told)), do, after)


def _about_binding(mutation: str, app_id: str, since: int | None, after: tuple[Step, ...], given: dict[str, object]) -> Step:
    begins = None if since is None else day(since)

    async def do(api: Api) -> None:
        history = (await api.ask(HISTORY, app=app_id))["touchpoint"]["bindingHistory"]
        (which,) = [one["id"] for one in history if one["startedAt"] == begins and one["state"] != "RETRACTED"]
        await api.done(mutation, bindingId=which, reason="It was not so.", **given)

    return Step(f"{mutation} {app_id} since {begins}", do, after)
