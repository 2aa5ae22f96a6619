"""Lenient about form, strict about ids: the shapes that WeChat's answers have had."""

import json
from datetime import UTC, datetime

import pytest

from app.wechat import messages
from app.wechat.messages import Answer, IncompleteError, LoginSource, UnreadableError
from app.wechat.redact import Secret
from tests.wechat.scripted import APP, OPEN_ID, SESSION_ANSWER, TOKEN, UNION_ID, USER_TOKEN


def answer(**fields: object) -> Answer:
    """Return an answer as it comes off the wire."""
    return messages.read_answer(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "expected, body",
    [
        (0, b"{}"),
        (0, b'{"errcode":0,"errmsg":"ok"}'),
        (0, b'{"errcode":"0"}'),
        (0, b'{"errcode":null}'),
        (40001, b'{"errcode":40001}'),
        (40001, b'{"errcode":"40001"}'),
        (-1, b'{"errcode":"-1","errmsg":"system error"}'),
        (40013, b'\xef\xbb\xbf{"errcode":40013}'),
        (48001, b'{"base_resp":{"errcode":48001,"errmsg":"no right"}}'),
        (48001, b'{"base_resp":{"ret":48001,"err_msg":"no right"}}'),
        (45009, b'{"errcode":45009.0}'),
    ],
)
def test_errcode_is_found_in_every_form(expected: int, body: bytes) -> None:
    """An errcode counts as number, as text, with a byte order mark and inside base_resp; absent, null and zero are success."""
    assert expected == messages.read_answer(body).errcode


@pytest.mark.parametrize("body", [b"", b"  ", b"<html>busy</html>", b"[1]", b'"ok"', b"null", b'{"errcode":', b'{"errcode":"what"}'])
def test_what_is_no_answer_is_unreadable(body: bytes) -> None:
    """HTML, nothing, and JSON that is no object are gateway trouble, never success."""
    with pytest.raises(UnreadableError):
        messages.read_answer(body)


def test_deep_nesting_is_unreadable() -> None:
    """A body nested too deep to parse is gateway trouble, not a crash."""
    with pytest.raises(UnreadableError):
        messages.read_answer(b'{"a":' * 200_000)


def test_control_characters_inside_strings_are_accepted() -> None:
    """A nickname with a raw line break does not cost us the identity beside it."""
    body = b'{"openid":"' + OPEN_ID.encode() + b'","nickname":"a\nb\x01"}'

    assert OPEN_ID == messages.read_session(messages.read_answer(body), APP).open_id


def test_token_is_read_and_its_life_may_be_text() -> None:
    """expires_in counts as "7200" too, and the token is wrapped."""
    token = messages.read_token(answer(access_token=TOKEN, expires_in="7200"))

    assert (Secret(TOKEN), 7200) == (token.value, token.expires_in)


def test_life_of_a_token_is_capped_at_what_is_documented() -> None:
    """A life beyond 7200 s would only delay the refresh."""
    assert 7200 == messages.read_token(answer(access_token=TOKEN, expires_in=9_999_999)).expires_in


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"access_token": TOKEN},
        {"access_token": "", "expires_in": 7200},
        {"access_token": None, "expires_in": 7200},
        {"access_token": "has blank", "expires_in": 7200},
        {"access_token": TOKEN, "expires_in": 0},
        {"access_token": TOKEN, "expires_in": True},
    ],
)
def test_answer_without_a_usable_token_is_incomplete(fields: dict[str, object]) -> None:
    """A success without token or life is malformed."""
    with pytest.raises(IncompleteError):
        messages.read_token(answer(**fields))


@pytest.mark.parametrize(
    "expected, given",
    [
        (UNION_ID, UNION_ID),
        (UNION_ID, f" {UNION_ID}"),
        (UNION_ID, f"{UNION_ID}\n"),
        (None, ""),
        (None, "  \t"),
        (None, None),
    ],
)
def test_union_id_is_trimmed_and_empty_is_absent(expected: str | None, given: object) -> None:
    """A UnionID may be padded, empty or null."""
    assert expected == messages.read_session(answer(openid=OPEN_ID, unionid=given), APP).union_id


def test_union_id_padded_with_a_wide_blank_is_refused() -> None:
    """Only ASCII white space is trimmed; anything else is no UnionID."""
    with pytest.raises(IncompleteError):
        messages.read_session(answer(openid=OPEN_ID, unionid="\u3000" + UNION_ID), APP)


def test_session_key_is_not_kept() -> None:
    """The session key never leaves messages.py."""
    identity = messages.read_session(answer(**SESSION_ANSWER), APP)

    assert {"app_id", "open_id", "union_id", "source", "is_snapshot_user", "scope", "user_token"} == set(identity.__slots__)
    assert (LoginSource.CODE2SESSION, None) == (identity.source, identity.user_token)


@pytest.mark.parametrize("given", ["", None, "o" * 65, "oé" + "x" * 26, "o x", True, {"a": 1}])
def test_login_without_readable_open_id_is_incomplete(given: object) -> None:
    """An OpenID has 1 to 64 characters of its alphabet, or the answer is malformed."""
    with pytest.raises(IncompleteError):
        messages.read_session(answer(openid=given), APP)


def test_invalid_utf8_never_becomes_an_id() -> None:
    """Bytes that are no UTF-8 spoil the id they stand in, not the parse."""
    read = messages.read_answer(b'{"openid":"o\xff\xfe' + b"x" * 20 + b'","nickname":"\xff"}')

    with pytest.raises(IncompleteError):
        messages.read_session(read, APP)


@pytest.mark.parametrize(
    "expected, given",
    [(False, 0), (False, "0"), (False, False), (False, None), (False, ""), (True, 1), (True, "1"), (True, True), (True, "true")],
    ids=repr,
)
def test_snapshot_flag(expected: object, given: object) -> None:
    """1, "1" and true mark a virtual visitor; 0, "0", false and null a real one."""
    identity = messages.read_oauth(answer(openid=OPEN_ID, access_token=USER_TOKEN, is_snapshotuser=given), APP)

    assert expected is identity.is_snapshot_user


def test_absent_snapshot_flag_means_a_real_user() -> None:
    """WeChat leaves the flag out for real users."""
    assert messages.read_oauth(answer(openid=OPEN_ID, access_token=USER_TOKEN), APP).is_snapshot_user is False


def test_scope_is_split_at_commas() -> None:
    """The scope is a comma-separated list."""
    identity = messages.read_oauth(answer(openid=OPEN_ID, access_token=USER_TOKEN, scope="snsapi_base,snsapi_userinfo"), APP)

    assert ("snsapi_base", "snsapi_userinfo") == identity.scope


def test_follower_with_text_for_numbers() -> None:
    """Numbers like subscribe and subscribe_time count as text too; profile fields are not read."""
    info = messages.read_user_info(
        {"subscribe": "1", "openid": OPEN_ID, "unionid": UNION_ID, "subscribe_time": "1795300000", "nickname": "x"}
    )

    assert (True, datetime.fromtimestamp(1795300000, UTC)) == (info.is_follower, info.followed_at)
    assert not hasattr(info, "nickname")


def test_non_follower_with_union_id_is_good_data() -> None:
    """A person who does not follow may still have a UnionID."""
    info = messages.read_user_info({"subscribe": 0, "openid": OPEN_ID, "unionid": UNION_ID})

    assert (False, UNION_ID, None) == (info.is_follower, info.union_id, info.followed_at)


@pytest.mark.parametrize("sent, kept", [("o\ufffd", "o\ufffd"), ("o 1", "o 1"), ("o\ud800", "o?"), ("o" * 10_000, "o" * 256)])
def test_damaged_union_id_is_kept_not_absent(sent: str, kept: str) -> None:
    """An unreadable UnionID is no UnionID and no absence either: what came is kept, as far as a store can write it."""
    info = messages.read_user_info({"subscribe": 1, "openid": OPEN_ID, "unionid": sent})

    assert (None, kept) == (info.union_id, info.damaged)


def test_batch_leaves_out_what_has_no_readable_open_id() -> None:
    """Entries that are null or have a damaged OpenID become holes, the rest is read."""
    read = messages.read_user_infos(answer(user_info_list=[None, {"openid": "o\ufffd"}, {"openid": OPEN_ID, "subscribe": 1}]))

    assert [OPEN_ID] == [info.open_id for info in read]


@pytest.mark.parametrize("given", [None, {}, "x"])
def test_batch_without_its_list_is_incomplete(given: object) -> None:
    """A batch answer without user_info_list is malformed, not empty."""
    with pytest.raises(IncompleteError):
        messages.read_user_infos(answer(user_info_list=given))


@pytest.mark.parametrize(
    "expected_last, fields",
    [
        (False, {"total": 3, "count": 2, "data": {"openid": ["oA", "oB"]}, "next_openid": "oB"}),
        (True, {"total": 3, "count": 0, "next_openid": ""}),
        (True, {"total": 3, "count": "0", "data": {"openid": []}, "next_openid": "oB"}),
        (True, {"total": 3, "count": 0, "data": {"openid": ["oB"]}, "next_openid": "oB"}),
        (True, {"total": 3, "count": 1, "next_openid": "oC"}),
        (True, {"total": 3, "count": 1, "data": None, "next_openid": "oC"}),
        (True, {"total": 3, "count": 1, "data": {"openid": ["oC"]}, "next_openid": ""}),
        (True, {"total": 3, "count": 1, "data": {"openid": ["oC"]}}),
        (True, {"total": 3, "count": 1, "data": {"openid": ["oC"]}, "next_openid": "oA"}),
    ],
)
def test_every_end_of_the_follower_list(*, expected_last: bool, fields: dict[str, object]) -> None:
    """The list ends with count 0, without data, or where next_openid is empty or stands still."""
    page = messages.read_follower_page(answer(**fields), after="oA")

    assert (expected_last, None if expected_last else "oB", 3) == (page.is_last, page.next_open_id, page.total)


def test_followers_are_unique_and_damaged_ones_counted() -> None:
    """Duplicates in a page are dropped, unreadable OpenIDs are counted."""
    page = messages.read_follower_page(answer(count=4, data={"openid": ["oA", "oB", "oA", "o\ufffd"]}, next_openid="oB"), None)

    assert (("oA", "oB"), 1) == (page.open_ids, page.damaged_count)


@pytest.mark.parametrize("fields", [{}, {"count": 1, "data": {"openid": ["oA"]}, "next_openid": "o\ufffd"}])
def test_a_broken_page_is_never_taken_for_the_last(fields: dict[str, object]) -> None:
    """An empty object or an unreadable next_openid would silently end the list, so it is malformed."""
    with pytest.raises(IncompleteError):
        messages.read_follower_page(answer(**fields), None)
