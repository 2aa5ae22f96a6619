"""A row as a caller hands it in: checked, given keys, and turned into evidence; or kept as JSON until it can be. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from graph.accounts import Registry
from graph.bindings import Epoch
from graph.errors import Refused, SimpleError, UserError, UserErrorCode
from graph.evidence import ResolutionSource, Rollup, Said
from graph.given import wechat_id
from graph.keys import Keys
from graph.node import FOR_EVER, SINCE_EVER, Key, Millis
from graph.policy import NAMESPACE, IdentityPolicy
from graph.quarantine import Quarantined, QuarantineReason
from graph.state import Identifier, Label, naming
from graph.tombstones import LOGINS, Naming
from graph.turn import Sighting, Touch

WECHAT_ID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
"""What an OpenID or UnionID may look like: Tencent documents no format; every one seen has 28 of these characters."""
AHEAD = 5 * 60 * 1000
"""How far a caller's clock may run ahead of ours, in milliseconds."""
ALWAYS = Epoch(None, SINCE_EVER, FOR_EVER, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalRef:
    """An external id as a caller wrote it; or, read back from quarantine, with its key in place of a sensitive value."""

    namespace: str
    value: str | None
    key: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One resolution: this touchpoint saw this OpenID, perhaps with a UnionID and external ids."""

    app_id: str
    open_id: str
    union_id: str | None = None
    observed: Millis | None = None
    """None: now."""
    source: ResolutionSource
    external_ids: tuple[ExternalRef, ...] = ()
    is_snapshot_user: bool = False
    times: int = 1
    was_login: bool = False
    """Its source does not say so, but it came with a login code."""

    @property
    def is_login(self) -> bool:
        """Whether the person was there and logged in."""
        return self.was_login or self.source in LOGINS


@dataclass(frozen=True, kw_only=True)
class Sighted:
    """A good row: the evidence it is, under one registry."""

    open_id: Key
    at: Millis
    epoch: Epoch
    """The epoch that covers it, if it brought a UnionID."""
    rollups: list[Rollup]
    identifiers: dict[Key, Identifier]
    union_id: Key | None
    text_key: Key | None
    waits: bool
    """It brought a UnionID that no known binding covers."""

    @property
    def people(self) -> list[Key]:
        """The identifiers whose raw components must be seen to apply it."""
        return [*self.identifiers, *([self.union_id] if self.union_id else [])]

    @property
    def names(self) -> list[Key]:
        """What decisions may call its UnionID."""
        return [self.text_key] if self.text_key else []

    @property
    def touch(self) -> Touch:
        """The same row, if it turns out to say nothing new."""
        return Touch(
            open_id=self.open_id,
            at=self.at,
            sightings=tuple(
                Sighting(rollup=r.key, epoch_starts=epoch.starts, epoch_ends=epoch.ends)
                for r in self.rollups
                for epoch in [self.epoch if r.said is Said.RESOLVED_AS else ALWAYS]
            ),
            valued=tuple(key for key, one in self.identifiers.items() if one.label is Label.EXTERNAL_ID and one.value is not None),
        )


def read_row(row: Row, registry: Registry, keys: Keys, now: Millis) -> Sighted | UserError | QuarantineReason:
    """A row as evidence; else the error to answer with, or the reason to keep it until its touchpoint is known."""
    touchpoint = keys.touchpoint(row.app_id)
    try:
        _check(row, now)
        externals = [external_identifier(ref, registry.policy, keys, f"externalIds.{i}") for i, ref in enumerate(row.external_ids)]
    except Refused as refused:
        return refused.errors[0]
    if touchpoint not in registry.touchpoints:
        return QuarantineReason.UNKNOWN_TOUCHPOINT
    return _Reading(row, registry, keys, now, touchpoint, externals).sighted()


@dataclass(frozen=True)
class _Reading:
    """A checked row of a known touchpoint on its way to evidence."""

    row: Row
    registry: Registry
    keys: Keys
    now: Millis
    touchpoint: Key
    externals: list[Identifier]

    @cached_property
    def at(self) -> Millis:
        return self.now if self.row.observed is None else self.row.observed

    @cached_property
    def open_id(self) -> Identifier:
        key = self.keys.open_id(self.row.app_id, self.row.open_id)
        return Identifier(key=key, label=Label.OPEN_ID, scope=self.touchpoint, value=self.row.open_id)

    @cached_property
    def text(self) -> str | None:
        return clean_union_id(self.row.union_id)

    def sighted(self) -> Sighted:
        open_id, text = self.open_id, self.text
        epoch = self.registry.history(self.touchpoint).at(self.at)
        text_key = self.keys.union_text(text) if text else None
        platform = self.registry.open_platforms[epoch.platform_key] if epoch.platform_key else None
        seen = (
            self._rollup(Said.RESOLVED_AS, open_id.key, text_key, text)
            if text and text_key
            else self._rollup(Said.SEEN, open_id.key, open_id.key)
        )
        claims = [self._rollup(Said.CLAIMS, open_id.key, external.key, naming(external)) for external in self.externals]
        return Sighted(
            open_id=open_id.key,
            at=self.at,
            epoch=epoch if text else ALWAYS,
            rollups=[seen, *{claim.key: claim for claim in claims}.values()],
            identifiers={i.key: i for i in (open_id, *self.externals)},
            union_id=self.keys.union_id(platform.open_app_id, text) if text and platform else None,
            text_key=text_key,
            waits=bool(text) and platform is None,
        )

    def _rollup(self, said: Said, a: Key, b: Key, text: str = "") -> Rollup:
        source = self.row.source
        return Rollup(
            key=self.keys.evidence(said.value, a, b, source.value),
            said=said,
            a=a,
            b=b,
            source=source,
            first=self.at,
            last=self.at,
            times=self.row.times,
            text=text,
        )


def reason_to_keep(read: UserError | QuarantineReason, *, keeps_malformed: bool) -> QuarantineReason | None:
    """Why a row that is no evidence waits in quarantine; None where it is rejected. What WeChat itself said is kept though malformed."""
    if isinstance(read, QuarantineReason):
        return read
    return QuarantineReason.MALFORMED if keeps_malformed and read.code is UserErrorCode.INVALID_INPUT else None


def naming_of(row: Row, policy: IdentityPolicy, keys: Keys, now: Millis) -> Naming:
    """What erasure must know of a row, as far as it can be read."""
    names = {keys.open_id(row.app_id, row.open_id.strip())}
    if text := clean_union_id(row.union_id):
        names.add(keys.union_text(text))
    for ref in row.external_ids:
        try:
            names.add(external_identifier(ref, policy, keys, "").key)
        except Refused:
            continue
    return Naming(frozenset(names), now if row.observed is None else row.observed, row.is_login)


def clean_union_id(text: str | None) -> str | None:
    """WeChat may send a UnionID padded with blanks, empty or null: trimmed of ASCII white space, the empty one is none."""
    return (text or "").strip(" \t\r\n\f\v") or None


def external_identifier(ref: ExternalRef, policy: IdentityPolicy, keys: Keys, path: str) -> Identifier:
    """An external id with its key; in a sensitive namespace without its value. Raises Refused where it is none."""
    rule = policy.of(ref.namespace)
    if ref.key is not None and ref.value is None:
        return Identifier(key=ref.key, label=Label.EXTERNAL_ID, scope=ref.namespace, value=None)
    if not NAMESPACE.fullmatch(ref.namespace):
        raise _invalid("A namespace has 1 to 64 lower-case letters, digits, _ . - and begins with a letter.", f"{path}.namespace")
    try:
        value = rule.normalise(ref.value or "")
    except Refused as refused:
        raise Refused(replace(refused.errors[0], path=[*path.split("."), "value"])) from None
    key = keys.external_id(ref.namespace, value)
    return Identifier(key=key, label=Label.EXTERNAL_ID, scope=ref.namespace, value=None if rule.is_sensitive else value)


def _check(row: Row, now: Millis) -> None:
    """Raises Refused. No message quotes an identifier."""
    if row.is_snapshot_user:
        message = "A snapshot user (is_snapshotuser) is a virtual visitor: WeChat made up the ids. Nothing was stored."
        raise Refused(SimpleError(message=message, code=UserErrorCode.SNAPSHOT_USER, path=["isSnapshotUser"]))
    wechat_id(row.app_id, "appId")
    if not WECHAT_ID.fullmatch(row.open_id):
        raise _invalid("An OpenID has 1 to 64 characters out of 0-9 A-Z a-z _ -. Send it exactly as WeChat gave it.", "openId")
    text = clean_union_id(row.union_id)
    if text and not WECHAT_ID.fullmatch(text):
        raise _invalid("A UnionID has 1 to 64 characters out of 0-9 A-Z a-z _ -. Send it exactly as WeChat gave it.", "unionId")
    if row.observed is not None and not 0 <= row.observed <= now + AHEAD:
        raise _invalid("observedAt lies in the future, or before 1970. Send the time at which WeChat was asked.", "observedAt")


def _invalid(message: str, path: str) -> Refused:
    return Refused(SimpleError(message=message, code=UserErrorCode.INVALID_INPUT, path=path.split(".")))


def quarantined(row: Row, reason: QuarantineReason, policy: IdentityPolicy, keys: Keys, now: Millis) -> Quarantined:
    """A row as it waits."""
    content = to_json(row, policy, keys)
    at = now if row.observed is None else row.observed
    return Quarantined(
        key=_key_of(reason, content, keys),
        reason=reason,
        app_id=row.app_id or None,
        first=at,
        last=at,
        times=row.times,
        row=content,
    )


def _key_of(reason: QuarantineReason, content: str, keys: Keys) -> Key:
    """The same row again is the same one: its time does not count, nor whether the values of its external ids may be kept."""
    row = json.loads(content)
    row["externalIds"] = [one["key"] or one for one in row["externalIds"]]
    return keys.derive("Quarantined", reason.value, json.dumps(row, ensure_ascii=False, sort_keys=True))


def to_json(row: Row, policy: IdentityPolicy, keys: Keys) -> str:
    """A row as text: external ids normalised, sensitive ones by key alone; one that cannot be read keeps only that it was there."""
    return json.dumps(
        {
            "appId": row.app_id,
            "openId": row.open_id,
            "unionId": row.union_id,
            "source": row.source.value,
            "externalIds": [_kept(ref, policy, keys) for ref in row.external_ids],
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _kept(ref: ExternalRef, policy: IdentityPolicy, keys: Keys) -> dict[str, str | None]:
    try:
        made = external_identifier(ref, policy, keys, "")
    except Refused:
        return {"namespace": ref.namespace, "value": None if policy.of(ref.namespace).is_sensitive else ref.value, "key": None}
    return {"namespace": ref.namespace, "value": made.value, "key": made.key}


def kept_under(node: Quarantined, policy: IdentityPolicy, keys: Keys) -> Quarantined:
    """A row that waits as it would wait had it come under this policy: its external ids normalised anew, sensitive ones by key alone."""
    row = next(iter(from_json(node)), None) if node.row else None
    content = node.row if row is None else to_json(row, policy, keys)
    return replace(node, key=_key_of(node.reason, content, keys), row=content) if node.row else node


def from_json(node: Quarantined) -> Iterable[Row]:
    """The rows that a quarantined one stands for: its first and its last time, together as often as it came."""
    data = json.loads(node.row)
    row = Row(
        app_id=data["appId"],
        open_id=data["openId"],
        union_id=data["unionId"],
        source=ResolutionSource(data["source"]),
        external_ids=tuple(ExternalRef(namespace=e["namespace"], value=e["value"], key=e["key"]) for e in data["externalIds"]),
    )
    if node.first == node.last:
        yield replace(row, observed=node.first, times=node.times)
    else:
        yield replace(row, observed=node.first, times=1)
        yield replace(row, observed=node.last, times=node.times - 1)
