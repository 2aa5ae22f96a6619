"""Whose id a customer bears: older evidence moves it, old ids resolve. And what UnionIDs of two platforms have to do with each other."""

from __future__ import annotations

from graph.changes import ChangeKind
from tests.api.asking import Api
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import in_every_order, play
from tests.hard_cases.steps import correct, migrate, record

CUSTOMER = "query ($by: CustomerBy!) { customer(by: $by) { id openIds { appId value migratedTo { appId value } } } }"


async def id_of(api: Api, app_id: str, value: str) -> str:
    """The id of the customer who has this OpenID."""
    found = (await api.ask(CUSTOMER, by={"openId": {"appId": app_id, "value": value}}))["customer"]
    return str(found["id"])


async def test_the_seed_is_the_first_open_id_seen(brands: Brands) -> None:
    """The customer's id is that of the OpenID seen first, in whatever order the sightings arrive; a UnionID or member number is none."""
    steps = [record("mini b u member:7", on=5), record("serv a u", on=6), record("serv a -", on=2), record("other c - member:7", on=3)]
    seen = await in_every_order(brands, *steps)
    assert ["serv:a"] == [person.seed for person in seen.people]


async def test_older_evidence_moves_the_id(brands: Brands) -> None:
    """When an older sighting changes the seed, the id moves, the feed says RENAMED with the same members, and the old id resolves."""
    for later in (("serv a -",), ("serv a -", "mini b u")):
        api = await brands.fresh()
        await play(api, [record("mini b u", on=5), record("serv a u", on=6)])
        old = await id_of(api, "mini", "b")
        await play(api, [record(row, on=2 + place) for place, row in enumerate(later)])
        new = await id_of(api, "mini", "b")
        assert old != new
        assert [new, new] == [(await api.ask(CUSTOMER, by={"id": known}))["customer"]["id"] for known in (old, new)]
        (renamed,) = [one for one in await api.store.changes(api.name, 0, 100) if one.kind is ChangeKind.RENAMED]
        assert ([old], new) == ([f"cus_{key}" for key in renamed.previous], f"cus_{renamed.customer_key}")
        assert 3 == len(renamed.identifiers)
        asked = await api.ask("query ($id: ID!) { node(id: $id) { id } }", id=old)
        assert {"node": {"id": new}} == asked


async def test_one_union_id_text_under_two_platforms(brands: Brands) -> None:
    """The same text under two Open Platform accounts is two UnionIDs, and joins nobody."""
    seen = await in_every_order(brands, record("mini a same", on=1), record("other b same", on=2), record("serv c same", on=3))
    assert ["mini:a serv:c wxA:same", "other:b wxB:same"] == seen.partition
    assert [] == seen.conflicts


async def test_one_text_joins_once_the_platforms_turn_out_to_be_one(brands: Brands) -> None:
    """When the binding is corrected to the same account, the same text is one UnionID."""
    steps = [record("mini a same", on=1), record("other b same", on=2), correct("other", None, openAppId="wxA")]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a other:b wxA:same"] == seen.partition


async def migrated_to(api: Api) -> None:
    """The old OpenID names the new one."""
    found = (await api.ask(CUSTOMER, by={"openId": {"appId": "old", "value": "x"}}))["customer"]["openIds"]
    (old,) = [one for one in found if one["appId"] == "old"]
    assert {"appId": "serv", "value": "y"} == old["migratedTo"]


async def test_a_migrated_follower_is_one_person(brands: Brands) -> None:
    """WeChat's answer joins the OpenIDs under the old and the new official account; who got no answer stays apart."""
    steps = [
        record("old x -", "old unanswered - member:9", on=1),
        record("serv y u", on=2),
        record("mini m u", on=3),
        migrate("old", "serv", ("x", "y")),
    ]
    seen = await in_every_order(brands, *steps, check=migrated_to)
    assert ["member:9 old:unanswered", "mini:m old:x serv:y wxA:u"] == seen.partition
    assert ("mini:m old:x serv:y wxA:u",) == seen.of("old:x").accounts
    assert "old:x" == seen.of("old:x").seed
    assert ([], ()) == (seen.conflicts, seen.waiting)


async def test_a_migration_alone_makes_both_open_ids_known(brands: Brands) -> None:
    """An OpenID that nobody has seen becomes known by its migration, and is one customer with what it became."""
    seen = await in_every_order(brands, migrate("old", "serv", ("x", "y"), ("v", "w")), record("serv w u", on=2), record("serv y -", on=3))
    assert ["old:v serv:w wxA:u", "old:x serv:y"] == seen.partition


async def test_two_old_open_ids_cannot_become_one(brands: Brands) -> None:
    """Two followers of the old account who are said to be one of the new: the second answer is a Conflict."""
    first = migrate("old", "serv", ("x", "y"))
    steps = [record("old x -", on=1), record("serv y u", on=2), first, record("old z -", "mini m u", on=3)]
    second = migrate("old", "serv", ("z", "y"), after=(steps[2],), later=1)
    seen = await in_every_order(brands, *steps, second)
    assert ["mini:m old:x serv:y wxA:u", "old:z"] == seen.partition
    assert ["TWO_OPENIDS_ONE_TOUCHPOINT old:z > serv:y"] == seen.conflicts
