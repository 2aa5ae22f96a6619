"""Loads what a writing turn must see: whole raw components, breadth first, as far as generic identifiers and no further."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graph.accounts import Registry
from graph.decisions import Decision, DecisionKind
from graph.node import Key, Node
from graph.resolve import Crowd
from graph.state import ConflictRow, CustomerRow, Label, Member, StoredRollup
from graph.stores.sqlite.database import Database, listed
from graph.stores.sqlite.rows import conflict_from, customer_from, member_from, named_by, node_from, node_of, rollup_from
from graph.stores.sqlite.statements import sql
from graph.tombstones import Tombstone
from graph.turn import Loaded, Scope


def load(database: Database, tenant: int, registry: Registry, scope: Scope, *, turn: int, sequence: int) -> Loaded:
    """Everything that `scope` asks for, under the lock that the caller holds."""
    found = _Components(database, tenant, scope)
    found.explore()
    return Loaded(
        registry=registry,
        turn=turn,
        sequence=sequence,
        asked=found.asked,
        whole=frozenset(found.whole),
        members=found.members,
        followed=found.followed,
        rollups=found.rollups,
        decisions=found.decisions,
        conflicts=found.conflicts(),
        crowds=found.crowds(scope.enough(registry.policy)),
        customers=found.customers(),
        nodes={node.key: node for node in (*nodes(database, tenant, scope.keys), *found.mentions())},
        tombstones=found.tombstones(),
        searched=scope.mentions,
        in_use=in_use(database, tenant, scope.namespaces),
    )


def nodes(database: Database, tenant: int, keys: Iterable[Key]) -> list[Node]:
    """Nodes outside the registry, those of them that there are."""
    wanted = list(keys)
    if not wanted:
        return []
    return [node_from(label, body) for label, body in database.rows(sql("nodes.by_key"), {"tenant": tenant, "keys": listed(wanted)})]


def evidence(database: Database, tenant: int, keys: Iterable[Key]) -> dict[Key, StoredRollup]:
    """Roll-ups that link two identifiers, by key."""
    rows = database.rows(sql("load.evidence"), {"tenant": tenant, "keys": listed(list(keys))})
    return {row[0]: rollup_from(row) for row in rows}


def in_use(database: Database, tenant: int, namespaces: Iterable[str]) -> frozenset[str]:
    """Those of the namespaces that an external id is in."""
    wanted = sorted(namespaces)
    if not wanted:
        return frozenset()
    return frozenset(name for (name,) in database.rows(sql("load.namespaces"), {"tenant": tenant, "namespaces": listed(wanted)}))


@dataclass
class _Components:
    """The raw components around some identifiers, while they are read."""

    database: Database
    tenant: int
    scope: Scope
    members: dict[Key, Member] = field(default_factory=dict)
    whole: set[Key] = field(default_factory=set)
    rollups: dict[Key, StoredRollup] = field(default_factory=dict)
    decisions: dict[Key, Decision] = field(default_factory=dict)
    followed: dict[Key, Key] = field(default_factory=dict)
    reached: set[Key] = field(default_factory=set)
    """Identifiers that raw components hang together by; others are in `members` because a roll-up names them."""
    known: set[Key] = field(default_factory=set)
    """Keys that were looked up as identifiers, found or not."""
    named: set[Key] = field(default_factory=set)
    """Keys and texts whose decisions were looked up."""

    @property
    def asked(self) -> frozenset[Key]:
        return self.scope.people | self.scope.expand

    def explore(self) -> None:
        """Level by level until nothing new is reached, neither by evidence nor by a SAME."""
        frontier: set[Key] = set(self.asked)
        frontier |= {member_from(row).key for row in self._rows("load.members_by_text", self.scope.decided)}
        self.followed = {Key(str(key)): Key(str(witness)) for key, witness in self._rows("load.former", self.asked)}
        frontier |= set(self.followed.values())
        names: set[Key] = set(self.asked | self.scope.names)
        while frontier or names:
            self._read_members(frontier)
            frontier = self._expand(frontier)
            frontier |= self._named_by_decisions(names | self._names_of_members())
            if not frontier:
                self._read_border()
            frontier -= self.reached
            names = self._names_of_members() - self.named

    def _rows(self, name: str, keys: Iterable[str], as_: str = "keys") -> list[tuple[object, ...]]:
        wanted = sorted(keys)
        return self.database.rows(sql(name), {"tenant": self.tenant, as_: listed(wanted)}) if wanted else []

    def _read_members(self, keys: Iterable[Key]) -> None:
        unknown = set(keys) - self.known
        self.known |= unknown
        for row in self._rows("load.members", unknown):
            member = member_from(row)
            self.members[member.key] = member

    def _expand(self, frontier: set[Key]) -> set[Key]:
        """Read what these said and what was said about those of them that are not generic; gives whom that leads to."""
        self.reached |= frontier
        opened = {key for key in frontier if key in self.members and self._is_open(self.members[key])}
        self.whole |= opened
        saying = opened | (frontier & self.asked)
        if not saying:
            return set()
        meant = opened | (self.scope.decided & frontier)
        bindings = {"tenant": self.tenant, "saying": listed(sorted(saying)), "meant": listed(sorted(meant))}
        beyond: set[Key] = set()
        for row in self.database.rows(sql("load.rollups"), bindings):
            stored = self.rollups.setdefault(row[0], rollup_from(row))
            for end, is_live in stored.ends:
                if is_live and (end in opened or stored.rollup.a in opened):
                    beyond.update((end, stored.rollup.a))
        return beyond - self.reached

    def _is_open(self, member: Member) -> bool:
        """Whether raw components go on beyond it. Not at generic identifiers, unless they were asked for with everything at them."""
        is_asked = member.key in self.scope.expand or (member.label is Label.OPEN_ID and member.key in self.scope.people)
        return not member.crowded or is_asked

    def _names_of_members(self) -> set[Key]:
        return {name for member in self.members.values() for name in (member.key, member.text_key) if name}

    def _named_by_decisions(self, names: set[Key]) -> set[Key]:
        """Read the decisions on these; gives whom SAMEs join to them. A UnionID's text stands for every UnionID that has it."""
        new = names - self.named
        self.named |= new
        joined: set[Key] = set()
        for (body,) in self._rows("load.decisions", new, as_="names"):
            decision = node_of(Decision, str(body))
            self.decisions[decision.key] = decision
            if decision.kind is DecisionKind.SAME:
                joined |= decision.pair
        texts = {member_from(row).key for row in self._rows("load.members_by_text", joined)}
        return (joined | texts) - self.reached

    def _read_border(self) -> None:
        """Identifiers that loaded roll-ups name although no raw component leads there: generic ones, and those at generic ones."""
        self._read_members({key for stored in self.rollups.values() for key in named_by(stored)})

    def conflicts(self) -> dict[Key, ConflictRow]:
        """Open ones about anybody here."""
        found = [conflict_from(row) for row in self._rows("load.conflicts", self.members)]
        return {conflict.key: conflict for conflict in found}

    def customers(self) -> dict[Key, CustomerRow]:
        """The customers of everybody here."""
        found = [customer_from(row) for row in self._rows("load.customers", {member.customer for member in self.members.values()})]
        return {customer.key: customer for customer in found}

    def tombstones(self) -> dict[Key, Tombstone]:
        """What is left of the erased among all that was asked for, named or found."""
        keys = self.asked | self.scope.names | self.scope.keys | self._names_of_members()
        found = [node_of(Tombstone, str(body)) for (body,) in self._rows("load.tombstones", keys)]
        return {tombstone.key: tombstone for tombstone in found}

    def mentions(self) -> list[Node]:
        """What is kept as text and holds one of the texts searched for, with all that holds words of people."""
        texts = {listed(text)[1:-1] for text in self.scope.mentions}
        return [node_from(str(label), str(body)) for label, body in self._rows("load.mentions", texts)]

    def crowds(self, enough: int) -> dict[Key, Crowd]:
        """What stands beside each generic identifier at the border, whose links are not all here. What is here is not counted again."""
        inside = listed(sorted(self.whole | self.asked))
        found = {}
        for key, member in self.members.items():
            if not member.crowded or key in self.whole:
                continue
            bindings = {"tenant": self.tenant, "key": key, "inside": inside, "enough": enough}
            if member.label is Label.EXTERNAL_ID:
                found[key] = Crowd(accounts=self._count("load.claimants", bindings))
            else:
                found[key] = Crowd(slot=member.crowded, neighbours=self._count("load.neighbours", bindings | {"slot": member.crowded}))
        return found

    def _count(self, name: str, bindings: dict[str, object]) -> int:
        row = self.database.row(sql(name), bindings)
        return int(row[0]) if row else 0
