"""The customer's side of the graph as it is published: a customer loaded whole, with accounts, identifiers, touchpoint uses and conflicts.

Everything below a Customer is plain data, put together here from one aggregate; edges to other customers are filled in by who asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.accounts import OpenPlatform, Touchpoint
from graph.evidence import ResolutionSource
from graph.node import Doc, Id, Internal, Key, Millis, Node, moment
from graph.state import ConflictKind, ConflictState, CustomerState, EvidenceKind, Member, StoredRollup


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Late edges of identifiers: whose they are and what they are linked to. Filled once, after everything around exists."""

    customer: list[Customer] = field(default_factory=list)
    linked: list[OpenID | UnionID | ExternalID] = field(default_factory=list)
    migrated_to: list[OpenID] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class OpenID(Node):
    """A WeChat user as one touchpoint sees them: a function of (user, AppID)."""

    prefix: ClassVar[str] = "oid"
    app_id: Annotated[str, Doc("The AppID of the touchpoint that WeChat issued it for.")]
    value: Annotated[str, Doc("WeChat's OpenID: 1 to 64 characters, compared byte by byte.")]
    touchpoint: Annotated[Touchpoint | None, Doc("Where it is from.")]
    first: Annotated[Millis, Internal]
    last: Annotated[Millis, Internal]
    times: Annotated[int, Internal]
    around: Annotated[Holder, Internal] = field(default_factory=Holder, repr=False, compare=False)

    @cached_property
    def first_seen_at(self) -> datetime:
        """When it was first seen, in UTC."""
        return moment(self.first)

    @cached_property
    def last_seen_at(self) -> datetime:
        """When it was last seen, in UTC."""
        return moment(self.last)

    @cached_property
    def customer(self) -> Customer | None:
        """Whose it is."""
        return self.around.customer[0] if self.around.customer else None

    @cached_property
    def union_ids(self) -> list[UnionID]:
        """The UnionIDs that came with it, those whose link was refused included; by id."""
        return sorted({u for u in self.around.linked if isinstance(u, UnionID)}, key=lambda u: u.key)

    @cached_property
    def migrated_to(self) -> OpenID | None:
        """The OpenID it became when WeChat moved this follower to another official account; null where it did not."""
        return self.around.migrated_to[0] if self.around.migrated_to else None

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, kw_only=True)
class UnionID(Node):
    """A WeChat user as one Open Platform account sees them: a function of (user, Open Platform account)."""

    prefix: ClassVar[str] = "uid"
    open_app_id: Annotated[str, Doc("The open_appid of the Open Platform account that scopes it.")]
    value: Annotated[str, Doc("WeChat's UnionID, compared byte by byte.")]
    open_platform: Annotated[OpenPlatform | None, Doc("What scopes it.")]
    first: Annotated[Millis, Internal]
    last: Annotated[Millis, Internal]
    around: Annotated[Holder, Internal] = field(default_factory=Holder, repr=False, compare=False)

    @cached_property
    def first_seen_at(self) -> datetime:
        """When it was first seen under this Open Platform account, in UTC."""
        return moment(self.first)

    @cached_property
    def last_seen_at(self) -> datetime:
        """When it was last seen under this Open Platform account, in UTC."""
        return moment(self.last)

    @cached_property
    def customer(self) -> Customer | None:
        """Whose it is."""
        return self.around.customer[0] if self.around.customer else None

    @cached_property
    def open_ids(self) -> list[OpenID]:
        """The OpenIDs that came with it, those whose link was refused included; by id."""
        return sorted({o for o in self.around.linked if isinstance(o, OpenID)}, key=lambda o: o.key)

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, kw_only=True)
class ExternalID(Node):
    """An id from outside of WeChat: member number, phone, WeCom external_userid, CRM id."""

    prefix: ClassVar[str] = "xid"
    namespace: Annotated[str, Doc("What kind of id, for example `member`.")]
    value: Annotated[str | None, Doc("Its normalised value; null in sensitive namespaces, of which only a keyed hash is stored.")]
    first: Annotated[Millis, Internal]
    is_generic: Annotated[bool, Doc("Whether more accounts claim it than the policy allows, so that it joins nothing.")]
    around: Annotated[Holder, Internal] = field(default_factory=Holder, repr=False, compare=False)

    @cached_property
    def first_seen_at(self) -> datetime:
        """When it was first claimed, in UTC."""
        return moment(self.first)

    @cached_property
    def customer(self) -> Customer | None:
        """Whose it is; a generic one stands alone."""
        return self.around.customer[0] if self.around.customer else None

    def __hash__(self) -> int:
        return hash(self.key)


Identity = OpenID | UnionID | ExternalID


@dataclass(frozen=True, kw_only=True)
class WeChatAccount(Node):
    """One Tencent user, as far as WeChat's own answers say."""

    prefix: ClassVar[str] = "acc"
    open_ids: Annotated[list[OpenID], Doc("Its OpenIDs, at most one per touchpoint; by id.")]
    union_ids: Annotated[list[UnionID], Doc("Its UnionIDs, at most one per Open Platform account; by id.")]

    @cached_property
    def first_seen_at(self) -> datetime:
        """When any of them was first seen, in UTC."""
        return moment(min([o.first for o in self.open_ids] + [u.first for u in self.union_ids]))

    @cached_property
    def last_seen_at(self) -> datetime:
        """When any of them was last seen, in UTC."""
        return moment(max([o.last for o in self.open_ids] + [u.last for u in self.union_ids]))


@dataclass(frozen=True, kw_only=True)
class TouchpointUse:
    """A customer used a touchpoint. It lives inside its customer."""

    open_id: Annotated[OpenID, Doc("As whom.")]
    union_id: Annotated[UnionID | None, Doc("The UnionID under the binding in force at `lastSeenAt`; null where none is known.")]
    sources: Annotated[list[ResolutionSource], Doc("Where we know it from.")]

    @cached_property
    def id(self) -> Id:
        """Stable: there is one use per OpenID."""
        return Id(f"use_{self.open_id.key}")

    @cached_property
    def touchpoint(self) -> Touchpoint:
        """Where."""
        assert self.open_id.touchpoint is not None  # noqa: S101  # no OpenID is stored for a touchpoint that is not registered
        return self.open_id.touchpoint

    @cached_property
    def first_seen_at(self) -> datetime:
        """When the customer was first seen there, in UTC."""
        return self.open_id.first_seen_at

    @cached_property
    def last_seen_at(self) -> datetime:
        """When the customer was last seen there, in UTC."""
        return self.open_id.last_seen_at

    @cached_property
    def times_seen(self) -> int:
        """How many accepted rows said so."""
        return self.open_id.times


@dataclass(frozen=True, kw_only=True)
class EvidenceStep(Node):
    """One link between two identifiers, from all its sources."""

    prefix: ClassVar[str] = "evd"
    kind: Annotated[EvidenceKind, Doc("What it rests on.")]
    source: Annotated[Node, Doc("The identifier that was seen.")]
    target: Annotated[Node, Doc("What it came with.")]
    sources: Annotated[list[ResolutionSource], Doc("Where it is known from, strongest first; empty for a decision.")]
    first: Annotated[Millis, Internal]
    last: Annotated[Millis, Internal]

    @cached_property
    def first_seen_at(self) -> datetime:
        """When it was first seen, in UTC, not before the binding that scopes it began."""
        return moment(self.first)

    @cached_property
    def last_seen_at(self) -> datetime:
        """When it was last seen, in UTC."""
        return moment(self.last)


BREAKS = {
    ConflictKind.TWO_OPENIDS_ONE_TOUCHPOINT: "One WeChat account would have two OpenIDs of one touchpoint.",
    ConflictKind.TWO_UNIONIDS_ONE_PLATFORM: (
        "One WeChat account would have two UnionIDs of one Open Platform account: perhaps the touchpoint was moved."
    ),
    ConflictKind.TWO_VALUES_ONE_NAMESPACE: "One customer would have more values of one namespace than the identity policy allows.",
    ConflictKind.DECLARED_DIFFERENT: "A steward declared two of the identifiers to be different people.",
    ConflictKind.GENERIC_IDENTIFIER: "More accounts share this identifier than the identity policy allows, so it joins none of them.",
    ConflictKind.TOO_LARGE: "More identifiers would hang together than the identity policy allows, so these links join nothing.",
}


@dataclass(frozen=True, kw_only=True)
class Conflict(Node):
    """A link that was refused: nothing was deleted, and it counts again when its cause is gone."""

    prefix: ClassVar[str] = "cfl"
    kind: Annotated[ConflictKind, Doc("Why.")]
    refused: Annotated[EvidenceStep | None, Doc("The refused link; null for a mass case.")]
    refused_count: Annotated[int, Doc("How many links it refuses: 1, or all of a mass case.")]
    kept: Annotated[list[EvidenceStep], Doc("The links that hold the places it would have taken.")]
    namespace: Annotated[
        str | None,
        Doc(
            "Of external ids: the namespace in which one customer would have too many values, or that of the one that is generic or shed. "
            "Null for others."
        ),
    ]
    about: Annotated[tuple[Key, ...], Internal]
    opened: Annotated[Millis, Internal]
    resolved: Annotated[Millis | None, Internal]
    people: Annotated[list[Customer], Internal] = field(default_factory=list, repr=False, compare=False)
    """Filled in by who asks for them."""

    @cached_property
    def state(self) -> ConflictState:
        """Whether its cause still stands."""
        return ConflictState.OPEN if self.resolved is None else ConflictState.RESOLVED

    @cached_property
    def breaks(self) -> str:
        """What the link would break, in a sentence."""
        return BREAKS[self.kind]

    @cached_property
    def customers(self) -> list[Customer]:
        """The customers on its sides, by id; of a mass case the one that holds the identifier in question."""
        return sorted(self.people, key=lambda customer: customer.key)

    @cached_property
    def opened_at(self) -> datetime:
        """When it was last opened, in UTC."""
        return moment(self.opened)

    @cached_property
    def resolved_at(self) -> datetime | None:
        """When its cause went away; null while it stands."""
        return None if self.resolved is None else moment(self.resolved)


@dataclass(frozen=True, kw_only=True)
class Customer(Node):
    """One human, as far as the evidence says. Its id stays good: it names an identifier, and resolves to whoever holds that now."""

    prefix: ClassVar[str] = "cus"
    state: Annotated[CustomerState, Doc("PROVISIONAL: no UnionID yet. IDENTIFIED: at least one.")]
    first: Annotated[Millis, Internal]
    last: Annotated[Millis, Internal]
    touchpoints: Annotated[list[TouchpointUse], Doc("Every touchpoint this customer used, latest use first.")]
    accounts: Annotated[list[WeChatAccount], Doc("The customer's WeChat accounts; by id.")]
    external_ids: Annotated[list[ExternalID], Doc("Ids from outside of WeChat; by id.")]
    has_shed_evidence: Annotated[
        bool, Doc("Whether so much hangs together here that some links were left out; they come back when it fits.")
    ]
    conflicts: Annotated[list[Conflict], Doc("Conflicts about the customer's identifiers, resolved ones too; by id.")]
    members: Annotated[tuple[Member, ...], Internal] = field(default=(), repr=False, compare=False)
    rollups: Annotated[tuple[StoredRollup, ...], Internal] = field(default=(), repr=False, compare=False)
    """What its identifiers said: from this an explanation is made when somebody asks for one."""

    @cached_property
    def first_seen_at(self) -> datetime:
        """When the customer was first seen anywhere, in UTC."""
        return moment(self.first)

    @cached_property
    def last_seen_at(self) -> datetime:
        """When the customer was last seen anywhere, in UTC."""
        return moment(self.last)

    @cached_property
    def open_ids(self) -> list[OpenID]:
        """All OpenIDs; by id."""
        return sorted((o for account in self.accounts for o in account.open_ids), key=lambda o: o.key)

    @cached_property
    def union_ids(self) -> list[UnionID]:
        """All UnionIDs; by id."""
        return sorted((u for account in self.accounts for u in account.union_ids), key=lambda u: u.key)

    @cached_property
    def identities(self) -> Annotated[dict[Key, Identity], Internal]:
        """Every identifier by its key."""
        everyone: list[Identity] = [*self.open_ids, *self.union_ids, *self.external_ids]
        return {identity.key: identity for identity in everyone}
