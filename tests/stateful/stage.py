"""One example's brand: a tenant with its API, the model beside it, and the comparison of both after every step."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from graph.registry import registry_only
from graph.stores import Store
from graph.turn import Writes
from tests.api.asking import Api, Json, StandingClock, at
from tests.hard_cases.feed import applied
from tests.invariants.replay import check_numbers, replayed
from tests.resolver.facts import Bound, Name, Rules, Truth
from tests.resolver.histories import STRENGTHS, World
from tests.resolver.names import Names, policy
from tests.resolver.operations import as_decided
from tests.stateful.answers import Customer, Everything, everything, found_by, matching
from tests.stateful.model import MASS, Model

TENANT = "stateful"
"""Always the same, for its name is part of every key, and keys decide where nothing else does: an example ends as it did before."""
BEGIN = at("2026-03-01T00:00:00Z")
MINUTE = 60_000
LAST = 60
"""The last minute of which rows tell; the clock begins beyond it and goes on by a minute with every step."""
PLATFORMS = ("wxop0", "wxop1")
APPS = ("wxapp0", "wxapp1", "wxapp2")
LATE = ("wxlate",)
"""Known from the beginning, and to be registered."""
PEOPLE = ("a", "b", "c", "d", "e")
TEXTS = ("Ua", "Ub", "Uc", "Ud", "Ue", "Ucrowd")
LISTED, UNLISTED = ("member", "crm", "phone"), ("loyalty",)
"""Namespaces that the policy ranks, and that it does not know."""
EXTS: tuple[Name, ...] = (
    ("ext", "member", "m1"),
    ("ext", "member", "m2"),
    ("ext", "member", "m3"),
    ("ext", "crm", "c1"),
    ("ext", "crm", "c2"),
    ("ext", "phone", "+8613800000001"),
    ("ext", "phone", "+8613800000002"),
    ("ext", "loyalty", "l1"),
)
OPENS: tuple[Name, ...] = tuple(("open", app, f"{app}-{person}") for app in (*APPS, *LATE) for person in PEOPLE)
UNIONS: tuple[Name, ...] = tuple(("union", platform, text) for platform in PLATFORMS for text in TEXTS)
EVERYBODY = OPENS + UNIONS + EXTS
PREFIX = {"open": "oid", "union": "uid", "ext": "xid"}


def iso(moment: int) -> str:
    """A moment as the API takes it."""
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat()


def by(name: Name) -> Json:
    """An identifier as it names its customer."""
    kind, scope, text = name
    if kind == "open":
        return {"openId": {"appId": scope, "value": text}}
    return {"unionId": {"openAppId": scope, "value": text}} if kind == "union" else {"externalId": external(name)}


def external(name: Name) -> Json:
    """An external id as a caller writes it: a phone without the country's code."""
    return {"namespace": name[1], "value": name[2].removeprefix("+86")}


class Stage:
    """A brand that nobody has told anything, and its model."""

    def __init__(self, store: Store, clock: StandingClock, *, generic_after: int, largest: int) -> None:
        most = {"member": 1, "crm": 2, "phone": None, "loyalty": None}
        rules = Rules(namespaces=LISTED + UNLISTED, most=most, strengths=STRENGTHS, generic_after=generic_after, largest=largest)
        self.api = Api(store, clock, tenant=TENANT)
        self.clock = clock
        clock.now = BEGIN + (LAST + 1) * MINUTE
        self.names = Names(store.keys(self.api.name))
        self.world = World(PLATFORMS, APPS, len(PEOPLE), rules)
        self.model = Model(rules, APPS, self.names.key)
        self.id = {name: f"{PREFIX[name[0]]}_{self.names.key(name)}" for name in EVERYBODY}
        self.name = {one: name for name, one in self.id.items()}
        self.of_key = {str(self.names.key(name)): name for name in EVERYBODY}
        self.now = Everything({}, frozenset(), frozenset(), {}, is_settled=True, changes=[], cursor=None)
        self.followed: dict[str, list[str]] = {}
        self.issued: dict[str, None] = {}
        """Every customer id that was ever given, in the order in which they were."""

    async def begin(self, bound: list[Bound]) -> None:
        """The brand and the bindings that are known from the beginning, in one turn."""
        await self.api.store.create_tenant(self.api.name)
        nodes = [self.names.binding(one, self.names.keys.derive("test", str(number))) for number, one in enumerate(bound)]
        self.model.bindings = {node.id: one for node, one in zip(nodes, bound, strict=True)}
        put = [*self.names.brand(self.world), *map(self.names.touchpoint, APPS), *nodes]
        await self.api.tenant.write(registry_only, lambda _: (Writes(put=put, policy=policy(self.world)), None))

    # ── what is so after a step ──────────────────────────────────────────────────────────────────────────────────────

    async def look(self) -> Truth | None:
        """Ask for everything; it must hang together, and be what the model says unless a job is to be done. Gives the model's word."""
        self.now = await everything(self.api, self.now.cursor)
        self.followed = applied(self.now.changes, self.followed)
        assert self.followed == self.now.membership
        for change in self.now.changes:
            self.issued |= dict.fromkeys((change["customerId"], *change["previousCustomerIds"]))
        await self._everybody_is_found()
        assert {*self.model.decisions, *self.model.revoked} == self.now.decisions.keys()
        assert set(self.model.decisions) == {one for one, stands in self.now.decisions.items() if stands}
        if not self.now.is_settled:
            return None
        truth = self.model.truth()
        last = self.model.last_seen()
        assert self._customers(truth, last) == self.now.customers
        assert self._conflicts(truth) == self.now.conflicts
        assert self.model.waiting == len(self.now.quarantined)
        return truth

    async def _everybody_is_found(self) -> None:
        """By each identifier its customer; by each id that was ever given a customer that is there, or else a receipt of an erasure."""
        holder = self.now.holder
        found = await found_by(self.api, [by(name) for name in EVERYBODY])
        assert [holder.get(self.id[name]) for name in EVERYBODY] == found
        ids = list(self.issued)
        for one, customer in zip(ids, await found_by(self.api, [{"id": one} for one in ids]), strict=True):
            name = self.of_id(one)
            assert customer == holder.get(self.id[name], customer)
            assert (customer in self.now.customers) is (customer is not None)
            if customer is None:
                assert as_decided(name) in self.model.graves.all
                assert await self.receipts(one)

    async def receipts(self, erased: str) -> list[str]:
        """The receipts of whoever had an id."""
        document = "query ($id: ID) { erasureReceipts(erasedId: $id, first: 100) { nodes { id } } }"
        return [one["id"] for one in (await self.api.ask(document, id=erased))["erasureReceipts"]["nodes"]]

    def of_id(self, some_id: str) -> Name:
        """The identifier whose key an id holds."""
        return self.of_key[some_id.partition("_")[2]]

    def customer_id(self, seed: Name) -> str:
        """The id of the customer whose seed this is."""
        return f"cus_{self.names.key(seed)}"

    def _customers(self, truth: Truth, last: dict[Name, int]) -> dict[str, Customer]:
        """Everybody as the model knows them."""
        people: dict[Name, set[Name]] = defaultdict(set)
        accounts: dict[Name, set[Name]] = defaultdict(set)
        for name, seed in truth.customers.items():
            people[seed].add(name)
        for name, account in truth.accounts.items():
            accounts[account].add(name)
        return {
            self.customer_id(seed): Customer(
                members=frozenset(self.id[name] for name in members),
                accounts=frozenset(frozenset(self.id[name] for name in held) for account, held in accounts.items() if account in members),
                state="IDENTIFIED" if any(name[0] == "union" for name in members) else "PROVISIONAL",
                last=max(last[name] for name in members),
            )
            for seed, members in people.items()
        }

    def _conflicts(self, truth: Truth) -> frozenset[tuple[str, tuple[str, ...]]]:
        return frozenset((kind, () if kind in MASS else tuple(self.id[name] for name in about)) for kind, about in truth.conflicts)

    async def check_filter(self, truth: Truth, which: Json) -> None:
        """Who matches a filter is who matches it in the model."""
        troubled, last = self.model.troubled(truth), self.model.last_seen()
        people: dict[Name, set[Name]] = defaultdict(set)
        for name, seed in truth.customers.items():
            people[seed].add(name)

        def is_meant(members: set[Name]) -> bool:
            used = {name[1] for name in members if name[0] == "open"}
            return (
                used >= set(which.get("usedAll", ()))
                and used.isdisjoint(which.get("usedNone", ()))
                and which.get("state") in {None, "IDENTIFIED" if any(name[0] == "union" for name in members) else "PROVISIONAL"}
                and which.get("hasOpenConflict") in {None, not troubled.isdisjoint(members)}
                and ("seenSince" not in which or max(last[name] for name in members) >= at(which["seenSince"]))
            )

        assert {self.customer_id(seed) for seed, members in people.items() if is_meant(members)} == await matching(self.api, which)

    async def work(self) -> int:
        """Do every job; gives how many rows were released."""
        await self.api.rescoped()
        return self.model.release()

    async def end(self) -> None:
        """Do what is left to do, and read the whole feed from its beginning: no number is missing, and it tells who is who."""
        await self.work()
        await self.look()
        changes = await self.api.store.changes(self.api.name, 0, 10_000)
        check_numbers(changes)
        told = {f"cus_{customer}": sorted(members) for customer, members in replayed(changes).items()}
        assert told == self.now.membership
