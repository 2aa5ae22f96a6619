"""Fixtures: a small brand, and a caller of a fresh sandbox over it."""

from collections.abc import AsyncIterator

import pytest

from app.sandbox.brand import Brand
from app.sandbox.linjian import make_brand
from app.sandbox.server import sandbox_app
from tests.sandbox.caller import Caller, HeldClock

PEOPLE = 1_500


@pytest.fixture(scope="session")
def brand() -> Brand:
    """A brand large enough that every oddity occurs in it."""
    return make_brand(people=PEOPLE)


@pytest.fixture
async def sandbox(brand: Brand) -> AsyncIterator[Caller]:
    """A caller of a fresh sandbox."""
    clock = HeldClock()
    caller = Caller(brand, clock, sandbox_app(brand, clock=clock))
    async with caller.http:
        yield caller
