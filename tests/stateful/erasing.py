"""The rule about erasure: what it takes away, what it leaves to others, and that it is answered the same when it is asked again."""

from __future__ import annotations

from hypothesis.stateful import rule

from tests.api.asking import Json
from tests.resolver.facts import Name
from tests.resolver.operations import as_decided
from tests.stateful.desk import WHOM, Desk

FIELDS = "receipt { id } wouldErase"


class Erasing(Desk):
    """Erasure, beside what else is done about people who are known."""

    @rule(whom=WHOM)
    def erase(self, whom: tuple[str, int]) -> None:
        """Somebody is erased: a dry run says who goes, and they go with all that was said of them. Only logins bring them back."""
        given, named, name = self.meant(whom)
        would = self.do("eraseCustomer", FIELDS, by=given, reason="As asked.", dryRun=True)
        before = self.stage.now
        payload = self.do("eraseCustomer", FIELDS, by=given, reason="As asked.")
        assert (would["errors"], would["wouldErase"]) == (payload["errors"], payload["wouldErase"])
        code = self.outcome(payload, "erase")
        if name is None:
            self._check_nobody(named, payload, code)
            return
        members = {self.stage.name[one] for one in before.customers[before.holder[self.stage.id[name]]].members}
        going = {self.stage.name[one] for one in payload["wouldErase"]}
        if code:
            assert code == "INVALID_INPUT"
            is_led_on = self.stage.id[named] not in before.holder  # nothing names it any more: who it leads to need not be who is meant
            assert is_led_on or not self.model.erased_of(members, ())
            return
        assert self.stage.id[named] in before.holder
        assert payload["receipt"]
        assert {one for one in members if one[0] != "ext"} <= going
        if before.is_settled:
            assert members & going == self.model.erased_of(members, going - members)
        self.model.erase(going, self.clock.now)

    def _check_nobody(self, named: Name, payload: Json, code: str) -> None:
        """Whoever was erased before is answered with that receipt; nobody else is known by what nobody has."""
        if as_decided(named) not in self.model.graves.all:
            assert code == "NOT_FOUND"
            return
        assert (code, payload["wouldErase"]) == ("", [])
        assert payload["receipt"]["id"] in self.wait(self.stage.receipts(self.stage.id[named]))
