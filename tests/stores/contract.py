"""What every store must do. A store's test file inherits this class and brings what harness.py asks for."""

from __future__ import annotations

from tests.stores.erasing import Erasing
from tests.stores.feed import Feed
from tests.stores.loading import Loading
from tests.stores.paging import Paging
from tests.stores.questions import Questions
from tests.stores.reading import Readings
from tests.stores.rebuilding import Rebuilding
from tests.stores.scrubbing import Scrubbing
from tests.stores.touching import Touching
from tests.stores.turns import Turns


class StoreContract(Turns, Loading, Questions, Readings, Paging, Touching, Rebuilding, Feed, Erasing, Scrubbing):
    """The whole contract."""
