"""`uniongraph`: finds the command and runs it. An expected failure is one line on standard error; a traceback is a bug."""

import argparse
import sys
from collections.abc import Sequence

from app import demo, sandbox
from app.api.schema import schema_sdl
from app.commands import backfill, check, export, import_table, keys, rebuild, serve, verify_receipt
from app.commands.command import EXPECTED, FAILED, Command, tell

INTERRUPTED = 130


def _print_schema(_: argparse.Namespace) -> int:
    sys.stdout.write(schema_sdl())
    return 0


COMMANDS = (
    serve.COMMAND,
    demo.COMMAND,
    Command("sandbox", "serve a sample brand behind WeChat's HTTP API", sandbox.add_arguments, sandbox.run),
    import_table.COMMAND,
    export.COMMAND,
    backfill.COMMAND,
    rebuild.COMMAND,
    keys.COMMAND,
    verify_receipt.COMMAND,
    check.COMMAND,
    Command("schema", "print the GraphQL schema", lambda _: None, _print_schema),
)


def make_parser() -> argparse.ArgumentParser:
    """The commands with their options."""
    parser = argparse.ArgumentParser(prog="uniongraph", description="One customer, every WeChat touchpoint.")
    words = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = words.add_parser(command.name, help=command.help, description=command.help)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, 1 for a failure, 2 for a word or option that does not exist."""
    arguments = make_parser().parse_args(words)
    try:
        exit_code: int = arguments.run(arguments)
    except EXPECTED as failure:
        tell(f"uniongraph {arguments.command}: {failure}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return FAILED
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
