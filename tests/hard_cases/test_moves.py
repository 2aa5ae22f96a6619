"""A touchpoint that moves from one Open Platform account to another: reported early, late, wrongly, or not at all."""

from __future__ import annotations

from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import in_every_order, play
from tests.hard_cases.picture import name_of, picture
from tests.hard_cases.steps import correct, day, move, record, retract, unbind

UNIONS = """query ($by: CustomerBy!) { customer(by: $by) { openIds { unionIds { __typename openAppId text: value } } } }"""
CONFLICTS = "{ conflicts { nodes { kind state resolvedAt } } }"


async def test_a_move_keeps_everybody_whole(brands: Brands) -> None:
    """Whoever was seen before and after a move bridges both UnionIDs; who was seen only once has the one that is known."""
    steps = [
        record("mini a u", "serv s u", "mini b x", on=3),
        record("mini a v", "mini c y", on=10),
        record("other o v", on=11),
        move("mini", "wxB", on=8),
    ]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a other:o serv:s wxA:u wxB:v", "mini:b wxA:x", "mini:c wxB:y"] == seen.partition
    assert [["mini:a=wxB:v", "other:o=wxB:v", "serv:s=wxA:u"], ["mini:b=wxA:x"], ["mini:c=wxB:y"]] == seen.uses
    assert ("mini:a other:o serv:s wxA:u wxB:v",) == seen.people[0].accounts
    assert ([], ()) == (seen.conflicts, seen.waiting)


async def test_the_same_union_id_text_on_both_sides_is_two_union_ids(brands: Brands) -> None:
    """One text seen before and after the move names a UnionID of each account, and one OpenID holds both."""
    steps = [record("mini a u", on=3), record("mini a u", on=10), record("serv s u", "other o u", on=4), move("mini", "wxB", on=8)]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a other:o serv:s wxA:u wxB:u"] == seen.partition


async def test_a_late_assertion_takes_scope_away(brands: Brands) -> None:
    """Where it turns out late that nothing was bound between two accounts, what was seen then waits, and the rest stands."""
    moved = move("mini", "wxB", on=8)
    steps = [
        record("mini a u", on=3),
        record("mini a w member:7", on=7),
        record("mini a v", "other o v", on=10),
        moved,
        unbind("mini", on=6, after=(moved,)),
    ]
    seen = await in_every_order(brands, *steps)
    assert ["member:7 mini:a other:o wxA:u wxB:v"] == seen.partition
    assert ("NO_BINDING_COVERS_IT mini",) == seen.waiting
    assert [] == seen.conflicts


async def test_a_corrected_move_scopes_what_was_seen_between(brands: Brands) -> None:
    """A move reported for the 8th and corrected to the 5th gives what was seen on the 6th to the new account."""
    moved = move("mini", "wxB", on=8)
    steps = [record("mini a u", on=3), record("mini a v", "other o v", on=6), moved, correct("mini", 8, at=day(5), after=(moved,))]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a other:o wxA:u wxB:v"] == seen.partition
    assert [["mini:a=wxB:v", "other:o=wxB:v"]] == seen.uses
    assert [] == seen.conflicts


async def test_a_move_corrected_to_another_account(brands: Brands) -> None:
    """A binding corrected to the other Open Platform account since ever scopes everything there."""
    steps = [record("mini a u", "serv s u", on=3), record("other o u", on=4), correct("mini", None, openAppId="wxB")]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a other:o wxB:u", "serv:s wxA:u"] == seen.partition


async def test_a_retracted_move_never_was(brands: Brands) -> None:
    """A move that is taken back leaves nothing behind: one UnionID, one customer, as if it had never been told."""
    moved = move("mini", "wxB", on=8)
    steps = [record("mini a u", "serv s u", on=3), record("mini a u", on=10), moved, retract("mini", 8, after=(moved,))]
    seen = await in_every_order(brands, *steps)
    plain = await in_every_order(brands, *steps[:2])
    assert ["mini:a serv:s wxA:u"] == seen.partition
    assert plain == seen


async def test_there_and_back_again(brands: Brands) -> None:
    """Moved away and back, a touchpoint's sightings count in the epoch that covers each."""
    away = move("mini", "wxB", on=5)
    back = move("mini", "wxA", on=9, after=(away,))
    steps = [record("mini a u", on=3), record("mini a v", on=7), record("mini a u", "serv s u", on=11), away, back]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a serv:s wxA:u wxB:v"] == seen.partition
    assert [["mini:a=wxA:u", "serv:s=wxA:u"]] == seen.uses
    assert [] == seen.conflicts


FLIPPED = (record("mini a u", "serv s u", "mini b w", on=3), record("mini a v", "mini b x", on=10))


async def test_flips_without_a_reported_move_are_conflicts(brands: Brands) -> None:
    """UnionIDs that change with no move reported are both kept as evidence; the second one is refused, one Conflict an OpenID."""
    seen = await in_every_order(brands, *FLIPPED)
    assert ["mini:a serv:s wxA:u", "mini:b wxA:w", "wxA:v", "wxA:x"] == seen.partition
    assert ["TWO_UNIONIDS_ONE_PLATFORM mini:a > wxA:v", "TWO_UNIONIDS_ONE_PLATFORM mini:b > wxA:x"] == seen.conflicts
    assert [("mini:a", "wxA:v"), ("mini:b", "wxA:x")] == [one.sides for one in seen.disputes]
    assert [("mini:a > wxA:u",), ("mini:b > wxA:w",)] == [one.kept for one in seen.disputes]
    assert [1, 1, 1, 1] == [person.disputes for person in seen.people]


async def test_a_refused_union_id_stays_readable(brands: Brands) -> None:
    """The OpenID shows both UnionIDs that came with it, whichever arrived first."""
    for order in (FLIPPED, FLIPPED[::-1]):
        api = await brands.fresh()
        await play(api, order)
        answer = await api.ask(UNIONS, by={"openId": {"appId": "mini", "value": "a"}})
        shown = [name_of(union) for held in answer["customer"]["openIds"] for union in held["unionIds"]]
        assert {"wxA:u", "wxA:v"} == set(shown)


async def test_reporting_the_move_resolves_the_conflicts(brands: Brands) -> None:
    """A move that has happened re-scopes the flips: their Conflicts are resolved, and customers hold both UnionIDs."""
    for order in (FLIPPED, FLIPPED[::-1]):
        api = await brands.fresh()
        await play(api, order)
        assert 2 == len((await picture(api)).disputes)
        await play(api, [move("mini", "wxB", on=8)])
        seen = await picture(api)
        assert ["mini:a serv:s wxA:u wxB:v", "mini:b wxA:w wxB:x"] == seen.partition
        assert [] == seen.conflicts
        told = (await api.ask(CONFLICTS))["conflicts"]["nodes"]
        assert ["RESOLVED", "RESOLVED"] == [one["state"] for one in told]
        assert all(one["resolvedAt"] for one in told)


async def test_flips_and_their_move_in_every_order(brands: Brands) -> None:
    """Whether the move is told before, between or after the flips, the answers are the same."""
    seen = await in_every_order(brands, *FLIPPED, move("mini", "wxB", on=8))
    assert ["mini:a serv:s wxA:u wxB:v", "mini:b wxA:w wxB:x"] == seen.partition
    assert [] == seen.conflicts
