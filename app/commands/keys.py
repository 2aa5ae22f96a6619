"""`uniongraph key create|list|revoke`: API keys, made and revoked from the machine that holds the store."""

import argparse
import sys
from collections.abc import AsyncIterator
from datetime import datetime

from rich.console import Console
from rich.table import Table

from app.access import create_key, list_keys, revoke_key
from app.commands.command import Command, CommandFailed, add_tenant, run_async, tell, write
from app.server import opened_store
from app.settings import Settings, add_arguments
from graph.apikeys import ApiKey, Scope
from graph.node import key_of, millis
from graph.stores import Page
from graph.tenant import Tenant

LARGEST_PAGE = 100


def _scopes(text: str) -> list[Scope]:
    known = {scope.value.lower(): scope for scope in Scope}
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"give one or more of {','.join(known)}")
    return [known[name] for name in names]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError("write it as 2027-01-31T00:00:00+08:00")
    return moment


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
    create = actions.add_parser("create", help="make a key and print it, this once; makes the tenant if it is new")
    create.add_argument(
        "--scopes", type=_scopes, default=list(Scope), help="what it may do: read,ingest,manage,steward,admin (default: all)"
    )
    create.add_argument("--name", default="command line", help="what to call it (default: %(default)s)")
    create.add_argument("--expires", type=_moment, help="from when on it is refused (default: never)")
    listing = actions.add_parser("list", help="list a tenant's keys; their secrets are known to nobody")
    revoke = actions.add_parser("revoke", help="let a key open nothing from now on")
    revoke.add_argument("id", help="the key's id, key_…: `key list` shows it")
    for one in (create, listing, revoke):
        add_tenant(one)
        add_arguments(one, ("store", "data"))


def _run(arguments: argparse.Namespace) -> int:
    return run_async({"create": _create, "list": _list, "revoke": _revoke}[arguments.action](arguments))


async def _create(arguments: argparse.Namespace) -> int:
    expires = millis(arguments.expires) if arguments.expires else None
    async with opened_store(Settings.load(arguments)) as store:
        if not arguments.tenant.strip():
            raise CommandFailed("A tenant needs a name: --tenant NAME.")
        if await store.create_tenant(arguments.tenant):
            tell(f"Made the tenant {arguments.tenant}.")
        made, secret = await create_key(Tenant(store, arguments.tenant), arguments.name, arguments.scopes, expires)
    tell(f"{made.id}: keep it, it is shown this once.")
    write(secret)
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    table = Table("Id", "Name", "Scopes", "Made", "Last used", "Expires", "Revoked", box=None)
    async with opened_store(Settings.load(arguments)) as store:
        async for key in _all(Tenant(store, arguments.tenant)):
            moments = (key.created_at, key.last_used_at, key.expires_at, key.revoked_at)
            scopes = ",".join(scope.value.lower() for scope in key.scopes)
            table.add_row(key.id, key.name, scopes, *(f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in moments))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)
    return 0


async def _all(tenant: Tenant) -> AsyncIterator[ApiKey]:
    after = None
    while True:
        page = await list_keys(tenant, Page(limit=LARGEST_PAGE, after=after))
        for key in page.items:
            yield key
        if not page.has_more:
            return
        after = page.items[-1].key


async def _revoke(arguments: argparse.Namespace) -> int:
    async with opened_store(Settings.load(arguments)) as store:
        revoked = await revoke_key(Tenant(store, arguments.tenant), key_of(arguments.id, ApiKey.prefix))
    tell(f"{revoked.id} opens nothing any more. A running service notices within 3 seconds.")
    return 0


COMMAND = Command("key", "make, list and revoke API keys", _add_arguments, _run)
