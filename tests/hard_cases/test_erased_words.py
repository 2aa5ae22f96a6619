"""Somebody is erased whom people quoted in their reasons."""

from __future__ import annotations

import json

from graph.receipts import verifies
from tests.hard_cases.brands import Brands
from tests.hard_cases.erased import by, erased
from tests.hard_cases.orders import play
from tests.hard_cases.steps import record

PHONE = "phone:13800138000"


async def test_words_lose_what_they_quote(brands: Brands) -> None:
    """Values that stand in reasons, of the receipt and of others, are replaced by one fixed word; phones by their key."""
    api = await brands.fresh()
    value = "oT8kW5pZ1xQeR7vLm3NcYdB0uHsE"
    waiting = "oWaitsAtAGhost0123456789abcd"
    await play(api, [record(f"mini {value} u {PHONE}", "mini b v", f"ghost {waiting} u", on=1)])
    override = {"rule": "mini_program.same", "change": {"value": 3}, "reason": f"for {value}, tel. +86 138-0013-8000"}
    rules = (await api.ask("{ bindingRules { name } }"))["bindingRules"]
    await api.done("overrideLimit", **(override | {"rule": rules[0]["name"]}))
    first = await erased(api, "mini:b", reason=f"{value} asked for it, mail a.b@example.com")
    payload = await erased(api, f"mini:{value}", reason=f"{value} (138 0013 8000) wrote, {waiting} too")
    texts = [one["source"] for one in (await api.ask("{ bindingRules { source } }"))["bindingRules"]]
    assert [] == [text for text in texts if value in text or "8000" in text]
    assert any("for [erased], tel. [erased]" in text for text in texts)
    assert "[erased] ([erased]) wrote, [erased] too" == json.loads(payload["receipt"]["document"])["reason"]
    shown = "query ($id: ID!) { node(id: $id) { ... on ErasureReceipt { document signature publicKey } } }"
    again = (await api.ask(shown, id=first["receipt"]["id"]))["node"]
    assert "[erased] asked for it, mail [erased]" == json.loads(again["document"])["reason"]
    assert verifies(again["document"], again["signature"], again["publicKey"])


async def test_words_in_chinese_lose_what_they_quote(brands: Brands) -> None:
    """Chinese has no blanks around a value: it goes from decisions, overrides, reasons for policies and receipts all the same."""
    api = await brands.fresh()
    await play(api, [record(f"mini a u member:M-1001 {PHONE} email:a@b.com", "mini b v", "mini c w", on=1)])
    reason = "用户手机13800138000已停用，会员M-1001要求删除邮箱a@b.com。"
    await api.done("declareDifferent", a=by("mini:b"), b=by("mini:c"), reason=reason)
    await api.done("setIdentityPolicy", genericAfter=6, reason=reason)
    (rule, *_) = (await api.ask("{ bindingRules { name } }"))["bindingRules"]
    await api.done("overrideLimit", rule=rule["name"], change={"value": 3}, reason=reason)
    payload = await erased(api, "mini:a", reason=reason)
    found = await api.ask(
        "{ decisions(first: 5) { nodes { reason } } policyChanges(first: 5) { nodes { reason } } bindingRules { name source } }"
    )
    left = "用户手机[erased]已停用，会员[erased]要求删除邮箱[erased]。"
    assert [left] * 2 == [one["reason"] for name in ("decisions", "policyChanges") for one in found[name]["nodes"]]
    assert [True] == [left in one["source"] for one in found["bindingRules"] if one["name"] == rule["name"]]
    assert left == json.loads(payload["receipt"]["document"])["reason"]
