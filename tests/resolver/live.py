"""Tells a history by use cases that look at who is who: what they record depends on the order, so only a rebuild can judge it."""

from __future__ import annotations

from graph.errors import Refused
from graph.link import By, ExternalLink, link_external_ids, unlink_external_ids
from graph.node import Id
from tests.resolver.facts import Claimed, Decided, Unlinked
from tests.resolver.names import external
from tests.resolver.operations import Operation
from tests.resolver.telling import Teller


class LiveTeller(Teller):
    """Links and unlinks through customer ids, and lets the steward's desk refuse what contradicts itself."""

    async def _tell(self, one: Operation) -> None:
        match one:
            case Claimed(claimant, ext, _, at):
                by = By(id=Id(f"cus_{self.names.key(claimant)}"))
                await link_external_ids(self.tenant, [ExternalLink(customer=by, external_id=external(ext), observed=at)])
            case Unlinked(claimant, ext, at):
                by = By(id=Id(f"cus_{self.names.key(claimant)}"))
                await unlink_external_ids(self.tenant, [ExternalLink(customer=by, external_id=external(ext), observed=at)])
            case Decided(key, kind, a, b, at) if kind != "RETRACT":
                turned = Decided(f"{key}T", "SAME" if kind == "DIFFERENT" else "DIFFERENT", a, b, at)
                for decided in (one, turned):
                    try:
                        await self._decide(decided)
                    except Refused:
                        self.tenant.tally["contradictions"] += 1
            case _:
                await super()._tell(one)
