"""The contract of the change feed, and of identifiers that are gone: by number, by customer, and to whom an old id leads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.changes import NO_NUMBER, Change, ChangeKind
from graph.errors import Refused
from graph.node import Key
from graph.stores import Page, Store
from graph.turn import Writes
from tests.stores.cast import Cast, together
from tests.stores.harness import Harness, loaded, people, write

A, B = Key("a" * 22), Key("b" * 22)


def change(cast: Cast, sequence: int, customer: Key = A, *previous: Key) -> Change:
    """An item of the feed."""
    return Change(
        key=cast.keys.derive("Change", str(sequence)),
        sequence=sequence,
        kind=ChangeKind.CREATED,
        occurred=100,
        transaction=Key("t" * 22),
        customer_key=customer,
        previous=list(previous),
        identifiers=["oid_x", "uid_y"],
        cause="test",
        changes_left=7,
    )


class Feed(Harness):
    """Changes, and what was before them."""

    async def test_pages_of_the_feed(self, store: Store, tenant: str, cast: Cast) -> None:
        """Changes come in the order of their numbers, both ways, with whether more lies beyond and the feed's end."""
        items = [change(cast, number) for number in range(1, 13)]
        await self.plant(tenant, Writes(changes=items))
        assert (12, items[:5], True) == await _page(store, tenant, Page(limit=5))
        assert (12, items[9:], False) == await _page(store, tenant, Page(limit=5, after="9"))
        assert (12, items[7:], True) == await _page(store, tenant, Page(limit=5, is_backward=True))
        assert (12, items[:2], False) == await _page(store, tenant, Page(limit=5, before="0000000000000003", is_backward=True))
        assert (12, [], False) == await _page(store, tenant, Page(limit=5, after="12"))
        assert items[2:4] == await store.changes(tenant, 2, 2)

    async def test_the_end_of_the_feed(self, store: Store, tenant: str, cast: Cast) -> None:
        """A new tenant's feed ends at 0, and after every turn at its last change's number."""
        assert 0 == await store.feed_end(tenant)
        await write(store, tenant, Writes(changes=[change(cast, 1), change(cast, 2)]))
        assert 2 == await store.feed_end(tenant)
        await write(store, tenant, Writes())
        assert 2 == await store.feed_end(tenant)
        with pytest.raises(Refused):
            await store.feed_end("nobody")

    async def test_changes_by_customer(self, store: Store, tenant: str, cast: Cast) -> None:
        """Of each customer the changes below its number, in one statement."""
        items = [change(cast, 1, A), change(cast, 2, B), change(cast, 3, A, A, B), change(cast, 4, B, A), change(cast, 5, A, A)]
        await self.plant(tenant, Writes(changes=items))
        await store.registry(tenant)
        before = store.statements
        found = await store.changes_of(tenant, {A: 4, B: NO_NUMBER})
        assert 1 == store.statements - before
        assert [1, 2, 3, 4] == sorted(one.sequence for one in found)
        assert [] == await store.changes_of(tenant, {})

    async def test_changes_by_key_and_within_the_tenant(self, store: Store, tenant: str, cast: Cast) -> None:
        """A change is found by its key among other nodes; another tenant sees neither it nor its customer's, and has an end of its own."""
        job, item = cast.job("j"), change(cast, 1)
        await self.plant(tenant, replace(together(job), changes=[item]))
        assert [item, job, None] == await store.nodes(tenant, [item.key, job.key, A])
        other = f"{tenant}-other"
        await store.create_tenant(other)
        assert [None] == await store.nodes(other, [item.key])
        assert [] == await store.changes_of(other, {A: NO_NUMBER})
        assert (0, [], False) == await _page(store, other, Page())

    async def test_what_is_gone_leads_to_its_witness(self, store: Store, tenant: str, cast: Cast) -> None:
        """The key of a retired identifier leads to its witness's customer, until it is there again; without a witness to nobody."""
        one, two = cast.open_id("wxa", "one"), cast.open_id("wxa", "two")
        phone = replace(cast.external_id("phone", "1"), witness=two.key)
        lonely = cast.external_id("phone", "2")
        await self.plant(tenant, together(one, two, phone, lonely, cast.unlinked(two, phone)))
        await write(store, tenant, Writes(retired=[phone.key, lonely.key], ended=[phone.key, lonely.key]))
        assert {one.key, two.key} == set((await self.peek(tenant)).members)
        await store.registry(tenant)
        before = store.statements
        _, found = await store.customers(tenant, [phone.key, one.key, lonely.key, two.key])
        assert 1 == store.statements - before
        assert [two.key, one.key, None, two.key] == [customer.row.key if customer else None for customer in found]
        assert [two.key] == [member.key for member in found[0].members] if found[0] else None
        await write(store, tenant, together(phone))
        _, (again,) = await store.customers(tenant, [phone.key])
        assert again is not None
        assert phone.key == again.row.key
        await write(store, tenant, Writes(retired=[phone.key], ended=[phone.key]))
        other = f"{tenant}-other"
        await store.create_tenant(other)
        assert [None] == (await store.customers(other, [phone.key]))[1]

    async def test_a_turn_sees_whom_an_old_id_means(self, store: Store, tenant: str, cast: Cast) -> None:
        """A turn that asks for a retired identifier is shown its witness with everything at it."""
        one, union = cast.open_id("wxa", "one"), cast.union_id("wxo", "u")
        union = replace(union, customer=one.customer, account=one.account, witness=one.key)
        phone = replace(cast.external_id("phone", "1"), witness=one.key)
        await self.plant(tenant, together(one, union, phone, cast.resolved(one, union)))
        await write(store, tenant, Writes(retired=[phone.key], ended=[phone.key]))
        seen = await loaded(store, tenant, people(phone.key))
        assert {phone.key: one.key} == seen.followed
        assert {one.key, union.key} == set(seen.whole)
        assert seen.members[one.key] == seen.holder(phone.key)
        assert seen.members[union.key] == seen.holder(union.key)
        assert {} == (await loaded(store, tenant, people(one.key))).followed


async def _page(store: Store, tenant: str, page: Page) -> tuple[int, list[Change], bool]:
    end, found = await store.change_page(tenant, page)
    return end, found.items, found.has_more
