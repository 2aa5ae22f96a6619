"""The whole web application: which path is answered by what. What lives as long as the process is made in app/server.py."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.http.answers import JSON, CarefulHeaders, dump, starlette_problem
from app.http.endpoint import GraphQLEndpoint
from app.http.graphiql import OWN, OWN_PREFIX, GraphiQL, VersionedFiles
from app.http.graphiql_files import PREFIX
from graph.stores import StoreUnavailable

Health = Callable[[], Awaitable[dict[str, Any]]]
"""Says how the store is; raises StoreUnavailable."""
CORS_SECONDS = 600
"""How long a browser may remember what it was allowed."""


def web_app(
    endpoint: GraphQLEndpoint, page: GraphiQL, health: Health, *, socket: ASGIApp | None = None, cors_origins: Sequence[str] = ()
) -> Starlette:
    """Everything under one address; without a `socket` no WebSockets. Without origins no other site's page may call it."""
    middleware = [Middleware(CarefulHeaders)]
    if cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                expose_headers=["Retry-After", "WWW-Authenticate"],
                max_age=CORS_SECONDS,
            )
        )
    return Starlette(
        routes=[*_routes(endpoint, page, health), *([WebSocketRoute("/graphql", socket)] if socket else [])],
        middleware=middleware,
        exception_handlers={HTTPException: starlette_problem},
    )


def _routes(endpoint: GraphQLEndpoint, page: GraphiQL, health: Health) -> list[BaseRoute]:
    async def live(_: Request) -> Response:
        return Response(dump({"status": "live"}), media_type=JSON)

    async def ready(_: Request) -> Response:
        try:
            facts = await health()
        except StoreUnavailable:
            return Response(dump({"status": "the store does not answer"}), status_code=503, media_type=JSON)
        return Response(dump({"status": "ready", **facts}), media_type=JSON)

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphql")

    return [
        Route("/graphql", endpoint),
        Route("/", home),
        Route("/health", ready),
        Route("/health/live", live),
        Route("/health/ready", ready),
        Mount(OWN_PREFIX.rstrip("/"), StaticFiles(directory=OWN)),
        Mount(PREFIX.rstrip("/"), VersionedFiles(directory=page.folder, check_dir=False)),
    ]
