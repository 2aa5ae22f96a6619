"""Rules that only look: filters, and pages forward and backward."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.api.asking import Json
from tests.stateful.answers import pages
from tests.stateful.machine import MINUTES, Machine
from tests.stateful.stage import APPS, BEGIN, LATE, MINUTE, iso

SOME_APPS = st.lists(st.sampled_from((*APPS, *LATE)), max_size=2, unique=True)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "usedAll": SOME_APPS,
        "usedNone": SOME_APPS,
        "state": st.sampled_from(("PROVISIONAL", "IDENTIFIED")),
        "hasOpenConflict": st.booleans(),
        "seenSince": MINUTES.map(lambda minute: iso(BEGIN + minute * MINUTE)),
    },
)
PAGED = ("customers", "conflicts", "quarantine", "decisions", "jobs", "touchpoints")


class Looking(Machine):
    """What is only asked."""

    @precondition(lambda self: self.truth is not None)
    @rule(which=FILTERS)
    def filter(self, which: Json) -> None:
        """Customers who match some conditions."""
        assert self.truth
        self.wait(self.stage.check_filter(self.truth, which))
        self.tally["filters"] += bool(which)

    @rule(connection=st.sampled_from(PAGED), size=st.integers(1, 4))
    def turn_pages(self, connection: str, size: int) -> None:
        """Everything there is of a kind, in pages: both ways the same, nothing twice, and as many as are counted."""
        forward, backward, total = self.wait(pages(self.stage.api, connection, size))
        assert forward == backward
        assert total == len(forward) == len(set(forward))
        self.tally["pages"] += total > size
