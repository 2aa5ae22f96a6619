"""Why the identifiers of one customer are together: the links that the rule took, as explanations show them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from graph.accounts import Registry
from graph.decisions import Decision, standing
from graph.evidence import Rollup, Said, ends
from graph.links import Counted, best_links, since, taken_back
from graph.node import Key, Millis
from graph.resolve import Facts, steps_taken
from graph.state import Member, Step, StoredRollup


def steps_within(
    members: Sequence[Member],
    rollups: Iterable[StoredRollup],
    decisions: Iterable[Decision],
    registry: Registry,
    shed: Collection[Key] = (),
) -> list[Step]:
    """The live evidence and SAMEs that hold one customer together; `shed` are external ids of which a conflict says that their claims are.

    The rule is asked again about this customer alone: what it refused elsewhere joined nothing here, so it takes the same links in the
    same order. A link that it refuses is no step, even where a SAME joins its ends; nor is one of a generic or shed identifier, nor what
    WeChat said where the account would have been too large: its ends have accounts of their own.
    """
    here = {member.key: member for member in members}
    stored = list(rollups)
    unlinked = taken_back(one.rollup for one in stored)
    counted = [
        found
        for one in stored
        for end, is_live in one.ends
        if is_live and end in here and one.rollup.a in here and _joins(one.rollup, here[one.rollup.a], here[end], shed)
        for found in _counted(one.rollup, end, here, registry, unlinked)
    ]
    facts = Facts(
        identifiers=here,
        observed={member.key: member.first for member in members},
        links=best_links(counted),
        decisions=standing(decisions),
        policy=registry.policy,
    )
    return steps_taken(facts)


def _joins(rollup: Rollup, a: Member, b: Member, shed: Collection[Key]) -> bool:
    return b.key not in shed if rollup.said is Said.CLAIMS else a.account == b.account


def _counted(
    rollup: Rollup, end: Key, here: Mapping[Key, Member], registry: Registry, unlinked: Mapping[tuple[Key, Key], Millis]
) -> Iterator[Counted]:
    """The roll-up at one of its ends, since when it counts there."""
    if rollup.said is Said.RESOLVED_AS:
        history = registry.history(Key(here[rollup.a].scope))
        observed = [one.observed for one in ends(rollup, history) if one.platform_key == here[end].scope]
        yield rollup, end, min(observed, default=rollup.first)
        return
    at = since(rollup, unlinked)
    if at is not None:
        yield rollup, end, at
