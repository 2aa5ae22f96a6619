"""The one place where keys are made: what a node is called inside the store and, behind its prefix, outside of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from graph.node import Key


class Keys:
    """Derives the keys of one tenant's nodes.

    A key is base64url(HMAC-SHA256(secret, length-prefixed tenant, label, natural parts)), cut to 22 characters.

    Whoever lacks the secret can neither guess a key from a WeChat id nor read an id out of a key.
    """

    def __init__(self, secret: bytes, tenant: str) -> None:
        self.tenant = tenant
        self._secret = secret
        self._prefix = _prefixed(tenant)

    def derive(self, label: str, *parts: str) -> Key:
        """The key of the node with this label and these natural parts."""
        digest = hmac.digest(self._secret, self._prefix + b"".join(map(_prefixed, (label, *parts))), "sha256")
        return Key(base64.urlsafe_b64encode(digest[:17])[:22].decode())

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
        """A roll-up: one pair as it was named, from one source."""
        return self.derive("Evidence", said, a, b, source)


def random_key() -> Key:
    """A key for nodes without natural parts: bindings, decisions, jobs."""
    return Key(base64.urlsafe_b64encode(secrets.token_bytes(17))[:22].decode())


def fingerprint(secret: bytes) -> str:
    """What a store keeps to recognise its secret by; the secret cannot be computed from it."""
    return hmac.new(secret, b"uniongraph store", hashlib.sha256).hexdigest()


def _prefixed(part: str) -> bytes:
    data = part.encode()
    return b"%d:%s" % (len(data), data)
