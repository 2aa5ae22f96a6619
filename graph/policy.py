"""The identity policy of a brand: its namespaces of external ids, in which rank, how many a customer may have, how they are written."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import phonenumbers

from graph.errors import invalid
from graph.node import Doc, Id


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
            text = _e164(text)
        elif self.normaliser is Normaliser.EMAIL:
            local, at, domain = text.rpartition("@")
            if not (local and at and "." in domain):
                raise invalid("That is not an e-mail address.", "value")
            text = f"{local}@{domain}".lower()
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

MAX_VALUE = 256
PHONE_REGION = "CN"
"""Where a phone number without a country code is taken to be from."""


def _e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text, PHONE_REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise invalid("That is not a phone number. Write it with its country code, or as a number in mainland China.", "value")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
