"""Rules about what comes in: rows, with and without a request's id, and followers whom WeChat moved."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.api.asking import Json
from tests.resolver.facts import Bound, Moved, Name, Seen
from tests.resolver.histories import SOURCES
from tests.resolver.operations import Row
from tests.stateful.machine import NUMBERS, RESULTS, SOMETIMES, Machine, picked
from tests.stateful.model import Item
from tests.stateful.stage import APPS, EXTS, LATE, MINUTE, OPENS, PEOPLE, PLATFORMS, TEXTS, external, iso

COUNTS = ("applied", "unchanged", "quarantined", "rejected")
ITEM = st.fixed_dictionaries(
    {
        "app": st.sampled_from((*APPS, *APPS, *LATE)),
        "person": st.sampled_from(PEOPLE),
        "text": st.sampled_from((None, "own", "own", "own", *TEXTS)),
        "minute": SOMETIMES,
        "source": st.sampled_from(SOURCES),
        "exts": st.lists(st.sampled_from(EXTS), max_size=2, unique=True),
        "fault": st.sampled_from((None,) * 12 + ("malformed", "ahead", "snapshot")),
    }
)
ITEMS = st.lists(ITEM, min_size=1, max_size=5)
ROWS = st.lists(ITEM, min_size=5, max_size=15)


class Arrivals(Machine):
    """What comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, tuple[list[Json], Json]] = {}
        self.told: list[Json] = []
        """Rows that came in, as they were drawn."""

    @initialize(
        bound=st.lists(st.sampled_from((*PLATFORMS, None)), min_size=len(APPS), max_size=len(APPS)),
        generic_after=st.integers(1, 4),
        largest=st.sampled_from((5, 8, 200, 200)),
        drawn=ROWS,
    )
    def begin(self, bound: list[str | None], generic_after: int, largest: int, drawn: list[Json]) -> None:
        """A brand with some bindings that hold since ever, and some people who are known."""
        known = [Bound(app, platform, None) for app, platform in zip(APPS, bound, strict=True) if platform]
        self.found_brand(known, generic_after, largest)
        self.record(drawn)

    def read(self, drawn: list[Json]) -> tuple[list[Json], list[Item]]:
        """Rows as they are sent, and as the model takes them."""
        self.clock.now += MINUTE
        sent, items = [], []
        for one in drawn:
            app, person = one["app"], one["person"]
            text = f"U{person}" if one["text"] == "own" else one["text"]
            row = Row(Seen(("open", app, f"{app}-{person}"), one["source"], self.at(one["minute"]), text), tuple(one["exts"]))
            given = {
                "appId": app,
                "openId": f"{app}-{person}!" if one["fault"] == "malformed" else f"{app}-{person}",
                "unionId": text,
                "observedAt": None if one["minute"] is None else iso(row.seen.at),
                "source": one["source"],
                "externalIds": list(map(external, one["exts"])),
                "isSnapshotUser": one["fault"] == "snapshot",
            }
            if one["fault"] == "ahead":
                given["observedAt"] = iso(self.clock.now + 60 * MINUTE)
            sent.append(given)
            items.append(Item(row, {"snapshot": "SNAPSHOT_USER", None: None}.get(one["fault"], "INVALID_INPUT")))
        return sent, items

    @rule(drawn=ITEMS)
    def record(self, drawn: list[Json]) -> None:
        """Rows come in."""
        self.told += drawn
        sent, items = self.read(drawn)
        payload = self.wait(self.stage.api.done("recordResolutions", f"{' '.join(COUNTS)} {RESULTS}", items=sent))
        self.check_results(payload, self.model.record(items))
        outcomes = Counter(one["outcome"].lower() for one in payload["results"])
        assert [outcomes[name] for name in COUNTS] == [payload[name] for name in COUNTS]

    @rule(drawn=ITEMS)
    def record_more(self, drawn: list[Json]) -> None:
        """Rows come in more often than anything else."""
        self.record(drawn)

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4), minute=SOMETIMES)
    def repeat(self, numbers: list[int], minute: int | None) -> None:
        """The same people come back, and say the same at another time."""
        self.record([self.told[number % len(self.told)] | {"minute": minute} for number in numbers])

    @rule(drawn=ITEMS)
    def request(self, drawn: list[Json]) -> None:
        """Rows come in under an id, and once more because the answer was lost: the same is answered, and nothing changes."""
        sent, items = self.read(drawn)
        name = f"request-{len(self.requests)}"
        payload = self.wait(self.stage.api.done("recordResolutions", RESULTS, items=sent, requestId=name))
        self.check_results(payload, self.model.record(items))
        self.requests[name] = sent, payload
        assert payload == self.do("recordResolutions", RESULTS, items=sent, requestId=name)
        self.tally["request again"] += 1

    @rule(number=NUMBERS, is_other=st.booleans())
    def send_again(self, number: int, is_other: bool) -> None:  # noqa: FBT001  # rules are called by name
        """A request comes again, or other rows under its id, which is refused."""
        name = picked(number, list(self.requests))
        if name is None:
            return
        sent, answer = self.requests[name]
        if is_other:
            payload = self.do("recordResolutions", RESULTS, items=[*sent, sent[0]], requestId=name)
            assert self.outcome(payload, "other request") == "INVALID_INPUT"
        else:
            assert answer == self.do("recordResolutions", RESULTS, items=sent, requestId=name)
            self.tally["request again"] += 1

    @rule(old=st.sampled_from(OPENS), new=st.sampled_from(OPENS))
    def migrate(self, old: Name, new: Name) -> None:
        """WeChat moved a follower."""
        items = [{"fromOpenId": old[2], "toOpenId": new[2]}]
        payload = self.do("recordMigrations", RESULTS, fromAppId=old[1], toAppId=new[1], items=items)
        code = self.outcome(payload, "migrate")
        if not {old[1], new[1]} <= self.model.apps:
            assert code == "NOT_FOUND"
        elif old[1] == new[1]:
            assert code == "INVALID_INPUT"
        elif self.model.graves.bar([old, new], self.clock.now):
            self.check_results(payload, ["ERASED"])
        else:
            self.check_results(payload, [self.model.tell(Moved(old, new, self.clock.now))])
