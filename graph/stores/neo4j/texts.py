"""The statements: read from the files in cypher/, by the names that stand above them there."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString

NAME = "// name: "
THEN = "// then: "


@cache
def _all() -> dict[str, str]:
    """Every named statement, without comments, before the ones it goes on with are put in."""
    found: dict[str, list[str]] = {}
    for file in sorted(files(__package__).joinpath("cypher").iterdir(), key=lambda file: file.name):
        lines: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(NAME):
                lines = found.setdefault(line.removeprefix(NAME), [])
            elif THEN in line or (line.strip() and not line.lstrip().startswith("//")):
                lines.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def names() -> list[str]:
    """What there is."""
    return sorted(_all())


@cache
def text(name: str, *, then: str | None = None, label: str | None = None, is_backward: bool = False) -> LiteralString:
    """A statement as it is sent: with what it goes on with, for a label in place of Job, walking from the end where asked."""
    body = _all()[name] + (f"\n{THEN}{then}" if then else "")
    while THEN in body:
        before, _, rest = body.partition(THEN)
        goes_on, _, after = rest.partition("\n")
        body = f"{before}\n{_all()[goes_on.strip()]}\n{after}"
    if label:
        body = body.replace(":Job", f":{label}")
    if is_backward:
        body = body.replace(" ASC", " DESC")
    return body


def schema() -> list[LiteralString]:
    """The schema's statements, in order."""
    lines = files(__package__).joinpath("cypher", "schema.cypher").read_text(encoding="utf-8").splitlines()
    whole = "\n".join(line for line in lines if not line.startswith("//"))
    return [statement.strip() for statement in whole.split(";") if statement.strip()]
