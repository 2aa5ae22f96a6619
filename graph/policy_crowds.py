"""How far a walk under another threshold must look around a page, so that what it finds for the page is what holds in the end.

An OpenID or UnionID that is generic no more, or is now, joins others into one account or parts them. So there may be fewer or more accounts
that claim an external id elsewhere, and whether that is generic cannot be told from outside: its crowd is loaded whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph.derive import News, derive
from graph.node import Key
from graph.policy import IdentityPolicy
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

CAUSE = "setIdentityPolicy"
TIMES = 10
"""Crowds of up to so many times the threshold are loaded: larger ones do not melt away by a few accounts more or less."""
DEEPEST = 10
"""From crowd to crowd so many times, …"""
MOST_ACCOUNTS = 2000
"""… and no more than about so many accounts for one page: writers wait as long as loading them takes."""


def widest(before: IdentityPolicy, policy: IdentityPolicy) -> int:
    """The largest crowd that is loaded; 0 where the threshold stays, and with it who is one account."""
    return TIMES * policy.generic_after if before.generic_after != policy.generic_after else 0


def under(loaded: Loaded, policy: IdentityPolicy) -> Loaded:
    """The same under another policy."""
    return replace(loaded, registry=replace(loaded.registry, policy=policy))


async def around(tenant: Tenant, people: Sequence[Key], policy: IdentityPolicy, most: int) -> Scope:
    """The scope in which a page is to be derived under a policy."""
    scope = Scope(people=frozenset(people), crowd=max(policy.generic_after, most))
    accounts = 0
    for _ in range(DEEPEST if most else 0):
        crowds = await _uncertain(tenant, scope, policy, most)
        accounts += sum(crowds.values())
        if not crowds or accounts > MOST_ACCOUNTS:
            break
        scope = scope.wider(Scope(expand=frozenset(crowds)))
    return scope


async def _uncertain(tenant: Tenant, scope: Scope, policy: IdentityPolicy, most: int) -> dict[Key, int]:
    """Generic external ids at the border of what the page hangs together with under the policy, each with the accounts outside."""

    def decide(loaded: Loaded) -> tuple[Writes, dict[Key, int]]:
        derive(under(loaded, policy), tenant.keys, News(cause=CAUSE), tenant.now())  # loads what it needs
        return Writes(), {key: crowd.accounts for key, crowd in loaded.crowds.items() if not crowd.slot and crowd.accounts <= most}

    return await tenant.write(lambda _: scope, decide)
