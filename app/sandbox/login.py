"""Logging in: one-use codes, what jscode2session and the OAuth endpoints give for them, and the user-level tokens of /sns."""

import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from app.sandbox.answers import Answer, Call, WeChatError
from app.sandbox.brand import FIRST_VIRTUAL, Brand, Touchpoint, TouchpointKind
from app.sandbox.clock import Clock
from app.sandbox.quota import DailyQuota
from app.sandbox.shown import shown_union_id
from app.sandbox.tokens import LIFE, AppTokens

SHORT_CODE, LONG_CODE = 300, 600
"""Seconds that a login code lives: mini programs and web pages five minutes, apps and websites ten."""
REFRESH_LIFE = 30 * 86_400
MOST_REMEMBERED = 200_000
"""Codes and user tokens kept at once; beyond that the oldest are forgotten, as if they had never been."""
BASE_SCOPE = "snsapi_base"

Entry = TypeVar("Entry")


@dataclass
class Code:
    """One login code."""

    app_id: str
    person: int
    scope: str | None
    """None for the codes of mini programs and mini games."""
    expires_at: float
    is_used: bool = False


@dataclass
class Grant:
    """What a user granted to a page or an app: the user-level token and the one that renews it."""

    app_id: str
    person: int
    scope: str
    open_id: str
    refresh_token: str
    refresh_until: float
    access_token: str
    expires_at: float


@dataclass
class Logins:
    """Codes and user-level tokens of the whole brand."""

    brand: Brand
    clock: Clock
    tokens: AppTokens
    quota: DailyQuota
    _codes: dict[str, Code] = field(default_factory=dict)
    _by_access_token: dict[str, Grant] = field(default_factory=dict)
    _by_refresh_token: dict[str, Grant] = field(default_factory=dict)

    def issue_code(self, touchpoint: Touchpoint, person: int, scope: str | None) -> str:
        """A code as the person's phone would receive it; virtual visitors have numbers of their own."""
        short = touchpoint.kind.logs_in_with_js_code or touchpoint.kind is TouchpointKind.SERVICE_ACCOUNT
        text = secrets.token_hex(16)
        life = SHORT_CODE if short else LONG_CODE
        _remember(self._codes, text, Code(touchpoint.app_id, person, scope, self.clock() + life))
        return text

    def mini_program_session(self, call: Call) -> Answer:
        """GET /sns/jscode2session."""
        touchpoint = self._caller(call, lambda kind: kind.logs_in_with_js_code)
        code = self._redeem(call.parameter("js_code", 41008), touchpoint, expired=40029)
        return {
            "session_key": b64encode(secrets.token_bytes(16)).decode(),
            "openid": self.brand.open_id(code.person, touchpoint.app_id),
            **shown_union_id(self.brand, code.person, touchpoint.app_id),
        }

    def web_token(self, call: Call) -> Answer:
        """GET /sns/oauth2/access_token."""
        touchpoint = self._caller(call, lambda kind: kind.logs_in_with_oauth)
        code = self._redeem(call.parameter("code", 41008), touchpoint, expired=42003)
        scope = code.scope or BASE_SCOPE
        grant = self._grant(touchpoint, code.person, scope)
        answer: dict[str, object] = self._described(grant)
        if code.person >= FIRST_VIRTUAL:
            answer["is_snapshotuser"] = 1
        # Under the base scope the UnionID is only given for those whom the account knows already.
        if scope != BASE_SCOPE or self._follows(code.person, touchpoint):
            answer |= shown_union_id(self.brand, code.person, touchpoint.app_id)
        return answer

    def refresh(self, call: Call) -> Answer:
        """GET /sns/oauth2/refresh_token: the same token with a new life, or a new one if it had expired; never a UnionID."""
        app_id = call.parameter("appid", 41002)
        if call.query.get("grant_type") != "refresh_token":
            raise WeChatError(40002)
        grant = self._by_refresh_token.get(call.parameter("refresh_token", 41003))
        if self.brand.touchpoint(app_id) is None:
            raise WeChatError(40013)
        if grant is None or grant.app_id != app_id:
            raise WeChatError(40030)
        self.quota.charge(app_id, call.path)
        now = self.clock()
        if now >= grant.refresh_until:
            raise WeChatError(42002)
        if now >= grant.expires_at:
            grant.access_token = _user_token()
            _remember(self._by_access_token, grant.access_token, grant)
        grant.expires_at = now + LIFE
        return self._described(grant)

    def user_info(self, call: Call) -> Answer:
        """GET /sns/userinfo."""
        grant = self._granted(call)
        # A virtual visitor's token is refused as one of too small a scope is.
        if grant.scope == BASE_SCOPE or grant.person >= FIRST_VIRTUAL:
            raise WeChatError(48001)
        return {
            "openid": grant.open_id,
            "nickname": self.brand.crowd.nickname(grant.person),
            "sex": 0,
            "language": "",
            "city": "",
            "province": "",
            "country": "",
            "headimgurl": f"https://thirdwx.qlogo.cn/mmopen/vi_32/{grant.open_id}/132",
            "privilege": [],
            **shown_union_id(self.brand, grant.person, grant.app_id),
        }

    def check(self, call: Call) -> Answer:
        """GET /sns/auth."""
        self._granted(call)
        return {"errcode": 0, "errmsg": "ok"}

    def expire(self, app_id: str) -> int:
        """Let every living user-level token of an account run out now; answers how many did."""
        now = self.clock()
        living = [grant for grant in self._by_refresh_token.values() if grant.app_id == app_id and grant.expires_at > now]
        for grant in living:
            grant.expires_at = now
        return len(living)

    def _caller(self, call: Call, has_right: Callable[[TouchpointKind], bool]) -> Touchpoint:
        app_id, secret = call.parameter("appid", 41002), call.parameter("secret", 41004)
        if call.query.get("grant_type") != "authorization_code":
            raise WeChatError(40002)
        touchpoint = self.tokens.by_secret(call, app_id, secret)
        if not has_right(touchpoint.kind):
            raise WeChatError(48001)
        return touchpoint

    def _redeem(self, text: str, touchpoint: Touchpoint, *, expired: int) -> Code:
        code = self._codes.get(text)
        # Another account's attempt does not spend the code.
        if code is None or code.app_id != touchpoint.app_id:
            raise WeChatError(40029)
        if code.is_used:
            raise WeChatError(40163)
        if self.clock() >= code.expires_at:
            raise WeChatError(expired)
        code.is_used = True
        return code

    def _grant(self, touchpoint: Touchpoint, person: int, scope: str) -> Grant:
        now = self.clock()
        grant = Grant(
            app_id=touchpoint.app_id,
            person=person,
            scope=scope,
            open_id=self.brand.open_id(person, touchpoint.app_id),
            refresh_token=_user_token(),
            refresh_until=now + REFRESH_LIFE,
            access_token=_user_token(),
            expires_at=now + LIFE,
        )
        _remember(self._by_access_token, grant.access_token, grant)
        _remember(self._by_refresh_token, grant.refresh_token, grant)
        return grant

    def _granted(self, call: Call) -> Grant:
        text, open_id = call.parameter("access_token", 41001), call.parameter("openid", 41009)
        grant = self._by_access_token.get(text)
        if grant is None:
            raise WeChatError(40001)
        self.quota.charge(grant.app_id, call.path)
        if grant.access_token != text or self.clock() >= grant.expires_at:
            raise WeChatError(42001)
        if grant.open_id != open_id:
            raise WeChatError(40003)
        return grant

    def _described(self, grant: Grant) -> dict[str, object]:
        return {
            "access_token": grant.access_token,
            "expires_in": LIFE,
            "refresh_token": grant.refresh_token,
            "openid": grant.open_id,
            "scope": grant.scope,
        }

    def _follows(self, person: int, touchpoint: Touchpoint) -> bool:
        return person < FIRST_VIRTUAL and touchpoint.kind.is_official_account and self.brand.crowd.follows(person, touchpoint.app_id)


def _user_token() -> str:
    return f"92_{secrets.token_urlsafe(66)}"


def _remember(book: dict[str, Entry], key: str, value: Entry) -> None:
    book[key] = value
    if len(book) > MOST_REMEMBERED:
        del book[next(iter(book))]
