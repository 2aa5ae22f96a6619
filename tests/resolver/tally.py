"""How often what the histories are about came up in this run, in all of its processes; a run that saw too little of it fails."""

from __future__ import annotations

import os
from collections import Counter, defaultdict

DEFAULTS = {"pure": 2000, "sqlite": 300, "neo4j": 60}
"""How many histories a run tells by default, by store."""
SHARE = {"pure": 250, "sqlite": 75, "neo4j": 15}
"""How many of them one test tells at most, so that a failure shows early, several cores can help, and memory holds them."""
COUNTED = ("merges", "splits", "refusals", "sheds", "generic flips", "releases", "re-scopes")
AT_LEAST = 50
"""How often each must come up where as many histories are told as by default."""

TALLIES: defaultdict[str, Counter[str]] = defaultdict(Counter)
"""By store, what happened."""
WORTHS: defaultdict[str, Counter[str]] = defaultdict(Counter)
"""By property and store: in how many histories it was checked, and how often there what makes a history worth checking came up."""
ONE_IN_WORTH = 20
"""It must come up once in so many histories, else the property said next to nothing."""


def how_many(store: str, one_in: int = 1) -> int:
    """How many histories to tell. A property that must tell its own may tell one in so many, unless more than by default are asked for."""
    asked = int(os.environ.get(f"HISTORIES_{store.upper()}", "") or DEFAULTS[store])
    return asked if asked > DEFAULTS[store] else max(1, asked // one_in)


def dealt(store: str, one_in: int = 1) -> list[range]:
    """Their numbers, dealt out in shares."""
    number, most = how_many(store, one_in), SHARE[store]
    return [range(first, min(first + most, number)) for first in range(0, number, most)]


def line(store: str) -> str:
    """One line for people."""
    tally = TALLIES[store]
    return f"{store}: {tally['histories']} histories, " + ", ".join(f"{tally[name]} {name}" for name in COUNTED)


def rare() -> list[str]:
    """What came up too seldom to have been tested; fewer histories than by default say little about what they count."""
    hollow = [
        f"{name} {tally['worth']} times in {tally['histories']} histories"
        for name, tally in WORTHS.items()
        if tally["worth"] < round(tally["histories"] / ONE_IN_WORTH)
    ]
    enough = [store for store in TALLIES if TALLIES[store]["histories"] >= DEFAULTS[store]]
    return hollow + [
        f"{store}: {TALLIES[store][name]} {name}, where {AT_LEAST} are the least"
        for store in enough
        for name in COUNTED
        if TALLIES[store][name] < AT_LEAST
    ]
