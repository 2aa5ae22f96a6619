"""An OpenID first and its UnionID later; the same answer again, late, or without the UnionID."""

from __future__ import annotations

from graph.changes import ChangeKind
from tests.api.asking import Api
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import in_every_order
from tests.hard_cases.steps import day, record

CUSTOMER = "query ($by: CustomerBy!) { customer(by: $by) { id openIds { value } } }"


async def held_by(api: Api, customer_id: str) -> list[str]:
    """The OpenIDs of whoever an id resolves to."""
    found = (await api.ask(CUSTOMER, by={"id": customer_id}))["customer"]
    return sorted(one["value"] for one in found["openIds"])


async def test_before_its_union_id_an_open_id_is_a_provisional_customer(brands: Brands) -> None:
    """An OpenID without a UnionID makes a provisional customer of its own."""
    seen = await in_every_order(brands, record("mini a -", on=1), record("serv b -", on=2))
    assert ["mini:a", "serv:b"] == seen.partition
    assert ["PROVISIONAL", "PROVISIONAL"] == [person.state for person in seen.people]


async def test_its_union_id_joins_it_whenever_it_arrives(brands: Brands) -> None:
    """OpenIDs of one UnionID are one identified customer, in whatever order OpenIDs and UnionID became known."""
    steps = [record("mini a -", on=1), record("serv b -", on=2), record("mini a u", on=3), record("serv b u", on=4)]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a serv:b wxA:u"] == seen.partition
    (person,) = seen.people
    assert ("IDENTIFIED", "mini:a", ("mini:a serv:b wxA:u",)) == (person.state, person.seed, person.accounts)
    assert [["mini:a=wxA:u", "serv:b=wxA:u"]] == seen.uses
    assert [2, 2] == [use.times for use in person.uses]


async def test_every_old_id_resolves_after_a_merge(brands: Brands) -> None:
    """When a UnionID joins two customers, both their ids resolve to the one that is left, and the feed says MERGED with both."""
    for first, second in (("mini a u", "serv b u"), ("serv b u", "mini a u")):
        api = await brands.fresh()
        old = [one["customerId"] for one in await api.record("mini a -", "serv b -", when=day(1))]
        await api.record(first, second, when=day(2))
        for customer_id in old:
            assert ["a", "b"] == await held_by(api, customer_id)
        merged = [one for one in await api.store.changes(api.name, 0, 100) if one.kind is ChangeKind.MERGED]
        assert [sorted(old)] == [sorted(f"cus_{key}" for key in one.previous) for one in merged]
        assert 3 == len(merged[0].identifiers)


async def test_the_same_again_or_late_moves_only_times(brands: Brands) -> None:
    """The same resolution, seen on three days, is one link with first and last seen and three times, whichever came last."""
    seen = await in_every_order(brands, *(record("mini a u member:7", on=on) for on in (2, 5, 9)))
    assert ["member:7 mini:a wxA:u"] == seen.partition
    (use,) = seen.people[0].uses
    assert (3, "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z") == (use.times, use.first, use.last)
    assert ("2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z") == (seen.people[0].first, seen.people[0].last)
    assert [] == seen.conflicts


async def test_the_absence_of_a_union_id_retracts_none(brands: Brands) -> None:
    """A login without a UnionID, before, between or after those with one, takes nothing back; nor does an empty one."""
    steps = [record("mini a u", on=3), record("serv b u", on=3), record("mini a -", on=1), record("serv b -", on=8)]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a serv:b wxA:u"] == seen.partition
    assert [["mini:a=wxA:u", "serv:b=wxA:u"]] == seen.uses
    assert [("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"), ("2026-03-03T00:00:00Z", "2026-03-08T00:00:00Z")] == [
        (use.first, use.last) for use in seen.people[0].uses
    ]
