"""What could be wrong with erasing people and keeping them away: entered into the same list as the faults of the rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from graph import link, record, tombstones
from graph.decisions import Decision
from graph.erasure import Erasing
from graph.node import Key, Node
from graph.quarantine import Quarantined
from graph.removal import Removal
from graph.rows import Row
from graph.tombstones import Tombstone
from graph.turn import Writes
from tests.faults.faults import fault

ERASED = "the_erased_stay_erased"


@fault(ERASED)
def tombstones_ignored(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether somebody was erased."""
    patch.setattr(tombstones, "is_barred", lambda *_: False)
    patch.setattr(link, "is_barred", lambda *_: False)


@fault(ERASED)
def links_let_in(patch: pytest.MonkeyPatch) -> None:
    """Rows are turned away, links and migrations are not."""
    patch.setattr(link, "is_barred", lambda *_: False)


@fault(ERASED)
def imports_readmit(patch: pytest.MonkeyPatch) -> None:
    """Whatever comes after an erasure begins a new life, a list as well as a login."""
    patch.setattr(Row, "is_login", property(lambda _: True))


@fault(ERASED)
def a_return_reaches_back(patch: pytest.MonkeyPatch) -> None:
    """Of who came back, what was observed before counts again."""
    patch.setattr(Tombstone, "bars", lambda self, _: self.returned is None)


@fault(ERASED)
def old_logins_readmit(patch: pytest.MonkeyPatch) -> None:
    """A login from before the erasure, sent again, begins a new life."""
    right = tombstones.admit

    def admit(rows: Iterable[tombstones.Naming | None], known: dict[Key, Tombstone]) -> tombstones.Admission:
        early = {key: Tombstone(key=key, erased=-1, receipt=one.receipt, returned=one.returned) for key, one in known.items()}
        return right(list(rows), early)

    patch.setattr(record, "admit", admit)


@fault(ERASED)
def union_ids_erased_in_one_scope(patch: pytest.MonkeyPatch) -> None:
    """A UnionID is erased where it was known, and not by its text."""
    patch.setattr(Erasing, "gone", property(lambda self: self.erased))


@fault(ERASED)
def what_others_said_stays(patch: pytest.MonkeyPatch) -> None:
    """What the erased said goes, what was said about them stays."""
    patch.setattr(Erasing, "forgotten", property(lambda self: [one for one in self.rollups if one.a in self.erased]))


@fault(ERASED)
def a_shared_external_id_is_erased(patch: pytest.MonkeyPatch) -> None:
    """An external id goes though somebody else claims it."""
    patch.setattr(Erasing, "_is_kept", lambda *_: False)


@fault(ERASED)
def others_lose_their_openid(patch: pytest.MonkeyPatch) -> None:
    """An OpenID of somebody else that was only seen with an erased UnionID is forgotten."""
    patch.setattr(Erasing, "_left_over", lambda *_: iter(()))


@fault(ERASED)
def decisions_kept(patch: pytest.MonkeyPatch) -> None:
    """Decisions about the erased stay."""
    _keep(patch, Decision)


@fault(ERASED)
def waiting_rows_kept(patch: pytest.MonkeyPatch) -> None:
    """Rows of the erased that wait in quarantine stay."""
    _keep(patch, Quarantined)


def _keep(patch: pytest.MonkeyPatch, kind: type[Node]) -> None:
    right = Removal._named
    patch.setattr(Removal, "_named", lambda *given: (node for node in right(*given) if not isinstance(node, kind)))


@fault(ERASED)
def words_kept(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks into what people wrote down."""
    patch.setattr(Removal, "_reworded", lambda *_: [])


@fault(ERASED)
def rows_turned_away_uncounted(patch: pytest.MonkeyPatch) -> None:
    """Rows that are turned away are not counted."""
    right = Writes.add
    patch.setattr(Writes, "add", lambda self, other: right(self, replace(other, blocked=0)))
