"""Followers of official accounts: the paged list of OpenIDs, and what is told about one user or a hundred."""

from dataclasses import dataclass, field
from itertools import islice

from app.sandbox.answers import Answer, Call, WeChatError
from app.sandbox.brand import Brand, Touchpoint
from app.sandbox.people import Following
from app.sandbox.shown import shown_union_id
from app.sandbox.tokens import AppTokens

PAGE = 10_000
BATCH = 100
LARGE_BATCH = 10
"""From more OpenIDs than this on a batchget answer leaves some users out; asked again in a smaller one they are there."""
SCENES = (
    "ADD_SCENE_SEARCH",
    "ADD_SCENE_PROFILE_CARD",
    "ADD_SCENE_QR_CODE",
    "ADD_SCENE_PAID",
    "ADD_SCENE_WECHAT_ADVERTISEMENT",
    "ADD_SCENE_OTHERS",
)


@dataclass
class Followers:
    """The follower endpoints of every official account."""

    brand: Brand
    tokens: AppTokens
    _totals: dict[str, int] = field(default_factory=dict)

    def page(self, call: Call) -> Answer:
        """GET /cgi-bin/user/get: at most 10,000 OpenIDs that come after `next_openid`."""
        touchpoint = self._caller(call)
        after = -1
        if cursor := call.query.get("next_openid", ""):
            after = self._person(cursor, touchpoint)
        total = self._total(touchpoint.app_id)
        numbers = islice(self.brand.crowd.followers(touchpoint.app_id, after), PAGE)
        open_ids = [self.brand.open_id(number, touchpoint.app_id) for number in numbers]
        if not open_ids:
            return {"total": total, "count": 0, "next_openid": ""}
        return {"total": total, "count": len(open_ids), "data": {"openid": open_ids}, "next_openid": open_ids[-1]}

    def one(self, call: Call) -> Answer:
        """GET /cgi-bin/user/info."""
        touchpoint = self._caller(call)
        return self._described(self._person(call.parameter("openid", 41009), touchpoint), touchpoint)

    def batch(self, call: Call) -> Answer:
        """POST /cgi-bin/user/info/batchget: one bad OpenID fails all; no promise about order, doubles or completeness."""
        touchpoint = self._caller(call)
        wanted = call.document().get("user_list")
        if not isinstance(wanted, list):
            raise WeChatError(40031)
        if not 1 <= len(wanted) <= BATCH:
            raise WeChatError(40032)
        # Sorted by OpenID: whoever matches answers to questions by position is found out.
        people = {open_id: self._person(open_id, touchpoint) for open_id in sorted({_open_id_in(item) for item in wanted})}
        is_large = len(people) > LARGE_BATCH
        return {
            "user_info_list": [
                self._described(number, touchpoint)
                for number in people.values()
                if not (is_large and self.brand.crowd.skipped_in_batches(number))
            ]
        }

    def _caller(self, call: Call) -> Touchpoint:
        touchpoint = self.tokens.by_token(call)
        if not (touchpoint.kind.is_official_account and touchpoint.is_verified):
            raise WeChatError(48001)
        return touchpoint

    def _person(self, open_id: str, touchpoint: Touchpoint) -> int:
        number = self.brand.person_of(open_id, touchpoint.app_id)
        if number is None:
            raise WeChatError(40003)
        return number

    def _total(self, app_id: str) -> int:
        if app_id not in self._totals:
            self._totals[app_id] = sum(1 for _ in self.brand.crowd.followers(app_id))
        return self._totals[app_id]

    def _described(self, number: int, touchpoint: Touchpoint) -> Answer:
        open_id = self.brand.open_id(number, touchpoint.app_id)
        visit = self.brand.crowd.visit(number, touchpoint.app_id)
        if visit is None or visit.following is not Following.FOLLOWS:
            # Both forms occur: the UnionID is told of those who once followed, and of nobody else.
            once_followed = visit is not None and visit.following is Following.UNFOLLOWED
            known = shown_union_id(self.brand, number, touchpoint.app_id) if once_followed else {}
            return {"subscribe": 0, "openid": open_id, **known}
        return {
            "subscribe": 1,
            "openid": open_id,
            "nickname": "",
            "sex": 0,
            "language": "zh_CN",
            "city": "",
            "province": "",
            "country": "",
            "headimgurl": "",
            "subscribe_time": int(visit.first_at.timestamp()),
            **shown_union_id(self.brand, number, touchpoint.app_id),
            "remark": "",
            "groupid": 0,
            "tagid_list": [],
            "subscribe_scene": SCENES[number % len(SCENES)],
            "qr_scene": 0,
            "qr_scene_str": "",
        }


def _open_id_in(item: object) -> str:
    open_id = item.get("openid") if isinstance(item, dict) else None
    if not isinstance(open_id, str):
        raise WeChatError(40003)
    return open_id
