"""The questions that are timed, each against a small and a large tenant of one store."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.brand import BATCH, USES, open_id, person
from bench.service import Caller
from graph.decisions import DecisionKind
from graph.erase import Order, erase_customer
from graph.gather import Recorder
from graph.link import By
from graph.record import record_resolutions
from graph.steward import Word, declare, revoke_decision
from graph.stores import CustomerFilter, Page
from graph.tenant import Tenant


@dataclass
class Subject:
    """A tenant with so many people, and where its next new person begins."""

    tenant: Tenant
    people: int
    next_new: int
    caller: Caller
    """The same tenant, by the API over HTTP."""
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def known(self) -> int:
        """Somebody who is there."""
        return self.chance.randrange(self.people)

    def new(self, people: int) -> range:
        """People who were not there before."""
        self.next_new += people
        return range(self.next_new - people, self.next_new)


@dataclass
class Timings:
    """Milliseconds of each call, statements per call, and how many things one call did."""

    each: list[float] = field(default_factory=list)
    statements: int = 0
    things: int = 1

    @property
    def median(self) -> float:
        """Half were faster."""
        return statistics.median(self.each)

    @property
    def p99(self) -> float:
        """One in a hundred was slower."""
        return sorted(self.each)[min(len(self.each) - 1, int(len(self.each) * 0.99))]


WORD = Word(reason="measured", author="bench")
Question = Callable[[Subject], Awaitable[float | None]]
"""Gives the milliseconds it took where that is not all of its time."""


async def customer_by_open_id(subject: Subject) -> None:
    """Customer by OpenID with all touchpoints."""
    keys = subject.tenant.keys
    found = (await subject.tenant.customers([keys.open_id(*open_id(subject.known()))]))[0]
    expect(found is not None and len(found.touchpoints) == USES)


async def page_of_customers(subject: Subject) -> None:
    """A page of 50 customers from anywhere."""
    after = subject.tenant.keys.derive("anywhere", str(subject.chance.random()))
    page = await subject.tenant.customer_page(CustomerFilter(), Page(limit=50, after=after))
    expect(all(customer.touchpoints for customer in page.items))


async def limits_of_all_platforms(subject: Subject) -> None:
    """What may still be bound, of every platform, with every component."""
    view = await subject.tenant.view()
    expect(sum(len(platform.limits) for platform in view.open_platforms) > 0)


async def one_new_resolution(subject: Subject) -> None:
    """One call with one row of somebody new."""
    row = next(iter(person(subject.new(1)[0])))
    await record_resolutions(subject.tenant, [row])


async def many_new_resolutions(subject: Subject) -> None:
    """One call with 500 rows of 125 new people."""
    await record_resolutions(subject.tenant, [row for n in subject.new(BATCH // USES) for row in person(n)])


async def many_known_resolutions(subject: Subject) -> None:
    """One call with 500 rows that say nothing new."""
    rows = [row for _ in range(BATCH // USES) for row in person(subject.known())]
    await record_resolutions(subject.tenant, rows)


async def many_new_one_by_one(subject: Subject) -> None:
    """500 calls with one row of somebody new each, one after another."""
    for n in subject.new(BATCH // USES):
        for row in person(n):
            await record_resolutions(subject.tenant, [row])


async def many_new_over_http(subject: Subject) -> None:
    """One mutation over HTTP with 500 rows of 125 new people."""
    await subject.caller.record([row for n in subject.new(BATCH // USES) for row in person(n)])


async def many_new_one_by_one_over_http(subject: Subject) -> None:
    """500 mutations over HTTP with one row of somebody new each, one after another."""
    for n in subject.new(BATCH // USES):
        for row in person(n):
            await subject.caller.record([row])


async def feed_lag(subject: Subject) -> float:
    """One row of somebody new by the API, until who follows the feed has its change."""
    return await subject.caller.lag([next(iter(person(subject.new(1)[0])))])


async def sixteen_readers(subject: Subject) -> None:
    """16 callers at once, each asking for ten customers by OpenID, one after another."""

    async def caller() -> None:
        for _ in range(10):
            await customer_by_open_id(subject)

    await asyncio.gather(*(caller() for _ in range(16)))


async def sixteen_writers(subject: Subject) -> None:
    """16 callers at once, each recording ten rows of somebody new, one call a row, gathered."""
    recorder = Recorder()

    async def caller() -> None:
        for n in subject.new(10):
            await recorder.record(subject.tenant, [next(iter(person(n)))])

    await asyncio.gather(*(caller() for _ in range(16)))


async def unmerge(subject: Subject) -> None:
    """Two customers declared to be the same, and then not."""
    a, b = (By(open_id=open_id(n)) for n in subject.chance.sample(range(subject.people), 2))
    ruling = await declare(subject.tenant, DecisionKind.SAME, a, b, WORD)
    expect(ruling.decision is not None and len(ruling.effect.after) == 1)
    assert ruling.decision is not None  # noqa: S101  # as expected
    expect(len((await revoke_decision(subject.tenant, ruling.decision.id, WORD)).effect.after) == 2)  # noqa: PLR2004  # the two


async def erase_one(subject: Subject) -> None:
    """Somebody erased, until no byte is left; nobody asks for them afterwards."""
    subject.people -= 1
    order = Order(by=By(open_id=open_id(subject.people)), reason=WORD.reason, author=WORD.author, backup_days=30)
    expect((await erase_customer(subject.tenant, order)).is_wiped)


QUESTIONS: dict[str, tuple[Question, int, int]] = {
    "customer by OpenID": (customer_by_open_id, 400, 1),
    "page of 50 customers": (page_of_customers, 60, 50),
    "limits of all platforms": (limits_of_all_platforms, 40, 1),
    "one new resolution": (one_new_resolution, 100, 1),
    "500 new in one call": (many_new_resolutions, 6, BATCH),
    "500 known in one call": (many_known_resolutions, 8, BATCH),
    "500 new one by one": (many_new_one_by_one, 2, BATCH),
    "500 new in one call, HTTP": (many_new_over_http, 6, BATCH),
    "500 new one by one, HTTP": (many_new_one_by_one_over_http, 2, BATCH),
    "feed lag, write to follower, HTTP": (feed_lag, 100, 1),
    "16 readers at once": (sixteen_readers, 6, 160),
    "16 writers at once": (sixteen_writers, 4, 160),
    "un-merge": (unmerge, 10, 1),
    "erase one customer": (erase_one, 3, 1),
}
"""Each with how often it is asked in a round, and how many things one asking does."""


async def ask(question: Question, subject: Subject, times: int, things: int, into: Timings) -> None:
    """Time one question so often."""
    into.things = things
    for _ in range(times):
        before = subject.tenant.store.statements
        start = time.perf_counter()
        took = await question(subject)
        into.each.append(took or (time.perf_counter() - start) * 1000)
        into.statements = subject.tenant.store.statements - before


def expect(holds: bool) -> None:  # noqa: FBT001  # reads as a sentence
    """A wrong answer is not worth timing."""
    if not holds:
        raise SystemExit("a question was answered wrongly; nothing was measured")
