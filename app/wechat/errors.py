"""The ways in which WeChat says no, or says nothing. Which code becomes which is `refusal`; what codes mean is in errcodes.py.

No exception here holds a secret, token, code, OpenID or address with a query: the texts are redacted before they get in.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from app.wechat.china_time import next_midnight, next_minute
from app.wechat.errcodes import ALLOW_ADDRESS, ASK_LATER, CHECK_CONSOLE, LOG_IN_AGAIN, Reaction, describe
from app.wechat.redact import Secret, redact_errmsg

_RID = re.compile(r"\brid:\s*(?P<rid>[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})\b")
_OLD_HINT = re.compile(r"\bhints?:\s*\[\s*(?:req_id:\s*)?(?P<rid>[^\]\s]{1,64})\s*\]")
# WeChat writes a sentence; more than this is not a message.
LONGEST_MESSAGE = 500


class WeChatError(Exception):
    """WeChat refused a call, or could not be understood (source: "API Call Limits")."""

    is_retryable = False

    def __init__(
        self,
        meaning: str,
        *,
        path: str,
        app_id: str,
        remedy: str,
        errcode: int | None = None,
        errmsg: str = "",
        until: datetime | None = None,
    ) -> None:
        self.meaning = meaning
        self.path = path
        self.app_id = app_id
        self.remedy = remedy
        self.errcode = errcode
        self.errmsg = errmsg
        self.rid = rid_of(errmsg)
        self.until = until
        super().__init__(meaning)

    def __str__(self) -> str:
        facts = [fact for fact in (self.path, self.app_id) if fact]
        if self.errcode is not None:
            facts.insert(0, f"errcode {self.errcode}")
        if self.rid:
            facts.append(f"rid {self.rid}")
        return f"{self.meaning} ({', '.join(facts)}). Remedy: {self.remedy}"


class CredentialsRefused(WeChatError):
    """WeChat does not accept the AppID, the AppSecret or the calling IP address (source: "获取稳定版接口调用凭据")."""


class CredentialsMissing(CredentialsRefused):
    """No AppSecret is configured for this touchpoint, so WeChat was not asked."""


class LoginCodeInvalid(WeChatError):
    """The code is wrong, expired or of another AppID; the user logs in again (source: "小程序登录凭证校验")."""


class LoginCodeUsed(LoginCodeInvalid):
    """The code was exchanged before, often by a doubled request; the first answer is the valid one (source: "小程序登录凭证校验")."""


class LoginOutcomeUnknown(WeChatError):
    """The answer to a one-use code was lost: the code may be spent, so it is never sent again (source: "小程序登录凭证校验")."""


class QuotaExhausted(WeChatError):
    """The day's calls of this path are used up until `until`, midnight in China (source: "API Call Limits")."""

    is_retryable = True


class RateLimited(WeChatError):
    """Too many calls in this minute; `until` is the next one (source: "小程序登录凭证校验")."""

    is_retryable = True


class UserBlocked(WeChatError):
    """WeChat blocks this user as high-risk; refuse the login and write nothing (source: "小程序登录凭证校验")."""


class OpenIdUnknown(WeChatError):
    """The OpenID is wrong or of another account; permanent for this one (source: "批量获取用户基本信息")."""


class ApiNotGranted(WeChatError):
    """The account has no right to this API: unverified, wrong scope, or held by another provider (source: "API Call Limits")."""


class TokenRejected(WeChatError):
    """WeChat refuses the token, also after one refresh (source: "access_token 使用说明")."""


class RequestRefused(WeChatError):
    """WeChat's gateway refused the request itself (HTTP 412, 413, 414): a mistake of ours."""


class WeChatUnavailable(WeChatError):
    """No usable answer: connection failed, time-out, 5xx, an HTML page or "system busy", also after the retries."""

    is_retryable = True


class MalformedAnswer(WeChatError):
    """WeChat answered without an error and without the field that was asked for: neither success nor "not found"."""


_BY_CODE: dict[int, type[WeChatError]] = {
    -1: WeChatUnavailable,
    40003: OpenIdUnknown,
    40163: LoginCodeUsed,
    40226: UserBlocked,
    48001: ApiNotGranted,
    48004: ApiNotGranted,
    61003: ApiNotGranted,
    61007: ApiNotGranted,
}
_BY_REACTION: dict[Reaction, type[WeChatError]] = {
    Reaction.REFRESH: TokenRejected,
    Reaction.LOGIN_AGAIN: LoginCodeInvalid,
    Reaction.NEXT_MINUTE: RateLimited,
    Reaction.NEXT_DAY: QuotaExhausted,
    Reaction.ALERT: CredentialsRefused,
}
_BAD_SECRET = 40001


def rid_of(errmsg: str) -> str | None:
    """Return the support handle that WeChat hides in its messages, new or old form."""
    found = _RID.search(errmsg) or _OLD_HINT.search(errmsg)
    return found["rid"] if found else None


def refusal(
    errcode: int, errmsg: str, *, path: str, app_id: str, now: datetime, sends_secret: bool, hide: Iterable[Secret] = ()
) -> WeChatError:
    """Return the exception for a code. Where the AppSecret was sent, 40001 speaks of the secret, elsewhere of the token."""
    known = describe(errcode)
    kind = _BY_CODE.get(errcode) or _BY_REACTION.get(known.reaction, WeChatError)
    meaning, remedy = known.meaning, known.remedy
    if errcode == _BAD_SECRET and sends_secret:
        kind, meaning, remedy = CredentialsRefused, "the AppSecret is wrong", CHECK_CONSOLE
    until = {QuotaExhausted: next_midnight(now), RateLimited: next_minute(now)}.get(kind)
    text = redact_errmsg(errmsg, hide)[:LONGEST_MESSAGE]
    if remedy is ALLOW_ADDRESS and text:
        # WeChat's own text names the address that it saw, which is what the operator has to type.
        remedy = f"{remedy}; WeChat says: {text}"
    return kind(meaning, path=path, app_id=app_id, remedy=remedy, errcode=errcode, errmsg=text, until=until)


def unavailable(reason: str, *, path: str, app_id: str, errcode: int | None = None) -> WeChatUnavailable:
    """Return the failure of a call that may be repeated later."""
    remedy = ASK_LATER if errcode else "try again later; if it stays, check the network and the base address of WeChat"
    return WeChatUnavailable(f"WeChat gave no usable answer: {reason}", path=path, app_id=app_id, remedy=remedy, errcode=errcode)


def outcome_unknown(reason: str, *, path: str, app_id: str) -> LoginOutcomeUnknown:
    """Return the failure of a code exchange whose answer was lost."""
    return LoginOutcomeUnknown(f"the login code may be spent: {reason}", path=path, app_id=app_id, remedy=LOG_IN_AGAIN)


def malformed(reason: str, *, path: str, app_id: str) -> MalformedAnswer:
    """Return the failure of an answer that lacks what was asked for."""
    remedy = "nothing to do on this side; report it with the time if it stays"
    return MalformedAnswer(f"WeChat's answer cannot be used: {reason}", path=path, app_id=app_id, remedy=remedy)
