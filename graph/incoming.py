"""A copy of a node that an export brings in, and what is here already: which of the two counts, and whose words stay. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from graph.accounts import Binding
from graph.keys import Keys
from graph.limits import LimitOverride
from graph.node import Node
from graph.policy import IdentityPolicy
from graph.quarantine import Quarantined
from graph.turn import Loaded
from graph.wording import Wording, words_of

T = TypeVar("T", bound=Node)


def merged(node: Node, known: Node | None, wording: Wording) -> Node:
    """An assertion that was retracted on either side is retracted; of two overrides of one limit the later one counts."""
    if isinstance(known, Binding) and known.is_retracted:
        return known
    if isinstance(known, LimitOverride) and isinstance(node, LimitOverride) and known.made != node.made:
        return known if known.made > node.made else worded(node, None, wording)
    return worded(node, known, wording)


def recognising(loaded: Loaded, policy: IdentityPolicy, keys: Keys) -> Wording:
    """What recognises whom the turn sees to be erased: by key, for values are gone."""
    return Wording((), {key for key, stone in loaded.tombstones.items() if stone.returned is None}, policy, keys)


def worded(node: T, known: Node | None, wording: Wording) -> T:
    """With the words that are here, for they may have been reworded; words that are not here come in without what is known to be erased."""
    come = {name: wording.cleaned(text) for name, text in words_of(node).items()}
    here = words_of(known) if known else {}
    return replace(node, **{**come, **here})  # type: ignore[arg-type]  # these fields are texts


def longer(row: Quarantined, known: Node | None) -> Quarantined:
    """A row that waits on both sides waits once."""
    if not isinstance(known, Quarantined):
        return row
    return replace(row, first=min(row.first, known.first), last=max(row.last, known.last), times=max(row.times, known.times))
