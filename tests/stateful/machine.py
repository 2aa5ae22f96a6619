"""What every rule of the state machine needs: a brand and its model, how things are asked, and the look at everything after each step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from graph.stores import Store
from tests.api.asking import Json, StandingClock
from tests.resolver.facts import Bound, Truth
from tests.stateful.model import Model
from tests.stateful.stage import BEGIN, LAST, MINUTE, Stage

T = TypeVar("T")
Opened = Callable[[], AbstractAsyncContextManager[Store]]
RESULTS = "results { index outcome customerId isNewCustomer error { code } }"
MINUTES = st.integers(1, LAST)
SOMETIMES = st.none() | MINUTES
NUMBERS = st.integers(0, 10_000)
"""Picks one of however many there are."""


def picked(number: int, options: list[T]) -> T | None:
    """One of them; None where there is none."""
    return options[number % len(options)] if options else None


class Machine(RuleBasedStateMachine):
    """A brand that begins with some bindings. Each example is a tenant of its own."""

    opened: ClassVar[Opened]
    """Opens a store in which nothing lies."""
    clock: ClassVar[StandingClock]
    loop: ClassVar[asyncio.AbstractEventLoop]
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.truth: Truth | None = None
        self.is_checked = False

    def wait(self, what: Coroutine[Any, Any, T]) -> T:
        """Have it done where the store lives."""
        self.is_checked = False
        return asyncio.run_coroutine_threadsafe(what, self.loop).result()

    def do(self, mutation: str, fields: str = "", /, **given: object) -> Json:
        """The payload of a mutation; a minute passes."""
        self.clock.now += MINUTE
        return self.wait(self.stage.api.do(mutation, fields, **given))

    def asked(self, document: str, **variables: object) -> Json:
        """The answer to a question."""
        return self.wait(self.stage.api.ask(document, **variables))

    def outcome(self, payload: Json, what: str) -> str:
        """The code of a mutation that was refused as a whole, or none."""
        (code,) = [error["code"] for error in payload["errors"]] or [""]
        self.tally[f"{what} {code}".strip()] += 1
        return str(code)

    def at(self, minute: int | None) -> int:
        """When that is; without a minute, as soon as it is said."""
        return self.clock.now if minute is None else BEGIN + minute * MINUTE

    def found_brand(self, bound: list[Bound], generic_after: int, largest: int) -> None:
        """A new brand."""
        self.tally["examples"] += 1
        self.door = type(self).opened()
        store = self.wait(self.door.__aenter__())
        self.stage = Stage(store, self.clock, generic_after=generic_after, largest=largest)
        self.wait(self.stage.begin(bound))

    @invariant()
    def both_say_the_same(self) -> None:
        """Ask for everything and compare it with the model."""
        self.truth = self.wait(self.stage.look())
        self.tally["steps"] += 1
        self.tally["compared"] += self.truth is not None
        if self.truth:
            self.tally["conflicts"] += len(self.truth.conflicts)
        self.tally.update(f"change {change['kind']}" for change in self.stage.now.changes)
        self.is_checked = True

    def teardown(self) -> None:
        """The end, where all was well until then."""
        if not hasattr(self, "stage"):
            return
        try:
            if self.is_checked:
                self.wait(self.stage.end())
        finally:
            self.wait(self.door.__aexit__(None, None, None))

    @property
    def model(self) -> Model:
        """What the model knows."""
        return self.stage.model

    def check_results(self, payload: Json, expected: list[str]) -> None:
        """Each row has the outcome that the model gives it, or the code of its rejection."""
        found = [one["error"]["code"] if one["error"] else one["outcome"] for one in payload["results"]]
        assert expected == found
        assert list(range(len(expected))) == [one["index"] for one in payload["results"]]
        self.tally.update(f"row {one}" for one in expected)
