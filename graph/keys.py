"""The one place where keys are made: what a node is called inside the store and, behind its prefix, outside of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from graph.node import Key

SAID_BY = 11
"""Characters of a roll-up's key that are those of who said it; the other 11 tell 2^66 roll-ups of one identifier apart."""
RECENT = 8192
"""Keys that are remembered: those of a batch, twice over."""


class Keys:
    """Derives the keys of one tenant's nodes.

    A key is base64url(HMAC-SHA256(secret, length-prefixed tenant, label, natural parts)), cut to 22 characters.

    Whoever lacks the secret can neither guess a key from a WeChat id nor read an id out of a key.
    """

    def __init__(self, secret: bytes, tenant: str) -> None:
        self.tenant = tenant
        self._secret = secret
        self.fingerprint = fingerprint(secret)
        """What the secret is recognised by."""
        # What every key begins with is digested once; and a batch of evidence asks for the same keys again and again.
        self._begun = hmac.new(secret, _prefixed(tenant), hashlib.sha256)
        self._recent = lru_cache(maxsize=RECENT)(self._derived)

    def derive(self, label: str, *parts: str) -> Key:
        """The key of the node with this label and these natural parts."""
        return self._recent(label, *parts)

    def _derived(self, *parts: str) -> Key:
        mac = self._begun.copy()
        mac.update(b"".join([_prefixed(part) for part in parts]))
        return Key(base64.urlsafe_b64encode(mac.digest()[:17])[:22].decode())

    def entity(self, entity_id: str) -> Key:
        """An Entity, by the id its operator gave it."""
        return self.derive("Entity", entity_id)

    def open_platform(self, open_app_id: str) -> Key:
        """An OpenPlatform, by WeChat's open_appid."""
        return self.derive("OpenPlatform", open_app_id)

    def touchpoint(self, app_id: str) -> Key:
        """A Touchpoint, by its AppID."""
        return self.derive("Touchpoint", app_id)

    def open_id(self, app_id: str, value: str) -> Key:
        """An OpenID: never the value alone, for it is a function of (user, AppID)."""
        return self.derive("OpenID", app_id, value)

    def union_id(self, open_app_id: str, text: str) -> Key:
        """A UnionID: never the text alone, for it is a function of (user, Open Platform account)."""
        return self.derive("UnionID", open_app_id, text)

    def union_text(self, text: str) -> Key:
        """A UnionID's text in every scope: what decisions and tombstones name."""
        return self.derive("UnionText", text)

    def external_id(self, namespace: str, normalised: str) -> Key:
        """An ExternalID, by its value as the namespace's normaliser gives it."""
        return self.derive("ExternalID", namespace, normalised)

    def evidence(self, said: str, a: Key, b: Key, source: str) -> Key:
        """A roll-up: one pair as it was named, from one source.

        It begins as the key of who said it, so that what one identifier said lies together in a store that is ordered by key.
        """
        return Key(a[:SAID_BY] + self.derive("Evidence", said, a, b, source)[SAID_BY:])

    def secret_for(self, purpose: str) -> bytes:
        """32 bytes of the store's secret for one purpose (HKDF-SHA256), the same for all tenants: nothing else can be told from them."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._secret)


@lru_cache(maxsize=256)
def keys_of(secret: bytes, tenant: str) -> Keys:
    """A tenant's keys; asked again, the same ones, with what they remember."""
    return Keys(secret, tenant)


def random_key() -> Key:
    """A key for nodes without natural parts: bindings, decisions, jobs."""
    return Key(base64.urlsafe_b64encode(secrets.token_bytes(17))[:22].decode())


def fingerprint(secret: bytes) -> str:
    """What a store keeps to recognise its secret by; the secret cannot be computed from it."""
    return hmac.new(secret, b"uniongraph store", hashlib.sha256).hexdigest()


def _prefixed(part: str) -> bytes:
    return f"{len(part) if part.isascii() else len(part.encode())}:{part}".encode()
