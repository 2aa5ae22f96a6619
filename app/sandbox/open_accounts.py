"""Asking a touchpoint which Open Platform account holds it: open/get, open/have and open/sameentity."""

from dataclasses import dataclass

from app.sandbox.answers import Answer, Call, WeChatError
from app.sandbox.brand import Brand, Touchpoint
from app.sandbox.tokens import AppTokens

OK = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class OpenAccounts:
    """The Open Platform endpoints; they speak of official accounts, mini programs and mini games only."""

    brand: Brand
    tokens: AppTokens

    def get(self, call: Call) -> Answer:
        """POST /cgi-bin/open/get."""
        touchpoint = self._caller(call)
        # The AppID may be left out; given, it must be the token's own.
        if call.document().get("appid", touchpoint.app_id) != touchpoint.app_id:
            raise WeChatError(40013)
        return {"open_appid": self._holder(touchpoint), **OK}

    def have(self, call: Call) -> Answer:
        """GET /cgi-bin/open/have."""
        return {"have_open": self.brand.bound_to(self._caller(call).app_id) is not None, **OK}

    def same_entity(self, call: Call) -> Answer:
        """GET /cgi-bin/open/sameentity: whether the holder belongs to the same company; a related one is not the same."""
        touchpoint = self._caller(call)
        platform = self.brand.open_platform(self._holder(touchpoint))
        return {"same_entity": platform is not None and platform.entity_id == touchpoint.entity_id, **OK}

    def _caller(self, call: Call) -> Touchpoint:
        touchpoint = self.tokens.by_token(call)
        if not (touchpoint.kind.is_official_account or touchpoint.kind.logs_in_with_js_code):
            raise WeChatError(48001)
        return touchpoint

    def _holder(self, touchpoint: Touchpoint) -> str:
        holder = self.brand.bound_to(touchpoint.app_id)
        if holder is None:
            raise WeChatError(89002)
        return holder
