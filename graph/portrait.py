"""From stored rows to people: puts one aggregate together into a Customer, or a conflict row into a Conflict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from graph.accounts import View
from graph.decisions import Decision, DecisionKind
from graph.evidence import STRENGTH, ResolutionSource, Rollup, Said
from graph.keys import Keys
from graph.node import Key
from graph.people import Conflict, Customer, EvidenceStep, ExternalID, Holder, Identity, OpenID, TouchpointUse, UnionID, WeChatAccount
from graph.state import ConflictRow, Label, Member, Step, StoredRollup, named_by

if TYPE_CHECKING:
    from graph.stores import Aggregate, ConflictFound


def customer_from(aggregate: Aggregate, view: View) -> Customer:
    """A customer with everything in it. Identifiers of other customers that it mentions have no customer until somebody fills it in."""
    others = {key: identity_from(member, view) for key, member in aggregate.mentioned.items()}
    own = {member.key: identity_from(member, view) for member in aggregate.members}
    known = {**others, **own}
    _link(known, aggregate.rollups)
    made = Customer(
        key=aggregate.row.key,
        state=aggregate.row.state,
        first=aggregate.row.first,
        last=aggregate.row.last,
        touchpoints=_uses(own, aggregate.rollups, view),
        accounts=_accounts(aggregate.members, own),
        external_ids=sorted((i for i in own.values() if isinstance(i, ExternalID)), key=lambda i: i.key),
        has_shed_evidence=aggregate.row.has_shed,
        conflicts=[_conflict(row, known) for row in sorted(aggregate.conflicts, key=lambda row: row.key)],
        members=aggregate.members,
        rollups=aggregate.rollups,
    )
    for identity in own.values():
        identity.around.customer.append(made)
    return made


def conflict_from(found: ConflictFound, view: View) -> Conflict:
    """A conflict by itself."""
    return _conflict(found.row, {key: identity_from(member, view) for key, member in found.mentioned.items()})


def identity_from(member: Member, view: View) -> Identity:
    """An identifier by itself, with no edges to other people's things yet."""
    registry = view.registry
    if member.label is Label.OPEN_ID:
        touchpoint = view.touchpoint(Key(member.scope)) if member.scope in registry.touchpoints else None
        return OpenID(
            key=member.key,
            app_id=touchpoint.app_id if touchpoint else "",
            value=member.value or "",
            touchpoint=touchpoint,
            first=member.first,
            last=member.last,
            times=member.times,
            around=Holder(),
        )
    if member.label is Label.UNION_ID:
        platform = view.open_platform(Key(member.scope)) if member.scope in registry.open_platforms else None
        return UnionID(
            key=member.key,
            open_app_id=platform.open_app_id if platform else "",
            value=member.value or "",
            open_platform=platform,
            first=member.first,
            last=member.last,
            around=Holder(),
        )
    return ExternalID(
        key=member.key, namespace=member.scope, value=member.value, first=member.first, is_generic=bool(member.crowded), around=Holder()
    )


def held_by(aggregate: Aggregate, name: Key, customer: Customer) -> Identity:
    """The identifier of a customer that a decision names: by its key, or a UnionID by its text's, of several the first seen."""
    meant = [member for member in aggregate.members if name in {member.key, member.text_key}]
    return customer.identities[min(meant, key=lambda member: (member.first, member.key)).key]


def told_by(decision: Decision, name: Key, holder: Mapping[Key, Aggregate], view: View, keys: Keys) -> Identity | None:
    """An identifier that no evidence names any more because of this very RETRACT, as the evidence that does not count tells it."""
    if decision.kind is not DecisionKind.RETRACT:
        return None
    told = [
        _told(stored.rollup, member, view, keys)
        for other in sorted(decision.pair & holder.keys())
        for member in holder[other].members
        for stored in holder[other].rollups
        if stored.rollup.a == member.key and stored.rollup.b == name
    ]
    return min((one for one in told if one), key=lambda one: (one.first, one.key), default=None)


def _told(rollup: Rollup, who: Member, view: View, keys: Keys) -> Identity | None:
    """What a roll-up says that somebody came with. A UnionID was scoped by the binding of that time; None where there was none."""
    if rollup.said is Said.CLAIMS:
        (claimed,) = (one for one in named_by(rollup) if one.key == rollup.b)
        return ExternalID(key=claimed.key, namespace=claimed.scope, value=claimed.value, first=rollup.first, is_generic=False)
    platform_key = view.registry.history(Key(who.scope)).at(rollup.first).platform_key
    if rollup.said is not Said.RESOLVED_AS or platform_key is None:
        return None
    platform = view.open_platform(platform_key)
    return UnionID(
        key=keys.union_id(platform.open_app_id, rollup.text),
        open_app_id=platform.open_app_id,
        value=rollup.text,
        open_platform=platform,
        first=rollup.first,
        last=rollup.last,
    )


def _link(known: Mapping[Key, Identity], rollups: Iterable[StoredRollup]) -> None:
    for stored in rollups:
        one = known.get(stored.rollup.a)
        for key, _ in stored.ends:
            other = known.get(key)
            if one is None or other is None:
                continue
            if stored.rollup.said is Said.MIGRATED_TO:
                one.around.migrated_to.append(cast("OpenID", other))
            elif stored.rollup.said is Said.RESOLVED_AS:
                one.around.linked.append(other)
                other.around.linked.append(one)


def _uses(own: Mapping[Key, Identity], rollups: Iterable[StoredRollup], view: View) -> list[TouchpointUse]:
    said: dict[Key, list[StoredRollup]] = defaultdict(list)
    for stored in rollups:
        if stored.rollup.said in {Said.SEEN, Said.RESOLVED_AS}:
            said[stored.rollup.a].append(stored)
    uses = [
        TouchpointUse(open_id=i, union_id=_union_in_force(i, own, view), sources=_by_strength(s.rollup.source for s in said[i.key]))
        for i in own.values()
        if isinstance(i, OpenID) and i.touchpoint
    ]
    return sorted(uses, key=lambda use: (-use.open_id.last, use.open_id.key))


def _union_in_force(open_id: OpenID, own: Mapping[Key, Identity], view: View) -> UnionID | None:
    """Of the UnionIDs that came with it, the one of the platform bound when it was last seen; its own customer's where two compete."""
    assert open_id.touchpoint is not None  # noqa: S101  # the caller looked
    platform = view.registry.history(open_id.touchpoint.key).at(open_id.last).platform_key
    fitting = [u for u in open_id.union_ids if u.open_platform and u.open_platform.key == platform]
    return min(fitting, key=lambda u: (u.key not in own, -u.last, u.key), default=None)


def _accounts(members: Sequence[Member], own: Mapping[Key, Identity]) -> list[WeChatAccount]:
    by_account: dict[Key, list[Identity]] = defaultdict(list)
    for member in sorted(members, key=lambda member: member.key):
        if member.account:
            by_account[member.account].append(own[member.key])
    return [
        WeChatAccount(
            key=key,
            open_ids=[i for i in identities if isinstance(i, OpenID)],
            union_ids=[i for i in identities if isinstance(i, UnionID)],
        )
        for key, identities in sorted(by_account.items())
    ]


def _conflict(row: ConflictRow, known: Mapping[Key, Identity]) -> Conflict:
    kept = [step for step in (step_from(step, known) for step in row.kept) if step]
    return Conflict(
        key=row.key,
        kind=row.kind,
        refused=step_from(row.refused, known) if row.refused else None,
        refused_count=row.refused_count or 0,
        kept=kept,
        namespace=row.namespace or None,
        about=row.about,
        opened=row.opened,
        resolved=row.resolved,
        people=[],
    )


def step_from(step: Step, known: Mapping[Key, Identity]) -> EvidenceStep | None:
    """A step between known identifiers. None where an end is no more: a resolved conflict outlives what it was about."""
    source, target = known.get(step.a), known.get(step.b)
    if source is None or target is None:
        return None
    return EvidenceStep(
        key=step.evidence,
        kind=step.kind,
        source=source,
        target=target,
        sources=_by_strength(step.sources),
        first=step.first,
        last=step.last,
    )


def _by_strength(sources: Iterable[ResolutionSource]) -> list[ResolutionSource]:
    order = list(ResolutionSource)
    return sorted(set(sources), key=lambda source: (-STRENGTH[source], order.index(source)))
