"""One tenant's graph: the handle that every use case and every question starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from graph.changes import NO_NUMBER, former
from graph.decisions import Decision
from graph.people import Conflict, Customer
from graph.portrait import conflict_from, customer_from, held_by, identity_from, told_by
from graph.state import ConflictKind, ConflictState, Step
from graph.stores import ConflictFilter, CustomerFilter, DecisionFilter, Page, Slice, Store
from graph.why import steps_within

if TYPE_CHECKING:
    from graph.accounts import Registry, View
    from graph.changes import Change
    from graph.node import Key, Millis
    from graph.people import Identity
    from graph.turn import Loaded, Scope, Writes

T = TypeVar("T")

DECISIONS = 10_000
"""More than stewards make about one customer."""


class Tenant:
    """A store, and whose part of it. Holds no state of its own: make one whenever one is needed."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.keys = store.keys(name)

    def now(self) -> Millis:
        """The store's clock."""
        return self.store.clock()

    async def view(self) -> View:
        """The brand's side as it is now."""
        return (await self.store.registry(self.name)).view(self.now())

    async def write(self, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Take the tenant's turn; see Store.write."""
        return await self.store.write(self.name, scope_of, decide)

    async def customers(self, keys: Sequence[Key]) -> list[Customer | None]:
        """Who holds these identifiers, in order."""
        return (await self.customers_under(keys))[1] if keys else []

    async def customers_under(self, keys: Sequence[Key]) -> tuple[Registry, list[Customer | None]]:
        """The same, and the registry that it was answered under."""
        registry, found = await self.store.customers(self.name, keys)
        view = registry.view(self.now())
        made = {aggregate.row.key: customer_from(aggregate, view) for aggregate in found if aggregate}
        return registry, [made[aggregate.row.key] if aggregate else None for aggregate in found]

    async def customer_page(self, which: CustomerFilter, page: Page) -> Slice[Customer]:
        """Customers in the order of their ids."""
        registry, found = await self.store.customer_page(self.name, which, page)
        view = registry.view(self.now())
        return Slice(items=[customer_from(aggregate, view) for aggregate in found.items], has_more=found.has_more, total=found.total)

    async def open_id_page(self, touchpoint: Key, page: Page) -> Slice[Identity]:
        """A touchpoint's OpenIDs in the order of their ids, without edges: fill them in with `customers`."""
        registry, found = await self.store.open_id_page(self.name, touchpoint, page)
        view = registry.view(self.now())
        return Slice(items=[identity_from(member, view) for member in found.items], has_more=found.has_more, total=found.total)

    async def history(self, customer: Customer) -> list[Change]:
        """Every change that any of the customer's present identifiers lived through, oldest first.

        One statement, and one more for each time that identifiers came from another customer.
        """
        present = {identity.id for identity in customer.identities.values()}
        lived: dict[int, Change] = {}
        read: dict[Key, int] = {}
        wanted = {customer.key: NO_NUMBER}
        while wanted:
            found = await self.store.changes_of(self.name, wanted)
            read |= wanted
            lived |= {change.sequence: change for change in found if not present.isdisjoint(change.identifiers)}
            wanted = former(lived.values(), read)
        return [lived[number] for number in sorted(lived)]

    async def conflict_page(self, which: ConflictFilter, page: Page) -> Slice[Conflict]:
        """Conflicts in the order of their ids, without customers: fill them in with `fill_conflicts`."""
        registry, found = await self.store.conflict_page(self.name, which, page)
        view = registry.view(self.now())
        return Slice(items=[conflict_from(one, view) for one in found.items], has_more=found.has_more, total=found.total)

    async def conflicts(self, keys: Sequence[Key]) -> list[Conflict | None]:
        """Conflicts by key, in order."""
        registry, found = await self.store.conflicts(self.name, keys)
        view = registry.view(self.now())
        return [conflict_from(one, view) if one else None for one in found]

    async def steps_within(self, customer: Customer) -> list[Step]:
        """What holds a customer together, with one question: for the decisions on it."""
        names = {name for member in customer.members for name in (member.key, *member.names)}
        which = DecisionFilter(names=tuple(sorted(names)), is_revoked=False)
        registry, found = await self.store.page(self.name, Decision, Page(limit=DECISIONS), which)
        too_large = [one for one in customer.conflicts if one.kind is ConflictKind.TOO_LARGE and one.state is ConflictState.OPEN]
        shed = {key for conflict in too_large for key in conflict.about}
        return steps_within(customer.members, customer.rollups, found.items, registry, shed)

    async def fill_decisions(self, decisions: Sequence[Decision]) -> list[Identity]:
        """Fill in the identifiers that decisions speak of, with one question for all of them; gives those that are somebody's."""
        names = sorted({name for decision in decisions for name in decision.pair})
        if not names:
            return []
        registry, found = await self.store.named(self.name, names)
        view = registry.view(self.now())
        holder = {name: aggregate for name, aggregate in zip(names, found, strict=True) if aggregate}
        made = {aggregate.row.key: customer_from(aggregate, view) for aggregate in holder.values()}
        held = {name: held_by(aggregate, name, made[aggregate.row.key]) for name, aggregate in holder.items()}
        for decision in decisions:
            gone = {name: one for name in decision.pair - held.keys() if (one := told_by(decision, name, holder, view, self.keys))}
            decision.named.update({name: held[name] for name in decision.pair & held.keys()} | gone)
        return list(held.values())

    async def fill_conflicts(self, conflicts: Iterable[Conflict]) -> None:
        """Fill in the customers on the sides of conflicts, with one question for all of them."""
        empty = [conflict for conflict in conflicts if not conflict.people]
        keys = sorted({key for conflict in empty for key in conflict.about})
        holder = dict(zip(keys, await self.customers(keys), strict=True))
        for conflict in empty:
            conflict.people.extend({c.key: c for key in conflict.about if (c := holder[key])}.values())
