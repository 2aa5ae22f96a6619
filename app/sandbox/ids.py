"""Ids of the right shape, each a keyed function of what WeChat says it depends on, and readable backwards by the sandbox alone.

Reading an OpenID back to its person costs two digests and no memory, which is what lets a million people exist without a list of them.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache

PERSON_BYTES = 4
TAG_BYTES = 12
FAMILY_BYTES = 4
ID_LENGTH = 28

CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: no I, O, S, V, Z."""
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11714-1997, the code inside the credit code (places 9 to 17)."""


@dataclass(frozen=True)
class IdMaker:
    """Makes every id of one brand from its seed."""

    key: bytes

    def digest(self, *parts: str | bytes) -> bytes:
        """32 bytes that depend on the seed and on each part; a length stands before each, so that no two lists of parts meet."""
        return hmac.digest(self.key, b"".join(_framed(part) for part in parts), "sha256")

    def app_id(self, name: str) -> str:
        """`wx` and 16 hex digits: a touchpoint, or an Open Platform account."""
        return "wx" + self.digest("app", name).hex()[:16]

    def original_id(self, name: str) -> str:
        """`gh_` and 12 hex digits: the second id of official accounts and mini programs."""
        return "gh_" + self.digest("original", name).hex()[:12]

    def secret(self, name: str) -> str:
        """An AppSecret: 32 hex digits."""
        return self.digest("secret", name).hex()[:32]

    def open_id(self, person: int, app_id: str) -> str:
        """A function of the WeChat user and the AppID, and of nothing else."""
        return self._seal("openid", app_id, person)

    def union_id(self, person: int, open_app_id: str) -> str:
        """A function of the WeChat user and the Open Platform account, and of nothing else."""
        return self._seal("unionid", open_app_id, person)

    def person_of_open_id(self, open_id: str, app_id: str) -> int | None:
        """Whose OpenID this is; None when it was never issued under that AppID."""
        return self._unseal("openid", app_id, open_id)

    def person_of_union_id(self, union_id: str, open_app_id: str) -> int | None:
        """Whose UnionID this is; None when it does not belong to that Open Platform account."""
        return self._unseal("unionid", open_app_id, union_id)

    def _seal(self, kind: str, scope: str, person: int) -> str:
        # Real ids of one account share their first characters; the family reproduces that.
        family = _family(self, kind, scope)
        raw = person.to_bytes(PERSON_BYTES, "big")
        tag = hmac.digest(self.key, _prefix(kind, scope) + _framed(raw), "sha256")[:TAG_BYTES]
        return "o" + urlsafe_b64encode(family + tag + self._masked(kind, scope, tag, raw)).decode().rstrip("=")

    def _unseal(self, kind: str, scope: str, text: str) -> int | None:
        if len(text) != ID_LENGTH or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text[1:] + "=")
        except ValueError:
            return None
        tag = raw[FAMILY_BYTES : FAMILY_BYTES + TAG_BYTES]
        person = int.from_bytes(self._masked(kind, scope, tag, raw[FAMILY_BYTES + TAG_BYTES :]), "big")
        return person if self._seal(kind, scope, person) == text else None

    def _masked(self, kind: str, scope: str, tag: bytes, raw: bytes) -> bytes:
        mask = hmac.digest(self.key, _prefix(kind, scope, "mask") + _framed(tag), "sha256")
        return bytes(a ^ b for a, b in zip(raw, mask, strict=False))


def _framed(part: str | bytes) -> bytes:
    raw = part.encode() if isinstance(part, str) else part
    return len(raw).to_bytes(4, "big") + raw


# Millions of ids are made under a dozen scopes: what depends on the scope alone is kept.
@lru_cache(maxsize=1_000)
def _prefix(*parts: str) -> bytes:
    return b"".join(_framed(part) for part in parts)


@lru_cache(maxsize=1_000)
def _family(ids: IdMaker, kind: str, scope: str) -> bytes:
    return ids.digest(kind, scope)[:FAMILY_BYTES]


def credit_code(division: str, serial: str) -> str:
    """The unified social credit code of a company: 91, six digits of administrative division, eight of serial, two check digits."""
    organisation = sum(weight * int(digit) for weight, digit in zip(ORGANISATION_WEIGHTS, serial, strict=True))
    inner = "0123456789X0"[11 - organisation % 11]
    body = f"91{division}{serial}{inner}"
    return body + credit_code_check_digit(body)


def credit_code_check_digit(first_seventeen: str) -> str:
    """The last place of a unified social credit code, GB 32100-2015: weights are powers of 3 modulo 31."""
    total = sum(CREDIT_CODE_ALPHABET.index(letter) * pow(3, place, 31) for place, letter in enumerate(first_seventeen))
    return CREDIT_CODE_ALPHABET[-total % 31]
