"""Reading WeChat's answers: lenient about form, strict about the ids and tokens we came for. Pure, no network.

What no use case needs is not read: no nickname, avatar, sex or region ever gets past this file.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from app.wechat.redact import Secret

# Never promised by WeChat, but every OpenID and UnionID fits, and nothing outside may enter the graph.
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
# Documented reserve 512; four times that still is a token, more is a page that went astray.
_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}")
_ASCII_BLANKS = " \t\n\r\x0b\x0c"
_UNREADABLE_CHARACTER = "\ufffd"
# The documented longest life of an access token, in seconds; a longer one would only delay the refresh.
LONGEST_TOKEN_LIFE = 7200
# As many characters are kept of what came in place of a UnionID: four times the longest one.
LONGEST_DAMAGED = 256


class UnreadableError(ValueError):
    """The body is no JSON object: an HTML page, nothing, or noise of a gateway."""


class IncompleteError(ValueError):
    """The body is a JSON object without the field we came for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One JSON object from WeChat; `errcode` is 0 where it was absent, null or zero."""

    fields: Mapping[str, object] = field(repr=False)
    errcode: int = 0
    errmsg: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of one AppID and how many seconds it lives from the start of the request."""

    value: Secret
    expires_in: int


class LoginSource(StrEnum):
    """Which call taught us an identity."""

    CODE2SESSION = "CODE2SESSION"
    OAUTH = "OAUTH"
    USERINFO = "USERINFO"


@dataclass(frozen=True, slots=True)
class LoginIdentity:
    """Who logged in. With `is_snapshot_user` both ids are fakes of a virtual visitor and must not enter the graph."""

    app_id: str
    open_id: str = field(repr=False)
    union_id: str | None = field(repr=False)
    source: LoginSource
    is_snapshot_user: bool = False
    scope: tuple[str, ...] = ()
    user_token: Secret | None = field(default=None, repr=False, compare=False)

    @property
    def may_ask_user_info(self) -> bool:
        """Whether /sns/userinfo could add a UnionID: a base-scope token is refused there, a snapshot's answer is worthless."""
        has_scope = bool({"snsapi_userinfo", "snsapi_login"} & set(self.scope))
        return self.union_id is None and self.user_token is not None and has_scope and not self.is_snapshot_user


@dataclass(frozen=True, slots=True)
class UserInfo:
    """What WeChat says about one OpenID."""

    open_id: str = field(repr=False)
    union_id: str | None = field(repr=False)
    is_follower: bool
    followed_at: datetime | None = None
    damaged: str | None = field(default=None, repr=False)
    """What came in place of a UnionID and cannot be one, as far as it can be written down; then `union_id` is None."""


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """Up to 10,000 OpenIDs. The list is no snapshot and `total` may move while one pages; duplicates within a page are gone."""

    open_ids: tuple[str, ...] = field(repr=False)
    next_open_id: str | None = field(repr=False)
    total: int | None
    is_last: bool
    damaged_count: int = 0


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What became of each OpenID of a batch: told, refused with an errcode, or a hole in WeChat's answer."""

    found: tuple[UserInfo, ...]
    refused: Mapping[str, int] = field(repr=False)
    missing: tuple[str, ...] = field(repr=False)


def read_answer(body: bytes) -> Answer:
    """Read a body by its content alone: WeChat sends errors in HTTP 200 and JSON as text/plain."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise UnreadableError("the body is empty")
    try:
        # strict=False: nicknames hold raw control characters.
        fields = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise UnreadableError("the body is HTML" if text.startswith("<") else "the body is not a JSON object")
    wrapped = fields.get("base_resp")
    verdict = wrapped if isinstance(wrapped, dict) else fields
    given = verdict.get("errcode", verdict.get("ret"))
    errcode = _number(given)
    if errcode is None and given not in (None, "", False):
        raise UnreadableError("the errcode is not a number")
    return Answer(fields, errcode or 0, _text(verdict.get("errmsg")) or _text(verdict.get("err_msg")) or "")


def read_token(answer: Answer) -> Token:
    """Read the answer of /cgi-bin/stable_token."""
    life = _number(answer.fields.get("expires_in"))
    if life is None or life <= 0:
        raise IncompleteError("no expires_in")
    return Token(_token(answer.fields), min(life, LONGEST_TOKEN_LIFE))


def read_session(answer: Answer, app_id: str) -> LoginIdentity:
    """Read the answer of /sns/jscode2session; the session key is not taken out of it."""
    return LoginIdentity(app_id, _open_id(answer.fields), _union_id(answer.fields), LoginSource.CODE2SESSION)


def read_oauth(answer: Answer, app_id: str) -> LoginIdentity:
    """Read the answer of /sns/oauth2/access_token, the only place where a snapshot user is named as one."""
    fields = answer.fields
    scope = tuple(part for part in (_text(fields.get("scope")) or "").replace(" ", ",").split(",") if part)
    return LoginIdentity(
        app_id, _open_id(fields), _union_id(fields), LoginSource.OAUTH, _is_set(fields.get("is_snapshotuser")), scope, _token(fields)
    )


def read_user_info(fields: Mapping[str, object]) -> UserInfo:
    """Read one user of user/info or batchget; a person who does not follow is good data too."""
    try:
        union_id, damaged = _union_id(fields), None
    except IncompleteError:
        # Half a character cannot be stored, and no UnionID is so long that what is cut off could matter.
        text = (_text(fields.get("unionid")) or "")[:LONGEST_DAMAGED]
        union_id, damaged = None, text.encode(errors="replace").decode()
    seconds = _number(fields.get("subscribe_time")) or 0
    return UserInfo(_open_id(fields), union_id, _is_set(fields.get("subscribe")), _moment(seconds), damaged)


def read_oauth_user_info(answer: Answer) -> tuple[str, str | None]:
    """Read OpenID and UnionID from the answer of /sns/userinfo and nothing of the profile beside them."""
    return _open_id(answer.fields), _union_id(answer.fields)


def read_user_infos(answer: Answer) -> tuple[UserInfo, ...]:
    """Read the answer of batchget; an entry without a readable OpenID is left out and so becomes a hole."""
    entries = answer.fields.get("user_info_list")
    if not isinstance(entries, list):
        raise IncompleteError("no user_info_list")
    return tuple(read_user_info(entry) for entry in entries if isinstance(entry, dict) and _ID.fullmatch(_text(entry.get("openid")) or ""))


def read_follower_page(answer: Answer, after: str | None) -> FollowerPage:
    """Read a page of user/get. It is the last if count is 0, data is absent, or next_openid is empty or did not move."""
    fields = answer.fields
    count, total = _number(fields.get("count")), _number(fields.get("total"))
    if count is None and total is None and "data" not in fields:
        raise IncompleteError("neither count nor total nor data")
    entries = _follower_entries(fields.get("data"))
    open_ids = [entry for entry in entries if isinstance(entry, str) and _ID.fullmatch(entry)]
    following = _text(fields.get("next_openid")) or ""
    is_last = count == 0 or not entries or following in ("", after)
    if not is_last and not _ID.fullmatch(following):
        # Taking this for the last page would lose every follower behind it.
        raise IncompleteError("next_openid is not an OpenID")
    return FollowerPage(tuple(dict.fromkeys(open_ids)), None if is_last else following, total, is_last, len(entries) - len(open_ids))


def _follower_entries(data: object) -> Sequence[object]:
    if not isinstance(data, dict):
        return ()
    entries = data.get("openid")
    return entries if isinstance(entries, list) else ()


def _open_id(fields: Mapping[str, object]) -> str:
    value = _text(fields.get("openid")) or ""
    if not _ID.fullmatch(value):
        raise IncompleteError("no readable openid")
    return value


def _union_id(fields: Mapping[str, object]) -> str | None:
    value = (_text(fields.get("unionid")) or "").strip(_ASCII_BLANKS)
    if value and not _ID.fullmatch(value):
        reason = "a damaged unionid" if _UNREADABLE_CHARACTER in value else "a unionid with characters no unionid has"
        raise IncompleteError(reason)
    return value or None


def _token(fields: Mapping[str, object]) -> Secret:
    value = _text(fields.get("access_token")) or ""
    if not _TOKEN.fullmatch(value):
        raise IncompleteError("no readable access_token")
    return Secret(value)


def _is_set(value: object) -> bool:
    """WeChat writes flags as 1, "1" or true; absent, null, 0, "0", "" and false are all no."""
    return value is True or (_text(value) or "").strip().lower() in {"1", "true"}


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    return None


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, OSError, ValueError):
        return None
