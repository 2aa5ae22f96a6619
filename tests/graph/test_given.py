"""Which texts can be registered: WeChat's ids, an operator's own, names and credit codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.accounts import EntityKind
from graph.bindings import TouchpointKind
from graph.registry import register_entity, register_open_platform, register_touchpoint
from tests.graph.registry_brand import STORES, Brand, opened_brand, said


@pytest.fixture(params=STORES)
async def brand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brand]:
    """A brand on each store."""
    async with opened_brand(request.param, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("wrong", ["", " wxshop", "wx shop", "wx\tshop", "微信", "w" * 65, "wx\x7f"])
async def test_wechat_ids_are_printable_ascii(brand: Brand, wrong: str) -> None:
    """WeChat's ids have 1 to 64 printable ASCII characters without blanks."""
    kind = TouchpointKind.STORE
    assert ("INVALID_INPUT", ["appId"]) == await said(register_touchpoint(brand.tenant, wrong, name="Shop", kind=kind))
    assert ("INVALID_INPUT", ["openAppId"]) == await said(register_open_platform(brand.tenant, wrong, name="A", entity_id="acme"))
    assert ("INVALID_INPUT", ["originalId"]) == await said(register_touchpoint(brand.tenant, "wxshop", original_id=wrong))


@pytest.mark.parametrize("right", ["w", "wx" + "0" * 62, "WX-1234!", "wx0123456789abcdef"])
async def test_a_strange_app_id_is_taken(brand: Brand, right: str) -> None:
    """WeChat promises no pattern for its ids, so none is enforced."""
    assert right == (await register_touchpoint(brand.tenant, right, name="Shop", kind=TouchpointKind.STORE)).app_id


@pytest.mark.parametrize("wrong", ["", "co 7", "c" * 65, "co\n", "co\u200b7"])
async def test_entity_ids_are_short_and_without_blanks(brand: Brand, wrong: str) -> None:
    """An operator's own ids have 1 to 64 printable characters without blanks; Chinese ones are fine."""
    assert ("INVALID_INPUT", ["entityId"]) == await said(register_entity(brand.tenant, wrong, name="Seven", kind=EntityKind.COMPANY))
    assert "林间" == (await register_entity(brand.tenant, "林间", name="Seven", kind=EntityKind.COMPANY)).entity_id


@pytest.mark.parametrize("wrong", ["", "  ", "\u3000", "n" * 201, "two\nlines", "half\ud800"])
async def test_names_are_text(brand: Brand, wrong: str) -> None:
    """A name has 1 to 200 characters, not only blanks and nothing that cannot be written."""
    assert ("INVALID_INPUT", ["name"]) == await said(register_entity(brand.tenant, "acme", name=wrong))
    assert ("INVALID_INPUT", ["name"]) == await said(register_open_platform(brand.tenant, "wxopen_a", name=wrong))
    assert ("INVALID_INPUT", ["name"]) == await said(register_touchpoint(brand.tenant, "wxshop", name=wrong))


@pytest.mark.parametrize("right", ["n", "名" * 200, "林间（上海）有限公司\u3000旗舰店", "Shop 👩‍🚀"])
async def test_names_may_be_written_in_any_script(brand: Brand, right: str) -> None:
    """Full-width blanks and brackets, and joined characters, are part of names."""
    assert right == (await register_entity(brand.tenant, "acme", name=right)).name


@pytest.mark.parametrize("wrong", ["", "91310000MA1FL0AB1", "91310000MA1FL0AB123", "91310000MA1FL0ABI2", "91310000ma1fl0ab12"])
async def test_credit_codes_are_checked(brand: Brand, wrong: str) -> None:
    """A unified social credit code has 18 digits and capitals without I, O, S, V and Z."""
    assert ("INVALID_INPUT", ["creditCode"]) == await said(register_entity(brand.tenant, "acme", credit_code=wrong))
