"""The contract of the touch: times move, each condition alone forbids it, and a touch is applied whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.node import FOR_EVER, SINCE_EVER, Millis
from graph.state import Member, StoredRollup
from graph.stores import Store
from graph.turn import Sighting, Touch
from tests.stores.cast import Cast, Stored, customer, together
from tests.stores.harness import Harness

VERSION = 1


def sighting(rollup: StoredRollup, starts: Millis = SINCE_EVER, ends: Millis = FOR_EVER) -> Sighting:
    """One roll-up to move, within an epoch."""
    return Sighting(rollup=rollup.rollup.key, epoch_starts=starts, epoch_ends=ends)


def touch(one: Member, *sightings: Sighting, at: Millis = 500) -> Touch:
    """A row that is perhaps known."""
    return Touch(open_id=one.key, at=at, sightings=sightings)


class Touching(Harness):
    """Moving times."""

    async def test_times_move(self, store: Store, tenant: str, cast: Cast) -> None:
        """The roll-ups, the OpenID, what they link to and every customer concerned; the turn, the version and everything else stay."""
        one, theirs = cast.open_id("wxa", "one"), cast.open_id("wxa", "theirs")
        union, refused = cast.union_id("wxo", "u", of=one), cast.union_id("wxp", "u", of=theirs)
        member, other = cast.external_id("member", "1", of=one), cast.external_id("crm", "1", of=one)
        resolved, claim = cast.resolved(one, union, refused, times=3), cast.claims(one, member)
        untouched = cast.claims(one, other)
        await self.plant(tenant, together(one, theirs, union, refused, member, other, resolved, claim, untouched))
        before = await self.peek(tenant)
        assert [one.customer] == await store.touch(tenant, VERSION, [touch(one, sighting(resolved), sighting(claim))])

        expected = replace(before)
        expected.rollups |= {
            r.rollup.key: replace(r, rollup=replace(r.rollup, last=500, times=r.rollup.times + 1)) for r in (resolved, claim)
        }
        expected.members |= {m.key: replace(m, last=500) for m in (union, refused, member)} | {one.key: replace(one, last=500, times=2)}
        expected.customers = {key: replace(row, last=500) for key, row in before.customers.items()}
        assert expected == await self.peek(tenant)

    async def test_an_older_sighting_only_counts(self, store: Store, tenant: str, cast: Cast) -> None:
        """Seen between first and last, nothing but the count grows."""
        one = replace(cast.open_id("wxa", "one"), last=900)
        seen = cast.seen(one, last=900)
        await self.plant(tenant, together(one, seen, customer(one, last=900)))
        assert [one.customer] == await store.touch(tenant, VERSION, [touch(one, sighting(seen), at=400)])
        found = await self.peek(tenant)
        assert (900, 2) == (found.rollups[seen.rollup.key].rollup.last, found.rollups[seen.rollup.key].rollup.times)
        assert replace(one, times=2) == found.members[one.key]
        assert 900 == found.customers[one.key].last

    async def test_the_same_row_twice_in_a_batch(self, store: Store, tenant: str, cast: Cast) -> None:
        """Each of them counts; the latest time stays, in whichever order they come."""
        one = cast.open_id("wxa", "one")
        seen = cast.seen(one)
        await self.plant(tenant, together(one, seen))
        touches = [touch(one, sighting(seen), at=at) for at in (300, 700, 500)]
        assert [one.customer] * 3 == await store.touch(tenant, VERSION, touches)
        found = await self.peek(tenant)
        assert (700, 4) == (found.rollups[seen.rollup.key].rollup.last, found.rollups[seen.rollup.key].rollup.times)
        assert (700, 4) == (found.members[one.key].last, found.members[one.key].times)

    async def test_an_empty_batch(self, store: Store, tenant: str) -> None:
        """Nothing to touch is nothing to answer."""
        assert [] == await store.touch(tenant, VERSION, [])

    @pytest.mark.parametrize(
        "why", ["version", "unknown rollup", "unsettled", "before first", "epoch not begun", "epoch ended", "value missing"]
    )
    async def test_each_condition_alone_forbids(self, store: Store, tenant: str, cast: Cast, why: str) -> None:
        """Where one condition fails for one roll-up, the whole touch is not applied; others in the batch are."""
        one, two, member = cast.open_id("wxa", "one"), cast.open_id("wxa", "two"), cast.external_id("member", "1")
        seen = cast.seen(one, first=100, last=200)
        if why == "value missing":
            member = replace(member, value=None)
        claim = cast.claims(one, member, first=100, last=200, settled=int(why != "unsettled"))
        fine = cast.seen(two)
        planted = [one, two, member, seen, fine] + ([] if why == "unknown rollup" else [claim])
        await self.plant(tenant, together(*planted))
        before = await self.peek(tenant)
        starts, ends = {"epoch not begun": (201, FOR_EVER), "epoch ended": (SINCE_EVER, 200)}.get(why, (200, 201))
        row = touch(one, sighting(seen), sighting(claim, starts, ends), at=99 if why == "before first" else 500)
        row = replace(row, valued=(member.key,))
        version = VERSION + (why == "version")
        answer = await store.touch(tenant, version, [row, touch(two, sighting(fine))])

        assert [None, None if why == "version" else two.customer] == answer
        after = await self.peek(tenant)
        assert untouched(before, one, seen, claim) == untouched(after, one, seen, claim)

    async def test_the_edges_of_the_conditions(self, store: Store, tenant: str, cast: Cast) -> None:
        """At the very first moment, and last seen at the very beginning of the epoch, a touch may be applied."""
        one = cast.open_id("wxa", "one")
        seen = cast.seen(one, first=100, last=200)
        await self.plant(tenant, together(one, seen))
        assert [one.customer] == await store.touch(tenant, VERSION, [touch(one, sighting(seen, 200, 201), at=100)])

    async def test_a_value_that_is_not_given_may_be_missing(self, store: Store, tenant: str, cast: Cast) -> None:
        """A sensitive external id is stored without its value and comes without one: a touch like any other."""
        one, secret, member = (
            cast.open_id("wxa", "one"),
            replace(cast.external_id("phone", "1"), value=None),
            cast.external_id("member", "1"),
        )
        claims = [cast.claims(one, secret), cast.claims(one, member)]
        await self.plant(tenant, together(one, secret, member, *claims))
        row = replace(touch(one, *map(sighting, claims)), valued=(member.key,))
        assert [one.customer] == await store.touch(tenant, VERSION, [row])

    async def test_a_touch_needs_its_open_id(self, store: Store, tenant: str, cast: Cast) -> None:
        """Without the OpenID there is no customer to answer with, and nothing is moved."""
        one, other = cast.open_id("wxa", "one"), cast.open_id("wxa", "other")
        seen = cast.seen(one)
        await self.plant(tenant, together(other, seen))
        assert [None] == await store.touch(tenant, VERSION, [touch(one, sighting(seen))])
        assert seen == (await self.peek(tenant)).rollups[seen.rollup.key]

    async def test_a_touch_stays_within_the_tenant(self, store: Store, tenant: str, cast: Cast) -> None:
        """The same keys in another tenant are not known there, and do not move here."""
        other = f"{tenant}-other"
        await store.create_tenant(other)
        await self.plant(other, together())
        one = cast.open_id("wxa", "one")
        seen = cast.seen(one)
        await self.plant(tenant, together(one, seen))
        before = await self.peek(tenant)
        assert [None] == await store.touch(other, VERSION, [touch(one, sighting(seen))])
        assert before == await self.peek(tenant)

    async def test_a_batch_of_500_takes_few_statements(self, store: Store, tenant: str, cast: Cast) -> None:
        """The number of statements does not grow with the batch."""
        people = [cast.open_id("wxa", f"p{n}") for n in range(500)]
        seen = [cast.seen(one) for one in people]
        await self.plant(tenant, together(*people, *seen))
        before = store.statements
        touches = [touch(one, sighting(rollup)) for one, rollup in zip(people, seen, strict=True)]
        assert [one.customer for one in people] == await store.touch(tenant, VERSION, touches)
        assert store.statements - before <= 10


def untouched(stored: Stored, one: Member, *rollups: StoredRollup) -> tuple[object, ...]:
    """What must not have moved."""
    return stored.members[one.key], stored.customers[one.customer], [stored.rollups.get(r.rollup.key) for r in rollups]
