"""What too many share joins nothing, and what is too large joins by fewer claims; both come back when their cause is gone."""

from __future__ import annotations

from tests.api.asking import Api
from tests.hard_cases.brands import Brands
from tests.hard_cases.erased import erase
from tests.hard_cases.orders import in_every_order
from tests.hard_cases.picture import name_of
from tests.hard_cases.steps import move, record, unlink

PHONE, SECOND_PHONE = "phone:13800138000", "phone:13900139000"
CROWD = "mini:a mini:b mini:c mini:d mini:e phone: wxA:ua wxA:ub wxA:uc wxA:ud wxA:ue"
NOTICE = """{ customers(filter: {hasOpenConflict: true}, first: 100) { nodes { openIds { __typename appId text: value }
  conflicts { kind state breaks refusedCount } } } }"""
COUPLES = (
    record(f"mini a ua {PHONE}", f"mini b ub {PHONE}", on=1),
    record(f"mini c uc {PHONE}", f"mini d ud {PHONE}", on=2),
    record(f"mini e ue {PHONE}", f"mini f uf {PHONE}", on=3),
)
"""Six people with one phone; the policy's threshold is five."""


async def everyone_is_told(api: Api) -> None:
    """Every customer whose claim joins nothing shows why."""
    nodes = (await api.ask(NOTICE))["customers"]["nodes"]
    assert {f"mini:{person}" for person in "abcdef"} == {name_of(held) for one in nodes for held in one["openIds"]}
    for one in nodes:
        (conflict,) = one["conflicts"]
        assert ("GENERIC_IDENTIFIER", "OPEN", 6) == (conflict["kind"], conflict["state"], conflict["refusedCount"])
        assert conflict["breaks"].startswith("More accounts share this identifier")


async def test_five_share_a_phone(brands: Brands) -> None:
    """Five accounts with one phone are one customer: the threshold is passed by more than five."""
    seen = await in_every_order(brands, COUPLES[0], COUPLES[1], record(f"mini e ue {PHONE}", on=3))
    assert [CROWD] == seen.partition
    assert (5, ()) == (len(seen.people[0].accounts), seen.people[0].generic)


async def test_six_share_a_phone(brands: Brands) -> None:
    """A sixth account makes the phone generic: it joins none of the six, stands alone, and each of them shows the one Conflict."""
    seen = await in_every_order(brands, *COUPLES, check=everyone_is_told)
    assert [*(f"mini:{person} wxA:u{person}" for person in "abcdef"), "phone:"] == seen.partition
    assert ["GENERIC_IDENTIFIER"] == seen.conflicts
    assert (6, ("phone:",)) == (seen.disputes[0].count, seen.disputes[0].sides)
    assert ("phone:",) == seen.of("phone:").generic
    assert [1] * 7 == [person.disputes for person in seen.people]


async def test_the_crowd_goes_home(brands: Brands) -> None:
    """When the sixth is unlinked, the other five are one customer again, and the Conflict is gone."""
    seen = await in_every_order(brands, *COUPLES, unlink("mini:f", PHONE, on=9, after=COUPLES))
    assert [CROWD, "mini:f wxA:uf"] == seen.partition
    assert [] == seen.conflicts
    assert [0, 0] == [person.disputes for person in seen.people]


async def test_many_rows_of_one_account_are_no_crowd(brands: Brands) -> None:
    """What counts is accounts: OpenIDs of one WeChat user that all claim a phone are one claimant."""
    steps = [
        *COUPLES[:2],
        record(f"mini e ue {PHONE}", f"serv e2 ue {PHONE}", on=3),
        record(f"serv a2 ua {PHONE}", f"serv d2 ud {PHONE}", on=4),
    ]
    seen = await in_every_order(brands, *steps)
    assert 1 == len(seen.people)
    assert 5 == len(seen.people[0].accounts)
    assert [] == seen.conflicts


async def test_accounts_that_become_one_thin_a_crowd(brands: Brands) -> None:
    """Six OpenIDs with one phone are a crowd until a UnionID makes two of them one account."""
    loners = (
        record(f"mini a - {PHONE}", f"mini b - {PHONE}", f"mini c - {PHONE}", on=1),
        record(f"mini d - {PHONE}", f"mini e - {PHONE}", on=2),
    )
    sixth = record(f"serv f - {PHONE}", on=3)
    seen = await in_every_order(brands, *loners, sixth)
    assert ["GENERIC_IDENTIFIER"] == seen.conflicts
    seen = await in_every_order(brands, *loners, sixth, record("mini a u", "serv f u", on=4))
    assert ["mini:a mini:b mini:c mini:d mini:e phone: serv:f wxA:u"] == seen.partition
    assert [] == seen.conflicts


async def test_a_store_tablet(brands: Brands) -> None:
    """An OpenID that came with six UnionIDs of one platform is a tablet in a shop: it joins none of its visitors."""
    steps = [
        record("mini tab u1", "mini tab u2", "serv s1 u1", on=1),
        record("mini tab u3", "mini tab u4", "serv s3 u3", on=2),
        record("mini tab u5", "mini tab u6", "serv s6 u6", on=3),
    ]
    seen = await in_every_order(brands, *steps)
    assert ["mini:tab", "serv:s1 wxA:u1", "serv:s3 wxA:u3", "serv:s6 wxA:u6", "wxA:u2", "wxA:u4", "wxA:u5"] == seen.partition
    assert ["GENERIC_IDENTIFIER"] == seen.conflicts
    assert (6, ("mini:tab",)) == (seen.disputes[0].count, seen.disputes[0].sides)


VISITS = (
    record("mini v1 u", "mini v2 u", "mini v3 u", on=3),
    record("mini v4 u", "mini v5 u", "mini v6 u", on=10),
    record("serv s u", on=4),
)


async def test_a_virtual_visitor(brands: Brands) -> None:
    """A UnionID that came with six OpenIDs of one touchpoint is nobody's: it joins none of them."""
    seen = await in_every_order(brands, *VISITS)
    assert [*(f"mini:v{number}" for number in range(1, 7)), "serv:s", "wxA:u"] == seen.partition
    assert ["GENERIC_IDENTIFIER"] == seen.conflicts


async def test_a_move_divides_the_visitors(brands: Brands) -> None:
    """A move that gives half of them to another account makes the UnionID generic no more: it joins the first, the others are Conflicts."""
    seen = await in_every_order(brands, *VISITS, move("mini", "wxB", on=8))
    assert ["mini:v1 serv:s wxA:u", "mini:v2", "mini:v3", "mini:v4 wxB:u", "mini:v5", "mini:v6"] == seen.partition
    assert [
        f"TWO_OPENIDS_ONE_TOUCHPOINT mini:v{number} > {to}:u" for number, to in ((2, "wxA"), (3, "wxA"), (5, "wxB"), (6, "wxB"))
    ] == seen.conflicts


def chain(side: str, app_id: str) -> tuple[str, ...]:
    """34 people of 68 identifiers who hang together by 35 CRM ids: 103 in all."""
    return tuple(f"{app_id} {side}{n:02} u{side}{n:02} crm:{side}{n:02} crm:{side}{n + 1:02}" for n in range(34))


CHAINS = (record(*chain("a", "mini"), on=1), record(*chain("b", "serv"), on=2))
BOTH = record(f"mini a00 - {PHONE} {SECOND_PHONE}", f"serv b00 - {PHONE} {SECOND_PHONE}", on=3)
"""Two phones join both chains: 208 identifiers, and the policy's cap is 200."""


async def test_a_component_past_the_cap_sheds_its_lowest_rank(brands: Brands) -> None:
    """Past 200 identifiers the phones' claims are shed and the CRM ids' kept: two customers, one Conflict a phone, all marked."""
    seen = await in_every_order(brands, *CHAINS, BOTH)
    assert [103, 103, 1, 1] == [len(person.members.split()) for person in seen.people]
    assert [True] * 4 == [person.has_shed for person in seen.people]
    assert ["TOO_LARGE", "TOO_LARGE"] == seen.conflicts
    assert [(2, ("phone:",)), (2, ("phone:",))] == [(one.count, one.sides) for one in seen.disputes]


async def test_what_was_shed_comes_back_when_it_fits(brands: Brands) -> None:
    """When one chain is unlinked in its middle, the rest fits: the phones join again, and no Conflict is left."""
    seen = await in_every_order(brands, *CHAINS, BOTH, unlink("mini:a20", "crm:a17", on=9, after=(*CHAINS, BOTH)))
    assert [17 * 2 + 17 + 103 + 2, 17 * 2 + 17] == [len(person.members.split()) for person in seen.people]
    assert "mini:a00" in seen.people[0].members.split()
    assert seen.of("mini:a00") == seen.of("serv:b33")
    assert seen.of("mini:a00") != seen.of("mini:a17")
    assert [False, False] == [person.has_shed for person in seen.people]
    assert [] == seen.conflicts


async def test_a_cap_that_is_met_exactly_sheds_nothing(brands: Brands) -> None:
    """Two hundred identifiers together are joined; one more sheds the phone."""
    chains = (record(*chain("a", "mini"), on=1), record(*chain("b", "serv")[:31], on=2))
    for more, partition, conflicts in (("crm:x crm:y", [200], []), ("crm:x crm:y crm:z", [103, 97, 1], ["TOO_LARGE"])):
        seen = await in_every_order(brands, *chains, record(f"mini a00 - {PHONE}", f"serv b00 - {PHONE} {more}", on=3))
        assert (partition, conflicts) == ([len(person.members.split()) for person in seen.people], seen.conflicts)


async def test_a_crowd_keeps_no_date_of_who_left(brands: Brands) -> None:
    """Seven of one app with one UnionID make it generic; a move takes away the one seen last, and with that one the date."""
    seven = [record(*(f"mini {person} u" for person in people), on=day) for people, day in (("abc", 2), ("def", 3), ("g", 9))]
    seen = await in_every_order(brands, *seven, move("mini", "wxB", on=5))
    assert [*(f"mini:{person}" for person in "abcdef"), "mini:g wxB:u", "wxA:u"] == seen.partition
    assert (seen.of("mini:a").first, seen.of("mini:f").last) == (seen.of("wxA:u").first, seen.of("wxA:u").last)


async def test_a_crowd_keeps_no_date_of_who_is_erased(brands: Brands) -> None:
    """The one of eight who used a shared phone last goes: the phone, which stays the others', was last used by one of them."""
    days = (("abc", 2), ("defh", 3), ("g", 9))
    eight = [record(*(f"mini {person} u{person} {PHONE}" for person in people), on=day) for people, day in days]
    seen = await in_every_order(brands, *eight, erase("mini:g", after=tuple(eight)))
    assert seen.of("mini:h").last == seen.of("phone:").last
