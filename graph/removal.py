"""What a turn writes that takes somebody away, from what goes: everything said of them, what names them, and their values in others' words.

Who goes is in erasure.py; pure, like that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from graph.accounts import Registry
from graph.decisions import Decision
from graph.derive import News, derive
from graph.erasure import Erasing
from graph.keys import Keys
from graph.node import Key, Millis, Node
from graph.quarantine import Quarantined, QuarantineReason
from graph.receipts import ErasureReceipt, reason_in, reworded
from graph.rows import Row, from_json, naming_of
from graph.state import Label
from graph.turn import Incomplete, Writes
from graph.wording import TELLING, Wording, searchable, words_of


@dataclass(frozen=True)
class Removal:
    """The removal of what goes with an erasure, here or elsewhere. Raises Incomplete where more must be searched for first."""

    erasing: Erasing
    keys: Keys
    now: Millis

    @property
    def _registry(self) -> Registry:
        return self.erasing.loaded.registry

    @cached_property
    def _rows(self) -> list[tuple[Quarantined, Row]]:
        """Whole rows that wait, as far as they are in sight."""
        nodes = self.erasing.loaded.nodes.values()
        return [(node, next(iter(from_json(node)))) for node in nodes if isinstance(node, Quarantined) and node.row]

    def _is_theirs(self, row: Row) -> bool:
        names = naming_of(row, self._registry.policy, self.keys, self.now).names
        return not names.isdisjoint(self.erasing.gone)

    @cached_property
    def wording(self) -> Wording:
        """What recognises their values; what is kept as text must have been searched for them.

        Their OpenIDs at touchpoints that nobody knows stand in quarantined rows alone.
        """
        externals = {one.key for one in self.erasing.identifiers if one.label is Label.EXTERNAL_ID}
        values = self.erasing.values | {row.open_id for _, row in self._rows if self._is_theirs(row)}
        mentions = searchable(values) | externals
        if not mentions <= self.erasing.loaded.searched:
            raise Incomplete(mentions=mentions)
        return Wording(values, self.erasing.erased, self._registry.policy, self.keys)

    def writes(self, cause: str, customers: Collection[Key]) -> Writes:
        """All of it but tombstones and receipt. These customers are said to be erased though others keep an external id of theirs."""
        erasing, wording = self.erasing, self.wording  # first of all: it tells whether enough was searched for
        news = News(cause=cause, rollups=erasing.left_over, erased=erasing.erased, erased_customers=customers)
        writes = derive(erasing.remaining, self.keys, news, self.now).writes
        writes.forgotten += erasing.forgotten
        writes.erased += sorted(erasing.gone)
        led_on = erasing.led_on(writes.retired, {one.key for one in writes.members})
        writes.members += led_on
        writes.retired += sorted({one.key for one in led_on}.difference(writes.retired))
        writes.drop += [*self._waiting(), *self._named(wording)]
        dropped = {node.key for node in writes.drop}
        writes.put += [node for node in self._reworded(wording) if node.key not in dropped]
        return writes

    def _waiting(self) -> Iterator[Node]:
        """Notes about their UnionIDs that waited."""
        for rollup in self.erasing.forgotten:
            key = self.keys.derive("Waiting", rollup.key)
            reason = QuarantineReason.NO_BINDING_COVERS_IT
            yield Quarantined(key=key, reason=reason, app_id=None, first=rollup.first, last=rollup.last, times=rollup.times)

    def _named(self, wording: Wording) -> Iterator[Node]:
        """Decisions and quarantined rows that name them."""
        loaded = self.erasing.loaded
        nodes = (*loaded.decisions.values(), *loaded.nodes.values())
        yield from (node for node in nodes if isinstance(node, Decision) and not self.erasing.gone.isdisjoint(node.pair))
        for node, row in self._rows:
            texts = (row.open_id, row.union_id, *(ref.value for ref in row.external_ids))
            if self._is_theirs(row) or any(map(wording.is_told, texts)):
                yield node

    def _reworded(self, wording: Wording) -> Iterator[Node]:
        """Everything in whose words one of their values stands, without it."""
        loaded, registry = self.erasing.loaded, self._registry
        for node in (*loaded.nodes.values(), *loaded.decisions.values(), *registry.bindings.values(), *registry.overrides.values()):
            if isinstance(node, ErasureReceipt):
                again: Node = reworded(node, wording.cleaned(reason_in(node)), self.keys)
            else:
                words = {name: wording.cleaned(text) for name, text in words_of(node).items()}
                again = replace(node, **words)  # type: ignore[arg-type]  # these fields are texts
            if again != node:
                yield again

    @property
    def patterns(self) -> frozenset[str]:
        """What only their rows hold: the keys of their roll-ups, and values, short ones with what stands beside them."""
        found: set[str] = {rollup.key for rollup in self.erasing.forgotten}
        for one in self.erasing.identifiers:
            if one.value and len(one.value) >= TELLING:
                found.add(one.value)
            elif one.value and one.label is Label.EXTERNAL_ID:
                found |= {f"{one.label.value}{one.scope}{one.value}", f'"{one.scope}", "{one.value}"'}
        return frozenset(found)
