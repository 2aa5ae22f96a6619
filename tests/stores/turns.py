"""The contract of writing: one turn at a time, all of it or nothing, and what it writes is what lies in the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from graph.accounts import Registry
from graph.changes import Change, ChangeKind
from graph.errors import Refused
from graph.node import Key
from graph.policy import DEFAULT_POLICY
from graph.state import ConflictKind
from graph.stores import Store
from graph.turn import Incomplete, Loaded, Scope, Writes
from tests.stores.cast import Cast, customer, together
from tests.stores.harness import Harness, loaded, people, write


def change(cast: Cast, sequence: int) -> Change:
    """An item of the feed."""
    return Change(
        key=cast.keys.derive("Change", str(sequence)),
        sequence=sequence,
        kind=ChangeKind.CREATED,
        occurred=100,
        transaction=Key("t" * 22),
        customer_key=Key("c" * 22),
        previous=["before"],
        identifiers=["oid_x", "uid_y"],
        cause="test",
    )


class Turns(Harness):
    """Writing."""

    async def test_a_tenant_is_made_once(self, store: Store, tenant: str) -> None:
        """Making a tenant that is there changes nothing and says so; every tenant is listed, in order."""
        assert await store.create_tenant(tenant) is False
        names = await store.tenants()
        assert tenant in names
        assert names == sorted(names)

    async def test_an_unknown_tenant_is_refused(self, store: Store) -> None:
        """Whatever is asked about an unknown tenant, the answer is that there is none."""
        with pytest.raises(Refused):
            await store.registry("nobody")
        with pytest.raises(Refused):
            await write(store, "nobody", Writes())
        with pytest.raises(Refused):
            await store.customers("nobody", [Key("x" * 22)])

    async def test_what_is_written_lies_there(self, store: Store, tenant: str, cast: Cast) -> None:
        """Every list of the writes is in the database as it stands, field by field."""
        one = replace(cast.open_id("wxa", "one"), times=3, first=5, last=9, turn=1)
        union = cast.union_id("wxo", "union", of=one)
        phone = replace(cast.external_id("phone", "+8613800000000"), value=None, crowded="claims")
        rollups = [
            cast.resolved(one, union, first=5, last=9, times=3),
            cast.seen(one),
            cast.claims(one, phone, live=False, settled=0, version=4),
            cast.unlinked(one, phone),
        ]
        conflict = cast.conflict(one, phone, kind=ConflictKind.TWO_VALUES_ONE_NAMESPACE)
        mass = cast.conflict(phone, kind=ConflictKind.GENERIC_IDENTIFIER, resolved=700)
        rows = [customer(one, union, has_conflict=True, last=9), customer(phone)]
        await write(store, tenant, replace_changes(together(one, union, phone, *rollups, *rows, conflict, mass), [change(cast, 1)]))

        found = await self.peek(tenant)
        assert {m.key: m for m in (one, union, phone)} == found.members
        assert {r.key: r for r in rows} == found.customers
        assert {r.rollup.key: r for r in rollups} == found.rollups
        assert {conflict.key: conflict, mass.key: mass} == found.conflicts
        assert [1] == found.changes
        assert (1, 1, 0) == (found.turn, found.sequence, found.version)

    async def test_writing_twice_changes_nothing(self, store: Store, tenant: str, cast: Cast) -> None:
        """The same writes again leave the same rows; only the turn is counted."""
        one, two = cast.open_id("wxa", "one"), cast.open_id("wxb", "two")
        union = cast.union_id("wxo", "union", of=one)
        writes = together(one, two, union, cast.resolved(one, union), cast.conflict(one, two), cast.job("a"))
        await write(store, tenant, writes)
        before = await self.peek(tenant)
        await write(store, tenant, writes)

        assert replace(before, turn=2) == await self.peek(tenant)

    async def test_a_later_write_replaces(self, store: Store, tenant: str, cast: Cast) -> None:
        """A row is replaced as a whole: the ends of a roll-up, too, and what is retired or ended is gone."""
        one = cast.open_id("wxa", "one")
        here, there = cast.union_id("wxo", "union", of=one), cast.union_id("wxp", "union", of=one)
        await write(store, tenant, together(one, here, cast.resolved(one, here)))
        moved = replace(one, customer=there.key, account=there.key, last=500)
        other = replace(there, customer=there.key)
        again = cast.resolved(one, there, version=2)
        writes = together(moved, other, again)
        writes.retired, writes.ended = [here.key], [one.key]
        await write(store, tenant, writes)

        found = await self.peek(tenant)
        assert {one.key: moved, there.key: other} == found.members
        assert [there.key] == list(found.customers)
        assert {again.rollup.key: again} == found.rollups

    async def test_a_turn_knows_its_number(self, store: Store, tenant: str, cast: Cast) -> None:
        """A turn is told its own number and the last change's; both grow by what was written, and only then."""
        seen = await loaded(store, tenant, Scope())
        assert (1, 0) == (seen.turn, seen.sequence)
        await write(store, tenant, Writes(changes=[change(cast, 1), change(cast, 2)]))
        seen = await loaded(store, tenant, Scope())
        assert (3, 2) == (seen.turn, seen.sequence)
        assert [1, 2] == [item.sequence for item in await store.changes(tenant, 0, 10)]
        assert [change(cast, 2)] == await store.changes(tenant, 1, 10)
        assert [change(cast, 1)] == await store.changes(tenant, 0, 1)

    async def test_a_failing_turn_leaves_nothing(self, store: Store, tenant: str) -> None:
        """What `decide` raises reaches the caller as it is, nothing is written, and the next turn goes on."""

        def fail(_: Loaded) -> tuple[Writes, None]:
            raise ZeroDivisionError

        before = await self.peek(tenant)
        with pytest.raises(ZeroDivisionError):
            await store.write(tenant, lambda _: Scope(), fail)
        assert before == await self.peek(tenant)
        assert (await loaded(store, tenant, Scope())).turn == 1

    async def test_a_scope_that_fails_leaves_nothing(self, store: Store, tenant: str) -> None:
        """The same holds for what `scope_of` raises."""

        def fail(_: Registry) -> Scope:
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(tenant, fail, lambda _: (Writes(), None))
        assert (await loaded(store, tenant, Scope())).turn == 1

    async def test_incomplete_widens_the_same_turn(self, store: Store, tenant: str, cast: Cast) -> None:
        """A turn that asks to see more is decided again with all of it, within the same turn; what it asked for adds up."""
        one, two, three = (cast.open_id("wxa", name) for name in ("one", "two", "three"))
        await self.plant(tenant, together(one, two, three, *(cast.seen(m) for m in (one, two, three))))
        turns = []

        def decide(seen: Loaded) -> tuple[Writes, set[Key]]:
            turns.append(seen.turn)
            for wanted in (two, three):
                if wanted.key not in seen.members:
                    raise Incomplete(people=[wanted.key])
            return Writes(), set(seen.members)

        assert {one.key, two.key, three.key} == await store.write(tenant, lambda _: people(one.key), decide)
        assert [1, 1, 1] == turns

    async def test_asking_without_end_is_a_mistake(self, store: Store, tenant: str, cast: Cast) -> None:
        """A `decide` that asks for what it was shown ends in an error, not in a loop; the store goes on."""

        def insatiable(_: Loaded) -> tuple[Writes, None]:
            raise Incomplete(people=[cast.open_id("wxa", "one").key])

        with pytest.raises(RuntimeError):
            await store.write(tenant, lambda _: Scope(), insatiable)
        assert (await loaded(store, tenant, Scope())).turn == 1

    async def test_turns_do_not_overlap(self, store: Store, tenant: str, cast: Cast) -> None:
        """Many writers at once are served one after the other: none overwrites what another one added."""

        def add(seen: Loaded) -> tuple[Writes, int]:
            job = seen.nodes.get(cast.job("count").key)
            done = getattr(job, "done", 0) + 1
            return Writes(put=[replace(cast.job("count"), done=done)]), done

        scope = Scope(keys=frozenset({cast.job("count").key}))
        async with self.another() as other:
            both = [store if n % 2 else other for n in range(40)]
            counts = await asyncio.gather(*(one.write(tenant, lambda _: scope, add) for one in both))
        assert list(range(1, 41)) == sorted(counts)

    async def test_the_registry_has_a_version(self, store: Store, tenant: str, cast: Cast) -> None:
        """The version grows where a node of the registry or the policy is put or dropped, and nowhere else."""
        shop = cast.touchpoint("wxa")
        await write(store, tenant, Writes(put=[shop]))
        registry = await store.registry(tenant)
        assert (1, {shop.key: shop}) == (registry.version, dict(registry.touchpoints))
        await write(store, tenant, Writes(put=[cast.job("a")]))
        assert (await store.registry(tenant)).version == 1
        await write(store, tenant, Writes(policy=replace(DEFAULT_POLICY, generic_after=2)))
        registry = await store.registry(tenant)
        assert (2, 2, DEFAULT_POLICY.namespaces) == (registry.version, registry.policy.generic_after, registry.policy.namespaces)
        await write(store, tenant, Writes(drop=[shop]))
        registry = await store.registry(tenant)
        assert (3, {}, 2) == (registry.version, dict(registry.touchpoints), registry.policy.generic_after)

    async def test_a_turn_sees_the_registry_in_force(self, store: Store, tenant: str, cast: Cast) -> None:
        """`scope_of` and `decide` are given the registry as it is under the lock, whoever changed it."""
        await write(store, tenant, Writes(put=[cast.touchpoint("wxa", "old")]))
        async with self.another() as other:
            await write(other, tenant, Writes(put=[cast.touchpoint("wxa", "new")]))
        names: list[str] = []

        def scope_of(registry: Registry) -> Scope:
            names.extend(t.name for t in registry.touchpoints.values())
            return Scope()

        seen = await store.write(tenant, scope_of, lambda seen: (Writes(), seen))
        assert ["new"] == names
        assert 2 == seen.registry.version

    async def test_a_stale_registry_is_noticed(self, store: Store, tenant: str, cast: Cast) -> None:
        """What another process registers shows in the very next answer of every read that brings the registry along."""
        one = cast.open_id("wxa", "one")
        await write(store, tenant, together(cast.touchpoint("wxa", "old"), one, cast.seen(one)))
        await store.registry(tenant)
        async with self.another() as other:
            await write(other, tenant, Writes(put=[cast.touchpoint("wxa", "new")]))
            registry, _ = await store.customers(tenant, [one.key])
            assert ["new"] == [t.name for t in registry.touchpoints.values()]
            await write(other, tenant, Writes(put=[cast.touchpoint("wxa", "newer")]))
            registry, _ = await store.conflicts(tenant, [])
            assert ["newer"] == [t.name for t in registry.touchpoints.values()]

    async def test_an_unchanged_registry_is_the_same_object(self, store: Store, tenant: str, cast: Cast) -> None:
        """As long as nothing is registered, the registry comes from memory, with one statement."""
        await write(store, tenant, Writes(put=[cast.touchpoint("wxa")]))
        first = await store.registry(tenant)
        before = store.statements
        assert first is await store.registry(tenant)
        assert 1 == store.statements - before


def replace_changes(writes: Writes, changes: list[Change]) -> Writes:
    """The same writes with items for the feed."""
    writes.changes = changes
    return writes
