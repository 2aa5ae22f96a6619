"""Somebody is erased: what goes, what stays with others, what is turned away from then on, and how a new life begins."""

from __future__ import annotations

import json

from app.api.schema import schema
from graph.apikeys import Scope
from graph.receipts import verifies
from tests.api.asking import Api, Json
from tests.hard_cases.brands import NOON, Brands
from tests.hard_cases.erased import ERASE, admitted, by, erase, erased, turned_away
from tests.hard_cases.orders import Step, in_every_order, play
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import bind, correct, day, link, migrate, move, record, register, retract, unlink

PHONE = "phone:13800138000"
A_MINUTE_LATER, TWO_MINUTES_LATER = "2026-03-15T04:01:00Z", "2026-03-15T04:02:00Z"
"""After the erasure, which is at noon in China; not more than five minutes ahead of the clock."""
RECEIPTS = """query ($id: ID) { erasureReceipts(erasedId: $id, first: 5) { totalCount nodes { id document } } }"""
OLD_IDS = "query ($by: CustomerBy!) { customer(by: $by) { id openIds { id } unionIds { id } externalIds { id } } }"


async def test_erased_person_logs_in_again(brands: Brands) -> None:
    """A new login begins a new life with what it brings; whatever was observed earlier, or comes from a list, does not count."""
    known = (record("mini a u member:7", on=1), record("serv b u", on=2))
    gone = erase("mini:a", after=known)
    login = admitted("mini a u", when=A_MINUTE_LATER, after=(gone,))
    seen = await in_every_order(
        brands,
        *known,
        gone,
        login,
        turned_away("mini a u member:7", "mini a -", when=day(1), after=(gone,)),
        turned_away("serv b u", "serv b -", when=TWO_MINUTES_LATER, source="USER_INFO_BATCH", after=(gone,)),
    )
    assert ["mini:a wxA:u"] == seen.partition
    assert 1 == seen.people[0].uses[0].times
    assert "2026-03-15T04:01:00Z" == seen.people[0].first


async def test_what_is_said_after_a_return_counts(brands: Brands) -> None:
    """Of who came back, lists count again from the login on; of identifiers that the login did not bring, nothing does yet."""
    known = record("mini a u member:7", on=1)
    gone = erase("member:7", after=(known,))
    login = admitted("mini a u", when=A_MINUTE_LATER, after=(gone,))
    late = admitted("mini a u", when=TWO_MINUTES_LATER, source="IMPORT", after=(login,))
    seen = await in_every_order(
        brands, known, gone, login, late, turned_away("mini a u member:7", when=TWO_MINUTES_LATER, source="IMPORT", after=(gone,))
    )
    assert ["mini:a wxA:u"] == seen.partition
    assert 2 == seen.people[0].uses[0].times


async def test_erased_rows_are_rejected_and_not_stored(brands: Brands) -> None:
    """Whoever sends a row of somebody erased is told REJECTED / ERASED; nothing is stored, also not in quarantine, and it is counted."""
    known = record("mini a u member:7", on=1)
    gone = erase("wxA:u", after=(known,))
    rows = (
        "mini a u",
        "mini a -",
        "serv stranger u",
        "loose stranger u",
        "ghost stranger u",
        "mini stranger - member:7",
        "ghost stranger - member:7",
    )

    async def counted(api: Api) -> None:
        assert len(rows) + 1 == await api.store.blocked(api.name)

    seen = await in_every_order(
        brands,
        known,
        gone,
        *(turned_away(row, when=day(2), source="IMPORT", after=(gone,)) for row in rows),
        turned_away("mini a u", when=day(14), after=(gone,)),
        check=counted,
    )
    assert ([], [], ()) == (seen.partition, seen.conflicts, seen.waiting)


async def test_a_union_id_stays_erased_under_every_binding(brands: Brands) -> None:
    """A UnionID is erased by its text: in each scope, also where it only waited for a binding, and under bindings that come later."""
    known = (record("mini a u", on=1), record("other c u", "other c -", on=2), record("loose d u", on=3))
    gone = erase("mini:a", after=known)
    seen = await in_every_order(
        brands,
        *known,
        gone,
        move("mini", "wxB", on=5, after=known),
        bind("loose", "wxA", after=(gone,)),
        turned_away("other c u", "loose d u", "serv e u", when=day(9), source="PUSH", after=(gone,)),
    )
    assert ["loose:d", "other:c"] == seen.partition
    assert () == seen.waiting
    assert [{"loose:d": 1, "other:c": 2}[person.members] for person in seen.people] == [person.uses[0].times for person in seen.people]


async def test_an_external_id_that_others_claim_stays_theirs(brands: Brands) -> None:
    """A phone that somebody else claims, too, goes to them; a member number that only the erased person claimed is erased."""
    known = (
        record(f"mini a u member:1 {PHONE}", on=1),
        record(f"mini b v member:2 {PHONE}", on=2),
    )
    gone = erase("member:1", after=known)
    seen = await in_every_order(
        brands,
        *known,
        gone,
        turned_away("serv z - member:1", when=day(9), source="STORE", after=(gone,)),
        admitted(f"serv y v {PHONE}", when=day(9), source="STORE", after=known),
    )
    assert ["member:2 mini:b phone: serv:y wxA:v"] == seen.partition
    assert [] == seen.conflicts


async def test_whom_the_erased_joined_may_part(brands: Brands) -> None:
    """Two accounts that only an erased third one held together are two customers afterwards; an account that nobody erased stays."""
    known = (record("mini a - member:7 crm:1", on=1), record("serv b - crm:1", on=2), record("other c - member:7", on=3))
    seen = await in_every_order(brands, *known)
    assert 1 == len(seen.partition)
    api = await brands.fresh()
    await play(api, known)
    await _refused(api, "member:8", "NOT_FOUND")
    await erased(api, "serv:b")
    assert [] == (await picture(api)).partition


async def test_an_external_id_of_others_alone_is_not_erased(brands: Brands) -> None:
    """A store's tablet that a crowd claims is nobody: it is refused to erase it, and erasing one of the crowd leaves it to the others."""
    api = await brands.fresh()
    await play(api, [record(*(f"mini p{n} - {PHONE}" for n in range(8)), on=1)])
    await _refused(api, PHONE, "INVALID_INPUT")
    await erased(api, "mini:p0")
    seen = await picture(api)
    assert ["mini:p1", "mini:p2", "mini:p3", "mini:p4", "mini:p5", "mini:p6", "mini:p7", "phone:"] == seen.partition
    await erased(api, "mini:p1")
    await erased(api, "mini:p2")
    assert ["mini:p3 mini:p4 mini:p5 mini:p6 mini:p7 phone:"] == (await picture(api)).partition


async def test_links_and_migrations_of_the_erased_are_rejected(brands: Brands) -> None:
    """Linking something to the erased, or something erased to others, and a migration to or from them, is REJECTED / ERASED."""
    api = await brands.fresh()
    await play(api, [record("mini a u member:7", "mini b v", "old o -", on=1), erase("mini:a")])
    fields = "results { outcome error { code } }"
    rejected = [{"outcome": "REJECTED", "error": {"code": "ERASED"}}]
    for customer, external in (("mini:a", "crm:1"), ("wxA:u", "crm:1"), ("mini:b", "member:7")):
        link_of = {"customer": by(customer), "externalId": by(external)["externalId"]}
        assert rejected == (await api.done("linkExternalIds", fields, items=[link_of]))["results"]
    for pair in (("o", "a"), ("a", "o")):
        app_ids = ("old", "mini") if pair[0] == "o" else ("mini", "old")
        moved = [{"fromOpenId": pair[0], "toOpenId": pair[1]}]
        payload = await api.done("recordMigrations", fields, fromAppId=app_ids[0], toAppId=app_ids[1], items=moved)
        assert rejected == payload["results"]
    assert ["mini:b wxA:v", "old:o"] == (await picture(api)).partition
    await play(api, [admitted("mini a u", when=A_MINUTE_LATER)])
    api.clock.now = NOON + 120_000
    await play(api, [link("mini:b", "crm:5", on=9)])
    await api.done("linkExternalIds", fields, items=[{"customer": by("wxA:u"), "externalId": by("crm:9")["externalId"]}])
    await migrate("old", "mini", ("o", "a"), later=1).does(api)
    assert ["crm:5 mini:b wxA:v", "crm:9 mini:a old:o wxA:u"] == (await picture(api)).partition


async def test_quarantined_rows_of_the_erased_go(brands: Brands) -> None:
    """What waited for a touchpoint or a binding goes with whom it names; released later, nothing comes of it."""
    known = (
        record("mini a u member:7", on=1),
        record("ghost x u", "ghost y - member:7", "ghost z - crm:1", on=2),
        record("loose d u", on=3),
    )
    gone = erase("mini:a", after=known)
    seen = await in_every_order(brands, *known, gone, _registered("ghost", gone))
    assert ["crm:1 ghost:z", "loose:d"] == seen.partition
    assert () == seen.waiting


def _registered(app_id: str, gone: Step) -> Step:
    return Step(f"register {app_id}", register(app_id).does, (gone,))


async def test_old_ids_are_known_to_be_erased(brands: Brands) -> None:
    """Every id that the person had answers nobody, and erasureReceipts answers the receipt, in every scope and after a return, too."""
    api = await brands.fresh()
    await play(api, [record("mini a u member:7", on=1), record("serv b u", on=2), record("mini c w", on=3)])
    one = (await api.ask(OLD_IDS, by=by("mini:a")))["customer"]
    ids = [one["id"], *(part["id"] for name in ("openIds", "unionIds", "externalIds") for part in one[name])]
    would = await erased(api, "serv:b", is_dry_run=True)
    assert (None, sorted(ids[1:])) == (would["receipt"], sorted(would["wouldErase"]))
    assert one == (await api.ask(OLD_IDS, by={"id": one["id"]}))["customer"]

    payload = await erased(api, "serv:b")
    receipt = payload["receipt"]
    assert sorted(ids[1:]) == sorted(payload["wouldErase"])
    assert 4 == receipt["identifierCount"]
    document = json.loads(receipt["document"])
    assert (sorted(ids[1:]), ids[:1], api.name) == (document["identifiers"], document["customers"], document["tenant"])
    assert verifies(receipt["document"], receipt["signature"], receipt["publicKey"])
    for name in (*ids, f"cus_{ids[1][4:]}"):
        assert None is (await api.ask("query ($id: ID!) { node(id: $id) { id } }", id=name))["node"]
        assert [receipt["id"]] == [found["id"] for found in (await api.ask(RECEIPTS, id=name))["erasureReceipts"]["nodes"]]
    for name in ("cus_" + "x" * 22, "nonsense"):
        assert [] == (await api.ask(RECEIPTS, id=name))["erasureReceipts"]["nodes"]
    shown = "query ($id: ID!) { node(id: $id) { id ... on ErasureReceipt { identifierCount document signature publicKey } } }"
    assert receipt["document"] == (await api.ask(shown, id=receipt["id"]))["node"]["document"]

    again = await erased(api, "wxA:u")
    assert ([], receipt) == (again["wouldErase"], again["receipt"])
    await play(api, [admitted("mini a u", when=A_MINUTE_LATER)])
    api.clock.now = NOON + 120_000
    second = await erased(api, "mini:a")
    both = (await api.ask(RECEIPTS, id=f"oid_{api.tenant.keys.open_id('mini', 'a')}"))["erasureReceipts"]
    assert sorted([receipt["id"], second["receipt"]["id"]]) == [found["id"] for found in both["nodes"]]
    assert 2 == (await api.ask(RECEIPTS))["erasureReceipts"]["totalCount"]
    assert ["mini:c wxA:w"] == (await picture(api)).partition


async def test_the_feed_tells_whom_to_forget(brands: Brands) -> None:
    """The feed says ERASED with the former id and the identifiers' ids, and of others what became of them, in one transaction."""
    api = await brands.fresh()
    await play(api, [record(f"mini a u {PHONE}", on=1), record(f"other b v member:2 {PHONE}", on=2)])
    before = len(await api.store.changes(api.name, 0, 100))
    payload = await erased(api, "mini:a")
    told = await api.store.changes(api.name, before, 100)
    kinds = {change.kind.value: change for change in told}
    assert {"ERASED"} <= kinds.keys()
    assert set(payload["wouldErase"]) == set(kinds["ERASED"].erased)
    assert ([], [kinds["ERASED"].customer_key]) == (kinds["ERASED"].identifiers, kinds["ERASED"].previous)
    assert 1 == len({change.transaction for change in told})


async def test_a_union_id_that_goes_from_others(brands: Brands) -> None:
    """A UnionID goes in every scope: the change of another customer who had it names it, for a follower to forget it, too."""
    api = await brands.fresh()
    await play(api, [record("mini a u", "other b u member:2", on=1)])
    before = len(await api.store.changes(api.name, 0, 100))
    payload = await erased(api, "mini:a")
    told = await api.store.changes(api.name, before, 100)
    assert {"ERASED", "SHRANK"} == {change.kind.value for change in told}
    assert sorted(payload["wouldErase"]) == sorted(one for change in told for one in change.erased)
    [shrank] = [change for change in told if change.kind.value == "SHRANK"]
    assert ["uid_"] == [one[:4] for one in shrank.erased]
    assert not {*shrank.erased} & {*shrank.identifiers}


async def test_what_was_retracted_is_named(brands: Brands) -> None:
    """A UnionID whose evidence was retracted goes with the person, and so receipt and preview name it."""
    api = await brands.fresh()
    await play(api, [record("mini a u", on=1)])
    held = (await api.ask("query ($by: CustomerBy!) { customer(by: $by) { openIds { id } unionIds { id } } }", by=by("mini:a")))["customer"]
    open_id, union = held["openIds"][0]["id"], held["unionIds"][0]["id"]
    why = "query ($by: CustomerBy!, $a: ID!, $b: ID!) { customer(by: $by) { why(source: $a, target: $b) { id } } }"
    [step] = (await api.ask(why, by=by("mini:a"), a=open_id, b=union))["customer"]["why"]
    await api.done("retractEvidence", evidenceId=step["id"], reason="r", dryRun=False)
    for is_dry_run in (True, False):
        payload = await erased(api, "mini:a", is_dry_run=is_dry_run)
        assert union in payload["wouldErase"]
    assert union in json.loads(payload["receipt"]["document"])["identifiers"]


async def test_nobody_is_erased_by_a_shared_id_that_ended(brands: Brands) -> None:
    """An id that leads to one of many, because nothing names what it was made of any more, erases none of them; read, it leads on."""
    api = await brands.fresh()
    people = [f"mini p{number}" for number in range(8)]
    await play(api, [record(*(f"{one} - {PHONE}" for one in people), on=1)])
    shared = (await api.ask("query ($by: CustomerBy!) { customer(by: $by) { id } }", by=by(PHONE)))["customer"]["id"]
    for one in people:
        await play(api, [unlink(one.replace(" ", ":"), PHONE, on=2)])
    found = await api.ask("query ($by: CustomerBy!) { customer(by: $by) { id } }", by={"id": shared})
    assert shared != found["customer"]["id"]
    [error] = (await api.ask(ERASE, input={"by": {"id": shared}, "reason": "r", "dryRun": False}))["eraseCustomer"]["errors"]
    assert ("INVALID_INPUT", True) == (error["code"], found["customer"]["id"] in error["message"])
    assert 8 == len((await picture(api)).partition)


async def test_only_stewards_erase(brands: Brands) -> None:
    """Erasing needs the scope STEWARD, and a reason."""
    api = await brands.fresh()
    await play(api, [record("mini a u", on=1)])
    given: Json = {"input": {"by": by("mini:a"), "reason": "r"}}
    others = tuple(scope for scope in Scope if scope is not Scope.STEWARD)
    _, errors = await api.execute(ERASE, given, scopes=others)
    assert ["FORBIDDEN"] == [(error.extensions or {})["code"] for error in errors]
    payload = (await api.ask(ERASE, input={"by": by("mini:a"), "reason": " "}))["eraseCustomer"]
    assert [("INVALID_INPUT", ["reason"])] == [(error["code"], error["path"]) for error in payload["errors"]]
    assert ["mini:a wxA:u"] == (await picture(api)).partition
    assert "eraseCustomer" in schema.as_str()


async def _refused(api: Api, name: str, code: str) -> None:
    payload = (await api.ask(ERASE, input={"by": by(name), "reason": "r"}))["eraseCustomer"]
    assert [code] == [error["code"] for error in payload["errors"]]


async def test_an_id_that_led_to_the_erased_leads_on(brands: Brands) -> None:
    """A UnionID of theirs that stood alone and that no binding scopes any more gave a customer id: it leads to who else came with it."""
    api = await brands.fresh()
    await play(api, [record("mini a u", "loose b u", on=1)])
    apart = await api.done("declareDifferent", "effect { after { customerId } }", a=by("mini:a"), b=by("wxA:u"), reason="Two people.")
    (alone,) = {one["customerId"] for one in apart["effect"]["after"]} - {await _id(api, "mini:a")}
    await play(api, [retract("mini", None)])
    assert await _id(api, "mini:a") == await _leads_to(api, alone)
    await erased(api, "mini:a")
    assert await _id(api, "loose:b") == await _leads_to(api, alone)


async def test_a_claim_that_waits_goes_with_its_union_id(brands: Brands) -> None:
    """What a UnionID claimed where no evidence names it now goes, too: it does not come back with the decision that had taken it away."""
    api = await brands.fresh()
    await play(api, [record("mini a u", on=1)])
    await api.done("linkExternalIds", items=[{"customer": by("wxA:u"), "externalId": by("crm:1")["externalId"]}])
    asked = "query ($by: CustomerBy!, $a: ID!, $b: ID!) { customer(by: $by) { why(source: $a, target: $b) { id } } }"
    keys = api.tenant.keys
    ends = f"uid_{keys.union_id('wxA', 'u')}", f"xid_{keys.external_id('crm', '1')}"
    (claim,) = (await api.ask(asked, by=by("mini:a"), a=ends[0], b=ends[1]))["customer"]["why"]
    await api.done("retractEvidence", evidenceId=claim["id"], reason="Typed in by mistake.")
    await play(api, [correct("mini", None, openAppId="wxB")])
    assert ["mini:a wxB:u"] == (await picture(api)).partition
    await erased(api, "mini:a")
    assert [] == (await picture(api)).partition


async def test_an_id_leads_past_the_erased(brands: Brands) -> None:
    """A member number that an erased person came with, and that somebody else claims: once nobody does, its id leads to that somebody."""
    api = await brands.fresh()
    await play(api, [record("mini a - member:7", on=1), record("other d - crm:1", on=2)])
    apart = await api.done("declareDifferent", "effect { after { customerId } }", a=by("mini:a"), b=by("member:7"), reason="Not theirs.")
    (alone,) = {one["customerId"] for one in apart["effect"]["after"]} - {await _id(api, "mini:a")}
    linked = [{"customer": by("crm:1"), "externalId": by("member:7")["externalId"]}]
    await api.done("linkExternalIds", items=linked)
    await erased(api, "mini:a")
    assert ["crm:1 member:7 other:d"] == (await picture(api)).partition
    await api.done("unlinkExternalIds", items=linked)
    assert ["crm:1 other:d"] == (await picture(api)).partition
    assert await _id(api, "other:d") == await _leads_to(api, alone)


async def _id(api: Api, name: str) -> str:
    found = await api.ask("query ($by: CustomerBy!) { customer(by: $by) { id } }", by=by(name))
    return str(found["customer"]["id"])


async def _leads_to(api: Api, some_id: str) -> str | None:
    found = await api.ask("query ($id: ID!) { customer(by: {id: $id}) { id } }", id=some_id)
    return found["customer"] and str(found["customer"]["id"])
