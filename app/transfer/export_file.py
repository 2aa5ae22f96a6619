"""An export as a file: whose it is, whether it is whole, and its lines from any place on. Only the small parts are kept in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.ingest.table_rows import TableInvalid
from app.transfer import lines
from app.transfer.lines import Header, Unreadable
from graph.decisions import Decision
from graph.keys import Keys
from graph.node import Key, Node
from graph.policy import IdentityPolicy
from graph.quarantine import Quarantined
from graph.receipts import ErasureReceipt
from graph.stores.mapping import NODES, REGISTRY_NODES, STAYING
from graph.tombstones import Tombstone

BEGINS = b'{"is":"uniongraph export"'
STREAMED = (b'{"is":"said"', b'{"is":"former"', b'{"is":"Quarantined"')
"""How the lines begin that are brought in one after the other."""


@dataclass(frozen=True, slots=True)
class Read:
    """One line of the file."""

    number: int
    """From 1."""
    text: bytes
    end: int
    """Bytes of the file up to its end."""


@dataclass
class ExportFile:
    """An export that was read once, from its first line to its last."""

    path: Path
    header: Header
    digest: str = ""
    """Of all its bytes: by this one export is told from another."""
    size: int = 0
    registry: list[Node] = field(default_factory=list)
    policy: IdentityPolicy | None = None
    decisions: dict[int, Decision] = field(default_factory=dict)
    """By the numbers of their lines."""
    tombstones: list[Tombstone] = field(default_factory=list)
    receipts: list[ErasureReceipt] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    """Others that stand by themselves."""
    released: set[Key] = field(default_factory=set)
    flaws: dict[int, str] = field(default_factory=dict)
    """Lines of the small parts that cannot be read, by their numbers."""

    def lines(self, offset: int, number: int) -> Iterator[Read]:
        """The lines behind a place."""
        with self.path.open("rb") as file:
            file.seek(offset)
            for text in file:
                offset += len(text)
                yield Read(number, text, offset)
                number += 1


def is_export(path: Path) -> bool:
    """Whether a file begins as an export does; False where it cannot be read, too."""
    try:
        with path.open("rb") as file:
            return file.read(len(BEGINS)) == BEGINS
    except OSError:
        return False


def open_export(path: Path, keys: Keys, show: Callable[[int], object] = lambda _: None) -> ExportFile:
    """Read an export once: all that is small is kept, all of it is counted. Raises TableInvalid where it must not be brought in."""
    try:
        with path.open("rb") as file:
            header = _header(file.readline())
            _check(header, keys, path)
            found = ExportFile(path, header)
            file.seek(0)
            _read_whole(found, file, show)
    except OSError as error:
        raise TableInvalid(f"{path} cannot be read: {error.strerror}.") from None
    return found


def _header(text: bytes) -> Header:
    try:
        header = lines.read(lines.load(text))
    except Unreadable as unreadable:
        raise TableInvalid(f"The first line of the export cannot be read: {unreadable}") from None
    assert isinstance(header, Header)  # noqa: S101  # is_export has looked
    return header


def _check(header: Header, keys: Keys, path: Path) -> None:
    if header.format > lines.FORMAT:
        raise TableInvalid(
            f"{path} has format {header.format}; this program reads up to {lines.FORMAT}: use UnionGraph {header.version} or newer."
        )
    if header.secret != keys.fingerprint:
        raise TableInvalid(
            f"{path} was made with another secret, from which all its keys are derived: set UNIONGRAPH_SECRET to that one, and use a "
            "store that was made with it or a new one."
        )
    if header.tenant != keys.tenant:
        raise TableInvalid(f"{path} is of tenant {header.tenant}, whose name is in all its keys: give --tenant {header.tenant}.")


def _read_whole(found: ExportFile, file: Iterator[bytes], show: Callable[[int], object]) -> None:
    digest, number, ending = hashlib.sha256(), 0, None
    for number, text in enumerate(file, 1):  # the last one's number is used
        digest.update(text)
        found.size += len(text)
        if number % 1000 == 0:
            show(found.size)
        ending = _look(found, number, text)
    if ending is None or not isinstance(ending.get("lines"), int):
        raise TableInvalid(f"{found.path} was cut short: its last line is missing. Make the export again.")
    if ending["lines"] != number - 2:  # without the first and the last line
        raise TableInvalid(f"{found.path} has {number - 2:,} lines between its first and its last, and should have {ending['lines']:,}.")
    found.digest = digest.hexdigest()


def _look(found: ExportFile, number: int, text: bytes) -> lines.Written | None:
    """Keep what is small; gives the line where it says that the export ends."""
    if text.startswith(STREAMED):
        return None
    try:
        written = lines.load(text)
        if written[lines.IS] == lines.END:
            return written
        if written[lines.IS] == lines.RELEASED:
            found.released.add(Key(written["key"]))
        else:
            _keep(found, number, lines.read(written))
    except (Unreadable, KeyError) as unreadable:
        found.flaws[number] = str(unreadable)
    return None


def _keep(found: ExportFile, number: int, line: lines.Line) -> None:
    if isinstance(line, IdentityPolicy):
        found.policy = line
    elif isinstance(line, REGISTRY_NODES):
        found.registry.append(line)
    elif isinstance(line, Decision):
        found.decisions[number] = line
    elif isinstance(line, Tombstone):
        found.tombstones.append(line)
    elif isinstance(line, ErasureReceipt):
        found.receipts.append(line)
    elif isinstance(line, Node) and not isinstance(line, (Quarantined, *STAYING)) and type(line).__name__ in NODES:
        found.nodes.append(line)
