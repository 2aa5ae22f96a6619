"""An export comes only to a tenant whose customers are resolved by the same rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.brand import found
from graph.errors import Refused, UserErrorCode
from graph.record import record_resolutions
from graph.restoring import OTHER_POLICY
from graph.set_policy import Change, set_identity_policy
from graph.stores import open_store
from graph.tenant import Tenant
from tests.stores.harness import NOW, SECRET
from tests.stores.rebuilding import row
from tests.transfer.moving import brought_in, exported

NAME = "acme"
APP = "wxtouchpoint0"


async def test_the_same_policy_set_here_lets_an_export_in(tmp_path: Path) -> None:
    """Under other rules an export is refused and changes nothing; once the same ones are set, by a job of this store's own, it comes in."""
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    async with open_store(urls[0], secret=SECRET, clock=lambda: NOW) as one, open_store(urls[1], secret=SECRET, clock=lambda: NOW) as two:
        tenant, there, rules = Tenant(one, NAME), Tenant(two, NAME), Change(generic_after=9)
        for at, open_id in ((tenant, "oFirst"), (there, "oSecond")):
            await found(at)
            await record_resolutions(at, [row(APP, open_id, None, at=NOW)])
        await set_identity_policy(tenant, rules, reason="Families share a phone.", author="test")
        await exported(tenant, tmp_path / "acme.jsonl")
        first = [tenant.keys.open_id(APP, "oFirst")]
        with pytest.raises(Refused) as refused:
            await brought_in(two, NAME, tmp_path / "acme.jsonl")
        assert [(OTHER_POLICY, UserErrorCode.INVALID_INPUT)] == [(error.message, error.code) for error in refused.value.errors]
        assert [None] == (await there.customers(first))
        await set_identity_policy(there, rules, reason="Families share a phone.", author="test")
        await brought_in(two, NAME, tmp_path / "acme.jsonl")
        assert [None] != (await there.customers(first))
