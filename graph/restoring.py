"""Use cases that bring in what an export holds, in ordinary turns, so that all that is derived follows from it.

Everything may be brought in any number of times and in any order: copies are merged, never added up. Each turn notes in its job how
far it came, so that whoever is killed goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from graph.accounts import REGISTERED, Registry, Touchpoint
from graph.decisions import Decision, contradiction
from graph.derive import News, derive
from graph.errors import Refused, SimpleError, UserErrorCode
from graph.evidence import Rollup, Said, ends, merge
from graph.incoming import longer, merged, recognising, worded
from graph.jobs import Job, JobKind, JobState
from graph.keys import Keys
from graph.node import FOR_EVER, Key, Millis, Node
from graph.policy import IdentityPolicy
from graph.quarantine import Quarantined
from graph.rows import Sighted, from_json, naming_of, read_row
from graph.state import Identifier, Label, named_by
from graph.tenant import Tenant
from graph.tombstones import Naming, is_barred
from graph.turn import Loaded, Scope, Writes
from graph.witness import followed
from graph.wording import quoted


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """One identifier and all that it said, as an export holds it."""

    by: Key
    rollups: tuple[Rollup, ...]
    open_ids: tuple[Identifier, ...] = ()
    """The OpenIDs among those that its roll-ups name; others are named by the roll-ups themselves."""


@dataclass(frozen=True, kw_only=True)
class Former:
    """An identifier that nothing names any more."""

    key: Key
    witness: Key
    """The OpenID by which the customer id that it once gave is followed."""


@dataclass
class Parts:
    """What is brought in in one turn."""

    said: list[Testimony] = field(default_factory=list)
    former: list[Former] = field(default_factory=list)
    waiting: list[Quarantined] = field(default_factory=list)

    def add(self, part: Testimony | Former | Quarantined | None) -> None:
        """One more of whichever kind."""
        if isinstance(part, Testimony):
            self.said.append(part)
        elif isinstance(part, Former):
            self.former.append(part)
        elif part is not None:
            self.waiting.append(part)


class Cancelled(Exception):
    """Somebody ended the restoration; what it did stays."""


def restore_job(tenant: Tenant, export: str, total: int) -> Job:
    """The job of restoring an export, by whatever tells it from others. No worker takes it up: it alone has the file."""
    now = tenant.now()
    return Job(
        key=tenant.keys.derive("Restore", export),
        kind=JobKind.RESTORE,
        state=JobState.RUNNING,
        total=total,
        started=now,
        progressed=now,
        lease_until=FOR_EVER,
    )


async def begin(tenant: Tenant, fresh: Job) -> Job:
    """Start a restoration, or take one up that was cut short: its checkpoint says where. One that had ended begins anew."""

    def decide(loaded: Loaded) -> tuple[Writes, Job]:
        known = loaded.nodes.get(fresh.key)
        job = known if isinstance(known, Job) and known.state is JobState.RUNNING else fresh
        return Writes(put=[] if job == known else [job]), job

    return await tenant.write(lambda _: Scope(keys=frozenset([fresh.key])), decide)


def noted(writes: Writes, loaded: Loaded, job: Job) -> Writes:
    """What a turn writes, and how far the job is then. Raises Cancelled."""
    known = loaded.nodes.get(job.key)
    if isinstance(known, Job) and known.state is JobState.CANCELLED:
        raise Cancelled
    writes.put.append(job)
    return writes


async def end(tenant: Tenant, job: Job) -> Job:
    """Note that all of it is in."""
    done = replace(job, state=JobState.DONE, finished=tenant.now(), lease_until=0)
    await tenant.write(lambda _: Scope(keys=frozenset([job.key])), lambda loaded: (noted(Writes(), loaded, done), None))
    return done


async def restore_registry(tenant: Tenant, nodes: Sequence[Node], policy: IdentityPolicy, job: Job, *, is_new: bool) -> None:
    """The brand's side. What the export says of a node counts; a touchpoint whose history is another one now is scoped anew, by a job.

    Raises Refused where customers were resolved under another policy.
    """

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        before = loaded.registry
        is_same = replace(policy, job=before.policy.job) == before.policy  # whichever job applied it
        if not (is_new or is_same):
            raise Refused(SimpleError(message=OTHER_POLICY, code=UserErrorCode.INVALID_INPUT))
        rules = before.policy if is_same else policy
        known: dict[Key, Node] = {key: node for shelf in REGISTERED for key, node in getattr(before, shelf).items()}
        wording = recognising(loaded, rules, tenant.keys)
        after_all = {node.key: merged(node, known.get(node.key), wording) for node in nodes}
        after = Registry.of(before.version + 1, {**known, **after_all}.values(), rules)
        writes = Writes(policy=None if is_same else rules)
        for node in after_all.values():
            if isinstance(node, Touchpoint):
                _touchpoint(node, before, after, writes, tenant.keys.derive("Restore", job.key, node.key), tenant.now())
            elif node != known.get(node.key):
                writes.put.append(node)
        return noted(writes, loaded, job), None

    await tenant.write(lambda _: Scope(keys=quoted(nodes, policy, tenant.keys) | {job.key}), decide)


OTHER_POLICY = (
    "The tenant has another identity policy than the export: set the same one first (setIdentityPolicy), or restore into a new store."
)


def _touchpoint(node: Touchpoint, before: Registry, after: Registry, writes: Writes, job_key: Key, now: Millis) -> None:  # noqa: PLR0917
    """As it is here: the version under which its history changed is this store's own."""
    known = before.touchpoints.get(node.key)
    is_rescoped = known is None or before.history(node.key) != after.history(node.key)
    here = replace(node, scope_version=after.version if is_rescoped or known is None else known.scope_version)
    if here != known:
        writes.put.append(here)
    if is_rescoped:
        writes.put.append(Job(key=job_key, kind=JobKind.RESCOPE, touchpoint_key=node.key, started=now, progressed=now))


async def restore_nodes(tenant: Tenant, nodes: Sequence[Node], job: Job) -> None:
    """Nodes that stand by themselves; one that is here already stays as it is."""

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        wording = recognising(loaded, loaded.registry.policy, tenant.keys)
        return noted(Writes(put=[worded(node, None, wording) for node in nodes if node.key not in loaded.nodes]), loaded, job), None

    def scope(registry: Registry) -> Scope:
        return Scope(keys=quoted(nodes, registry.policy, tenant.keys).union([job.key], (node.key for node in nodes)))

    await tenant.write(scope, decide)


async def restore_decisions(tenant: Tenant, decisions: Sequence[Decision], job: Job) -> dict[Key, str]:
    """Decisions, revoked ones too: one that is revoked on either side is. Gives those that contradict one that stands here, and why.

    One that names somebody who was erased is counted and not kept, like all that was said of them before.
    """
    named = frozenset(key for decision in decisions for key in (decision.a, decision.b))
    own = frozenset([job.key, *(decision.key for decision in decisions)])

    def scope(registry: Registry) -> Scope:
        return Scope(people=named, expand=named, names=named, keys=own | quoted(decisions, registry.policy, tenant.keys))

    def decide(loaded: Loaded) -> tuple[Writes, dict[Key, str]]:
        standing: dict[Key, Decision] = dict(loaded.decisions)
        news, refused = News(cause="import"), dict[Key, str]()
        allowed = [one for one in decisions if not is_barred(one.pair, one.decided, loaded.tombstones)]
        wording = recognising(loaded, loaded.registry.policy, tenant.keys)
        for one in allowed:
            known = loaded.nodes.get(one.key)
            decision = worded(one, known, wording)
            if known == decision or (isinstance(known, Decision) and known.revoked is not None):
                continue
            other = next(iter(contradiction(decision, standing.values())), None)
            if other:
                refused[decision.key] = f"It contradicts decision {other.id}: revoke that one first."
                continue
            standing[decision.key] = decision
            news.decisions.append(decision)
        writes = derive(loaded, tenant.keys, news, tenant.now()).writes
        writes.blocked = len(decisions) - len(allowed)
        return noted(writes, loaded, job), refused

    return await tenant.write(scope, decide)


async def restore_evidence(tenant: Tenant, parts: Parts, job: Job) -> None:
    """Evidence; whole rows that waited, which wait again, or count at once where their touchpoint is known; who was, and is no more."""

    def scope_of(registry: Registry) -> Scope:
        scope = _scope(_News.of(parts, registry, tenant), registry, tenant.keys, job)
        return replace(scope, people=scope.people | {key for one in parts.former for key in (one.key, one.witness)})

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        read = _News.of(parts, loaded.registry, tenant)
        said = [one for one in read.rollups if not is_barred((one.a, one.b), one.first, loaded.tombstones)]
        news = News(cause="import", identifiers=dict(read.identifiers), restored=said)
        derived = derive(loaded, tenant.keys, news, tenant.now())
        writes = derived.writes
        writes.blocked = len(read.rollups) - len(said)
        left = [row for row in read.waiting if not any(is_barred(one.names, one.at, loaded.tombstones) for one in read.named[row.key])]
        writes.blocked += len(read.waiting) - len(left)
        writes.put += [node for row in left if (node := longer(row, loaded.nodes.get(row.key))) != loaded.nodes.get(row.key)]
        known = derived.customer.keys() | loaded.followed.keys() | loaded.tombstones.keys()
        gone = [one for one in parts.former if one.key not in known and one.witness not in loaded.tombstones]
        writes.members += [followed(one.key, one.witness) for one in gone]
        writes.retired += [one.key for one in gone]
        return noted(writes, loaded, job), None

    await tenant.write(scope_of, decide)


@dataclass(frozen=True)
class _News:
    """A part of an export under the registry in force."""

    identifiers: Mapping[Key, Identifier]
    rollups: Sequence[Rollup]
    waiting: Sequence[Quarantined]
    named: Mapping[Key, list[Naming]]
    """Of each row that waits whom it names: nobody who was erased may come back by it."""

    @classmethod
    def of(cls, parts: Parts, registry: Registry, tenant: Tenant) -> _News:
        identifiers = {one.key: one for testimony in parts.said for one in testimony.open_ids}
        rollups = [rollup for testimony in parts.said for rollup in testimony.rollups]
        left = []
        for node in parts.waiting:
            read = [read_row(row, registry, tenant.keys, tenant.now()) for row in from_json(node)]
            sighted = [one for one in read if isinstance(one, Sighted)]
            own: dict[Key, Rollup] = {}
            for one in sighted:
                identifiers |= one.identifiers
                list(merge(one.rollups, own))
            rollups += own.values()
            left += [] if sighted else [node]
        policy, now = registry.policy, tenant.now()
        named = {node.key: [naming_of(row, policy, tenant.keys, now) for row in from_json(node)] for node in left}
        return cls(identifiers, rollups, left, named)


def _scope(news: _News, registry: Registry, keys: Keys, job: Job) -> Scope:
    people, names, expand = set(news.identifiers), set[Key](), set[Key]()
    for rollup in news.rollups:
        people.add(rollup.a)
        if rollup.said is Said.RESOLVED_AS:
            names.add(rollup.b)
            history = registry.history(Key(news.identifiers[rollup.a].scope))
            people.update(
                keys.union_id(registry.open_platforms[end.platform_key].open_app_id, rollup.text) for end in ends(rollup, history)
            )
        else:
            people.add(rollup.b)
        if rollup.said is Said.UNLINKED:
            expand.add(rollup.b)
    waiting = frozenset(node.key for node in news.waiting)
    named = {key for naming in news.named.values() for one in naming for key in one.names}
    return Scope(people=frozenset(people), expand=frozenset(expand), names=frozenset(names), keys=waiting | named | {job.key})


def flaw(said: Testimony, registry: Registry, keys: Keys) -> str | None:
    """Why what somebody said cannot be brought in: its touchpoint is not known, or a key is not the one of what it names."""
    for one in said.open_ids:
        touchpoint = registry.touchpoints.get(Key(one.scope))
        if touchpoint is None:
            return "No touchpoint of it is registered."
        if one.value is None or keys.open_id(touchpoint.app_id, one.value) != one.key:
            return "The key of an OpenID is not its own."
    known = {one.key for one in said.open_ids}
    return next((reason for rollup in said.rollups if (reason := _flaw_of(rollup, said.by, known, keys))), None)


def _flaw_of(rollup: Rollup, by: Key, known: set[Key], keys: Keys) -> str | None:
    named = {Said.MIGRATED_TO: {rollup.a, rollup.b}, Said.CLAIMS: set[Key](), Said.UNLINKED: set[Key]()}.get(rollup.said, {rollup.a})
    own_text = rollup.said is not Said.RESOLVED_AS or rollup.b == keys.union_text(rollup.text)
    own_ids = rollup.said is not Said.CLAIMS or all(_is_own(one, keys) for one in named_by(rollup))
    if rollup.a != by or rollup.key != keys.evidence(rollup.said.value, rollup.a, rollup.b, rollup.source.value):
        return "The key of a roll-up is not its own."
    least = 0 if rollup.said is Said.SEEN else 1  # of whom somebody erased migrated to, it is left that they are there
    if rollup.first > rollup.last or rollup.times < least:
        return "A roll-up was seen last before it was seen first, or never."
    if not named <= known:
        return "An OpenID is not named."
    return None if own_text and own_ids else "The key of an identifier is not its own."


def _is_own(one: Identifier, keys: Keys) -> bool:
    """Whether an external id's key is that of its value; of a sensitive one, and of a UnionID, it cannot be told here."""
    return one.label is not Label.EXTERNAL_ID or one.value is None or keys.external_id(one.scope, one.value) == one.key
