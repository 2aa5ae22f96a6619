"""The sample brand: what must be in it, and that it is the same everywhere."""

import tomllib
from datetime import timedelta

from app.sandbox.brand import FIRST_VIRTUAL, BindingPath, Brand, TouchpointKind
from app.sandbox.ids import credit_code_check_digit
from app.sandbox.linjian import make_brand


def test_same_seed_same_brand(brand: Brand) -> None:
    """Two brands of one seed are equal down to each person; another seed shares no id."""
    again, other = make_brand(people=brand.people), make_brand(seed=1, people=brand.people)

    assert brand == again
    assert [brand.person(number) for number in range(200)] == [again.person(number) for number in range(200)]
    assert not {one.app_id for one in brand.touchpoints} & {one.app_id for one in other.touchpoints}
    assert brand.open_id(1, brand.touchpoints[0].app_id) != other.open_id(1, other.touchpoints[0].app_id)


def test_known_ids() -> None:
    """The default brand's ids are fixed: documents may quote them."""
    brand = make_brand()
    order = brand.touchpoints[0]

    assert "wxfadd47ccf5eaf87c" == order.app_id
    assert "oGXuiLhPuNYW3tg8HfRvnmHLnKcQ" == brand.open_id(0, order.app_id)
    assert "oxqVwetb_KBgOx7ckuxDCSxiI9pg" == brand.union_id(0, order.app_id)


def test_cast(brand: Brand) -> None:
    """Three companies, one accepted relation, three Open Platforms of which one is unqualified, twelve touchpoints of seven kinds."""
    assert 3 == len({one.credit_code for one in brand.entities})
    assert all(one.credit_code[-1] == credit_code_check_digit(one.credit_code[:-1]) for one in brand.entities)
    assert [("linjian-catering", "linjian-retail")] == [(one.entity_id, one.related_entity_id) for one in brand.relations]
    assert [(True, "CONSOLE"), (True, "CONSOLE"), (False, "API")] == [(one.is_qualified, one.created_via) for one in brand.open_platforms]
    assert 12 == len({one.app_id for one in brand.touchpoints})
    assert 7 == len({one.kind for one in brand.touchpoints})
    assert ["Linjian Branches"] == [one.english_name for one in brand.touchpoints if brand.bound_to(one.app_id) is None]


def test_api_bindings_are_of_the_same_subject(brand: Brand) -> None:
    """An API-made, unqualified account holds at most five touchpoints, all of its own company (wechat.md 2.2)."""
    campus = brand.open_platforms[2]
    held = [one for one in brand.touchpoints if brand.bound_to(one.app_id) == campus.open_app_id]

    assert 2 == len(held)
    assert {campus.entity_id} == {one.entity_id for one in held}
    assert {BindingPath.API} == {one.path for one in brand.bindings if one.open_app_id == campus.open_app_id}


def test_moved_touchpoint_changes_union_ids(brand: Brand) -> None:
    """Who used the moved mini program has one UnionID before the move and another after it, and the same OpenID."""
    mall = next(one for one in brand.touchpoints if one.english_name == "Linjian Members' Mall")
    before, after = [one for one in brand.bindings if one.app_id == mall.app_id]
    assert after.at is not None

    assert before.open_app_id == brand.bound_to_at(mall.app_id, after.at - timedelta(seconds=1))
    assert after.open_app_id == brand.bound_to_at(mall.app_id, after.at) == brand.bound_to(mall.app_id)
    assert brand.ids.union_id(5, before.open_app_id) == brand.union_id_at(5, mall.app_id, after.at - timedelta(days=1))
    assert brand.ids.union_id(5, after.open_app_id) == brand.union_id(5, mall.app_id)
    assert (brand.ids.union_id(5, before.open_app_id),) == brand.earlier_union_ids(5, mall.app_id)


def test_union_id_is_shared_within_an_open_platform(brand: Brand) -> None:
    """One person has one UnionID at all touchpoints of an Open Platform, and as many as there are Open Platforms in all."""
    seen: dict[str | None, set[str | None]] = {}
    for one in brand.touchpoints:
        seen.setdefault(brand.bound_to(one.app_id), set()).add(brand.union_id(9, one.app_id))

    assert {None} == seen.pop(None)
    assert [1, 1, 1] == [len(ids) for ids in seen.values()]
    assert 3 == len(set.union(*seen.values()))


def test_virtual_visitors_share_a_union_id(brand: Brand) -> None:
    """Virtual visitors have an OpenID each and one UnionID together; their OpenIDs belong to nobody."""
    service = next(one for one in brand.touchpoints if one.kind is TouchpointKind.SERVICE_ACCOUNT)
    virtual = [FIRST_VIRTUAL + number for number in range(50)]

    assert 50 == len({brand.open_id(one, service.app_id) for one in virtual})
    assert 1 == len({brand.union_id(one, service.app_id) for one in virtual})
    assert brand.person_of(brand.open_id(virtual[0], service.app_id), service.app_id) is None


def test_credentials_are_toml(brand: Brand) -> None:
    """The credentials are a TOML file with one secret per touchpoint."""
    parsed = tomllib.loads(brand.credentials())

    assert {one.app_id: {"secret": one.secret} for one in brand.touchpoints} == parsed["touchpoints"]
