"""`uniongraph check`: settings, store, keys, WeChat credentials and GraphiQL, each with what to do where it fails."""

import argparse
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.commands.command import EXPECTED, Command, run_async
from app.http.graphiql import GraphiQL
from app.server import opened_store, set_up_logs
from app.settings import Settings, SettingsInvalid, add_arguments
from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from app.wechat.errors import WeChatError
from graph.receipts import public_key
from graph.stores import StoreRefused, StoreUnavailable
from graph.stores.sqlite.migrate import path_of

READABLE_BY_OTHERS = 0o077


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_good: bool
    text: str
    is_warning: bool = False


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser, ("store", "data", "wechat_credentials", "wechat_base_url", "graphiql"))


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_check(arguments))


async def _check(arguments: argparse.Namespace) -> int:
    set_up_logs("error", Credentials())
    table = Table("", "What", "Found", box=None, show_header=False)
    is_good = True
    async for finding in _findings(arguments):
        mark = "!" if finding.is_warning else "ok" if finding.is_good else "FAILED"
        table.add_row(mark, Text(finding.what), Text(finding.text))  # as they are: rich would read [brackets]
        is_good = is_good and finding.is_good
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)
    return 0 if is_good else 1


async def _findings(arguments: argparse.Namespace) -> AsyncIterator[Finding]:
    try:
        settings = Settings.load(arguments)
    except SettingsInvalid as invalid:
        yield Finding("settings", is_good=False, text=str(invalid))
        return
    yield Finding("settings", is_good=True, text="can be read")
    async for finding in _of_store(settings):
        yield finding
    async for finding in _of_wechat(settings):
        yield finding
    missing = GraphiQL(settings.graphiql).missing
    text = f"{len(missing)} files are missing in {settings.graphiql}: `make install` fetches them" if missing else "its files are there"
    yield Finding("GraphiQL", is_good=True, text=text, is_warning=bool(missing))


async def _of_store(settings: Settings) -> AsyncIterator[Finding]:
    try:
        if settings.is_embedded and not (file := path_of(settings.store_url)).exists():
            text = f"there is none yet in {file}: if that is the right place, `uniongraph serve` or `uniongraph key create` makes it"
            yield Finding("store", is_good=True, text=text, is_warning=True)
            return
        async with opened_store(settings) as store:
            health = await store.health()
            facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in health.items())
            yield Finding("store", is_good=True, text=f"opens and answers ({facts})")
            tenants = await store.tenants()
            text = ", ".join(tenants) or "none yet: uniongraph key create --tenant default"
            yield Finding("tenants", is_good=True, text=text, is_warning=not tenants)
            for tenant in tenants:
                if blocked := await store.blocked(tenant):
                    yield Finding(f"erasure of {tenant}", is_good=True, text=f"{blocked} rows that name somebody erased were turned away")
            yield Finding("receipts", is_good=True, text=f"are signed by this key:\n{public_key(store.keys('')).strip()}")
    except (SettingsInvalid, StoreRefused, StoreUnavailable) as failure:
        yield Finding("store", is_good=False, text=str(failure))
        return
    file = settings.secret_file
    if not settings.secret and file.stat().st_mode & READABLE_BY_OTHERS:
        yield Finding("secret", is_good=False, text=f"others may read {file}: chmod 600 {file}")


async def _of_wechat(settings: Settings) -> AsyncIterator[Finding]:
    try:
        credentials = settings.credentials()
        async with WeChatClient(credentials, base_url=settings.wechat_base_url) as wechat:
            for app_id in credentials.app_ids:
                try:
                    await wechat.prove(app_id)
                except WeChatError as error:
                    yield Finding(f"WeChat {app_id}", is_good=False, text=str(error))
                else:
                    yield Finding(f"WeChat {app_id}", is_good=True, text="WeChat accepts AppID and AppSecret from this address")
    except (*EXPECTED, ValueError) as failure:
        yield Finding("WeChat", is_good=False, text=str(failure))
        return
    for warning in credentials.warnings:
        yield Finding("WeChat", is_good=True, text=str(warning), is_warning=True)
    if not credentials.app_ids:
        text = "no AppSecrets: log-ins and backfills need them (UNIONGRAPH_WECHAT_CREDENTIALS)"
        yield Finding("WeChat", is_good=True, text=text, is_warning=True)


COMMAND = Command("check", "look at settings, store and WeChat credentials, and say what to do", _add_arguments, _run)
