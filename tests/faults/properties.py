"""The properties that faults name, beside the invariants: a few dozen histories each, stopped at the first that does not hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import pytest

from graph import policy_walk
from graph.bindings import TouchpointKind
from graph.errors import Refused
from graph.evidence import ResolutionSource
from graph.record import Call, record_calls
from graph.registry import register_touchpoint
from graph.requests import Asked
from graph.results import Result
from graph.rows import Row
from graph.stores import Store
from tests.faults.copies import (
    copies_change_nothing,
    erased_in_one_is_erased_in_all,
    no_cap_drops_data,
    whatever_is_wrong_is_seen,
)
from tests.invariants.erasing import check as check_erasure
from tests.invariants.test_11_erasure import in_memory_stage
from tests.invariants.test_13_limits import limits_add_up
from tests.resolver.changing import check_in_memory
from tests.resolver.memory_store import MemoryStore
from tests.resolver.telling import WatchedTenant
from tests.resolver.test_pure import all_at_once_equals_the_reference

__all__ = [
    "all_at_once_equals_the_reference",
    "copies_change_nothing",
    "erased_in_one_is_erased_in_all",
    "limits_add_up",
    "no_cap_drops_data",
    "whatever_is_wrong_is_seen",
]


async def requests_are_applied_once(seeds: Iterable[int]) -> None:
    """Calls that come again and again, some gathered into one turn: each is applied once and answered the same, or refused as another."""
    for seed in seeds:
        chance, store = random.Random(seed), MemoryStore()
        tenant = WatchedTenant(cast("Store", store), "t", Counter())
        await register_touchpoint(tenant, "wxapp0", kind=TouchpointKind.MINI_PROGRAM, name="App")
        calls = {f"r{n}": [_row(chance, n) for _ in range(chance.randint(1, 3))] for n in range(4)}
        first: dict[str, list[Result]] = {}
        for _ in range(4):
            named = [(name, chance.random() < 0.2) for name in chance.choices(sorted(calls), k=3)]
            named = [(name, is_other) for name, is_other in named if name in first or not is_other]
            given = [[replace(row, observed=2000) for row in calls[name]] if is_other else calls[name] for name, is_other in named]
            asked = [Call(rows=rows, request=Asked.of(name, rows, store.made)) for (name, _), rows in zip(named, given, strict=True)]
            for (name, is_other), answer in zip(named, await record_calls(tenant, asked), strict=True):
                assert isinstance(answer, Refused) == is_other, f"history {seed}"
                assert is_other or first.setdefault(name, cast("list[Result]", answer)) == answer, f"history {seed}"
        seen = Counter(store.made.open_id("wxapp0", row.open_id) for name in first for row in calls[name])
        assert {key: member.times for key, member in store.members.items()} == seen, f"history {seed}"


def _row(chance: random.Random, request: int) -> Row:
    return Row(app_id="wxapp0", open_id=f"o{request}{chance.randint(0, 1)}", observed=1000, source=ResolutionSource.PUSH)


async def policies_leave_no_trace(seeds: Iterable[int]) -> None:
    """Whatever policies held before the last one, and whatever became of their jobs: nothing tells of them, and the last was foreseen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_walk, "PAGE", 3)
        for seed in seeds:
            await check_in_memory(seed, Counter())


async def the_erased_stay_erased(seeds: Iterable[int]) -> None:
    """Invariant 11: nothing of the erased is left or comes back, others keep what is theirs, and a login begins a new life."""
    for seed in seeds:
        try:
            await check_erasure(in_memory_stage(), seed, "t")
        except Exception as error:
            raise AssertionError(f"history {seed}") from error
