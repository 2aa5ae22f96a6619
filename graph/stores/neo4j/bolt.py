# ruff: noqa: ANN401  # a statement's parameters are whatever it takes
"""Speaking to Neo4j: sessions, retries, and the driver's exceptions turned into the port's. What is said is in cypher/."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, LiteralString, Protocol, TypeVar

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from graph.stores import StoreUnavailable
from graph.stores.neo4j.address import Address

T = TypeVar("T")
Row = list[Any]

ALL = -1
"""Fetch size: the whole answer in one message."""
PAUSES = (0.1, 0.4, 1.0)
"""Seconds between tries of a statement that stands alone; the driver does the same for transactions, for RETRY_SECONDS."""
RETRY_SECONDS = 15


class Ask(Protocol):
    """Runs one statement and gives its one record's values; None where there is none."""

    async def __call__(self, text: LiteralString, **parameters: Any) -> Row | None:
        """None where nothing was found."""
        ...


class Bolt:
    """One driver, and how many statements it was given."""

    def __init__(self, address: Address, *, warns: bool) -> None:
        self.address = address
        self.statements = 0
        """Statements sent so far: what tests count per question."""
        self._driver = neo4j.AsyncGraphDatabase.driver(
            address.uri,
            auth=address.auth,
            max_connection_pool_size=40,
            connection_acquisition_timeout=5,
            connection_timeout=5,
            max_transaction_retry_time=RETRY_SECONDS,
            telemetry_disabled=True,
            notifications_min_severity="INFORMATION" if warns else "OFF",
            warn_notification_severity="INFORMATION" if warns else "OFF",
            notifications_disabled_classifications=["SCHEMA"],  # that an index is there already is as it should be
        )
        # One server remembers its own writes; of a cluster's members each must be told which ones to wait for.
        self._bookmarks = neo4j.AsyncGraphDatabase.bookmark_manager() if address.is_routed else None

    def _session(self, access: str) -> neo4j.AsyncSession:
        return self._driver.session(
            database=self.address.database, default_access_mode=access, fetch_size=ALL, bookmark_manager=self._bookmarks
        )

    async def read(self, text: LiteralString, **parameters: Any) -> Row | None:
        """Ask a question that stands alone: on one server auto-commit, which costs half; in a cluster in a routed, retried transaction."""
        async with self._answering():
            if self.address.is_routed:
                async with self._session(neo4j.READ_ACCESS) as session:
                    return await session.execute_read(lambda tx: self._run(tx.run, text, parameters))
            return await self._alone(neo4j.READ_ACCESS, text, parameters)

    async def change(self, text: LiteralString, **parameters: Any) -> Row | None:
        """Run one writing statement by itself. It is tried again only where Neo4j says that nothing was written."""
        async with self._answering():
            return await self._alone(neo4j.WRITE_ACCESS, text, parameters)

    async def transaction(self, work: Callable[[Ask], Awaitable[T]]) -> T:
        """Several statements, all or nothing. After a deadlock the work runs again; a commit whose answer was lost is not repeated."""

        async def run(tx: neo4j.AsyncManagedTransaction) -> T:
            async def ask(text: LiteralString, **parameters: Any) -> Row | None:
                return await self._run(tx.run, text, parameters)

            return await work(ask)

        async with self._answering(), self._session(neo4j.WRITE_ACCESS) as session:
            return await session.execute_write(run)

    async def rehearse(self, text: LiteralString, **parameters: Any) -> None:
        """Run a statement and undo it: the first run of a text takes a second, the next ones milliseconds."""
        async with self._answering(), self._session(neo4j.WRITE_ACCESS) as session, await session.begin_transaction() as tx:
            await self._run(tx.run, text, parameters)
            await tx.rollback()

    async def close(self) -> None:
        """Let go of every connection."""
        await self._driver.close()

    async def _alone(self, access: str, text: LiteralString, parameters: dict[str, Any]) -> Row | None:
        for pause in PAUSES:
            try:
                async with self._session(access) as session:
                    return await self._run(session.run, text, parameters)
            except (DriverError, Neo4jError) as error:
                # A writing statement whose connection broke may have been written: only a reading one is sent again then.
                if not (error.is_retryable() and (access == neo4j.READ_ACCESS or isinstance(error, Neo4jError))):
                    raise
            await asyncio.sleep(pause)
        async with self._session(access) as session:
            return await self._run(session.run, text, parameters)

    async def _run(self, run: Callable[..., Awaitable[neo4j.AsyncResult]], text: LiteralString, parameters: dict[str, Any]) -> Row | None:
        self.statements += 1
        # One map: Neo4j plans a text anew for every combination of its parameters' types and sizes, half a second each time.
        result = await run(text, {"given": parameters})
        record = await result.single()
        await result.consume()
        return record.values() if record else None

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """The driver gave up: say so in the port's words. Anything that no retry would mend passes as it is."""
        try:
            yield
        except (DriverError, Neo4jError) as error:
            if not (error.is_retryable() or isinstance(error, UNANSWERED)):
                raise
            raise StoreUnavailable(f"Neo4j at {self.address.uri} did not answer in time ({type(error).__name__}).") from error


UNANSWERED = (
    neo4j.exceptions.ServiceUnavailable,
    neo4j.exceptions.SessionExpired,
    neo4j.exceptions.ConnectionAcquisitionTimeoutError,
    neo4j.exceptions.TransientError,
)
