"""App-level access tokens, by the two issuing endpoints that WeChat keeps apart: /cgi-bin/token and /cgi-bin/stable_token.

The user-level tokens of /sns have the same field name and nothing else in common: they are in login.py.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import date

from app.sandbox.answers import Answer, Call, WeChatError, text_in
from app.sandbox.brand import Brand, Touchpoint
from app.sandbox.clock import Clock, china_day
from app.sandbox.quota import DailyQuota

LIFE = 7200
OVERLAP = 300
"""Old and new token work together for five minutes."""
FORCED_A_DAY = 20
FORCED_APART = 30
"""Seconds between two forced refreshes; a faster one does not refresh."""
REMEMBERED = 86_400
"""Seconds after its death for which a token is still told apart from an invented one."""
SHAPE = re.compile(r"^[0-9]+_[0-9A-Za-z_-]{100,509}$")


@dataclass
class Token:
    """One token, and what a call gets once it is dead: 42001 when its time ran out, 40001 when a newer one replaced it."""

    text: str
    app_id: str
    expires_at: float
    errcode_when_dead: int = 42001

    def end(self, at: float, errcode: int) -> None:
        """Let it die earlier than it would have."""
        if at < self.expires_at:
            self.expires_at = at
            self.errcode_when_dead = errcode


@dataclass
class Forced:
    """How often an account forced a refresh today."""

    day: date
    times: int = 0
    last_at: float = float("-inf")


@dataclass
class AppTokens:
    """Issues app-level tokens and knows whose a token is."""

    brand: Brand
    clock: Clock
    quota: DailyQuota
    _known: dict[str, Token] = field(default_factory=dict)
    _plain: dict[str, Token] = field(default_factory=dict)
    _stable: dict[str, Token] = field(default_factory=dict)
    _forced: dict[str, Forced] = field(default_factory=dict)

    def plain(self, call: Call) -> Answer:
        """GET /cgi-bin/token: always a new token; the former one dies five minutes later."""
        if call.query.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        touchpoint = self.by_secret(call, call.parameter("appid", 41002), call.parameter("secret", 41004))
        if former := self._plain.get(touchpoint.app_id):
            former.end(self.clock() + OVERLAP, 40001)
        token = self._plain[touchpoint.app_id] = self._issue(touchpoint.app_id)
        return self._answer(token)

    def stable(self, call: Call) -> Answer:
        """POST /cgi-bin/stable_token: the same token until its last five minutes, unless a refresh is forced."""
        document = call.document()
        if document.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        touchpoint = self.by_secret(call, text_in(document, "appid", 41002), text_in(document, "secret", 41004))
        current = self._stable.get(touchpoint.app_id)
        if document.get("force_refresh") is True:
            return self._answer(self._force(touchpoint.app_id, current))
        now = self.clock()
        if current is not None and current.expires_at - now > OVERLAP:
            return self._answer(current)
        if current is not None and current.expires_at > now:
            current.expires_at = now + OVERLAP
        token = self._stable[touchpoint.app_id] = self._issue(touchpoint.app_id)
        return self._answer(token)

    def by_secret(self, call: Call, app_id: str, secret: str) -> Touchpoint:
        """The touchpoint that an AppID and its secret prove; the call is counted."""
        touchpoint = self.brand.touchpoint(app_id)
        if touchpoint is None:
            raise WeChatError(40013)
        if secret != touchpoint.secret:
            raise WeChatError(40125)
        self.quota.charge(app_id, call.path)
        return touchpoint

    def by_token(self, call: Call) -> Touchpoint:
        """The touchpoint whose token the call carries; the call is counted."""
        text = call.parameter("access_token", 41001)
        token = self._known.get(text)
        if token is None:
            raise WeChatError(40001 if SHAPE.match(text) else 40014)
        if self.clock() >= token.expires_at:
            raise WeChatError(token.errcode_when_dead)
        touchpoint = self.brand.touchpoint(token.app_id)
        if touchpoint is None:
            raise WeChatError(40013)
        self.quota.charge(token.app_id, call.path)
        return touchpoint

    def expire(self, app_id: str) -> int:
        """Let every living token of an account run out now; answers how many did."""
        now = self.clock()
        living = [token for token in self._known.values() if token.app_id == app_id and token.expires_at > now]
        for token in living:
            token.end(now, 42001)
        return len(living)

    def _force(self, app_id: str, current: Token | None) -> Token:
        now = self.clock()
        forced = self._forced.get(app_id)
        if forced is None or forced.day != china_day(now):
            forced = self._forced[app_id] = Forced(china_day(now), last_at=forced.last_at if forced else float("-inf"))
        if current is not None and current.expires_at > now and now - forced.last_at < FORCED_APART:
            return current
        if forced.times >= FORCED_A_DAY:
            raise WeChatError(45009)
        forced.times += 1
        forced.last_at = now
        # A forced refresh is for leaks: whatever this endpoint gave out dies at once.
        if current is not None:
            current.end(now, 40001)
        token = self._stable[app_id] = self._issue(app_id)
        return token

    def _issue(self, app_id: str) -> Token:
        now = self.clock()
        token = Token(f"92_{secrets.token_urlsafe(99)}", app_id, now + LIFE)
        self._known = {text: one for text, one in self._known.items() if one.expires_at > now - REMEMBERED}
        self._known[token.text] = token
        return token

    def _answer(self, token: Token) -> Answer:
        return {"access_token": token.text, "expires_in": int(token.expires_at - self.clock())}
