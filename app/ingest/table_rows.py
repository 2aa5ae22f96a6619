"""What a line of a brand's own table says: columns, times and external ids turned into a Row, or the reason why not. Pure.

Columns `appId` and `openId` are needed; `unionId`, `observedAt` and `isSnapshotUser` are known; case, blanks, `_` and `-` in their
names do not matter. Any other column is a namespace of external ids (`member`, `phone`, …), empty cells apart. Which of those are taken
is not decided here.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.wechat.china_time import CHINA
from graph.evidence import ResolutionSource
from graph.node import Millis, millis
from graph.rows import ExternalRef, Row

KNOWN = {"appid": "app_id", "openid": "open_id", "unionid": "union_id", "observedat": "observed", "issnapshotuser": "is_snapshot_user"}
NEEDED = {"app_id": "appId", "open_id": "openId"}
LINE, REASON = "rejectedLine", "rejectedBecause"
"""Columns of the file of rejected rows; ignored where that file is imported once it is put right."""
EXTERNAL_IDS = "externalids"
YES = {"1", "true", "yes", "y"}
DELIMITERS = ",\t;"
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?)?")
_SECONDS, _MILLISECONDS = 10, 13
"""Digits that a time since 1970 has, in seconds and in milliseconds."""


class TableInvalid(Exception):
    """The table cannot be read as a whole; the text says what to do."""


class Flaw(Exception):
    """The row cannot be read; the text says why."""


class Format(Protocol):
    """How rows stand in a file."""

    @property
    def suffix(self) -> str:
        """How files of it are called."""
        ...

    @property
    def spans_lines(self) -> bool:
        """Whether a row may go on in the next line."""
        ...

    @property
    def namespaces(self) -> Sequence[str]:
        """The columns taken as external ids, as far as they are known beforehand."""
        ...

    def row(self, text: str, observed: Millis) -> Row:
        """One row; `observed` is for those that give no time. Raises Flaw."""
        ...

    def rejected(self, number: int, text: str, reason: str) -> str:
        """A row for the file of rejected ones."""
        ...

    def rejected_header(self) -> str:
        """How that file begins."""
        ...


@dataclass(frozen=True)
class Csv:
    """Comma-separated values with a header; tabs and semicolons serve as well."""

    header: Sequence[str]
    delimiter: str
    ignored: frozenset[str] = frozenset()
    suffix: str = "csv"
    spans_lines: bool = True

    @classmethod
    def of(cls, first_line: str, ignored: Iterable[str]) -> Csv:
        """By the header. Raises TableInvalid."""
        delimiter = max(DELIMITERS, key=first_line.count)
        header = [cell.strip() for cell in _cells(first_line, delimiter)]
        found = [KNOWN.get(_plain(name)) for name in header]
        for needed, shown in NEEDED.items():
            if found.count(needed) != 1:
                # Its cells are not quoted: where the header is missing they are somebody's.
                raise TableInvalid(f"The first line must be a header with one column {shown}: put one in front of the rows, or rename its.")
        return cls(header, delimiter, frozenset(map(_plain, ignored)))

    @property
    def namespaces(self) -> Sequence[str]:
        """The columns taken as external ids."""
        return [name.lower() for name in self.header if name and self._is_namespace(name)]

    def _is_namespace(self, name: str) -> bool:
        return _plain(name) not in {*KNOWN, *self.ignored, _plain(LINE), _plain(REASON)}

    def row(self, text: str, observed: Millis) -> Row:
        """One row. Raises Flaw."""
        cells = _cells(text, self.delimiter)
        if len(cells) > len(self.header):
            raise Flaw(f"it has {len(cells)} cells, the header has {len(self.header)}: is a cell with a {self.delimiter!r} not in quotes?")
        given = [(name, cell.strip()) for name, cell in zip(self.header, cells, strict=False) if cell.strip()]
        known = {KNOWN[_plain(name)]: cell for name, cell in given if _plain(name) in KNOWN}
        return _row(known, [(name.lower(), cell) for name, cell in given if name and self._is_namespace(name)], observed)

    def rejected(self, number: int, text: str, reason: str) -> str:
        """The row's own cells behind its line and the reason."""
        try:
            cells = _cells(text, self.delimiter)
        except Flaw:
            cells = [text]
        return _csv_line([str(number), reason, *cells], self.delimiter)

    def rejected_header(self) -> str:
        """The table's own header behind two columns."""
        return _csv_line([LINE, REASON, *self.header], self.delimiter)


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line; external ids as members of their own, or together in `externalIds`."""

    ignored: frozenset[str] = frozenset()
    suffix: str = "jsonl"
    spans_lines: bool = False
    namespaces: Sequence[str] = field(default=())

    def row(self, text: str, observed: Millis) -> Row:
        """One row. Raises Flaw."""
        known: dict[str, str] = {}
        externals: list[tuple[str, str]] = []
        for name, value in _object(text).items():
            plain = _plain(name)
            if plain == EXTERNAL_IDS:
                externals += _externals(value)
            elif plain in KNOWN:
                known[KNOWN[plain]] = _scalar(value, name)
            elif plain not in {*self.ignored, _plain(LINE), _plain(REASON)}:
                externals.append((name.lower(), _scalar(value, name)))
        return _row({name: value for name, value in known.items() if value}, [one for one in externals if one[1]], observed)

    def rejected(self, number: int, text: str, reason: str) -> str:
        """The row's own members behind its line and the reason; what is no object, as text."""
        try:
            own = _object(text)
        except Flaw:
            own = {"text": text}
        return json.dumps({LINE: number, REASON: reason, **own}, ensure_ascii=False) + "\n"

    def rejected_header(self) -> str:
        """None."""
        return ""


def moment_of(text: str) -> Millis:
    """A time as tables write it: ISO 8601, a date, or seconds or milliseconds since 1970; without an offset it is China's. Raises Flaw."""
    if text.isdecimal() and len(text) in {_SECONDS, _MILLISECONDS}:
        return int(text) * (1000 if len(text) == _SECONDS else 1)
    try:
        if found := _DATE.fullmatch(text):
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=CHINA)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError:
        raise Flaw("observedAt is no time: write it as 2026-11-22T18:00:00+08:00") from None
    return millis(moment if moment.tzinfo else moment.replace(tzinfo=CHINA))


def _row(known: Mapping[str, str], externals: Sequence[tuple[str, str]], observed: Millis) -> Row:
    for needed, shown in NEEDED.items():
        if needed not in known:
            raise Flaw(f"it has no {shown}")
    return Row(
        app_id=known["app_id"],
        open_id=known["open_id"],
        union_id=known.get("union_id"),
        observed=moment_of(known["observed"]) if "observed" in known else observed,
        source=ResolutionSource.IMPORT,
        external_ids=tuple(ExternalRef(namespace=namespace, value=value) for namespace, value in externals),
        is_snapshot_user=known.get("is_snapshot_user", "").lower() in YES,
    )


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise Flaw(f"it is not valid CSV ({error})") from None


def _csv_line(cells: Sequence[str], delimiter: str) -> str:
    quoted = ('"' + cell.replace('"', '""') + '"' if re.search(rf'["\r\n{delimiter}]', cell) else cell for cell in cells)
    return delimiter.join(quoted) + "\n"


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Flaw("it is not valid JSON") from None
    if not isinstance(value, dict):
        raise Flaw("it is no JSON object")
    return value


def _externals(value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [(str(name), _scalar(one, str(name))) for name, one in value.items()]
    if isinstance(value, list) and all(isinstance(one, dict) and {"namespace", "value"} <= one.keys() for one in value):
        return [(_scalar(one["namespace"], "namespace"), _scalar(one["value"], "value")) for one in value]
    raise Flaw('externalIds is neither {"member": "…"} nor [{"namespace": "member", "value": "…"}]')


def _scalar(value: object, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, str | int):
        return str(value).strip()
    raise Flaw(f"{name} is neither text nor a number")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()
