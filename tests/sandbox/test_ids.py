"""Ids have WeChat's shapes and depend on exactly what WeChat says they depend on."""

import re

import pytest

from app.sandbox.ids import IdMaker, credit_code, credit_code_check_digit

IDS = IdMaker(b"test")
OPEN_ID = re.compile(r"^o[0-9A-Za-z_-]{27}$")


def test_shapes() -> None:
    """Every id matches the pattern of wechat.md section 6."""
    assert re.fullmatch(r"wx[0-9a-f]{16}", IDS.app_id("a"))
    assert re.fullmatch(r"gh_[0-9a-f]{12}", IDS.original_id("a"))
    assert re.fullmatch(r"[0-9a-f]{32}", IDS.secret("a"))
    assert all(OPEN_ID.match(IDS.open_id(number, "wx1")) and OPEN_ID.match(IDS.union_id(number, "wx1")) for number in range(500))


def test_scope_of_ids() -> None:
    """An OpenID depends on user and AppID, a UnionID on user and Open Platform account, and the two differ even under one name."""
    assert IDS.open_id(7, "wx1") == IDS.open_id(7, "wx1")

    assert 6 == len(
        {
            IDS.open_id(7, "wx1"),
            IDS.open_id(8, "wx1"),
            IDS.open_id(7, "wx2"),
            IDS.union_id(7, "wx1"),
            IDS.union_id(8, "wx1"),
            IDS.union_id(7, "wx2"),
        }
    )


@pytest.mark.parametrize("number", [0, 1, 4_999, 999_999, 2**31, 2**32 - 1])
def test_ids_are_read_backwards(number: int) -> None:
    """The sandbox recovers the person from an id, under its own scope and kind only."""
    open_id = IDS.open_id(number, "wx1")

    assert number == IDS.person_of_open_id(open_id, "wx1")
    assert IDS.person_of_open_id(open_id, "wx2") is None
    assert IDS.person_of_union_id(open_id, "wx1") is None
    assert number == IDS.person_of_union_id(IDS.union_id(number, "wx3"), "wx3")


@pytest.mark.parametrize("text", ["", "o", "o" * 28, "微" * 28, "o" + "=" * 27, "o" + "!" * 27, "o" * 65])
def test_invented_ids_are_nobodys(text: str) -> None:
    """Text that was never issued belongs to nobody."""
    assert IDS.person_of_open_id(text, "wx1") is None


def test_one_changed_letter_is_another_id() -> None:
    """Ids are case-sensitive and carry no slack: no changed last letter is accepted."""
    open_id = IDS.open_id(3, "wx1")
    others = [
        open_id[:-1] + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-" if letter != open_id[-1]
    ]

    assert {None} == {IDS.person_of_open_id(one, "wx1") for one in others}
    assert IDS.person_of_open_id(open_id.lower(), "wx1") is None


def test_credit_code_check_digits() -> None:
    """The two check digits agree with a published code: 9144030071526726XG."""
    assert "G" == credit_code_check_digit("9144030071526726X")
    assert "9144030071526726XG" == credit_code("440300", "71526726")
