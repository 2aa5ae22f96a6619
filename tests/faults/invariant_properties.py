"""The invariants that have a file each in tests/invariants/, in small and in memory: stopped at the first history that does not hold."""

from __future__ import annotations

from collections.abc import Iterable

from tests.invariants import test_03_one_place, test_05_one_platform, test_06_every_end_in_its_epoch, test_14_moves_take_nothing
from tests.invariants.test_13_limits import limits_add_up
from tests.invariants.told import in_memory_holds

__all__ = ["limits_add_up"]


async def everybody_has_one_place(seeds: Iterable[int]) -> None:
    """Invariant 3."""
    await in_memory_holds(test_03_one_place.everybody_has_one_place, seeds)


async def one_platform_holds_an_app(seeds: Iterable[int]) -> None:
    """Invariant 5."""
    await in_memory_holds(test_05_one_platform.one_platform_holds_an_app, seeds, "held")


async def every_end_is_in_its_epoch(seeds: Iterable[int]) -> None:
    """Invariant 6."""
    await in_memory_holds(test_06_every_end_in_its_epoch.every_end_is_in_its_epoch, seeds, "waits")


async def moves_take_nothing(seeds: Iterable[int]) -> None:
    """Invariant 14."""
    await in_memory_holds(test_14_moves_take_nothing.moves_take_nothing, seeds, "moves")
