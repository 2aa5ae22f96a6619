"""Random histories of a small brand: lists of operations that say the same in any order, and what they say when all is said."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tests.resolver.facts import Bound, Claimed, Decided, Kind, Moved, Name, Rules, Said, Seen, Unlinked

STRENGTHS = {"CODE2SESSION": 3, "USER_INFO_BATCH": 3, "PUSH": 2, "STORE": 2, "IMPORT": 1, "MANUAL": 1}
SOURCES = ["CODE2SESSION", "USER_INFO_BATCH", "PUSH", "STORE", "IMPORT"]
NAMESPACES = ("member", "crm", "phone", "loyalty")
DAY = 1000


@dataclass(frozen=True)
class Row:
    """One resolution with its external ids."""

    seen: Seen
    exts: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Register:
    """A touchpoint becomes known."""

    app: str


@dataclass(frozen=True)
class Bind:
    """An assertion, by a name of its own."""

    name: str
    bound: Bound


@dataclass(frozen=True)
class Correct:
    """An assertion was wrong: this is right."""

    name: str
    bound: Bound


@dataclass(frozen=True)
class Withdraw:
    """An assertion should never have been made."""

    name: str


@dataclass(frozen=True)
class Revoke:
    """A decision no longer stands."""

    key: str


Operation = Row | Moved | Claimed | Unlinked | Register | Bind | Correct | Withdraw | Decided | Revoke


@dataclass(frozen=True)
class World:
    """Who there is, and the policy."""

    platforms: tuple[str, ...]
    apps: tuple[str, ...]
    people: int
    rules: Rules


@dataclass(frozen=True)
class Story:
    """A world and everything that happens in it."""

    world: World
    operations: tuple[Operation, ...]


def story(seed: int) -> Story:
    """The history of this number: always the same."""
    return _Author(random.Random(seed)).story()


def said(operations: Iterable[Operation]) -> Said:
    """What stands when all of it was said, in whatever order."""
    every = list(operations)
    known = {one.app for one in every if isinstance(one, Register)}
    facts: set[Seen | Moved | Claimed | Unlinked] = {one for one in every if isinstance(one, Moved | Claimed | Unlinked)}
    for one in every:
        if isinstance(one, Row) and one.seen.who[1] in known:
            facts.add(one.seen)
            facts.update(Claimed(one.seen.who, ext, one.seen.source, one.seen.at) for ext in one.exts)
    bound = {one.name: one.bound for one in every if isinstance(one, Bind)}
    bound |= {one.name: one.bound for one in every if isinstance(one, Correct)}
    gone = {one.name for one in every if isinstance(one, Withdraw)}
    revoked = {one.key for one in every if isinstance(one, Revoke)}
    return Said(
        frozenset(facts),
        frozenset(one for name, one in bound.items() if name not in gone),
        frozenset(one for one in every if isinstance(one, Decided) and one.key not in revoked),
    )


def shuffled(operations: Sequence[Operation], chance: random.Random) -> list[Operation]:
    """The same in another order, some of it twice; what needs another operation first still follows it."""
    again = [one for one in operations if isinstance(one, Row | Moved | Claimed | Unlinked | Register) and chance.random() < 0.15]
    mixed = [(chance.random(), one) for one in (*operations, *again)]
    earliest: dict[object, float] = {}
    placed: list[tuple[float, Operation]] = []
    for rank in range(4):
        for place, one in mixed:
            if _rank(one) != rank:
                continue
            after = max((earliest.get(needed, 0.0) for needed in _needs(one)), default=0.0)
            where = after + (1 - after) * place
            placed.append((where, one))
            for made in _makes(one):
                earliest[made] = min(where, earliest.get(made, where))
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def _rank(one: Operation) -> int:
    match one:
        case Register():
            return 0
        case Row() | Bind() | Decided() | Moved():
            return 1
        case Correct() | Claimed() | Unlinked() | Revoke():
            return 2
        case Withdraw():
            return 3


def _needs(one: Operation) -> list[object]:
    """What must have happened before: registrations, first sightings, assertions, decisions."""
    match one:
        case Bind(_, bound):
            return [bound.app]
        case Moved(old, new):
            return [old[1], new[1]]
        case Claimed(claimant) if claimant[0] == "open":
            return [claimant[1], claimant]
        case Correct(name):
            return [name]
        case Withdraw(name):
            return [name, ("corrected", name)]
        case Revoke(key):
            return [key]
        case _:
            return []


def _makes(one: Operation) -> list[object]:
    match one:
        case Register(app):
            return [app]
        case Row(seen):
            return [seen.who]
        case Bind(name):
            return [name]
        case Correct(name):
            return [("corrected", name)]
        case Decided(key):
            return [key]
        case _:
            return []


class _Author:
    """Writes one history."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.platforms = tuple(f"wxop{n}" for n in range(chance.randint(2, 3)))
        self.apps = tuple(f"wxapp{n}" for n in range(chance.randint(3, 5)))
        self.people = chance.randint(6, 15)
        self.texts: dict[str, list[str]] = {}
        self.sighted: list[Name] = []
        self.linked: list[tuple[Name, Name]] = []

    def story(self) -> Story:
        chance = self.chance
        rules = Rules(
            namespaces=NAMESPACES,
            most={"member": 1, "crm": chance.choice([None, 2]), "phone": None, "loyalty": None},
            strengths=STRENGTHS,
            generic_after=chance.choice([2, 2, 3, 5]),
            largest=chance.choice([6, 8, 10, 12, 200]),
        )
        operations: list[Operation] = [Register(app) for app in self.apps]
        operations += self._bindings()
        rows = [self._row() for _ in range(chance.randint(8, 24))]
        operations += rows + [self._again(row) for row in rows if chance.random() < 0.25]
        operations += self._taken_back([row for row in rows if row.exts])
        operations += self._migrations()
        operations += self._claims()
        operations += self._decisions()
        world = World(self.platforms, self.apps, self.people, rules)
        return Story(world, tuple(shuffled(operations, random.Random(chance.random()))))

    def _time(self) -> int:
        return self.chance.randint(1, 60) * DAY

    def _bindings(self) -> Iterable[Operation]:
        """Bound since ever or late, moved, unbound for a while; some of it wrong at first."""
        for app in self.apps:
            times = self.chance.sample(range(1, 60), 6)
            used = 0
            for _ in range(self.chance.choice([0, 1, 1, 1, 2, 2, 3])):
                starts = None if used == 0 and self.chance.random() < 0.5 else times[used] * DAY
                used += 1
                name = f"{app}/{used}"
                bound = Bound(app, self._platform(app), starts)
                yield Bind(name, bound)
                if self.chance.random() < 0.25:
                    moment = times[5] * DAY if used == 1 else bound.starts
                    yield Correct(name, replace(bound, platform=self._platform(app), starts=moment))
                if self.chance.random() < 0.2:
                    yield Withdraw(name)

    def _platform(self, app: str) -> str | None:
        """Mostly a touchpoint's home; sometimes another account, or none."""
        if self.chance.random() < 0.15:
            return None
        return self._home(app) if self.chance.random() < 0.5 else self.chance.choice(self.platforms)

    def _home(self, app: str) -> str:
        return self.platforms[self.apps.index(app) % len(self.platforms)]

    def _open(self) -> Name:
        person = self.chance.randrange(self.people)
        return ("open", self.chance.choice(self.apps), f"o{person}")

    def _text(self, who: Name) -> str:
        """Mostly one's own at one of the platforms; sometimes another's, or that of a crowd."""
        if self.chance.random() < 0.08:
            return "Ucrowd"
        person = int(who[2][1:]) if self.chance.random() < 0.85 else self.chance.randrange(self.people)
        issuer = self._home(who[1]) if who[0] == "open" and self.chance.random() < 0.5 else self.chance.choice(self.platforms)
        return f"U{person // 2 if self.chance.random() < 0.06 else person}at{issuer}"

    def _ext(self, who: Name) -> Name:
        """Mostly one's own or one's family's; sometimes anybody's."""
        namespace = self.chance.choice(["member", "member", "crm", "phone", "phone", "loyalty"])
        is_own = who[0] == "open" and self.chance.random() < 0.6
        number = int(who[2][1:]) // 2 if is_own else self.chance.randrange(max(2, self.people // 2))
        return ("ext", namespace, f"+86138000000{number:02d}" if namespace == "phone" else f"{namespace}{number}")

    def _row(self) -> Row:
        who = self._open()
        text = self._text(who) if self.chance.random() < 0.75 else None
        exts = tuple({self._ext(who) for _ in range(self.chance.choice([0, 0, 0, 1, 1, 2]))})
        at = self._time()
        self.sighted.append(who)
        self.linked += [(who, ext) for ext in exts] + ([(who, ("text", "", text))] if text else [])
        return Row(Seen(who, self.chance.choice(SOURCES), at, text), exts)

    def _again(self, row: Row) -> Row:
        """The same person comes back, and says the same at another time."""
        return replace(row, seen=replace(row.seen, at=self._time()))

    def _taken_back(self, rows: Sequence[Row]) -> Iterable[Row | Unlinked]:
        """External ids that were taken back, some of them to be claimed again."""
        for row in rows:
            if self.chance.random() < 0.25:
                yield Unlinked(row.seen.who, row.exts[0], self._time())
                yield from [self._again(row) for _ in range(self.chance.choice([0, 1, 2]))]

    def _migrations(self) -> Iterable[Moved]:
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            old = self.chance.choice(self.sighted)
            app = self.chance.choice([app for app in self.apps if app != old[1]])
            person = old[2] if self.chance.random() < 0.8 else f"o{self.chance.randrange(self.people)}"
            moved = Moved(old, ("open", app, person), self._time())
            self.linked.append((moved.old, moved.new))
            yield moved

    def _claims(self) -> Iterable[Claimed | Unlinked]:
        for _ in range(self.chance.choice([0, 1, 3, 5])):
            claimant = self._claimant()
            claimed = Claimed(claimant, self._ext(claimant), "MANUAL", self._time())
            if claimed.claimant != claimed.ext:
                self.linked.append((claimed.claimant, claimed.ext))
                yield claimed
        for _ in range(self.chance.choice([0, 0, 1])):
            pairs = [pair for pair in self.linked if pair[1][0] == "ext"]
            if pairs:
                yield Unlinked(*self.chance.choice(pairs), self._time())

    def _claimant(self) -> Name:
        kind = self.chance.random()
        if kind < 0.75:
            return self.chance.choice(self.sighted)
        if kind < 0.88:
            return ("union", self.chance.choice(self.platforms), self._text(self.chance.choice(self.sighted)))
        return self._ext(self.chance.choice(self.sighted))

    def _decisions(self) -> Iterable[Decided | Revoke]:
        """Some of each kind, none against another."""
        made: list[Decided] = []
        for number in range(self.chance.choice([0, 1, 2, 3, 5])):
            kind: Kind = self.chance.choice(["SAME", "DIFFERENT", "RETRACT"])
            a, b = self.chance.choice(self.linked) if kind == "RETRACT" and self.linked else (self._named(), self._named())
            one = Decided(f"decision{number:014d}", kind, *map(as_decided, (a, b)), self._time())
            if one.a != one.b and not contradictory([*made, one]):
                made.append(one)
        for one in made:
            yield one
            if self.chance.random() < 0.3:
                yield Revoke(one.key)

    def _named(self) -> Name:
        return self.chance.choice([end for pair in self.linked for end in pair] or self.sighted)


def as_decided(name: Name) -> Name:
    """Decisions mean a UnionID's text in every scope."""
    return ("text", "", name[2]) if name[0] == "union" else name


def contradictory(decided: Sequence[Decided]) -> bool:
    """Whether what SAMEs join is parted by a DIFFERENT."""
    groups: dict[Name, set[Name]] = {}
    for one in decided:
        if one.kind == "SAME":
            merged = groups.get(one.a, {one.a}) | groups.get(one.b, {one.b})
            groups |= dict.fromkeys(merged, merged)
    return any(one.kind == "DIFFERENT" and one.b in groups.get(one.a, {one.a}) for one in decided)
