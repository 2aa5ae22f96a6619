"""Random histories of a small brand: every seed gives another one, and always the same."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.resolver.facts import Bound, Claimed, Decided, Kind, Moved, Name, Rules, Seen, Unlinked
from tests.resolver.operations import Bind, Correct, Operation, Register, Revoke, Row, Withdraw, as_decided, contradictory, shuffled

STRENGTHS = {"CODE2SESSION": 3, "USER_INFO_BATCH": 3, "PUSH": 2, "STORE": 2, "IMPORT": 1, "MANUAL": 1}
SOURCES = ["CODE2SESSION", "USER_INFO_BATCH", "PUSH", "STORE", "IMPORT"]
NAMESPACES = ("member", "crm", "phone", "loyalty")
DAY = 1000


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
        rows = [self._row() for _ in range(chance.randint(6, 20))]
        operations += rows + [self._again(row) for row in rows if chance.random() < 0.25]
        operations += self._taken_back([row for row in rows if row.exts])
        for _ in range(chance.choice([0, 1, 1, 2])):
            operations += self._crowd(rules.generic_after)
        operations += self._tablet(rules.generic_after) if chance.random() < 0.4 else []
        operations += self._chain(rules.largest) if chance.random() < 0.5 else []
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
            for used in range(self.chance.choice([0, 1, 1, 1, 2, 2, 3])):
                starts = None if used == 0 and self.chance.random() < 0.5 else times[used] * DAY
                name = f"{app}/{used}"
                bound = Bound(app, self._platform(app), starts)
                yield Bind(name, bound)
                if self.chance.random() < 0.25:
                    moment = times[5] * DAY if used == 0 else bound.starts
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

    def _crowd(self, most: int) -> Iterable[Row]:
        """One person at so many touchpoints that the phone looks like a crowd's, until the UnionID tells."""
        person, at = self.chance.randrange(self.people), self._time()
        phone = ("ext", "phone", f"+86138000000{self.chance.randrange(3):02d}")
        for app in self.chance.sample(self.apps, min(len(self.apps), most + 1)):
            who = ("open", app, f"o{person}")
            yield Row(Seen(who, "PUSH", at), (phone,))
            yield Row(Seen(who, "CODE2SESSION", at, f"U{person}at{self.platforms[0]}"))

    def _tablet(self, most: int) -> Iterable[Row | Unlinked]:
        """A store's own phone, by which it enters one customer more than may share one; then somebody's is taken back."""
        phone: Name = ("ext", "phone", f"+86138000000{90 + self.chance.randrange(3)}")
        people = self.chance.sample(range(self.people), min(self.people, most + 1))
        holders: list[Name] = [("open", self.chance.choice(self.apps), f"o{person}") for person in people]
        yield from [Row(Seen(who, "STORE", self._time()), (phone,)) for who in holders]
        yield Unlinked(holders[0], phone, 60 * DAY)

    def _chain(self, largest: int) -> Iterable[Row | Unlinked]:
        """People who pass their cards on, each to the next, until together they are too many; some of the cards are taken back."""
        together = self.chance.sample(range(self.people), min(self.people, largest // 2 + 1))
        for card, (one, other) in enumerate(pairwise(together)):
            ext: Name = ("ext", "loyalty", f"card{card}")
            holders: list[Name] = [("open", self.chance.choice(self.apps), f"o{person}") for person in (one, other)]
            yield from [Row(Seen(who, "STORE", self._time()), (ext,)) for who in holders]
            if self.chance.random() < 0.15:
                yield Unlinked(holders[0], ext, self._time())

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
            one = Decided(f"decision{number:014d}", kind, as_decided(a), as_decided(b), self._time())
            if one.a != one.b and not contradictory([*made, one]):
                made.append(one)
        for one in made:
            yield one
            if self.chance.random() < 0.3:
                yield Revoke(one.key)

    def _named(self) -> Name:
        return self.chance.choice([end for pair in self.linked for end in pair] or self.sighted)
