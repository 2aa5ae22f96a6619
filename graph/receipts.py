"""Receipts of erasures: what was erased, by ids that say nothing of the person, in a text that any program can check. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, ClassVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from graph.keys import Keys
from graph.node import Doc, Id, Internal, Key, Millis, Node, moment

FORMAT = "UnionGraph erasure receipt 1"
PURPOSE = "uniongraph erasure receipts"
"""What the signing key is derived for."""


@dataclass(frozen=True, kw_only=True)
class ErasureReceipt(Node):
    """Proof of an erasure. It names what was erased by ids, which hold no personal data, and can be checked by any program."""

    prefix: ClassVar[str] = "era"
    erased: Annotated[Millis, Internal]
    identifier_count: Annotated[int, Doc("How many identifiers were erased.")]
    document: Annotated[
        str,
        Doc(
            "What was erased, when, why and by whom, what of it may still exist outside of the graph and until when: canonical JSON "
            "(sorted names, no blanks, UTF-8). The signature is over exactly these bytes."
        ),
    ]
    signature: Annotated[str, Doc("Ed25519 (RFC 8032) over the document's UTF-8 bytes; 64 bytes in base64.")]
    public_key: Annotated[
        str, Doc("The key to check it with, in PEM. `uniongraph check` prints the store's own, which is always this one.")
    ]
    previous: Annotated[str, Internal] = ""
    """Keys of the receipts of earlier lives, with blanks between."""

    @cached_property
    def erased_at(self) -> datetime:
        """When it was erased."""
        return moment(self.erased)


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What a store cannot make go at once."""

    store: str
    """sqlite or neo4j."""
    what: str
    days: int | None
    """Days until it is gone by itself; None where the settings do not say."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Those that make it so."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a receipt says."""

    tenant: str
    at: Millis
    until: Millis
    """Nothing observed up to then counts any more."""
    author: str
    reason: str
    customers: Sequence[Id]
    identifiers: Sequence[Id]
    kept: Sequence[Id]
    """External ids that stay, because others claim them."""
    traces: Traces
    backup_days: int
    """Days after which the operator's back-ups are destroyed."""


def receipt_of(key: Key, facts: Facts, keys: Keys, previous: Iterable[Key] = ()) -> ErasureReceipt:
    """A signed receipt; earlier ones of the same identifiers are found from it."""
    made = ErasureReceipt(
        key=key,
        erased=facts.at,
        identifier_count=len(facts.identifiers),
        document=canonical({"receipt": f"{ErasureReceipt.prefix}_{key}", **_said(facts)}),
        signature="",
        public_key=public_key(keys),
        previous=" ".join(sorted(set(previous))),
    )
    return _signed(made, keys)


def reworded(receipt: ErasureReceipt, reason: str, keys: Keys) -> ErasureReceipt:
    """The same with another reason, signed anew: somebody else was erased whom it mentioned."""
    return _signed(replace(receipt, document=canonical(json.loads(receipt.document) | {"reason": reason})), keys)


def reason_in(receipt: ErasureReceipt) -> str:
    """The reason that it gives."""
    return str(json.loads(receipt.document)["reason"])


def names(receipt: ErasureReceipt, some_id: str) -> bool:
    """Whether it is about this id."""
    document = json.loads(receipt.document)
    return some_id in {*document["identifiers"], *document["customers"]}


def public_key(keys: Keys) -> str:
    """The key that a store's receipts are checked with, in PEM."""
    return _signer(keys).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def verifies(document: str, signature: str, key: str) -> bool:
    """Whether the signature (base64) over the document is by this key (PEM). What cannot be read does not verify."""
    try:
        loaded = load_pem_public_key(key.encode())
        if not isinstance(loaded, Ed25519PublicKey):
            return False
        loaded.verify(base64.b64decode(signature, validate=True), document.encode())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def canonical(value: Mapping[str, Any]) -> str:
    """JSON in one form: sorted names, no blanks, no escapes but those that must be."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _signed(receipt: ErasureReceipt, keys: Keys) -> ErasureReceipt:
    return replace(receipt, signature=base64.b64encode(_signer(keys).sign(receipt.document.encode())).decode())


def _signer(keys: Keys) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.secret_for(PURPOSE))


def _said(facts: Facts) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "tenant": facts.tenant,
        "erasedAt": _time(facts.at),
        "nothingCountsUntil": _time(facts.until),
        "by": facts.author,
        "reason": facts.reason,
        "customers": sorted(facts.customers),
        "identifiers": sorted(facts.identifiers),
        "identifierCount": len(facts.identifiers),
        "claimedByOthers": sorted(facts.kept),
        "store": facts.traces.store,
        "remains": _remains(facts),
    }


def _remains(facts: Facts) -> dict[str, Any]:
    traces = facts.traces
    store = {"what": traces.what, "settings": dict(traces.settings), "until": _day(facts.at, traces.days)}
    settings = {"UNIONGRAPH_BACKUP_DAYS": str(facts.backup_days)}
    backups = {"what": "Back-ups of the store made before the erasure.", "settings": settings, "until": _day(facts.at, facts.backup_days)}
    days = None if traces.days is None else max(traces.days, facts.backup_days)
    return {"store": store, "backups": backups, "until": _day(facts.at, days)}


def _day(at: Millis, days: int | None) -> str | None:
    """The day (UTC) by which it is gone; None where that is not known."""
    last: date | None = None if days is None else (moment(at) + timedelta(days=days)).date()
    return last.isoformat() if last else None


def _time(at: Millis) -> str:
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
