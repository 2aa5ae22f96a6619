"""Customers already known: who is meant by a name, external ids linked and taken back, followers migrated by WeChat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from graph.accounts import Registry
from graph.derive import Derived, News, derive
from graph.errors import Refused, UserErrorCode, invalid, not_found
from graph.evidence import ResolutionSource, Rollup, Said
from graph.keys import Keys
from graph.node import Key, Millis, key_of
from graph.outcomes import Outcomes
from graph.people import Customer
from graph.results import Outcome, Result, refusal, rejected
from graph.rows import AHEAD, WECHAT_ID, ExternalRef, external_identifier
from graph.state import Identifier, Label, naming
from graph.tenant import Tenant
from graph.tombstones import ERASED, is_barred
from graph.turn import Loaded, Scope, Writes


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """How a caller names a customer: exactly one of these."""

    id: str | None = None
    """Any id that was ever the customer's."""
    open_id: tuple[str, str] | None = None
    """AppID, OpenID."""
    union_id: tuple[str, str] | None = None
    """open_appid, UnionID."""
    external_id: ExternalRef | None = None

    def key(self, registry: Registry, keys: Keys) -> Key | None:
        """The key of the identifier that it names; None where no such thing can exist."""
        if self.id is not None:
            return key_of(self.id, "cus")
        if self.open_id is not None:
            return keys.open_id(*self.open_id)
        if self.union_id is not None:
            return keys.union_id(*self.union_id)
        assert self.external_id is not None  # noqa: S101  # exactly one is given
        try:
            return external_identifier(self.external_id, registry.policy, keys, "externalId").key
        except Refused:
            return None


async def customers_named(tenant: Tenant, named: Sequence[By]) -> list[Customer | None]:
    """Customers as they are named, in order, with one question. An external id's key depends on the identity policy.

    The policy that was seen last is taken; where that was out of date, the answer brings the one in force, and is asked for again.
    """
    asked, wanted = None, [one.key(tenant.store.known(tenant.name), tenant.keys) for one in named]
    while wanted != asked:
        some = list(dict.fromkeys(key for key in wanted if key))
        registry, people = await tenant.customers_under(some)
        asked, wanted = wanted, [one.key(registry, tenant.keys) for one in named]
    found: dict[Key | None, Customer | None] = dict(zip(some, people, strict=True))
    return [_as_named(by, key, found.get(key)) for by, key in zip(named, wanted, strict=True)]


def _as_named(by: By, key: Key | None, found: Customer | None) -> Customer | None:
    """An id leads on when its identifier is gone; by an identifier itself nobody is known any more then."""
    return found if found and (by.id is not None or key in found.identities) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLink:
    """An external id and whose it is, or is no more."""

    customer: By
    external_id: ExternalRef
    observed: Millis | None = None


@dataclass
class _Reading:
    """Items of one call, read under one registry."""

    whose: list[Key | None] = field(default_factory=list)
    externals: list[Identifier | Refused] = field(default_factory=list)

    @classmethod
    def of(cls, items: Sequence[ExternalLink], registry: Registry, tenant: Tenant) -> _Reading:
        read = cls()
        for item in items:
            read.whose.append(item.customer.key(registry, tenant.keys))
            try:
                if item.observed is not None and not 0 <= item.observed <= tenant.now() + AHEAD:
                    raise invalid("observedAt lies in the future, or before 1970.", "observedAt")
                read.externals.append(external_identifier(item.external_id, registry.policy, tenant.keys, "externalId"))
            except Refused as refused:
                read.externals.append(refused)
        return read

    @property
    def people(self) -> frozenset[Key]:
        named = {external.key for external in self.externals if isinstance(external, Identifier)}
        return frozenset(named | {key for key in self.whose if key})


async def link_external_ids(tenant: Tenant, items: Sequence[ExternalLink]) -> list[Result]:
    """Record that customers came with external ids: one claim each, source MANUAL, from the identifier that was named, or the seed."""

    def decide(loaded: Loaded) -> tuple[Writes, list[Result]]:
        read, news, now = _Reading.of(items, loaded.registry, tenant), News(cause="linkExternalIds"), tenant.now()
        claims: list[Rollup | Result] = []
        for item, whose, external in zip(items, read.whose, read.externals, strict=True):
            claim = _claim(item, whose, external, loaded, keys=tenant.keys, now=now)
            if isinstance(claim, Rollup) and isinstance(external, Identifier):
                news.identifiers[external.key] = external
                news.rollups.append(claim)
            claims.append(claim)
        derived = derive(loaded, tenant.keys, news, now)
        derived.writes.blocked = claims.count(_ERASED)
        return derived.writes, _results(claims, derived)

    return await tenant.write(lambda registry: Scope(people=_Reading.of(items, registry, tenant).people), decide)


_ERASED = Result(outcome=Outcome.REJECTED, error=ERASED)


def _claim(
    item: ExternalLink, whose: Key | None, external: Identifier | Refused, loaded: Loaded, *, keys: Keys, now: Millis
) -> Rollup | Result:
    if isinstance(external, Refused):
        return rejected(external)
    at = now if item.observed is None else item.observed
    member = loaded.holder(whose) if item.customer.id is not None else loaded.members.get(whose) if whose else None
    if member is None:
        return _ERASED if whose in loaded.tombstones else _unknown()
    claimant = member.customer if item.customer.id is not None else member.key
    if claimant == external.key:
        return refusal("An external id cannot be linked to itself.", UserErrorCode.INVALID_INPUT, "externalId")
    if is_barred((*loaded.members[claimant].names, external.key), at, loaded.tombstones):
        return _ERASED
    return replace(
        _rollup(keys, Said.CLAIMS, claimant, external.key, source=ResolutionSource.MANUAL, at=at),
        text=naming(loaded.members[claimant], external),
    )


def _results(made: Sequence[Rollup | Result], derived: Derived) -> list[Result]:
    """What became of each item: of a roll-up what it said, else what was refused."""
    outcomes = Outcomes(derived)
    return [one if isinstance(one, Result) else outcomes.of([one], named=(one.a, one.b)) for one in made]


async def unlink_external_ids(tenant: Tenant, items: Sequence[ExternalLink]) -> list[Result]:
    """Take back, as of a time, every claim on an external id that a customer's identifiers made; a later claim wins."""

    def scope_of(registry: Registry) -> Scope:
        read = _Reading.of(items, registry, tenant)
        # A generic external id is loaded whole: taking a claim back may change when it was first seen, or make it generic no more.
        return Scope(people=read.people, expand=frozenset(e.key for e in read.externals if isinstance(e, Identifier)))

    def decide(loaded: Loaded) -> tuple[Writes, list[Result]]:
        read, news, now = _Reading.of(items, loaded.registry, tenant), News(cause="unlinkExternalIds"), tenant.now()
        made: list[tuple[Key, list[Rollup]] | Result] = []
        for item, whose, external in zip(items, read.whose, read.externals, strict=True):
            taken = _unlinks(item, whose, external, loaded, keys=tenant.keys, now=now)
            if not isinstance(taken, Result):
                news.rollups += taken[1]
            made.append(taken)
        derived = derive(loaded, tenant.keys, news, now)
        fresh = {rollup.key for rollup in news.rollups if _moves(rollup, loaded)}
        return derived.writes, [one if isinstance(one, Result) else _unlinked(one, derived, fresh) for one in made]

    return await tenant.write(scope_of, decide)


def _unlinks(
    item: ExternalLink, whose: Key | None, external: Identifier | Refused, loaded: Loaded, *, keys: Keys, now: Millis
) -> tuple[Key, list[Rollup]] | Result:
    if isinstance(external, Refused):
        return rejected(external)
    member = loaded.holder(whose) if item.customer.id is not None else loaded.members.get(whose) if whose else None
    if member is None:
        return _unknown()
    at = now if item.observed is None else item.observed
    claimants = {s.rollup.a for s in loaded.rollups.values() if s.rollup.said is Said.CLAIMS and s.rollup.b == external.key}
    theirs = sorted(key for key in claimants if key in loaded.members and loaded.members[key].customer == member.customer)
    if not theirs:
        return refusal("This customer has no such external id.", UserErrorCode.NOT_FOUND, "externalId")
    return member.key, [_rollup(keys, Said.UNLINKED, key, external.key, source=ResolutionSource.MANUAL, at=at) for key in theirs]


def _moves(unlink: Rollup, loaded: Loaded) -> bool:
    known = loaded.rollups.get(unlink.key)
    return known is None or known.rollup.last < unlink.last


def _unlinked(taken: tuple[Key, list[Rollup]], derived: Derived, fresh: set[Key]) -> Result:
    member, unlinks = taken
    is_news = any(rollup.key in fresh for rollup in unlinks)
    return Result(outcome=Outcome.APPLIED if is_news else Outcome.UNCHANGED, customer=derived.customer.get(member))


def _unknown() -> Result:
    return refusal("No customer has this identifier.", UserErrorCode.NOT_FOUND, "customer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """WeChat moved a follower: this OpenID of the old account became that one of the new."""

    from_open_id: str
    to_open_id: str


async def record_migrations(
    tenant: Tenant, from_app_id: str, to_app_id: str, items: Sequence[Migration], at: Millis | None = None
) -> list[Result]:
    """Record what WeChat's changeopenid answered: both OpenIDs stay, and are one account from now on.

    Raises Refused for unknown touchpoints.
    """
    now = tenant.now()
    seen = now if at is None else at

    def scope_of(_: Registry) -> Scope:
        return Scope(people=frozenset(key for item in items for key in _both(item, from_app_id, to_app_id, tenant.keys)))

    def decide(loaded: Loaded) -> tuple[Writes, list[Result]]:
        _check_accounts(loaded.registry, from_app_id, to_app_id, tenant.keys)
        news = News(cause="recordMigrations")
        made: list[Rollup | Result] = []
        for item in items:
            if not (WECHAT_ID.fullmatch(item.from_open_id) and WECHAT_ID.fullmatch(item.to_open_id)):
                made.append(refusal("An OpenID has 1 to 64 characters out of 0-9 A-Z a-z _ -.", UserErrorCode.INVALID_INPUT))
                continue
            a, b = _both(item, from_app_id, to_app_id, tenant.keys)
            if is_barred((a, b), seen, loaded.tombstones):
                made.append(_ERASED)
                continue
            for key, app_id, value in ((a, from_app_id, item.from_open_id), (b, to_app_id, item.to_open_id)):
                news.identifiers[key] = Identifier(key=key, label=Label.OPEN_ID, scope=tenant.keys.touchpoint(app_id), value=value)
            rollup = _rollup(tenant.keys, Said.MIGRATED_TO, a, b, source=ResolutionSource.IMPORT, at=seen)
            news.rollups.append(rollup)
            made.append(rollup)
        derived = derive(loaded, tenant.keys, news, now)
        derived.writes.blocked = made.count(_ERASED)
        return derived.writes, _results(made, derived)

    return await tenant.write(scope_of, decide)


def _both(item: Migration, from_app_id: str, to_app_id: str, keys: Keys) -> tuple[Key, Key]:
    return keys.open_id(from_app_id, item.from_open_id), keys.open_id(to_app_id, item.to_open_id)


def _check_accounts(registry: Registry, from_app_id: str, to_app_id: str, keys: Keys) -> None:
    for app_id, path in ((from_app_id, "fromAppId"), (to_app_id, "toAppId")):
        if keys.touchpoint(app_id) not in registry.touchpoints:
            raise not_found("No touchpoint with this AppID is registered: register it with registerTouchpoint.", path)
    if from_app_id == to_app_id:
        raise invalid("Followers migrate from one official account to another.", "toAppId")


def _rollup(keys: Keys, said: Said, a: Key, b: Key, *, source: ResolutionSource, at: Millis) -> Rollup:
    return Rollup(key=keys.evidence(said.value, a, b, source.value), said=said, a=a, b=b, source=source, first=at, last=at, times=1)
