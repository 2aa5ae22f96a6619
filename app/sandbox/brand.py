"""What a brand on WeChat is: its companies, Open Platform accounts, touchpoints, bindings and people, as plain data.

The sample brand itself stands in linjian.py; how people behave in people.py.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

from app.sandbox.ids import IdMaker
from app.sandbox.people import Crowd, Person

NOBODY = 2**32 - 1
"""The one user behind all virtual visitors: they share a UnionID however many OpenIDs they have."""
FIRST_VIRTUAL = 2**31
"""Person numbers from here on are virtual visitors of snapshot pages."""


class TouchpointKind(StrEnum):
    """The kinds of account that the sample brand has, by the names that the GraphQL API uses."""

    MINI_PROGRAM = "MINI_PROGRAM"
    MINI_GAME = "MINI_GAME"
    SUBSCRIPTION_ACCOUNT = "SUBSCRIPTION_ACCOUNT"
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"
    MOBILE_APP = "MOBILE_APP"
    WEBSITE_APP = "WEBSITE_APP"
    STORE = "STORE"

    @property
    def is_official_account(self) -> bool:
        """Official accounts have followers."""
        return self in {TouchpointKind.SUBSCRIPTION_ACCOUNT, TouchpointKind.SERVICE_ACCOUNT}

    @property
    def logs_in_with_js_code(self) -> bool:
        """Mini programs and mini games call jscode2session."""
        return self in {TouchpointKind.MINI_PROGRAM, TouchpointKind.MINI_GAME}

    @property
    def logs_in_with_oauth(self) -> bool:
        """Service accounts, mobile apps and websites exchange an OAuth code; subscription accounts have no right to."""
        return self in {TouchpointKind.SERVICE_ACCOUNT, TouchpointKind.MOBILE_APP, TouchpointKind.WEBSITE_APP}


class BindingPath(StrEnum):
    """How a binding, or an Open Platform account, came about."""

    CONSOLE = "CONSOLE"
    API = "API"


@dataclass(frozen=True)
class Entity:
    """The company that accounts are registered to."""

    entity_id: str
    name: str
    english_name: str
    credit_code: str
    kind: str = "COMPANY"
    region: str = "MAINLAND"


@dataclass(frozen=True)
class Relation:
    """WeChat accepted `related_entity_id` as affiliated with `entity_id`, on whose Open Platform accounts it then counts as related."""

    entity_id: str
    related_entity_id: str
    starts_on: date
    ends_on: date | None = None


@dataclass(frozen=True)
class OpenPlatform:
    """An Open Platform account: the scope of a UnionID."""

    open_app_id: str
    name: str
    english_name: str
    entity_id: str
    qualified_until: date | None
    """None: it never went through the developer qualification."""
    created_via: BindingPath

    @property
    def is_qualified(self) -> bool:
        """Whether its company ever qualified it; all that are qualified in the sample still are when the story ends."""
        return self.qualified_until is not None


@dataclass(frozen=True)
class Touchpoint:
    """An account with an AppID where a customer can be met."""

    app_id: str
    kind: TouchpointKind
    name: str
    english_name: str
    entity_id: str
    secret: str
    original_id: str | None
    is_verified: bool
    share: float
    """The part of all people who use it, roughly."""


@dataclass(frozen=True)
class Binding:
    """From `at` on (None: since ever) the touchpoint is bound to `open_app_id`."""

    app_id: str
    open_app_id: str
    at: datetime | None
    path: BindingPath


@dataclass(frozen=True)
class Brand:
    """A whole brand. The same seed, size and date make the same brand, on any machine."""

    seed: int
    as_of: date
    ids: IdMaker
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    open_platforms: tuple[OpenPlatform, ...]
    touchpoints: tuple[Touchpoint, ...]
    bindings: tuple[Binding, ...]
    """In the order of time for each touchpoint."""
    crowd: Crowd

    @property
    def people(self) -> int:
        """How many people there are; their numbers are 0 to people - 1."""
        return self.crowd.size

    @cached_property
    def _touchpoint_by_app_id(self) -> dict[str, Touchpoint]:
        return {touchpoint.app_id: touchpoint for touchpoint in self.touchpoints}

    @cached_property
    def _bindings_by_app_id(self) -> dict[str, tuple[Binding, ...]]:
        return {app_id: tuple(one for one in self.bindings if one.app_id == app_id) for app_id in self._touchpoint_by_app_id}

    def touchpoint(self, app_id: str) -> Touchpoint | None:
        """The touchpoint of that AppID, case-sensitive as at WeChat."""
        return self._touchpoint_by_app_id.get(app_id)

    def open_platform(self, open_app_id: str) -> OpenPlatform | None:
        """The Open Platform account of that id."""
        return next((one for one in self.open_platforms if one.open_app_id == open_app_id), None)

    def bound_to(self, app_id: str) -> str | None:
        """The Open Platform account that holds the touchpoint today."""
        history = self._bindings_by_app_id[app_id]
        return history[-1].open_app_id if history else None

    def bound_to_at(self, app_id: str, moment: datetime) -> str | None:
        """The Open Platform account that held the touchpoint at a moment of the past."""
        held = [one.open_app_id for one in self._bindings_by_app_id[app_id] if one.at is None or one.at <= moment]
        return held[-1] if held else None

    def person(self, number: int) -> Person:
        """What there is to know about one person, computed from the number alone."""
        return self.crowd.person(number)

    def open_id(self, person: int, app_id: str) -> str:
        """The person's OpenID at a touchpoint, whether or not they ever used it."""
        return self.ids.open_id(person, app_id)

    def union_id(self, person: int, app_id: str) -> str | None:
        """The person's UnionID as seen through a touchpoint today; None where the touchpoint is bound nowhere."""
        return self._union_id_under(person, self.bound_to(app_id))

    def union_id_at(self, person: int, app_id: str, moment: datetime) -> str | None:
        """The person's UnionID as it was seen through a touchpoint at a moment of the past."""
        return self._union_id_under(person, self.bound_to_at(app_id, moment))

    def earlier_union_ids(self, person: int, app_id: str) -> tuple[str, ...]:
        """The person's UnionIDs under the bindings that the touchpoint had before today's."""
        return tuple(self.ids.union_id(person, one.open_app_id) for one in self._bindings_by_app_id[app_id][:-1])

    def _union_id_under(self, person: int, open_app_id: str | None) -> str | None:
        if open_app_id is None:
            return None
        return self.ids.union_id(NOBODY if person >= FIRST_VIRTUAL else person, open_app_id)

    def person_of(self, open_id: str, app_id: str) -> int | None:
        """Whose OpenID this is at that touchpoint; None for foreign, invented and virtual ones."""
        number = self.ids.person_of_open_id(open_id, app_id)
        return number if number is not None and number < self.people else None

    def credentials(self) -> str:
        """The touchpoints' secrets as the TOML file that the service reads."""
        return "\n".join(
            f'# {one.name} ({one.english_name})\n[touchpoints.{one.app_id}]\nsecret = "{one.secret}"\n' for one in self.touchpoints
        )
