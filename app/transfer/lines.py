"""The lines of an export: what each kind holds, and how it is written. Pure; one JSON object a line, told apart by `is`.

{"is": "uniongraph export", "format": 1, …}   the first line: who made it, of which tenant, with which secret
{"is": "said", "by": key, …}                  one identifier with all that it said, and the OpenIDs that this names
{"is": "Touchpoint" | "Decision" | …, …}      a node, by the field names of its class
{"is": "policy", …}                           the identity policy
{"is": "released", "key": key}                a row in quarantine further up that was applied while the export was made
{"is": "end", "lines": n, …}                  the last line: an export without it was cut short
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from graph.evidence import Rollup
from graph.keys import Keys
from graph.node import Key, Node
from graph.policy import IdentityPolicy
from graph.restoring import Former, Testimony
from graph.state import Identifier, Label
from graph.stores.mapping import NODES, from_row, policy_from, policy_row, to_row
from graph.stores.reading import State

FORMAT = 1
"""A later format is another number; a program reads those up to its own."""
IS, EXPORT, SAID, FORMER, POLICY, RELEASED, END = "is", "uniongraph export", "said", "former", "policy", "released", "end"


class Unreadable(Exception):
    """The line is none of an export; the text says why, and names nobody."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """Of whom the export is, and what its keys were made with."""

    format: int
    version: str
    """Of the program that wrote it."""
    tenant: str
    secret: str
    """The secret's fingerprint."""
    made: str

    @classmethod
    def of(cls, keys: Keys, version: str, made: str) -> Header:
        """For an export that is made now."""
        return cls(format=FORMAT, version=version, tenant=keys.tenant, secret=keys.fingerprint, made=made)


Line = Header | Testimony | Former | Node | IdentityPolicy
Written = dict[str, Any]


def write(line: Line) -> bytes:
    """A line with its end."""
    return dump(_written(line))


def dump(written: Written) -> bytes:
    """Any line with its end."""
    return orjson.dumps(written, option=orjson.OPT_APPEND_NEWLINE)


def released(key: Key) -> bytes:
    """That a row in quarantine was applied meanwhile."""
    return dump({IS: RELEASED, "key": key})


def end(counts: Mapping[str, int], began: State, ended: State) -> bytes:
    """The last line: everything that was written by `began` is in the export, and of what came until `ended` some."""
    return dump({IS: END, "lines": sum(counts.values()), "counts": dict(counts), "wholeUpToTurn": began.turn, "readUntilTurn": ended.turn})


def _written(line: Line) -> Written:
    if isinstance(line, Header):
        return {IS: EXPORT, **to_row(line)}
    if isinstance(line, IdentityPolicy):
        return {IS: POLICY, **policy_row(line)}
    if isinstance(line, Testimony):
        open_ids = [{"key": one.key, "touchpoint": one.scope, "value": one.value} for one in line.open_ids]
        said = [{name: value for name, value in to_row(rollup).items() if name != "a"} for rollup in line.rollups]
        return {IS: SAID, "by": line.by, "openIds": open_ids, "rollups": said}
    return {IS: FORMER if isinstance(line, Former) else type(line).__name__, **to_row(line)}


def load(text: bytes) -> Written:
    """A line as it is written. Raises Unreadable."""
    try:
        written = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unreadable("It is not valid JSON.") from None
    if not isinstance(written, dict) or not isinstance(written.get(IS), str):
        raise Unreadable("It is no line of an export.")
    return written


def read(written: Written) -> Line:
    """What a line says. Raises Unreadable."""
    kind = written[IS]
    try:
        if kind == EXPORT:
            return from_row(Header, written)
        if kind == POLICY:
            return policy_from(written)
        if kind == SAID:
            return _testimony(written)
        if kind == FORMER:
            return Former(key=written["key"], witness=written["witness"])
        if kind in NODES:
            return from_row(NODES[kind], written)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable("A field of it is missing, or is not what it should be.") from None
    raise Unreadable("This program does not know what it is: a newer one wrote it.")


def _testimony(written: Written) -> Testimony:
    by = cast("Key", written["by"])
    open_ids = [Identifier(key=one["key"], label=Label.OPEN_ID, scope=one["touchpoint"], value=one["value"]) for one in written["openIds"]]
    rollups = [from_row(Rollup, {**row, "a": by}) for row in written["rollups"]]
    return Testimony(by=by, rollups=tuple(rollups), open_ids=tuple(open_ids))
