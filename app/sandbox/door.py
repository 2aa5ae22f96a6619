"""The sandbox's own door, outside WeChat's paths: let a person log in, read the truth to compare with, turn the clock, kill tokens."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.sandbox.brand import FIRST_VIRTUAL, Brand, Touchpoint, TouchpointKind
from app.sandbox.clock import SandboxClock
from app.sandbox.login import BASE_SCOPE, Logins
from app.sandbox.table import COLUMNS, table_rows
from app.sandbox.tokens import AppTokens

USER_SCOPES = {
    TouchpointKind.SERVICE_ACCOUNT: "snsapi_userinfo",
    TouchpointKind.MOBILE_APP: "snsapi_userinfo",
    TouchpointKind.WEBSITE_APP: "snsapi_login",
}

TABLE_PART = 1_000


class DoorError(Exception):
    """The request to the sandbox's own door makes no sense."""


@dataclass
class Door:
    """What a test may do to the sandbox and ask of it."""

    brand: Brand
    clock: SandboxClock
    tokens: AppTokens
    logins: Logins
    _last_visitor: dict[str, int] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """The paths of the door."""
        return [
            Route("/sandbox/brand", self.show_brand),
            Route("/sandbox/credentials", self.show_credentials),
            Route("/sandbox/table", self.show_table),
            Route("/sandbox/people/{number:int}", self.show_person),
            Route("/sandbox/login", self.log_in, methods=["POST"]),
            Route("/sandbox/clock", self.turn_clock, methods=["POST"]),
            Route("/sandbox/tokens/expire", self.expire_tokens, methods=["POST"]),
        ]

    async def log_in(self, request: Request) -> Response:
        """Somebody opens a touchpoint: answers the code that WeChat would hand to it."""
        wish = await _wish(request)
        touchpoint = self._touchpoint(wish)
        scope = self._scope(touchpoint, wish.get("scope"))
        number = self._visitor(touchpoint) if wish.get("person") is None else wish["person"]
        if not isinstance(number, int) or not 0 <= number < self.brand.people:
            raise DoorError(f"person must be a number from 0 to {self.brand.people - 1}")
        snapshot = wish.get("snapshot")
        may_be_snapshot = touchpoint.kind.is_official_account and scope != BASE_SCOPE
        if snapshot and not may_be_snapshot:
            raise DoorError("a snapshot page is shown only where a service account's web page asks for snsapi_userinfo")
        usual = may_be_snapshot and touchpoint.app_id in self.brand.person(number).snapshot_at
        is_virtual = usual if snapshot is None else bool(snapshot)
        code = self.logins.issue_code(touchpoint, FIRST_VIRTUAL + number if is_virtual else number, scope)
        return _json({"code": code, "person": number, "appId": touchpoint.app_id, "scope": scope, "snapshot": is_virtual})

    async def show_brand(self, _: Request) -> Response:
        """The whole brand, secrets included: they open nothing but this sandbox."""
        brand = self.brand
        return _json(
            {
                "seed": brand.seed,
                "people": brand.people,
                "asOf": brand.as_of,
                "entities": [_camel(asdict(one)) for one in brand.entities],
                "relations": [_camel(asdict(one)) for one in brand.relations],
                "openPlatforms": [_camel(asdict(one)) | {"isQualified": one.is_qualified} for one in brand.open_platforms],
                "touchpoints": [_camel(asdict(one)) | {"boundTo": brand.bound_to(one.app_id)} for one in brand.touchpoints],
                "bindings": [_camel(asdict(one)) for one in brand.bindings],
            }
        )

    async def show_credentials(self, _: Request) -> Response:
        """The touchpoints' secrets in the format of the service's credentials file."""
        return PlainTextResponse(self.brand.credentials(), media_type="application/toml")

    async def show_table(self, _: Request) -> Response:
        """The table the brand already has, as CSV."""

        # In parts of a thousand people: each part costs a trip to a thread.
        def parts() -> Iterator[str]:
            yield ",".join(COLUMNS) + "\n"
            for first in range(0, self.brand.people, TABLE_PART):
                people = range(first, min(first + TABLE_PART, self.brand.people))
                yield "".join(",".join(row.cells) + "\n" for row in table_rows(self.brand, people))

        return StreamingResponse(parts(), media_type="text/csv")

    async def show_person(self, request: Request) -> Response:
        """The truth about one person."""
        number = int(request.path_params["number"])
        if number >= self.brand.people:
            return _json({"error": f"people are numbered 0 to {self.brand.people - 1}"}, status=404)
        return _json(self.truth(number))

    def truth(self, number: int) -> dict[str, object]:
        """One person at every touchpoint, whether or not they use it, with the UnionIDs of today and of earlier bindings."""
        person = self.brand.person(number)
        visits = {visit.app_id: visit for visit in person.visits}
        return {
            "person": number,
            "nickname": person.nickname,
            "members": person.members,
            "phone": person.phone,
            "phoneStory": person.phone_story,
            "secondAccountOf": person.second_account_of,
            "snapshotAt": person.snapshot_at,
            "unionIdQuirk": person.quirk,
            "touchpoints": [
                {
                    "appId": one.app_id,
                    "kind": one.kind,
                    "openId": self.brand.open_id(number, one.app_id),
                    "unionId": self.brand.union_id(number, one.app_id),
                    "earlierUnionIds": self.brand.earlier_union_ids(number, one.app_id),
                    "uses": one.app_id in visits,
                    "following": visits[one.app_id].following if one.app_id in visits else None,
                    "firstAt": visits[one.app_id].first_at if one.app_id in visits else None,
                    "lastAt": visits[one.app_id].last_at if one.app_id in visits else None,
                }
                for one in self.brand.touchpoints
            ],
        }

    async def turn_clock(self, request: Request) -> Response:
        """Push the sandbox's present forward."""
        seconds = (await _wish(request)).get("advance", 0)
        if not isinstance(seconds, int | float) or seconds < 0:
            raise DoorError("advance must be a number of seconds, 0 or more")
        self.clock.advance(seconds)
        return _json({"now": self.clock()})

    async def expire_tokens(self, request: Request) -> Response:
        """Let the tokens of a touchpoint run out, app-level and user-level ones: the next call gets 42001."""
        touchpoint = self._touchpoint(await _wish(request))
        expired = self.tokens.expire(touchpoint.app_id) + self.logins.expire(touchpoint.app_id)
        return _json({"appId": touchpoint.app_id, "expired": expired})

    def _touchpoint(self, wish: dict[str, object]) -> Touchpoint:
        app_id = wish.get("appId")
        touchpoint = self.brand.touchpoint(app_id) if isinstance(app_id, str) else None
        if touchpoint is None:
            raise DoorError("appId must be one of those in /sandbox/brand")
        return touchpoint

    def _scope(self, touchpoint: Touchpoint, wished: object) -> str | None:
        if touchpoint.kind.logs_in_with_js_code:
            return None
        usual = USER_SCOPES.get(touchpoint.kind)
        if usual is None:
            raise DoorError(f"WeChat has no login for a {touchpoint.kind}")
        allowed = {usual, BASE_SCOPE} if touchpoint.kind.is_official_account else {usual}
        scope = usual if wished is None else wished
        if not isinstance(scope, str) or scope not in allowed:
            raise DoorError(f"scope at this touchpoint must be one of {sorted(allowed)}")
        return scope

    def _visitor(self, touchpoint: Touchpoint) -> int:
        """The next person who uses the touchpoint, in a round."""
        start = self._last_visitor.get(touchpoint.app_id, -1) + 1
        rounds = ((start + step) % self.brand.people for step in range(self.brand.people))
        number = next((one for one in rounds if self.brand.crowd.uses(one, touchpoint.app_id)), 0)
        self._last_visitor[touchpoint.app_id] = number
        return number


async def refuse(_: Request, error: Exception) -> Response:
    """The door speaks plain HTTP: 400 and the reason."""
    return _json({"error": str(error)}, status=400)


async def _wish(request: Request) -> dict[str, object]:
    try:
        wish = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        wish = None
    if not isinstance(wish, dict):
        raise DoorError("the body must be a JSON object")
    return wish


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def _camel(fields: dict[str, object]) -> dict[str, object]:
    return {name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:]): value for name, value in fields.items()}
