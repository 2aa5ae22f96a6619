"""`uniongraph serve`: the service, until it is stopped."""

import argparse
import socket

from app.commands.command import Command, CommandFailed, run_async, tell
from app.http.graphiql import GraphiQL
from app.server import Service, address_of, listen, serve, set_up_logs, web_server
from app.settings import Settings, add_arguments, flagged


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser, flagged())


def _run(arguments: argparse.Namespace) -> int:
    settings = Settings.load(arguments)
    credentials = settings.credentials()
    set_up_logs(settings.log_level, credentials)
    for warning in credentials.warnings:
        tell(f"Warning: {warning}")
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        reason = error.strerror or error
        raise CommandFailed(f"Cannot listen on {settings.host}:{settings.port}: {reason}. Another --port may be free.") from None
    service = Service(settings, credentials, GraphiQL(settings.graphiql))
    try:
        return run_async(_serve(service, listener))
    finally:
        listener.close()


async def _serve(service: Service, listener: socket.socket) -> int:
    def started() -> None:
        tell(f"UnionGraph serves {address_of(listener)}/graphql; GraphiQL is there for browsers. Ctrl-C stops it.")

    await serve(service, web_server(service.application()), listener, started)
    return 0


COMMAND = Command("serve", "run the service", _add_arguments, _run)
