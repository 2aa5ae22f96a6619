"""One writing turn: what a use case asks to see, what it is shown, what it gives back. Stores load and apply; the rules are elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graph.accounts import Registry
from graph.changes import Change
from graph.decisions import Decision
from graph.evidence import Rollup
from graph.node import Key, Millis, Node
from graph.policy import IdentityPolicy
from graph.resolve import Crowd
from graph.state import ConflictRow, CustomerRow, Member, StoredRollup
from graph.tombstones import Tombstone


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a turn must see."""

    people: frozenset[Key] = frozenset()
    """Identifiers, known or not yet, whose whole raw components are loaded."""
    expand: frozenset[Key] = frozenset()
    """Generic identifiers to be loaded with everything at them all the same."""
    names: frozenset[Key] = frozenset()
    """Keys that decisions may name although no loaded identifier has them yet: the texts of UnionIDs."""
    keys: frozenset[Key] = frozenset()
    """Nodes to be loaded by key: quarantined rows, jobs, decisions, API keys; tombstones, too. The registry is always there."""
    mentions: frozenset[str] = frozenset()
    """Texts to search what is kept as text for: quarantined rows and receipts that hold one; and with them every decision and job."""

    namespaces: frozenset[str] = frozenset()
    """Namespaces of which the turn must know whether any external id is in them."""
    crowd: int = 0
    """Beside a generic identifier at least so many are counted, if there are as many; the policy in force may ask for more."""

    def enough(self, policy: IdentityPolicy) -> int:
        """How many beside a generic identifier tell that it is generic, whichever threshold is meant."""
        return max(policy.generic_after, self.crowd) + 1

    @property
    def decided(self) -> frozenset[Key]:
        """What a decision or an erasure itself names: a text stands for every UnionID that has it and for all that was ever said of it."""
        return self.people & self.names

    def wider(self, other: Scope) -> Scope:
        """Both together."""
        return Scope(
            people=self.people | other.people,
            expand=self.expand | other.expand,
            names=self.names | other.names,
            keys=self.keys | other.keys,
            mentions=self.mentions | other.mentions,
            namespaces=self.namespaces | other.namespaces,
            crowd=max(self.crowd, other.crowd),
        )


class Incomplete(Exception):  # not a malfunction: the turn is to be loaded wider and decided again
    """Raised inside `decide`: what was loaded does not reach as far as the rule must look."""

    def __init__(
        self,
        *,
        people: Iterable[Key] = (),
        expand: Iterable[Key] = (),
        names: Iterable[Key] = (),
        keys: Iterable[Key] = (),
        mentions: Iterable[str] = (),
    ) -> None:
        super().__init__("the scope must be wider")
        self.scope = Scope(
            people=frozenset(people), expand=frozenset(expand), names=frozenset(names), keys=frozenset(keys), mentions=frozenset(mentions)
        )


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a turn sees, under the tenant's lock."""

    registry: Registry
    turn: int
    """This turn's number; everything derived that it writes carries it."""
    sequence: int
    """The last change's number."""
    asked: frozenset[Key] = frozenset()
    """Identifiers that were looked for: one that is here and not in `members` is not in the store."""
    whole: frozenset[Key] = frozenset()
    """Members loaded with everything at them. The others are generic ones at which raw components end."""
    members: Mapping[Key, Member] = field(default_factory=dict)
    followed: Mapping[Key, Key] = field(default_factory=dict)
    """Asked keys of identifiers that nothing names any more: their witnesses, loaded as if they had been asked for."""
    rollups: Mapping[Key, StoredRollup] = field(default_factory=dict)
    """Everything said by or about a whole member, what asked identifiers said, and what was said about those that a decision names."""
    decisions: Mapping[Key, Decision] = field(default_factory=dict)
    """Standing ones that name a loaded or asked identifier, or its text."""
    conflicts: Mapping[Key, ConflictRow] = field(default_factory=dict)
    """Open ones about loaded members."""
    crowds: Mapping[Key, Crowd] = field(default_factory=dict)
    """For each loaded member that is generic and not whole, what stands beside it outside."""
    customers: Mapping[Key, CustomerRow] = field(default_factory=dict)
    """The customers of loaded members."""
    nodes: Mapping[Key, Node] = field(default_factory=dict)
    tombstones: Mapping[Key, Tombstone] = field(default_factory=dict)
    """Of all that was asked for or named, and of every loaded member."""
    searched: frozenset[str] = frozenset()
    """Texts that were searched for: what holds one of them is in `nodes`."""
    in_use: frozenset[str] = frozenset()
    """Of the namespaces asked for, those that an external id is in."""

    def holder(self, customer: Key | None) -> Member | None:
        """The identifier that a customer id means: the one with its key, or who is followed in its place."""
        return self.members.get(self.followed.get(customer, customer)) if customer else None


@dataclass(kw_only=True)
class Writes:
    """What a turn changes. Every list is applied as it stands; applying it twice changes nothing. What is erased goes first."""

    rollups: list[StoredRollup] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    retired: list[Key] = field(default_factory=list)
    """Identifiers that no evidence names any more."""
    customers: list[CustomerRow] = field(default_factory=list)
    ended: list[Key] = field(default_factory=list)
    """Customers that are no more."""
    conflicts: list[ConflictRow] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    put: list[Node] = field(default_factory=list)
    drop: list[Node] = field(default_factory=list)
    erased: list[Key] = field(default_factory=list)
    """Identifiers that go with every conflict about them, resolved ones too, and are followed by nobody."""
    forgotten: list[Rollup] = field(default_factory=list)
    """Roll-ups that go as if they had never been."""
    blocked: int = 0
    """Rows that were turned away because they name the erased: added to the tenant's count, and nothing else of them is kept."""
    policy: IdentityPolicy | None = None
    """A new identity policy."""
    wipes: bool = False
    """What was taken out before is to leave no byte either, as where somebody is erased: the store's `forget` sees to it."""

    def add(self, other: Writes) -> None:
        """Both together."""
        for name in ("rollups", "members", "retired", "customers", "ended", "conflicts", "changes", "put", "drop", "erased", "forgotten"):
            getattr(self, name).extend(getattr(other, name))
        self.blocked += other.blocked
        self.policy = other.policy or self.policy
        self.wipes = self.wipes or other.wipes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One roll-up that a touch would move."""

    rollup: Key
    epoch_starts: Millis
    epoch_ends: Millis
    """The epoch that covers `at`; the roll-up's last sighting must lie in it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A row that may change nothing but times: all its roll-ups exist and are settled, or it is not a touch at all."""

    open_id: Key
    at: Millis
    sightings: tuple[Sighting, ...]
    """The first is of the OpenID itself (SEEN or RESOLVED_AS), the others are its claims."""
    valued: tuple[Key, ...] = ()
    """External ids that come with a value to keep: where one is stored without it, the row changes more than times."""
