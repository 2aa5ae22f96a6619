"""Invariant 3: each OpenID is in exactly one WeChatAccount, and each WeChatAccount in exactly one Customer."""

from __future__ import annotations

from collections import defaultdict

import pytest

from graph.node import Key
from graph.state import Label
from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.operations import said

pytestmark = pytest.mark.histories


async def everybody_has_one_place(desk: Desk) -> None:
    """Look through all customers for everybody who was seen."""
    members = await desk.members()
    assert len({member.key for member in members}) == len(members)
    seen = {desk.names.key(fact.who) for fact in said(desk.story.operations).facts if hasattr(fact, "who")}
    assert seen <= {member.key for member in members if member.label is Label.OPEN_ID}
    accounts: dict[Key, set[Key]] = defaultdict(set)
    for member in members:
        assert (member.account is None) is (member.label is Label.EXTERNAL_ID)
        if member.account:
            accounts[member.account].add(member.customer)
    assert all(len(customers) == 1 for customers in accounts.values())
    assert {member.account for member in members if member.account == member.key} == accounts.keys()


async def test_03_everybody_has_one_place(told: Told) -> None:
    """Whatever was said, nobody is in two accounts or in none, and no account is torn."""
    await told.hold(everybody_has_one_place)
