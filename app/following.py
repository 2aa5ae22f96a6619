"""Following the feed as it grows: who subscribes is woken after each commit of this process, and soon after those of others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from graph.stores import Store, StoreUnavailable

POLL = 0.25
"""Seconds between looks at whether another process has written: one look for a tenant, however many follow it."""


class TooMany(Exception):
    """There are as many subscriptions as this process, or this key, may have. The message may be shown to the caller."""


class Leaving(Exception):
    """The process is being stopped: whoever follows goes on from where they are, elsewhere or later."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many may follow at once."""

    process: int = 1000
    key: int = 50


@dataclass
class _Watch:
    """One tenant's feed, while somebody follows it."""

    end: int = 0
    followers: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody wrote: look now."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once, when the end has moved; then another one takes its place."""
    looking: asyncio.Task[None] | None = None


class Following:
    """Lets subscribers wait. They read for themselves, from where they are, so nothing is kept for anybody."""

    def __init__(self, store: Store, room: Room | None = None) -> None:
        self._store = store
        self._room = room or Room()
        self._watches: dict[str, _Watch] = {}
        self._seats: Counter[str] = Counter()
        self._is_leaving = False
        store.after_write = self._written

    @property
    def followers(self) -> int:
        """How many follow now."""
        return self._seats.total()

    def _written(self, tenant: str) -> None:
        if watch := self._watches.get(tenant):
            watch.wake.set()

    def leave(self) -> None:
        """End every wait: the process is being stopped."""
        self._is_leaving = True
        for watch in self._watches.values():
            watch.moved.set()

    def check(self) -> None:
        """Raises Leaving where the process is being stopped."""
        if self._is_leaving:
            raise Leaving("The service is being stopped.")

    @asynccontextmanager
    async def seat(self, tenant: str, key: str) -> AsyncIterator[None]:
        """A place among those who follow, for as long as one does. Raises TooMany, Leaving."""
        self.check()
        if self.followers >= self._room.process:
            raise TooMany("This service has as many subscriptions as it takes: try again later, or read `changes`.")
        if self._seats[key] >= self._room.key:
            raise TooMany(f"A key may have {self._room.key} subscriptions at once: end one, or read `changes`.")
        watch = self._watches.setdefault(tenant, _Watch())
        self._seats[key] += 1
        watch.followers += 1
        if watch.looking is None:
            watch.looking = asyncio.create_task(self._look(tenant, watch), name=f"feed of {tenant}")
        try:
            yield
        finally:
            self._seats -= Counter([key])
            watch.followers -= 1
            if not watch.followers:
                del self._watches[tenant]
                watch.looking.cancel()

    async def moved(self, tenant: str, beyond: int, within: float) -> None:
        """Wait until the feed reaches beyond a number, or for so many seconds. Raises Leaving."""
        watch = self._watches[tenant]
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while watch.end <= beyond and not self._is_leaving:
                    await watch.moved.wait()
        self.check()

    async def _look(self, tenant: str, watch: _Watch) -> None:
        """Ask where the feed ends, after each write here and every now and then."""
        while True:
            watch.wake.clear()
            with suppress(StoreUnavailable):  # whoever follows will be told when they read
                end = await self._store.feed_end(tenant)
                if end != watch.end:
                    watch.end, moved = end, watch.moved
                    watch.moved = asyncio.Event()
                    moved.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await watch.wake.wait()
