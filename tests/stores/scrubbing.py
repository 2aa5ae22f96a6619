"""The contract of sensitive namespaces: when a walk is over, nothing in the database holds a value of theirs in clear."""

from __future__ import annotations

from dataclasses import replace

from graph.binding import retract_binding
from graph.evidence import ResolutionSource
from graph.link import By, ExternalLink, link_external_ids, unlink_external_ids
from graph.policy import DEFAULT_POLICY
from graph.policy_walk import run_policy_changes
from graph.record import record_resolutions
from graph.rows import ExternalRef, Row
from graph.set_policy import Change, set_identity_policy
from graph.stores import Store
from graph.tenant import Tenant
from graph.upkeep import run_rescopes
from tests.stores.cast import Cast
from tests.stores.use_cases import UseCases

HIDDEN = (
    *("HIDDEN-live", "HIDDEN-unlinked", "HIDDEN-of-a-lost-union", "HIDDEN-of-an-ext", "HIDDEN-waiting", "HIDDEN-both"),
    *("HIDDEN-crowded", "HIDDEN-of-a-crowd", "HIDDEN-no-more-of-a-crowd"),
)


class Scrubbing(UseCases):
    """Taking values out."""

    async def test_what_becomes_sensitive_is_found_nowhere(self, store: Store, tenant: str, cast: Cast) -> None:
        """Values of identifiers, of claims that count or were taken back, of crowds and of rows that wait: gone from the database."""
        brand = await self.brand(store, tenant, cast)
        await self.tell(brand)
        before = await self.spelled(tenant)
        assert [] == [value for value in HIDDEN if value not in before]
        known = await self.peek(tenant)

        spaces = [replace(one, is_sensitive=one.is_sensitive or one.namespace == "crm") for one in DEFAULT_POLICY.namespaces]
        await set_identity_policy(brand, Change(namespaces=spaces), reason="They are secret now.", author="tests")
        assert 1 == await run_policy_changes(store, "tests")

        assert "HIDDEN" not in await self.spelled(tenant)
        found = await self.peek(tenant)
        assert {key: one.customer for key, one in known.members.items()} == {key: one.customer for key, one in found.members.items()}
        assert known.rollups.keys() == found.rollups.keys()
        await self.assert_settled(brand)

    async def tell(self, brand: Tenant) -> None:
        """Every place in which a value can stand."""
        await record_resolutions(
            brand,
            [
                row("wxa", "a", "u", "HIDDEN-live", "HIDDEN-both"),
                *(row("wxb", f"c{n}", f"v{n}", "HIDDEN-crowded") for n in range(8)),
                row("wxnew", "w", "x", "HIDDEN-waiting", "HIDDEN-both"),
            ],
        )
        union, open_id = By(union_id=("wxo", "u")), By(open_id=("wxa", "a"))
        live, crowded = By(external_id=crm("HIDDEN-live")), By(external_id=crm("HIDDEN-crowded"))
        kept = [link(live, "HIDDEN-of-an-ext"), link(crowded, "HIDDEN-of-a-crowd")]
        gone = [link(open_id, "HIDDEN-unlinked"), link(union, "HIDDEN-of-a-lost-union"), link(crowded, "HIDDEN-no-more-of-a-crowd")]
        await link_external_ids(brand, kept + gone)
        await unlink_external_ids(brand, gone)
        # The UnionID that made a claim, now taken back, is one no more: its binding should never have been told.
        await retract_binding(brand, f"bnd_{brand.keys.derive('Binding', 'wxa')}", reason="It was another's.")
        await run_rescopes(brand.store, "tests")


def crm(value: str) -> ExternalRef:
    """An id in a namespace that is kept in clear at first."""
    return ExternalRef(namespace="crm", value=value)


def row(app: str, name: str, union: str, *values: str) -> Row:
    """A resolution."""
    return Row(
        app_id=app, open_id=name, union_id=union, observed=1000, source=ResolutionSource.CODE2SESSION, external_ids=tuple(map(crm, values))
    )


def link(whose: By, value: str) -> ExternalLink:
    """Whose it is, or is no more."""
    return ExternalLink(customer=whose, external_id=crm(value))
