"""Operations that arrive in many orders. Each order is played in a brand of its own, and the answers must be the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.api.asking import Api
from tests.hard_cases.brands import Brands
from tests.hard_cases.picture import Picture, picture

ALL_UP_TO, SHUFFLES, SEED = 4, 8, 20260315
"""Of up to so many steps every order is played; of more, so many seeded shuffles beside the order as written."""


@dataclass(frozen=True, eq=False)
class Step:
    """One GraphQL operation."""

    name: str
    does: Callable[[Api], Awaitable[object]]
    after: tuple[Step, ...] = ()
    """What it would be refused without: these come first in every order."""


Check = Callable[[Api], Awaitable[object]]


def orders(steps: Sequence[Step], most: int) -> Iterator[Sequence[Step]]:
    """The order as written first; of more orders than `most` that one, the last one and a sample of those between."""
    dice = random.Random(SEED)
    if len(steps) > ALL_UP_TO:
        yield steps
        for _ in range(min(SHUFFLES, most - 1)):
            yield _possible(dice.sample(steps, len(steps)))
        return
    possible = list(filter(_is_possible, itertools.permutations(steps)))
    if len(possible) > most:
        possible[1:-1] = dice.sample(possible[1:-1], most - 2)
    yield from possible


async def in_every_order(brands: Brands, *steps: Step, check: Check | None = None) -> Picture:
    """Play all orders; gives what each of them came to. What only one brand's own ids can show, `check` looks at in each.

    In every other order the jobs that bindings ask for wait until all else has arrived; in the others they are done at once.
    """
    found: Picture | None = None
    for number, order in enumerate(orders(steps, brands.most_orders)):
        api = await brands.fresh()
        await play(api, order, rescopes_late=number % 2 == 1)
        here = await picture(api)
        found = found or here
        assert found == here, " / ".join(step.name for step in order)
        if check:
            await check(api)
    assert found is not None
    return found


async def play(api: Api, order: Sequence[Step], *, rescopes_late: bool = False) -> None:
    """One order in one brand. A second passes between steps."""
    for step in order:
        await step.does(api)
        api.clock.now += 1000
        if not rescopes_late:
            await rescoped(api)
    await rescoped(api)
    jobs = await api.ask("{ jobs(first: 100, filter: {states: [QUEUED, RUNNING, FAILED]}) { nodes { id } } }")
    assert [] == jobs["jobs"]["nodes"]


async def rescoped(api: Api) -> None:
    """Do the jobs that wait, until none does."""
    while api.woken:
        api.woken = 0
        await api.rescoped()


def _is_possible(order: Sequence[Step]) -> bool:
    return all(before in order[:place] for place, step in enumerate(order) for before in step.after)


def _possible(shuffled: list[Step]) -> list[Step]:
    """The same order, but that each step waits until what it needs has come."""
    ready: list[Step] = []
    left = shuffled
    while left:
        step = next(step for step in left if all(before in ready for before in step.after))
        ready.append(step)
        left = [one for one in left if one is not step]
    return ready
