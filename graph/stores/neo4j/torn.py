"""Answers of several moments: Neo4j promises no snapshot, so what was read while a turn was being written is asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from graph.stores import StoreUnavailable

TRIES = 8
"""How often a torn answer is asked for again: it was read while a turn was being written."""
PAUSE = 0.005
"""Seconds between two tries, and each time as many more: a turn needs some to be written."""
TORN = "What was asked for is changing faster than it can be read: try again."
P = ParamSpec("P")
T = TypeVar("T")


class Torn(Exception):  # not a malfunction: who asks again finds it whole
    """Parts of an answer disagree, or something was deleted once it was found: then all of its properties are null."""


def settled(question: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Ask again while the answer is torn; raises StoreUnavailable where it never settles."""

    @wraps(question)
    async def asked_again(*given: P.args, **named: P.kwargs) -> T:
        for attempt in range(TRIES):
            try:
                return await question(*given, **named)
            except Torn:
                await asyncio.sleep(PAUSE * attempt)
        raise StoreUnavailable(TORN)

    return asked_again
