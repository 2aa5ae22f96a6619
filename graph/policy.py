"""The identity policy of a brand: its namespaces of external ids, in which rank, how many a customer may have, how they are written."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated, Any

import phonenumbers

from graph.errors import invalid
from graph.node import Doc, Id, Internal, Key


class Normaliser(enum.Enum):
    """How a value is brought into one form before it is compared."""

    EXACT = "EXACT"
    """Compared as it is."""
    TRIMMED = "TRIMMED"
    """Blanks at both ends are cut off."""
    PHONE_E164 = "PHONE_E164"
    """A phone number, brought into E.164; without a country code it is taken for one of mainland China."""
    EMAIL = "EMAIL"
    """An e-mail address, in lower case."""


@dataclass(frozen=True, kw_only=True)
class NamespacePolicy:
    """How one namespace of external ids takes part in joining customers."""

    namespace: Annotated[str, Doc("Its name, for example `member`.")]
    max_per_customer: Annotated[int | None, Doc("How many of its values one customer may have by evidence; null: any number.")]
    is_sensitive: Annotated[bool, Doc("Whether only a keyed hash of the value is stored, never the value itself.")]
    normaliser: Annotated[Normaliser, Doc("How values are brought into one form.")]

    @cached_property
    def id(self) -> Id:
        """Stable for the namespace."""
        return Id(f"ns_{self.namespace}")

    def normalise(self, value: str) -> str:
        """The one form of a value. Raises Refused where the value cannot be one of this namespace."""
        text = value if self.normaliser is Normaliser.EXACT else value.strip()
        if self.normaliser is Normaliser.PHONE_E164:
            text = _e164(_visible(text))
        elif self.normaliser is Normaliser.EMAIL:
            text = _visible(text).lower()
            if not _ADDRESS.fullmatch(text):
                raise invalid("That is not an e-mail address: write one alone, as name@example.com.", "value")
        if not text or len(text) > MAX_VALUE:
            raise invalid(f"A value of namespace {self.namespace} has 1 to {MAX_VALUE} characters.", "value")
        return text


@dataclass(frozen=True, kw_only=True)
class IdentityPolicy:
    """The brand's rules for joining accounts into customers."""

    namespaces: Annotated[
        list[NamespacePolicy], Doc("In rank order: identities such as the member number before contacts such as a phone.")
    ]
    generic_after: Annotated[int, Doc("An identifier claimed by more accounts than this joins nothing: a shared phone, a store tablet.")]
    largest_component: Annotated[int, Doc("What hangs together by evidence joins by claims only up to this many identifiers.")]

    job: Annotated[Key | None, Internal] = None
    """The job that applies it: a newer policy has a newer job, by which an overtaken one knows that it is."""

    @cached_property
    def id(self) -> Id:
        """Each tenant has exactly one."""
        return Id("policy_identity")

    @cached_property
    def _by_name(self) -> dict[str, tuple[int, NamespacePolicy]]:
        return {policy.namespace: (rank, policy) for rank, policy in enumerate(self.namespaces)}

    def of(self, namespace: str) -> NamespacePolicy:
        """The rule of a namespace; one that the policy does not list is a plain contact: any number, compared after trimming."""
        if namespace in self._by_name:
            return self._by_name[namespace][1]
        return NamespacePolicy(namespace=namespace, max_per_customer=None, is_sensitive=False, normaliser=Normaliser.TRIMMED)

    def to_plain(self) -> dict[str, Any]:
        """Plain values, for whoever stores it."""
        spaces = [asdict(one) | {"normaliser": one.normaliser.name} for one in self.namespaces]
        return asdict(self) | {"namespaces": spaces}

    @classmethod
    def from_plain(cls, row: Mapping[str, Any]) -> IdentityPolicy:
        """And back."""
        spaces = [NamespacePolicy(**{**one, "normaliser": Normaliser[one["normaliser"]]}) for one in row["namespaces"]]
        return cls(namespaces=spaces, generic_after=row["generic_after"], largest_component=row["largest_component"], job=row.get("job"))

    def rank(self, namespace: str) -> tuple[int, str]:
        """Least first: listed namespaces in their order, then the others by name."""
        listed = self._by_name.get(namespace)
        return (listed[0], "") if listed else (len(self.namespaces), namespace)


def _namespace(name: str, slots: int | None, *, sensitive: bool = False, normaliser: Normaliser = Normaliser.TRIMMED) -> NamespacePolicy:
    return NamespacePolicy(namespace=name, max_per_customer=slots, is_sensitive=sensitive, normaliser=normaliser)


DEFAULT_POLICY = IdentityPolicy(
    namespaces=[
        _namespace("member", 1),
        _namespace("wecom", 1, normaliser=Normaliser.EXACT),
        _namespace("crm", None),
        # A phone number or e-mail address is needed to join by, not to read: the smallest thing that works is its keyed hash.
        _namespace("phone", None, sensitive=True, normaliser=Normaliser.PHONE_E164),
        _namespace("email", None, sensitive=True, normaliser=Normaliser.EMAIL),
    ],
    generic_after=5,
    largest_component=200,
)

NAMESPACE = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
MOST_NAMESPACES = 50
MOST_PER_CUSTOMER = 1000
WIDEST_CROWD = 1000
"""The highest threshold: as many accounts may have to be loaded in one turn to see that an identifier is not generic."""
MAX_VALUE = 256
PHONE_REGION = "CN"
"""Where a phone number without a country code is taken to be from."""
_BEGINS = re.compile(r"[\s']*(tel:)?\s*[+＋(（\d]", re.IGNORECASE)
"""What a number begins with (Excel writes the apostrophe): phonenumbers would look for one anywhere in a text."""
_ANOTHER = re.compile(r";(?!ext=|phone-context=)", re.IGNORECASE)
"""What stands between two numbers: phonenumbers would take the first."""
CHINESE_EXTENSION = re.compile("转|轉|分机")
"""How an extension is written in China; like any other it is left out of E.164."""


_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~\[\]-]+@(?:\w[\w-]*\.)+(?:[a-z0-9][a-z0-9-]*|[^\W\x00-\x7f]+)")
"""One address, and nothing beside it: no name, no second address. In the domain are letters and digits of any script."""


def _visible(text: str) -> str:
    """Without the marks that nobody sees: phones wrap a copied number in two (U+202D, U+202C)."""
    return "".join(one for one in text if unicodedata.category(one) != "Cf").strip()


def _e164(text: str) -> str:
    # Keys, ids given out and tombstones of stored numbers are made of this: where a number's form changes, they no longer meet it.
    number = None
    if _BEGINS.match(text) and not _ANOTHER.search(text):
        with suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(CHINESE_EXTENSION.sub(" ext. ", text), PHONE_REGION)
    if number is None or not phonenumbers.is_possible_number(number):
        raise invalid("That is not a phone number. Write it with its country code, or as a number in mainland China.", "value")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
