"""The operations of the cases in which somebody is erased."""

from __future__ import annotations

from tests.api.asking import Api, Json, item
from tests.hard_cases.orders import Step

ERASE = """mutation ($input: EraseCustomerInput!) { eraseCustomer(input: $input) {
  wouldErase errors { code message path }
  receipt { id erasedAt identifierCount document signature publicKey } } }"""


def by(name: str) -> Json:
    """`mini:a`, `wxA:u` or `member:7` as a CustomerBy."""
    scope, _, value = name.partition(":")
    if scope in {"wxA", "wxB"}:
        return {"unionId": {"openAppId": scope, "value": value}}
    if scope in {"member", "phone", "crm"}:
        return {"externalId": {"namespace": scope, "value": value}}
    return {"openId": {"appId": scope, "value": value}}


async def erased(api: Api, name: str, *, reason: str = "asked by letter", is_dry_run: bool = False) -> Json:
    """The payload of an erasure that is not refused."""
    payload: Json = (await api.ask(ERASE, input={"by": by(name), "reason": reason, "dryRun": is_dry_run}))["eraseCustomer"]
    assert [] == payload["errors"]
    return payload


def erase(name: str, *, after: tuple[Step, ...] = ()) -> Step:
    """A customer erased."""

    async def do(api: Api) -> None:
        payload = await erased(api, name)
        assert payload["receipt"]

    return Step(f"erase {name}", do, after)


def turned_away(*rows: str, when: str | None, source: str = "CODE2SESSION", after: tuple[Step, ...] = ()) -> Step:
    """Rows that are REJECTED as ERASED, with a message that quotes no identifier."""

    async def do(api: Api) -> None:
        items = [item(row, when) | {"source": source} for row in rows]
        payload = await api.done("recordResolutions", "results { outcome customerId error { code message } } rejected", items=items)
        assert [("REJECTED", None, "ERASED")] * len(rows) == [
            (one["outcome"], one["customerId"], one["error"]["code"]) for one in payload["results"]
        ]
        assert len(rows) == payload["rejected"]
        words = " ".join(one["error"]["message"] for one in payload["results"])
        assert not {word for row in rows for word in row.split() if len(word) > 1 and word in words}

    return Step(f"{source} {when} {rows} turned away", do, after)


def admitted(*rows: str, when: str | None, source: str = "CODE2SESSION", after: tuple[Step, ...] = ()) -> Step:
    """Rows that are not rejected."""

    async def do(api: Api) -> None:
        items = [item(row, when) | {"source": source} for row in rows]
        payload = await api.done("recordResolutions", "rejected", items=items)
        assert 0 == payload["rejected"]

    return Step(f"{source} {when} {rows} admitted", do, after)
