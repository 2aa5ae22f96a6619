"""What may be kept of an external id's value: everything, or in a sensitive namespace nothing. Pure; derive.py brings evidence in line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from graph.evidence import Rollup, Said
from graph.node import Key
from graph.policy import IdentityPolicy
from graph.state import Identifier, Label, named_by, naming

I = TypeVar("I", bound=Identifier)  # noqa: E741  # an identifier or a member


def kept(identifier: I, policy: IdentityPolicy) -> I:
    """An identifier as it may be stored under a policy."""
    is_secret = identifier.label is Label.EXTERNAL_ID and identifier.value is not None and policy.of(identifier.scope).is_sensitive
    return replace(identifier, value=None) if is_secret else identifier


def hides_more(before: IdentityPolicy, policy: IdentityPolicy) -> bool:
    """Whether a namespace comes to be sensitive."""
    return any(one.is_sensitive and not before.of(one.namespace).is_sensitive for one in policy.namespaces)


def tells(claim: Rollup, policy: IdentityPolicy) -> bool:
    """Whether a claim holds a value in clear that the policy hides."""
    return any(kept(one, policy) != one for one in named_by(claim))


def known(
    claims: Iterable[Rollup], fresh: Mapping[Key, Identifier], members: Mapping[Key, Identifier], policy: IdentityPolicy
) -> dict[Key, Identifier]:
    """Everybody who is named, as may be stored: best as a member, but a value that only a claim or a new row has is taken from there."""
    found: dict[Key, Identifier] = {}
    named = (one for claim in claims for one in named_by(claim))
    for one in (*members.values(), *fresh.values(), *named):
        before = found.get(one.key)
        if before is None:
            found[one.key] = one
        elif before.value is None and one.value is not None:
            found[one.key] = replace(before, value=one.value)
    return {key: kept(one, policy) for key, one in found.items()}


def written(rollup: Rollup, identifiers: Mapping[Key, Identifier]) -> Rollup:
    """A roll-up that names its ends as they are known: a claim made while a value was kept in clear, or was not, follows the policy."""
    if rollup.said is not Said.CLAIMS:
        return rollup
    named = list(named_by(rollup))
    now = [identifiers.get(one.key, one) for one in named]
    return rollup if [one.value for one in named] == [one.value for one in now] else replace(rollup, text=naming(*now))
