"""The contract of pages: complete and without doubles in both directions, with every filter; counted only when asked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from graph.decisions import Decision, DecisionKind
from graph.jobs import Job, JobKind, JobState
from graph.node import Key
from graph.quarantine import Quarantined
from graph.requests import Request
from graph.state import ConflictKind, ConflictState, CustomerRow, CustomerState, Member
from graph.stores import ConflictFilter, CustomerFilter, DecisionFilter, JobFilter, Page, Store
from graph.turn import Writes
from tests.stores.cast import Cast, customer, together
from tests.stores.harness import Harness, walk, write

IDENTIFIED = CustomerState.IDENTIFIED

Crowd = dict[Key, tuple[CustomerRow, set[str]]]
"""Customers by key, each with its row and the touchpoints it used."""


class Paging(Harness):
    """Reading page by page."""

    async def crowd(self, tenant: str, cast: Cast) -> Crowd:
        """48 customers: every combination of state, conflict, time and touchpoints, each twice, so that every filter meets ties."""
        rows: list[object] = []
        crowd: Crowd = {}
        combinations = product(CustomerState, (False, True), (100, 200), ("a", "b", "ab"), range(2))
        for n, (state, has_conflict, last, apps, _) in enumerate(combinations):
            first = cast.open_id(f"wx{apps[0]}", f"person {n}")
            others = [cast.open_id(f"wx{app}", f"person {n}", of=first) for app in apps[1:]]
            twice = cast.open_id(f"wx{apps[0]}", f"person {n} again", of=first)
            row = customer(first, *others, twice, state=state, has_conflict=has_conflict, last=last)
            rows += [first, *others, twice, row]
            crowd[row.key] = (row, set(apps))
        await self.plant(tenant, together(*rows))
        return crowd

    @pytest.mark.parametrize("is_backward", [False, True])
    async def test_all_customers(self, store: Store, tenant: str, cast: Cast, *, is_backward: bool) -> None:
        """Page after page gives every customer once, in the order of keys, each loaded whole."""
        crowd = await self.crowd(tenant, cast)
        assert sorted(crowd) == await walk(lambda page: store.customer_page(tenant, CustomerFilter(), page), 7, backward=is_backward)
        _, part = await store.customer_page(tenant, CustomerFilter(), Page(limit=3))
        assert [crowd[one.row.key][0] for one in part.items] == [one.row for one in part.items]
        assert all(len(one.members) == 1 + len(crowd[one.row.key][1]) for one in part.items)

    async def test_customers_by_every_filter(self, store: Store, tenant: str, cast: Cast) -> None:
        """Every combination of conditions gives those that meet all of them, forwards, backwards and counted."""
        crowd = await self.crowd(tenant, cast)
        shops = {app: cast.keys.touchpoint(f"wx{app}") for app in "abc"}
        used: list[tuple[str, str]] = [("", ""), ("a", ""), ("ab", ""), ("b", "a"), ("", "a"), ("", "ab"), ("c", ""), ("a", "c")]
        # Every time with no touchpoint, one of them with each.
        when = [(since, used[0]) for since in (None, 100, 101, 201)] + [(since, one) for since in (None, 101) for one in used[1:]]
        for state, has, (since, (every, none)) in product((None, *CustomerState), (None, False, True), when):
            which = CustomerFilter(
                used_all=tuple(shops[app] for app in every),
                used_none=tuple(shops[app] for app in none),
                state=state,
                has_open_conflict=has,
                seen_since=since,
            )
            expected = sorted(key for key, (row, apps) in crowd.items() if meets(row, apps, which, set(every), set(none)))
            _, forward = await store.customer_page(tenant, which, Page(limit=30, is_counted=True))
            _, backward = await store.customer_page(tenant, which, Page(limit=5, is_backward=True))
            assert (expected[:30], len(expected) > 30, len(expected)) == (
                [one.row.key for one in forward.items],
                forward.has_more,
                forward.total,
            )
            assert (expected[-5:], len(expected) > 5, None) == ([one.row.key for one in backward.items], backward.has_more, backward.total)

    @pytest.mark.parametrize("is_backward", [False, True])
    async def test_filtered_customers_page_by_page(self, store: Store, tenant: str, cast: Cast, *, is_backward: bool) -> None:
        """A cursor means the same place under every filter."""
        crowd = await self.crowd(tenant, cast)
        shop = cast.keys.touchpoint("wxa")
        for which, meets_it in (
            (CustomerFilter(state=IDENTIFIED), lambda row, _: row.state is IDENTIFIED),
            (CustomerFilter(has_open_conflict=True), lambda row, _: row.has_conflict),
            (CustomerFilter(seen_since=200), lambda row, _: row.last >= 200),
            (CustomerFilter(used_all=(shop,)), lambda _, apps: "a" in apps),
            (CustomerFilter(used_none=(shop,)), lambda _, apps: "a" not in apps),
        ):
            expected = sorted(key for key, (row, apps) in crowd.items() if meets_it(row, apps))
            assert expected == await walk(partial(store.customer_page, tenant, which), 3, backward=is_backward)

    async def test_edges_of_a_page(self, store: Store, tenant: str, cast: Cast) -> None:
        """A page between two cursors holds what lies strictly between; past the last one there is nothing; a page may be empty."""
        keys = sorted(await self.crowd(tenant, cast))

        async def ask(**given: object) -> tuple[list[Key], bool]:
            _, part = await store.customer_page(tenant, CustomerFilter(), Page(**given))  # type: ignore[arg-type]  # fields of Page
            return [one.row.key for one in part.items], part.has_more

        assert (keys[3:5], True) == await ask(after=keys[2], limit=2)
        assert (keys[:2], False) == await ask(before=keys[2], limit=5)
        assert (keys[4:6], True) == await ask(before=keys[6], limit=2)
        assert (keys[3:5], False) == await ask(after=keys[2], before=keys[5], limit=2)
        assert ([], False) == await ask(after=keys[-1])
        assert ([], False) == await ask(before=keys[0])
        assert (keys[-1:], False) == await ask(after=keys[-2], limit=1)

    @pytest.mark.parametrize("is_backward", [False, True])
    async def test_open_ids_of_a_touchpoint(self, store: Store, tenant: str, cast: Cast, *, is_backward: bool) -> None:
        """Every OpenID of the touchpoint once, in the order of keys; nobody else's, and no external id whose namespace has its name."""
        mine = {m.key: m for m in (cast.open_id("wxa", f"o{n}") for n in range(9))}
        shop = cast.keys.touchpoint("wxa")
        others: list[Member] = [cast.open_id("wxb", "x"), cast.external_id(shop, "1")]
        await self.plant(tenant, together(*mine.values(), *others))
        assert sorted(mine) == await walk(lambda page: store.open_id_page(tenant, shop, page), 4, backward=is_backward)
        _, part = await store.open_id_page(tenant, shop, Page(limit=2, is_counted=True))
        assert (9, [mine[key] for key in sorted(mine)[:2]]) == (part.total, part.items)
        assert (await store.open_id_page(tenant, shop, Page(limit=2)))[1].total is None

    async def test_conflicts_by_every_filter(self, store: Store, tenant: str, cast: Cast) -> None:
        """By state, kind, namespace and the touchpoint of an OpenID they are about: forwards, backwards, counted."""
        rows: list[object] = []
        known: dict[Key, tuple[ConflictState, ConflictKind, str, str]] = {}
        for n, (resolved, kind, app, space) in enumerate(product((None, 5), list(ConflictKind)[:3], "ab", ("member", "crm", ""))):
            one, union = cast.open_id(f"wx{app}", f"c{n}"), cast.union_id("wxo", f"c{n}")
            conflict = replace(cast.conflict(one, union, kind=kind, resolved=resolved), namespace=space)
            rows += [one, union, conflict]
            known[conflict.key] = (ConflictState.OPEN if resolved is None else ConflictState.RESOLVED, kind, app, space)
        await self.plant(tenant, together(*rows))
        kinds = list(ConflictKind)
        every_state = ((), (ConflictState.OPEN,), tuple(ConflictState))
        every_kind = ((), (kinds[0],), (kinds[1], kinds[2]), (kinds[4],))
        for states, wanted, app, within in product(every_state, every_kind, ("", "a", "c"), (None, "member", "phone")):
            touchpoint = cast.keys.touchpoint(f"wx{app}") if app else None
            which = ConflictFilter(states=states, kinds=wanted, touchpoint=touchpoint, namespace=within)
            expected = sorted(
                key
                for key, (s, k, a, n) in known.items()
                if (not states or s in states) and (not wanted or k in wanted) and app in ("", a) and within in (None, n)
            )
            for is_backward in (False, True):
                ask = partial(store.conflict_page, tenant, which)
                assert expected == await walk(ask, 5, backward=is_backward)
            _, part = await store.conflict_page(tenant, which, Page(limit=1, is_counted=True))
            assert len(expected) == part.total

    async def test_a_resolved_conflict_changes_sides(self, store: Store, tenant: str, cast: Cast) -> None:
        """Written again as resolved, a conflict is found among the resolved ones and no longer among the open ones, by touchpoint too."""
        one, union = cast.open_id("wxa", "c"), cast.union_id("wxo", "c")
        row = cast.conflict(one, union)
        for written in (row, replace(row, resolved=9)):
            await write(store, tenant, together(one, union, written))
        for touchpoint, state in product((None, cast.keys.touchpoint("wxa")), ConflictState):
            which = ConflictFilter(states=(state,), touchpoint=touchpoint)
            _, part = await store.conflict_page(tenant, which, Page(is_counted=True))
            count = int(state is ConflictState.RESOLVED)
            assert (count, count) == (len(part.items), part.total)

    async def test_nodes_page_by_page(self, store: Store, tenant: str, cast: Cast) -> None:
        """Nodes of one kind only, in the order of keys, both ways, counted."""
        rows = {row.key: row for row in (cast.row_in_quarantine(f"q{n}") for n in range(5))}
        await self.plant(tenant, together(*rows.values(), cast.job("j")))
        for is_backward in (False, True):
            assert sorted(rows) == await walk(lambda page: store.page(tenant, Quarantined, page), backward=is_backward)
        _, part = await store.page(tenant, Quarantined, Page(limit=2, is_counted=True))
        assert (5, [rows[key] for key in sorted(rows)[:2]]) == (part.total, part.items)

    async def test_jobs_by_every_filter(self, store: Store, tenant: str, cast: Cast) -> None:
        """By kind, state and touchpoint: forwards, backwards, counted."""
        shops = [cast.keys.touchpoint("wxa"), cast.keys.touchpoint("wxb")]
        jobs = [
            replace(cast.job(f"{kind} {state} {n}", state, kind), touchpoint_key=touchpoint)
            for kind, state, touchpoint, n in product(JobKind, list(JobState)[:4], shops, range(2))
        ]
        jobs = list({replace(job, key=cast.keys.derive("Job", str(n))) for n, job in enumerate(jobs)})
        await self.plant(tenant, together(*jobs))
        for kinds, states, touchpoint in product(
            ((), (JobKind.RESCOPE,)), ((), (JobState.RUNNING, JobState.DONE), (JobState.FAILED,)), (None, shops[0])
        ):
            expected = sorted(
                job.key
                for job in jobs
                if (not kinds or job.kind in kinds) and (not states or job.state in states) and touchpoint in (None, job.touchpoint_key)
            )
            which = JobFilter(kinds=kinds, states=states, touchpoint=touchpoint)
            for is_backward in (False, True):
                ask = partial(store.page, tenant, Job, which=which)
                assert expected == await walk(ask, 3, backward=is_backward)
            _, part = await store.page(tenant, Job, Page(limit=1, is_counted=True), which)
            assert len(expected) == part.total

    async def test_old_requests(self, store: Store, tenant: str, cast: Cast) -> None:
        """Recorded requests of every tenant that were made before a time, oldest first, as many as asked for; each is found by its key."""
        other = f"{tenant}-other"
        await store.create_tenant(other)
        made = [Request(key=cast.keys.derive("Request", str(at)), digest=Key("d" * 22), made=at, answer="[]") for at in (3, 1, 4, 2)]
        third, first, _, second = made
        await write(store, tenant, Writes(put=[first, third]))
        await write(store, other, Writes(put=[second, made[2]]))
        right = [(tenant, first.key), (other, second.key), (tenant, third.key)]
        mine = [one for one in await store.old_requests(4, 1000) if one[0] in {tenant, other}]
        assert right == mine
        assert len(await store.old_requests(4, 2)) == 2
        assert [first, None, third] == await store.nodes(tenant, [first.key, second.key, third.key])
        await write(store, tenant, Writes(drop=[first]))
        assert [None] == await store.nodes(tenant, [first.key])

    async def test_decisions_by_every_filter(self, store: Store, tenant: str, cast: Cast) -> None:
        """By whether they stand and by whom they are on, on either side: forwards, backwards, counted; each once."""
        names = [Key(name * 22) for name in "abc"]
        made: dict[Key, Decision] = {}
        for n, (a, b, revoked) in enumerate(product(names, names, (None, 5))):
            one = cast.decision(f"d{n}", a, b, kind=list(DecisionKind)[n % 3], revoked=revoked)
            made[one.key] = one
        await self.plant(tenant, together(*made.values(), cast.job("j")))
        for wanted, is_revoked in product((None, (), (names[0],), (names[0], names[2])), (None, False, True)):
            which = DecisionFilter(names=wanted, is_revoked=is_revoked)
            expected = sorted(
                one.key
                for one in made.values()
                if (wanted is None or one.pair & set(wanted)) and is_revoked in {None, one.revoked is not None}
            )
            for is_backward in (False, True):
                ask = partial(store.page, tenant, Decision, which=which)
                assert expected == await walk(ask, 4, backward=is_backward)
            _, part = await store.page(tenant, Decision, Page(limit=3, is_counted=True), which)
            assert (len(expected), [made[key] for key in expected[:3]]) == (part.total, part.items)

    async def test_a_filtered_page_costs_what_it_shows(self, store: Store, tenant: str, cast: Cast) -> None:
        """However many a tenant holds beside those that a filter asks for, a page costs the same, by every field of every filter."""
        huge, tiny = cast.touchpoint("wxhuge"), cast.touchpoint("wxtiny")
        await write(store, tenant, Writes(put=[huge, tiny]))
        wanted: list[object] = []
        for n in range(3):
            one = cast.open_id("wxhuge", f"rare {n}")
            two = cast.open_id("wxtiny", f"rare {n}", of=one)
            conflict = cast.conflict(two, cast.union_id("wxo", f"rare {n}"), kind=ConflictKind.DECLARED_DIFFERENT, resolved=5)
            job = replace(cast.job(f"rare {n}", JobState.FAILED, JobKind.RESCOPE), touchpoint_key=tiny.key)
            row = customer(one, two, state=IDENTIFIED, has_conflict=True, last=200)
            decision = cast.decision(f"rare {n}", one.key, two.key, revoked=5)
            wanted += [one, two, row, replace(conflict, namespace="member"), job, decision]
        await write(store, tenant, together(*wanted))
        efforts: list[dict[str, int]] = []
        for begin, end in ((0, 40), (40, 400)):
            await write(store, tenant, together(*(row for n in range(begin, end) for row in common(cast, huge.key, n))))
            efforts.append(
                {str(which): await self.effort(partial(asked, tenant, which)) for which in narrow(huge.key, tiny.key, Key("a" * 22))}
            )
        grown = {which: (effort, efforts[0][which]) for which, effort in efforts[1].items() if effort > 1.25 * efforts[0][which]}
        assert {} == grown

    def test_every_field_of_a_filter_is_measured(self) -> None:
        """A field that is added to a filter is measured, too."""
        measured = {
            (type(one), name)
            for one in narrow(Key("h"), Key("t"), Key("n"))
            for name, value in vars(one).items()
            if value != getattr(type(one)(), name)
        }
        assert {(kind, name) for kind in FILTERS for name in vars(kind())} == measured

    async def test_pages_stay_within_the_tenant(self, store: Store, tenant: str, cast: Cast) -> None:
        """Another tenant's pages are empty, and its totals nought."""
        other = f"{tenant}-other"
        await store.create_tenant(other)
        await self.crowd(tenant, cast)
        one, two = cast.open_id("wxa", "c1"), cast.open_id("wxa", "c2")
        await self.plant(tenant, together(one, two, cast.conflict(one, two), cast.job("j"), cast.decision("d", one.key, two.key)))
        shop, page = cast.keys.touchpoint("wxa"), Page(is_counted=True)
        which = CustomerFilter(used_all=(shop,), seen_since=1)
        for _, part in (
            await store.customer_page(other, CustomerFilter(), page),
            await store.customer_page(other, which, page),
            await store.customer_page(other, CustomerFilter(has_open_conflict=True), page),
            await store.open_id_page(other, shop, page),
            await store.conflict_page(other, ConflictFilter(), page),
            await store.conflict_page(other, ConflictFilter(touchpoint=shop), page),
            await store.page(other, Job, page),
            await store.page(other, Decision, page),
            await store.page(other, Decision, page, DecisionFilter(names=(one.key,), is_revoked=False)),
        ):
            assert ([], False, 0) == (part.items, part.has_more, part.total)


def meets(row: CustomerRow, apps: set[str], which: CustomerFilter, every: set[str], none: set[str]) -> bool:
    """Whether a customer meets every condition, written once more and plainly."""
    return (
        which.state in (None, row.state)
        and which.has_open_conflict in (None, row.has_conflict)
        and (which.seen_since is None or row.last >= which.seen_since)
        and every <= apps
        and not none & apps
    )


FILTERS = (CustomerFilter, ConflictFilter, JobFilter, DecisionFilter)
Filter = CustomerFilter | ConflictFilter | JobFilter | DecisionFilter


def common(cast: Cast, touchpoint: Key, n: int) -> list[object]:
    """What a tenant holds a lot of."""
    one = cast.open_id("wxhuge", f"common {n}")
    job = replace(cast.job(f"common {n}", JobState.DONE), touchpoint_key=touchpoint)
    return [one, cast.conflict(one, cast.union_id("wxo", f"common {n}")), job, cast.decision(f"common {n}", one.key, one.key)]


def narrow(huge: Key, tiny: Key, named: Key) -> list[Filter]:
    """Every field of every filter: what few meet, what many do, and some together."""
    rare, common = ConflictKind.DECLARED_DIFFERENT, ConflictKind.TWO_UNIONIDS_ONE_PLATFORM
    return [
        CustomerFilter(),
        CustomerFilter(used_all=(huge, tiny)),
        CustomerFilter(used_all=(tiny, huge)),
        CustomerFilter(used_all=(huge,), used_none=(tiny,)),
        CustomerFilter(used_all=(huge,), seen_since=150),
        CustomerFilter(used_all=(huge,), has_open_conflict=True),
        CustomerFilter(used_none=(tiny,)),
        CustomerFilter(state=IDENTIFIED),
        CustomerFilter(state=CustomerState.PROVISIONAL, has_open_conflict=True),
        CustomerFilter(has_open_conflict=True),
        CustomerFilter(has_open_conflict=False),
        CustomerFilter(seen_since=150),
        CustomerFilter(seen_since=50),
        ConflictFilter(),
        ConflictFilter(states=(ConflictState.RESOLVED,)),
        ConflictFilter(states=(ConflictState.OPEN,), kinds=(rare,)),
        ConflictFilter(kinds=(rare,)),
        ConflictFilter(kinds=(common,)),
        ConflictFilter(touchpoint=tiny),
        ConflictFilter(touchpoint=huge),
        ConflictFilter(touchpoint=huge, kinds=(rare,)),
        ConflictFilter(namespace="member"),
        ConflictFilter(namespace=""),
        ConflictFilter(namespace="", states=(ConflictState.RESOLVED,)),
        JobFilter(),
        JobFilter(kinds=(JobKind.RESCOPE,)),
        JobFilter(states=(JobState.FAILED,)),
        JobFilter(touchpoint=tiny),
        JobFilter(touchpoint=huge),
        JobFilter(touchpoint=huge, states=(JobState.RUNNING,)),
        DecisionFilter(),
        DecisionFilter(is_revoked=True),
        DecisionFilter(is_revoked=False),
        DecisionFilter(names=(named,)),
    ]


async def asked(tenant: str, which: Filter, store: Store) -> None:
    """The first page that a filter gives."""
    page = Page(limit=5)
    if isinstance(which, CustomerFilter):
        await store.customer_page(tenant, which, page)
    elif isinstance(which, ConflictFilter):
        await store.conflict_page(tenant, which, page)
    else:
        await store.page(tenant, Job if isinstance(which, JobFilter) else Decision, page, which)
