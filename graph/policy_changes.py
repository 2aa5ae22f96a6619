"""Changes of the identity policy: which are taken, who made them when and why, and what one does to customers. Pure."""

from __future__ import annotations

import json
import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.effect import CustomerSketch, PartitionEffect
from graph.errors import Refused, invalid
from graph.given import UNSET, Unset
from graph.jobs import Job
from graph.node import Doc, Id, Internal, Key, Millis, Node, moment
from graph.policy import MOST_NAMESPACES, MOST_PER_CUSTOMER, NAMESPACE, WIDEST_CROWD, IdentityPolicy, NamespacePolicy

SAMPLES = 20
"""Customers shown of those that a change touches, before and after."""


@dataclass(frozen=True, kw_only=True)
class PolicyChange(Node):
    """That somebody changed the identity policy: it is kept for ever."""

    prefix: ClassVar[str] = "pol"
    author: Annotated[str, Doc("The name of the key that was used.")]
    reason: Annotated[str, Doc("Why, in the author's words.")]
    changed: Annotated[Millis, Internal]
    job_key: Annotated[Key, Internal]
    before: Annotated[str, Doc("The policy until then, as JSON: namespaces in rank order, `generic_after`, `largest_component`.")]
    after: Annotated[str, Doc("The policy from then on, in the same form.")]

    @cached_property
    def changed_at(self) -> datetime:
        """When."""
        return moment(self.changed)

    @cached_property
    def job_id(self) -> Id:
        """The job that brought the customers in line with it (`job_…`)."""
        return Id(f"job_{self.job_key}")


def key_at(at: Millis) -> Key:
    """A key that sorts by time: 13 digits of milliseconds, then chance."""
    return Key(f"{at:013d}{secrets.token_hex(5)[:9]}")


def write(policy: IdentityPolicy) -> str:
    """A policy as text."""
    return json.dumps({name: value for name, value in policy.to_plain().items() if name != "job"}, ensure_ascii=False)


def read(text: str) -> IdentityPolicy:
    """And back."""
    return IdentityPolicy.from_plain(json.loads(text))


def proposed(
    policy: IdentityPolicy, namespaces: Sequence[NamespacePolicy] | Unset, generic_after: int | Unset, in_use: Collection[str]
) -> IdentityPolicy:
    """The policy with what was given in place of what stands. Raises Refused, with every error, where it is none or cannot be reached.

    `in_use`: of the namespaces that either of the two lists, those that have values.
    """
    errors = [*_check_namespaces(namespaces), *_check_crowd(generic_after)]
    if errors:
        raise Refused(*[one for error in errors for one in error.errors])
    new = replace(
        policy,
        namespaces=policy.namespaces if isinstance(namespaces, Unset) else list(namespaces),
        generic_after=policy.generic_after if isinstance(generic_after, Unset) else generic_after,
    )
    changed = sorted(name for name in in_use if policy.of(name).normaliser is not new.of(name).normaliser)
    if changed:
        raise Refused(*[one for name in changed for one in _fixed(name, policy).errors])
    return new


def listed(policy: IdentityPolicy, namespaces: Sequence[NamespacePolicy] | Unset) -> frozenset[str]:
    """Every namespace that a policy, or what is given in its place, lists."""
    given = () if namespaces is UNSET or isinstance(namespaces, Unset) else namespaces
    return frozenset(one.namespace for one in (*policy.namespaces, *given))


def _check_namespaces(namespaces: Sequence[NamespacePolicy] | Unset) -> list[Refused]:
    if isinstance(namespaces, Unset):
        return []
    if not 1 <= len(namespaces) <= MOST_NAMESPACES:
        return [invalid(f"A policy lists 1 to {MOST_NAMESPACES} namespaces.", "namespaces")]
    times = Counter(one.namespace for one in namespaces)
    errors = []
    for i, one in enumerate(namespaces):
        path = ("namespaces", str(i))
        if not NAMESPACE.fullmatch(one.namespace):
            message = "A namespace has 1 to 64 lower-case letters, digits, _ . - and begins with a letter."
            errors.append(invalid(message, *path, "namespace"))
        elif times[one.namespace] > 1:
            errors.append(invalid("This namespace is listed more than once.", *path, "namespace"))
        if one.max_per_customer is not None and not 1 <= one.max_per_customer <= MOST_PER_CUSTOMER:
            message = f"A customer may have 1 to {MOST_PER_CUSTOMER} values of a namespace, or null: any number."
            errors.append(invalid(message, *path, "maxPerCustomer"))
    return errors


def _check_crowd(generic_after: int | Unset) -> list[Refused]:
    if isinstance(generic_after, Unset) or 1 <= generic_after <= WIDEST_CROWD:
        return []
    return [invalid(f"`genericAfter` is 1 to {WIDEST_CROWD} accounts.", "genericAfter")]


def _fixed(name: str, policy: IdentityPolicy) -> Refused:
    return invalid(
        f"Namespace {name} has values, kept as its normaliser {policy.of(name).normaliser.name} made them: it cannot have another one, and "
        "would have TRIMMED if it left the list. "
        "Ids that were given out name those values for ever. List a new namespace with the other normaliser, and send the values there.",
        "namespaces",
    )


@dataclass(kw_only=True)
class Tally:
    """What a change does, added up page by page. A customer is one of those before the change, and counted once for each of the two."""

    merges: int = 0
    """Customers that come to share a customer with another one."""
    splits: int = 0
    """Customers that fall apart: their identifiers come to be in more than one customer."""
    before: dict[Key, CustomerSketch] = field(default_factory=dict)
    after: dict[Key, CustomerSketch] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> Tally:
        """As a job left it."""
        sides = (job.effect.before, job.effect.after) if job.effect else ([], [])
        before, after = [{Key(one.customer_id.removeprefix("cus_")): one for one in side} for side in sides]
        return cls(merges=job.merges, splits=job.splits, before=before, after=after)

    def add(self, before: Mapping[Key, Key], after: Mapping[Key, Key], ids: Mapping[Key, Id], among: Collection[Key] | None = None) -> None:
        """A part of the graph, before and after; of its customers those `among` these, or all."""
        parts: dict[Key, set[Key]] = defaultdict(set)
        sides: dict[Key, set[Key]] = defaultdict(set)
        for key, customer in before.items():
            if key in after:
                parts[customer].add(after[key])
                sides[after[key]].add(customer)
        merged = {customer for joined in sides.values() if len(joined) > 1 for customer in joined}
        split = {customer for customer, found in parts.items() if len(found) > 1}
        if among is not None:
            merged, split = merged.intersection(among), split.intersection(among)
        self.merges += len(merged)
        self.splits += len(split)
        for customer in sorted(merged | split):
            if len(self.before) < SAMPLES:
                self.before[customer] = _sketch(customer, before, ids)
                fresh = [one for one in sorted(parts[customer]) if one not in self.after][: SAMPLES - len(self.after)]
                self.after |= {one: _sketch(one, after, ids) for one in fresh}

    @property
    def effect(self) -> PartitionEffect:
        """Some of those customers, and what becomes of them."""
        return PartitionEffect(
            before=[self.before[key] for key in sorted(self.before)], after=[self.after[key] for key in sorted(self.after)]
        )


def _sketch(customer: Key, partition: Mapping[Key, Key], ids: Mapping[Key, Id]) -> CustomerSketch:
    return CustomerSketch(
        customer_id=Id(f"cus_{customer}"), identifiers=sorted(ids[key] for key, of in partition.items() if of == customer)
    )
