"""Rules about the brand: touchpoints, their bindings, the jobs that follow from them, what waits, and the identity policy."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.api.asking import Json
from tests.resolver.facts import Bound
from tests.resolver.reference import LONG_AGO
from tests.stateful.machine import NUMBERS, SOMETIMES, Machine, picked
from tests.stateful.stage import APPS, LATE, PLATFORMS, iso

ANY_PLATFORM = st.sampled_from(PLATFORMS)
BINDING = "binding { id } job { id }"


class Brand(Machine):
    """The brand's own side."""

    def __init__(self) -> None:
        super().__init__()
        self.withdrawn: dict[str, Bound] = {}

    @rule(app=st.sampled_from(LATE))
    def register(self, app: str) -> None:
        """A touchpoint becomes known, or is registered again; what waits for it comes with its job."""
        self.do("registerTouchpoint", "", appId=app, name=app, kind="MINI_PROGRAM", entityId="brand")
        self.model.apps.add(app)

    @rule()
    def work(self) -> None:
        """Every job is done."""
        self.tally["released"] += self.wait(self.stage.work())

    @rule()
    def replay(self) -> None:
        """What waits is tried again."""
        before = self.stage.now.quarantined
        replayed = self.do("replayQuarantine", "replayed")["replayed"]
        self.model.release()
        self.wait(self.stage.look())
        assert len(before - self.stage.now.quarantined) == replayed

    # ── bindings ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(app=st.sampled_from((*APPS, *LATE)), platform=ANY_PLATFORM, minute=SOMETIMES)
    def bind(self, app: str, platform: str, minute: int | None) -> None:
        """A touchpoint is bound."""
        given = {"openAppId": platform, "hasHappened": True}
        self._assert("bindTouchpoint", app, platform, minute, given)

    @rule(app=st.sampled_from(APPS), minute=SOMETIMES)
    def unbind(self, app: str, minute: int | None) -> None:
        """A touchpoint is bound to nothing."""
        self._assert("unbindTouchpoint", app, None, minute, {})

    @rule(app=st.sampled_from(APPS), platform=ANY_PLATFORM, minute=SOMETIMES)
    def move(self, app: str, platform: str, minute: int | None) -> None:
        """A touchpoint is bound to another account."""
        self._assert("moveTouchpoint", app, platform, minute, {"toOpenAppId": platform, "hasHappened": True})

    def _assert(self, mutation: str, app: str, platform: str | None, minute: int | None, given: Json) -> None:
        fields = "binding { id }" if platform is None else BINDING
        at = None if minute is None else iso(self.at(minute))
        payload = self.do(mutation, fields, appId=app, at=at, **given)
        standing = self.model.asserted(app)
        starts = self.at(minute) if minute is not None or standing else None
        code = self.outcome(payload, mutation)
        assert self._binding_refusal(mutation, app, platform, starts) == code
        if not code:
            self.model.bindings[payload["binding"]["id"]] = Bound(app, platform, starts)

    def _binding_refusal(self, mutation: str, app: str, platform: str | None, starts: int | None) -> str:
        """The code with which the model refuses it, or none."""
        if app not in self.model.apps:
            return "NOT_FOUND"
        holder = self.model.holder(app, LONG_AGO if starts is None else starts)
        if mutation == "bindTouchpoint" and holder is not None:
            return "ALREADY_BOUND"
        if mutation != "bindTouchpoint" and holder is None:
            return "NOT_BOUND"
        if mutation == "moveTouchpoint" and holder == platform:
            return "ALREADY_BOUND"
        return "OVERLAPPING_BINDING" if starts in self.model.asserted(app) else ""

    @rule(number=NUMBERS, platform=st.sampled_from((*PLATFORMS, None)), minute=SOMETIMES, what=st.sampled_from(("openAppId", "at", "both")))
    def correct(self, number: int, platform: str | None, minute: int | None, what: str) -> None:
        """An assertion is put right: what it was bound to, from when on, or both."""
        which = picked(number, [*self.model.bindings, *self.withdrawn])
        if which is None:
            return
        at = None if minute is None else self.at(minute)
        given = {"openAppId": platform, "at": None if at is None else iso(at)}
        if what != "both":
            given = {what: given[what]}
        payload = self.do("correctBinding", BINDING, bindingId=which, reason="It was not so.", **given)
        code = self.outcome(payload, "correctBinding")
        if which in self.withdrawn:
            assert code == "INVALID_INPUT"
            return
        known = self.model.bindings[which]
        right = replace(known, platform=platform if "openAppId" in given else known.platform, starts=at if "at" in given else known.starts)
        others = {one.starts for key, one in self.model.bindings.items() if key != which and one.app == known.app}
        assert ("OVERLAPPING_BINDING" if right != known and right.starts in others else "") == code
        if not code:
            assert (payload["job"] is None) is (right == known)
            self.model.bindings[which] = right

    @rule(number=NUMBERS)
    def retract(self, number: int) -> None:
        """An assertion is taken back, or once more."""
        which = picked(number, [*self.model.bindings, *self.withdrawn])
        if which is None:
            return
        payload = self.do("retractBinding", BINDING, bindingId=which, reason="It was never so.")
        assert self.outcome(payload, "retractBinding") == ""
        assert (payload["job"] is None) is (which in self.withdrawn)
        if which in self.model.bindings:
            self.withdrawn[which] = self.model.bindings.pop(which)
