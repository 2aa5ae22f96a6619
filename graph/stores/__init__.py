"""The port: every question the product asks of a store, and the one way to write. Nothing here knows SQL or Cypher.

Every read takes a list of keys or a page, so that asking once per item cannot be written. Every method filters on the tenant:
what belongs to another tenant is answered as unknown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from graph.accounts import Registry
from graph.apikeys import ApiKey
from graph.changes import Change
from graph.jobs import Job, JobKind, JobState
from graph.keys import Keys
from graph.node import Clock, Key, Millis, Node
from graph.receipts import Traces
from graph.state import ConflictKind, ConflictRow, ConflictState, CustomerRow, CustomerState, Member, StoredRollup
from graph.stores.reading import Reading
from graph.turn import Loaded, Scope, Touch, Writes


def nobody_listens(_: str) -> None:
    """What `after_write` is at first."""


T = TypeVar("T")
N = TypeVar("N", bound=Node)


class StoreUnavailable(Exception):  # named as the API's error code
    """The store did not answer in time; the same call may succeed later."""


class StoreRefused(Exception):  # a refusal with a remedy, not a malfunction
    """The store cannot be opened as it is: another secret, a newer schema, an address that is none."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A keyset page, forward (`after`, or from the start) or backward (`before` or `is_backward`, from the end)."""

    limit: int = 20
    after: str | None = None
    before: str | None = None
    is_backward: bool = False
    is_counted: bool = False


@dataclass(frozen=True, kw_only=True)
class Slice(Generic[T]):
    """An answered page, always in ascending order of the keyset."""

    items: list[T]
    has_more: bool
    """Whether more lies beyond, in the direction of the page."""
    total: int | None = None
    """How many there are in all; counted only when asked."""


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A customer loaded whole."""

    row: CustomerRow
    members: tuple[Member, ...]
    rollups: tuple[StoredRollup, ...] = ()
    """What its members said: all roll-ups whose `a` is a member."""
    conflicts: tuple[ConflictRow, ...] = ()
    """About its members, and mass cases at an identifier its members' roll-ups name; resolved ones too. Counts filled in."""
    mentioned: Mapping[Key, Member] = field(default_factory=dict)
    """Identifiers of other customers that its roll-ups and conflicts name."""


@dataclass(frozen=True, kw_only=True)
class ConflictFound:
    """A conflict with the identifiers it names. Its count is filled in."""

    row: ConflictRow
    mentioned: Mapping[Key, Member]


@dataclass(frozen=True, kw_only=True)
class CustomerFilter:
    """Which customers; all conditions together. Touchpoints by key."""

    used_all: tuple[Key, ...] = ()
    used_none: tuple[Key, ...] = ()
    state: CustomerState | None = None
    has_open_conflict: bool | None = None
    seen_since: Millis | None = None


@dataclass(frozen=True, kw_only=True)
class ConflictFilter:
    """Which conflicts; empty means any."""

    states: tuple[ConflictState, ...] = ()
    kinds: tuple[ConflictKind, ...] = ()
    touchpoint: Key | None = None
    """About an OpenID of this touchpoint."""
    namespace: str | None = None
    """About external ids of this namespace: see ConflictRow.namespace."""


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs; empty means any."""

    kinds: tuple[JobKind, ...] = ()
    states: tuple[JobState, ...] = ()
    touchpoint: Key | None = None


@dataclass(frozen=True, kw_only=True)
class DecisionFilter:
    """Which decisions; all conditions together."""

    names: tuple[Key, ...] | None = None
    """On any of these: identifiers by key, UnionIDs by their text's key."""
    is_revoked: bool | None = None


class Store(Protocol):
    """Where a graph lives. A store loads, applies and answers; it decides nothing."""

    clock: Clock
    after_write: Callable[[str], object]
    """Told after each committed turn whose it was; it returns at once. Does nothing until somebody puts something else in its place."""

    @property
    def statements(self) -> int:
        """How many statements were run so far: what a question costs is the difference."""
        ...

    def keys(self, tenant: str) -> Keys:
        """What makes this tenant's keys."""
        ...

    async def create_tenant(self, tenant: str) -> bool:
        """Make a tenant; False where it was there. Every other method raises Refused (NOT_FOUND) for an unknown tenant."""
        ...

    async def write(self, tenant: str, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Take the tenant's turn: lock, load what `scope_of` asks for under the registry in force, decide, apply, commit.

        Both functions are pure and may run again: where `decide` raises Incomplete, within the same turn after loading more.
        Whatever else it raises undoes the turn and reaches the caller. Where a node of the registry, or the policy, is put or
        dropped, the registry's version grows by one.
        """
        ...

    async def touch(self, tenant: str, version: int, touches: Sequence[Touch]) -> list[Key | None]:
        """Move times only, for those touches that may be applied (turn.py); gives each one's customer, None where it may not.

        Under another registry version than the caller's none may. A touch is applied to all its roll-ups or to none.
        """
        ...

    async def registry(self, tenant: str) -> Registry:
        """The brand's side as it is now: from memory where its version is still the store's. One statement either way but for a reload."""
        ...

    def known(self, tenant: str) -> Registry:
        """The brand's side as this process saw it last, without a statement: it may be out of date, and is empty where it never did."""
        ...

    async def customers(self, tenant: str, keys: Sequence[Key]) -> tuple[Registry, list[Aggregate | None]]:
        """The customers that hold these identifiers (a customer's own key is its seed's), in order; None where unknown. One statement.

        A key that was an identifier's and is nobody's any more leads to the customer of its witness (state.py), which does not hold it.
        """
        ...

    async def named(self, tenant: str, names: Sequence[Key]) -> tuple[Registry, list[Aggregate | None]]:
        """The customers that hold what decisions name, in order: identifiers by key, a UnionID by its text's key. One statement.

        A text may be that of several UnionIDs, each scoped by another platform: then the one first seen.
        """
        ...

    async def customer_page(self, tenant: str, which: CustomerFilter, page: Page) -> tuple[Registry, Slice[Aggregate]]:
        """Customers in the order of their keys."""
        ...

    async def open_id_page(self, tenant: str, touchpoint: Key, page: Page) -> tuple[Registry, Slice[Member]]:
        """The OpenIDs of a touchpoint in the order of their keys."""
        ...

    async def conflict_page(self, tenant: str, which: ConflictFilter, page: Page) -> tuple[Registry, Slice[ConflictFound]]:
        """Conflicts in the order of their keys."""
        ...

    async def conflicts(self, tenant: str, keys: Sequence[Key]) -> tuple[Registry, list[ConflictFound | None]]:
        """Conflicts by key, in order."""
        ...

    async def evidence(self, tenant: str, keys: Sequence[Key]) -> list[StoredRollup | None]:
        """Roll-ups that link two identifiers (RESOLVED_AS, MIGRATED_TO, CLAIMS), those that count nowhere too, by key, in order."""
        ...

    async def page(
        self, tenant: str, kind: type[N], page: Page, which: JobFilter | DecisionFilter | None = None
    ) -> tuple[Registry, Slice[N]]:
        """Jobs, quarantined rows, API keys, decisions, receipts or tombstones in the order of their keys."""
        ...

    async def nodes(self, tenant: str, keys: Sequence[Key]) -> list[Node | None]:
        """Nodes by key, in order: jobs, quarantined rows, API keys, decisions, requests, changes, receipts, tombstones.

        None where unknown.
        """
        ...

    async def quarantined(self, tenant: str, app_id: str | None, after: Key | None, limit: int) -> list[Key]:
        """Keys of quarantined whole rows (of one AppID, or all), in order, after a key."""
        ...

    async def stale(self, tenant: str, touchpoint: Key, version: int, after: Key | None, limit: int) -> list[Key]:
        """OpenIDs of a touchpoint, in order, with evidence scoped under a registry version before this one."""
        ...

    async def customer_keys(self, tenant: str, after: Key | None, limit: int) -> list[Key]:
        """Customers' keys in order, after a key."""
        ...

    async def loose_claims(self, tenant: str, after: Key | None, limit: int) -> list[Key]:
        """Keys of claims, in order, that count nowhere now because they were taken back."""
        ...

    async def changes(self, tenant: str, after: int, limit: int) -> list[Change]:
        """The feed after a sequence number."""
        ...

    def reading(self, tenant: str) -> AbstractAsyncContextManager[Reading]:
        """Read the tenant whole, page by page, beside whoever writes: see reading.py."""
        ...

    async def change_page(self, tenant: str, page: Page) -> tuple[int, Slice[Change]]:
        """The last change's number, and changes in the order of their numbers, which the page's edges are, as text."""
        ...

    async def changes_of(self, tenant: str, before: Mapping[Key, int]) -> list[Change]:
        """Of each of these customers its changes before a number, in no order. One statement."""
        ...

    async def feed_end(self, tenant: str) -> int:
        """The last change's number, by which everything that was committed before it was asked for is covered; 0 where there is none."""
        ...

    async def jobs(self, now: Millis) -> list[tuple[str, Job]]:
        """Unfinished jobs of all tenants whose lease has run out, oldest first."""
        ...

    async def old_requests(self, before: Millis, limit: int) -> list[tuple[str, Key]]:
        """Recorded requests of all tenants that were made before a time, oldest first: each one's tenant and key."""
        ...

    async def blocked(self, tenant: str) -> int:
        """How many rows were turned away because they name the erased. Nothing else of them is kept."""
        ...

    async def traces(self) -> Traces:
        """What of erased rows outlives their erasure where the store lies, and which settings make it go."""
        ...

    async def forget(self, texts: Collection[str] | None) -> bool:
        """Make the bytes of what was erased go. The texts are what only erased rows held; they are looked for and kept nowhere.

        None: nobody knows them all any more, so that all that may hold one is written anew.
        False where somebody still reads an old state: what is left to do is tried again with the next call, which may give no texts.
        """
        ...

    async def api_key(self, digest: str) -> tuple[str, ApiKey] | None:
        """The key with this digest, and its tenant."""
        ...

    async def tenants(self) -> list[str]:
        """Their names, sorted."""
        ...

    async def health(self) -> dict[str, Any]:
        """What an operator wants to see; raises StoreUnavailable where the store does not answer."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


@asynccontextmanager
async def open_store(url: str, *, secret: bytes, clock: Clock) -> AsyncIterator[Store]:
    """Open `sqlite:///path`, `neo4j://…` or `bolt://…` (`+s`, `+ssc` for TLS). The schema is migrated forward. Raises StoreRefused."""
    scheme = url.partition("://")[0]
    # Imported here so that a SQLite user never loads the Neo4j driver, nor the other way round.
    if scheme == "sqlite":
        from graph.stores.sqlite import open_sqlite  # noqa: PLC0415

        store: Store = await open_sqlite(url, secret=secret, clock=clock)
    elif scheme.partition("+")[0] in {"neo4j", "bolt"}:
        from graph.stores.neo4j import open_neo4j  # noqa: PLC0415

        store = await open_neo4j(url, secret=secret, clock=clock)
    else:
        raise StoreRefused("A store is sqlite:///path, neo4j://host, neo4j+s://host, bolt://host or bolt+s://host.")
    try:
        yield store
    finally:
        await store.close()
