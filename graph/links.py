"""From roll-ups to links: since when one counts, and the best evidence per pair. Pure; shared by what derives and what explains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from graph.evidence import STRENGTH, ResolutionSource, Rollup, Said
from graph.node import Key, Millis
from graph.resolve import Link
from graph.state import MASS, ConflictRow, EvidenceKind

KIND = {Said.RESOLVED_AS: EvidenceKind.RESOLVED_AS, Said.MIGRATED_TO: EvidenceKind.MIGRATED_TO, Said.CLAIMS: EvidenceKind.CLAIMS}
"""What links its two ends; what was only seen, or taken back, does not."""

Counted = tuple[Rollup, Key, Millis]
"""A roll-up, the identifier at its other end, and since when it counts there."""


def taken_back(rollups: Iterable[Rollup]) -> dict[tuple[Key, Key], Millis]:
    """The pairs whose claims were taken back, each with the time up to which they do not count."""
    at: dict[tuple[Key, Key], Millis] = {}
    for rollup in rollups:
        if rollup.said is Said.UNLINKED:
            at[rollup.a, rollup.b] = max(rollup.last, at.get((rollup.a, rollup.b), rollup.last))
    return at


def since(rollup: Rollup, unlinked: Mapping[tuple[Key, Key], Millis]) -> Millis | None:
    """Since when a claim or a migration counts; None where all of it was taken back."""
    back = unlinked.get((rollup.a, rollup.b))
    if back is None or rollup.first > back:
        return rollup.first
    return back if rollup.last > back else None


def best_links(counted: Iterable[Counted]) -> list[Link]:
    """One link per pair: its strongest source, then the earliest."""
    by_pair: dict[tuple[EvidenceKind, Key, Key], list[tuple[Millis, Rollup]]] = defaultdict(list)
    for rollup, end, observed in counted:
        by_pair[KIND[rollup.said], rollup.a, end].append((observed, rollup))
    return [_best(kind, a, b, found) for (kind, a, b), found in by_pair.items()]


def troubled_by(conflicts: Collection[ConflictRow], links: Collection[Link]) -> set[Key]:
    """Identifiers at which a conflict stands, and those linked to one where a mass case does."""
    troubled = {key for row in conflicts for key in row.about}
    mass = {key for row in conflicts if row.kind in MASS for key in row.about}
    if mass:
        troubled |= {link.a for link in links if link.b in mass} | {link.b for link in links if link.a in mass}
    return troubled


def _best(kind: EvidenceKind, a: Key, b: Key, found: list[tuple[Millis, Rollup]]) -> Link:
    observed, best = min(found, key=lambda pair: (-STRENGTH[pair[1].source], pair[0], pair[1].key))
    return Link(
        kind=kind,
        a=a,
        b=b,
        strength=STRENGTH[best.source],
        observed=observed,
        first=min(since for since, _ in found),
        last=max(rollup.last for _, rollup in found),
        sources=tuple(sorted({rollup.source for _, rollup in found}, key=_by_strength)),
        evidence=best.key,
    )


def _by_strength(source: ResolutionSource) -> tuple[int, str]:
    return (-STRENGTH[source], source.value)
