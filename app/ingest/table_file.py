"""A table as a file: its encoding, its format, and its rows one after the other with their place, so that reading can go on anywhere."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.ingest.table_rows import Csv, Flaw, Format, JsonLines, TableInvalid
from graph.node import Millis

BLOCK = 1 << 20
MOST_LINES = 50
"""Lines that one row may span; more is a quotation mark that was never closed."""
LONGEST_LINE = 1 << 20
"""Bytes; a longer line is no row of such a table."""
JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in the file."""

    number: int
    """Its first line, from 1."""
    text: str
    end: int
    """Bytes of the file up to its end."""
    next_number: int
    flaw: str = ""


@dataclass(frozen=True)
class Table:
    """A file that can be read as rows."""

    path: Path
    encoding: str
    format: Format
    size: int
    changed: Millis
    """When the file was last changed: the time of rows that give none."""
    start: int
    """Bytes before the first row."""
    first_number: int

    def records(self, offset: int, number: int) -> Iterator[Record]:
        """The rows behind a place; blank lines are passed over. Memory does not grow with the file."""
        with self.path.open("rb") as file:
            file.seek(offset)
            lines = _Lines(file, self.encoding, offset, number)
            while (line := lines.next()) is not None:
                record = self._joined(line, lines) if self.format.spans_lines else line
                if record.text.strip() or record.flaw:
                    yield record

    def _joined(self, first: Record, lines: _Lines) -> Record:
        """A row of CSV goes on in the next line while a quotation mark is open."""
        joined = first
        seen = [first]
        while joined.text.count('"') % 2 and not joined.flaw:
            more = lines.next() if len(seen) < MOST_LINES else None
            if more is None:
                lines.give_back(seen[1:])
                return Record(first.number, first.text, first.end, first.next_number, "a quotation mark is never closed")
            seen.append(more)
            joined = Record(first.number, joined.text + "\n" + more.text, more.end, more.next_number, more.flaw)
        return joined


class _Lines:
    """Lines of a file with their places; a few can be given back."""

    def __init__(self, file: BinaryIO, encoding: str, offset: int, number: int) -> None:
        self._file, self._encoding, self._offset, self._number = file, encoding, offset, number
        self._given_back: list[Record] = []

    def give_back(self, lines: list[Record]) -> None:
        self._given_back = [*lines, *self._given_back]

    def next(self) -> Record | None:
        if self._given_back:
            return self._given_back.pop(0)
        data = self._file.readline(LONGEST_LINE)
        if not data:
            return None
        is_cut = len(data) == LONGEST_LINE and not data.endswith(b"\n")
        self._offset += len(data)
        while is_cut and (rest := self._file.readline(LONGEST_LINE)):
            self._offset += len(rest)
            is_cut = not rest.endswith(b"\n")
        number, self._number = self._number, self._number + 1
        flaw = "the line is longer than any row" if len(data) == LONGEST_LINE else ""
        text = "" if flaw else data.decode(self._encoding, errors="replace").rstrip("\r\n")
        return Record(number, text, self._offset, self._number, flaw)


def open_table(path: Path, ignored: Iterable[str] = ()) -> Table:
    """Find out what a file is. Raises TableInvalid."""
    try:
        encoding, skipped = _encoding(path)
        facts = path.stat()
        with path.open("rb") as file:
            file.seek(skipped)
            lines = _Lines(file, encoding, skipped, 1)
            first = lines.next()
            while first is not None and not first.text.strip():
                skipped, first = first.end, lines.next()
    except OSError as error:
        raise TableInvalid(f"{path} cannot be read: {error.strerror}.") from None
    if first is None:
        raise TableInvalid(f"{path} is empty.")
    millis = facts.st_mtime_ns // 1_000_000
    if path.suffix.lower() in JSON_SUFFIXES or first.text.lstrip().startswith("{"):
        form: Format = JsonLines(frozenset(name.lower() for name in ignored))
        return Table(path, encoding, form, facts.st_size, millis, skipped, first.number)
    try:
        form = Csv.of(first.text, ignored)
    except Flaw as flaw:
        raise TableInvalid(f"The header of {path} cannot be read: {flaw}.") from None
    return Table(path, encoding, form, facts.st_size, millis, first.end, first.next_number)


def _encoding(path: Path) -> tuple[str, int]:
    """UTF-8, with or without its mark, else GB 18030, which contains GBK and GB 2312; and how many bytes to skip. Raises TableInvalid."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK"):
        raise TableInvalid(f"{path} is a workbook or archive: save the table as CSV (UTF-8) first.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise TableInvalid(f"{path} is UTF-16: save it as UTF-8 first.")
    if _decodes(path, "utf-8"):
        return "utf-8", len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    if _decodes(path, "gb18030"):
        return "gb18030", 0
    raise TableInvalid(f"{path} is neither UTF-8 nor GB 18030 text: save it as UTF-8.")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
