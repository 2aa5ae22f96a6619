"""Named statements from the .sql files beside this module: `-- name: customers.page`, then the statement up to the next name.

A statement may contain another one, or a fragment, by its name in braces: `{customers.matching}`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

FILES = ("tenant", "load", "apply", "touch", "customers", "conflicts", "nodes", "reading", "feed")
NAME = re.compile(r"^-- name: ([a-z_.]+)$", re.MULTILINE)
COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
USE = re.compile(r"\{([a-z_.]+)\}")


@cache
def sql(name: str) -> LiteralString:
    """The text of a statement, with what it contains filled in."""
    return USE.sub(lambda use: sql(use[1]), texts()[name])


@cache
def backwards(name: str) -> LiteralString:
    """The same page from its other end."""
    return sql(name).replace(" ASC\n", " DESC\n")


@cache
def texts() -> dict[str, str]:
    """Every statement and fragment by its name."""
    found: dict[str, str] = {}
    for file in FILES:
        _, *parts = NAME.split(read(f"{file}.sql"))
        found |= {name: COMMENT.sub("", text).strip() + "\n" for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return found


def read(file: str) -> str:
    """A file beside this module."""
    return (files(__package__) / file).read_text(encoding="utf-8")
