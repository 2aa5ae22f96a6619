"""The people: believable, never colliding, and computed one at a time."""

import re
import time
import tracemalloc
from collections import Counter

import pytest

from app.sandbox.brand import Brand
from app.sandbox.contacts import PhoneStory
from app.sandbox.linjian import make_brand
from app.sandbox.people import Following, Person, UnionIdQuirk


@pytest.fixture(scope="module")
def people() -> list[Person]:
    """The people of the default brand."""
    brand = make_brand()
    return [brand.person(number) for number in range(brand.people)]


def test_no_two_people_share_an_id() -> None:
    """20,000 people have 20,000 OpenIDs, UnionIDs, own phones and member numbers."""
    brand = make_brand(people=20_000)
    app_id = brand.touchpoints[0].app_id
    everyone = [brand.person(number) for number in range(20_000)]
    own = [one.phone for one in everyone if one.phone_story is PhoneStory.OWN]
    members = [member for one in everyone if one.second_account_of is None for member in one.members]

    assert 20_000 == len({brand.open_id(number, app_id) for number in range(20_000)})
    assert 20_000 == len({brand.union_id(number, app_id) for number in range(20_000)})
    assert len(own) == len(set(own)) > 8_000
    assert len(members) == len(set(members)) > 8_000


def test_touchpoints_per_person(people: list[Person]) -> None:
    """Everybody uses one to six touchpoints, fewer people more of them."""
    counts = Counter(len(one.visits) for one in people)

    assert [1, 2, 3, 4, 5, 6] == sorted(counts)
    assert [1, 2, 3, 4, 5, 6] == [number for number, _ in counts.most_common()]


def test_follow_states(people: list[Person]) -> None:
    """Each state of following occurs at official accounts, and none elsewhere."""
    brand = make_brand()
    official = {one.app_id for one in brand.touchpoints if one.kind.is_official_account}
    states = Counter((visit.app_id in official, visit.following) for one in people for visit in one.visits)

    assert {(False, None), (True, Following.FOLLOWS), (True, Following.UNFOLLOWED), (True, Following.NEVER)} == set(states)
    assert states[True, Following.FOLLOWS] > states[True, Following.UNFOLLOWED] > 100


def test_troubles_with_phones_and_members(people: list[Person]) -> None:
    """Shared, recycled and tablet phones occur, and people with two member numbers, and two accounts with one member number."""
    stories = Counter(one.phone_story for one in people)
    tablets = {one.phone for one in people if one.phone_story is PhoneStory.STORE_TABLET}
    shared = next(one for one in people if one.phone_story is PhoneStory.SHARED)
    second = next(one for one in people if one.second_account_of is not None)

    assert set(PhoneStory) == set(stories)
    assert 3 == len(tablets)
    assert people[shared.number - 1].phone == shared.phone
    assert people[second.second_account_of or 0].members[0] == second.members[0]
    assert any(len(one.members) == 2 for one in people)
    assert all(one.phone is None or re.fullmatch(r"\+861[3-9]\d{9}", one.phone) for one in people)


def test_oddities_occur(people: list[Person]) -> None:
    """Some people see snapshot pages, some have no, an empty or a padded UnionID in answers, some are left out of large batches."""
    assert set(UnionIdQuirk) == {one.quirk for one in people}
    assert any(one.snapshot_at for one in people)
    assert any(one.skipped_in_batches for one in people)


def test_followers_agree_with_people(brand: Brand) -> None:
    """The list of an account's followers names exactly the people who say they follow it, and continues anywhere."""
    for account in (one for one in brand.touchpoints if one.kind.is_official_account):
        expected = [
            number
            for number in range(brand.people)
            if any(visit.app_id == account.app_id and visit.following is Following.FOLLOWS for visit in brand.person(number).visits)
        ]

        assert expected == list(brand.crowd.followers(account.app_id))
        assert [number for number in expected if number > 700] == list(brand.crowd.followers(account.app_id, 700))


def test_numbers_out_of_range(brand: Brand) -> None:
    """There is nobody beyond the brand's size or below 0."""
    for number in (-1, brand.people):
        with pytest.raises(LookupError):
            brand.person(number)


def test_a_million_people_cost_nothing_until_asked_for() -> None:
    """A brand of a million people starts at once, in less than a megabyte, and answers about the last of them."""
    tracemalloc.start()
    began = time.perf_counter()
    last = make_brand(people=1_000_000).person(999_999)
    elapsed = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 999_999 == last.number
    assert elapsed < 1
    assert peak < 1_000_000
