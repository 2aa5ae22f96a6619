"""An API on a real SQLite store with a clock of its own: asked in GraphQL, as a client would; and how often it asked its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from app.access import Access, Caller
from app.api.context import Context, Services
from app.api.schema import schema
from app.following import Following
from app.ingest.ports import LoginAnswer
from graph.apikeys import Scope
from graph.errors import Refused
from graph.gather import Recorder
from graph.jobs import Job, JobKind
from graph.keys import random_key
from graph.node import Millis, millis
from graph.policy_walk import run_policy_changes
from graph.rows import ExternalRef
from graph.stores import Store
from graph.tenant import Tenant
from graph.turn import Scope as Sight
from graph.turn import Writes
from graph.upkeep import run_rescopes

Json = dict[str, Any]


def at(text: str) -> Millis:
    """A moment written down as text."""
    return millis(datetime.fromisoformat(text))


class StandingClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now: Millis = at("2026-03-15T04:00:00Z")

    def __call__(self) -> Millis:
        """What time it is."""
        return self.now


class Counting:
    """A store that counts what it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: Counter[str] = Counter()
        self.failing: Exception | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the store has
        found = getattr(self._store, name)
        if name in {"clock", "keys", "known", "close"}:
            return found
        if self.failing:
            raise self.failing
        self.asked[name] += 1
        return found


class ScriptedLogins:
    """Answers what the test said it would."""

    def __init__(self) -> None:
        self.answer: LoginAnswer | Refused | None = None
        self.asked: list[tuple[str, str, tuple[ExternalRef, ...]]] = []

    async def exchange(self, _: Tenant, app_id: str, code: str, external_ids: tuple[ExternalRef, ...]) -> LoginAnswer:
        """The scripted answer."""
        self.asked.append((app_id, code, external_ids))
        if isinstance(self.answer, Refused):
            raise self.answer
        assert self.answer is not None
        return self.answer


class ScriptedBackfills:
    """Puts a job, or refuses as the test said."""

    def __init__(self) -> None:
        self.refusal: Refused | None = None

    async def start(self, tenant: Tenant, app_id: str) -> Job:
        """A job that nobody works on."""
        if self.refusal:
            raise self.refusal
        job = Job(key=random_key(), kind=JobKind.BACKFILL, touchpoint_key=tenant.keys.touchpoint(app_id), started=tenant.now())
        await tenant.write(lambda _: Sight(), lambda _: (Writes(put=[job]), None))
        return job


class Api:
    """One process's API."""

    def __init__(self, store: Store, clock: StandingClock, *, tenant: str = "acme") -> None:
        self.counting = Counting(store)
        self.store: Store = self.counting
        self.clock = clock
        self.name = tenant
        self.logins = ScriptedLogins()
        self.backfills = ScriptedBackfills()
        self.recorder = Recorder()
        self.following = Following(store)
        self.woken = 0

    @property
    def tenant(self) -> Tenant:
        """The tenant whose key is used."""
        return Tenant(self.store, self.name)

    def services(self, wake: Callable[[], None] | None = None) -> Services:
        """What resolvers reach."""
        return Services(
            store=self.store,
            recorder=self.recorder,
            access=Access(self.store),
            logins=self.logins,
            backfills=self.backfills,
            following=self.following,
            wake=wake or self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    def context(self, scopes: Iterable[Scope] = tuple(Scope)) -> Context:
        """What one operation carries."""
        return Context(services=self.services(), caller=Caller(tenant=self.name, key_name="tests", scopes=frozenset(scopes)))

    async def execute(
        self, document: str, variables: Json | None = None, scopes: Iterable[Scope] = tuple(Scope)
    ) -> tuple[Json | None, list[GraphQLError]]:
        """Data and errors of one operation."""
        context = self.context(scopes)
        result = await schema.execute(document, variable_values=variables, context_value=context)
        return result.data, result.errors or []

    async def ask(self, document: str, /, **variables: object) -> Json:
        """The data of an operation that goes well."""
        data, errors = await self.execute(document, variables)
        assert errors == []
        assert data is not None
        return data

    async def code(self, document: str, /, **variables: object) -> str:
        """The code of the one error of an operation that fails as a whole field."""
        _, errors = await self.execute(document, variables)
        assert len(errors) == 1, errors
        return str((errors[0].extensions or {})["code"])

    async def do(self, mutation: str, fields: str, /, **given: object) -> Json:
        """The payload of a mutation with this input, errors included."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        document = f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {fields} errors {{ __typename message code path }} }} }}"
        payload: Json = (await self.ask(document, input=given))[mutation]
        return payload

    async def done(self, mutation: str, fields: str = "", /, **given: object) -> Json:
        """The payload of a mutation that is not refused."""
        payload = await self.do(mutation, fields, **given)
        assert payload["errors"] == []
        return payload

    async def rescoped(self) -> None:
        """Do every job that brings evidence in line with changed bindings and policies, as the worker would."""
        await run_rescopes(self.store, "tests")
        await run_policy_changes(self.store, "tests")

    async def register(self) -> None:
        """A small brand: one entity, two Open Platform accounts, three touchpoints, two of them bound to the first."""
        await self.done("registerEntity", entityId="acme", name="Acme", kind="COMPANY")
        for open_app_id in ("wxopen1", "wxopen2"):
            await self.done("registerOpenPlatform", openAppId=open_app_id, name=open_app_id, entityId="acme", isQualified=True)
        for app_id, kind in (("wxmini", "MINI_PROGRAM"), ("wxserv", "SERVICE_ACCOUNT"), ("wxshop", "MINI_PROGRAM")):
            await self.done("registerTouchpoint", appId=app_id, name=app_id, kind=kind, entityId="acme")
        for app_id in ("wxmini", "wxserv"):
            await self.done("bindTouchpoint", appId=app_id, openAppId="wxopen1")
        await self.rescoped()

    async def record(self, *rows: str, when: str | None = None) -> list[Json]:
        """Record rows written as `appId openId unionId namespace:value …`, with - for no UnionID."""
        fields = "results { index outcome customerId isNewCustomer error { message code path } }"
        payload = await self.done("recordResolutions", fields, items=[item(row, when) for row in rows])
        results: list[Json] = payload["results"]
        return results


def item(row: str, when: str | None = None) -> Json:
    """One row as the mutation takes it."""
    app_id, open_id, union_id, *external = row.split()
    ids = [{"namespace": pair.split(":")[0], "value": pair.split(":")[1]} for pair in external]
    said: Json = {"appId": app_id, "openId": open_id, "source": "CODE2SESSION", "externalIds": ids, "observedAt": when}
    return said if union_id == "-" else said | {"unionId": union_id}
