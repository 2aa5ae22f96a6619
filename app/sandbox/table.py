"""The table a brand already has: years of logins as rows with the mistakes such tables hold, written as CSV for the import command."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from app.sandbox.brand import FIRST_VIRTUAL, Brand
from app.sandbox.people import Person, Visit

COLUMNS = ("appId", "openId", "unionId", "observedAt", "member", "phone")
FLAW_EVERY = 400
"""One person in so many has a broken row; the flaws take turns."""
VIRTUAL_EVERY = 150
"""One person in so many stands in the table as a virtual visitor too, from before the brand looked at is_snapshotuser."""
UNION_ID_RECORDED = 6
"""Of seven visits six were recorded with their UnionID."""


@dataclass(frozen=True)
class TableRow:
    """One row as it stands in the file; `flaw` tells what is wrong with it and is not written."""

    app_id: str
    open_id: str
    union_id: str
    observed_at: str
    member: str = ""
    phone: str = ""
    flaw: str | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells in the order of COLUMNS."""
        return (self.app_id, self.open_id, self.union_id, self.observed_at, self.member, self.phone)


def table_rows(brand: Brand, people: Iterable[int] | None = None) -> Iterator[TableRow]:
    """Every row of the brand's table, person by person, or the rows of some people only."""
    for number in range(brand.people) if people is None else people:
        person = brand.person(number)
        for visit in person.visits:
            yield from _visit_rows(brand, person, visit)
        if number % VIRTUAL_EVERY == 0:
            yield from _virtual_rows(brand, number)
        if number % FLAW_EVERY == FLAW_EVERY // 2:
            yield _flawed_row(brand, person)


def write_table(brand: Brand, file: TextIO, people: Iterable[int] | None = None) -> int:
    """Write the table as CSV with a header; answers how many rows it has."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = 0
    for row in table_rows(brand, people):
        writer.writerow(row.cells)
        rows += 1
    return rows


def _visit_rows(brand: Brand, person: Person, visit: Visit) -> Iterator[TableRow]:
    # The second row matters where the touchpoint moved in between: it shows the same OpenID with its later UnionID.
    moved = brand.bound_to_at(visit.app_id, visit.first_at) != brand.bound_to_at(visit.app_id, visit.last_at)
    for place, moment in enumerate((visit.first_at, visit.last_at) if moved else (visit.first_at,)):
        recorded = (person.number + len(visit.app_id) + moment.second) % (UNION_ID_RECORDED + 1) < UNION_ID_RECORDED
        yield TableRow(
            app_id=visit.app_id,
            open_id=brand.open_id(person.number, visit.app_id),
            union_id=(brand.union_id_at(person.number, visit.app_id, moment) or "") if recorded else "",
            observed_at=moment.isoformat(),
            member=_member(person, visit, place),
            phone=_as_typed(person) if visit.gave_phone else "",
        )


def _member(person: Person, visit: Visit, place: int) -> str:
    if not person.members or not visit.gave_member:
        return ""
    # Who joined twice shows the second number at their later touchpoints.
    return person.members[0] if visit is person.visits[0] and place == 0 else person.members[-1]


def _as_typed(person: Person) -> str:
    """The phone the way different tills wrote it down."""
    if person.phone is None:
        return ""
    national = person.phone.removeprefix("+86")
    return (person.phone, national, f"{national[:3]} {national[3:7]} {national[7:]}")[person.number % 3]


def _virtual_rows(brand: Brand, number: int) -> Iterator[TableRow]:
    page = next(one for one in brand.touchpoints if one.kind.is_official_account and one.kind.logs_in_with_oauth)
    virtual = FIRST_VIRTUAL + number
    moment: datetime = brand.crowd.story_ends
    union_id = brand.union_id(virtual, page.app_id) or ""
    yield TableRow(page.app_id, brand.open_id(virtual, page.app_id), union_id, moment.isoformat())


def _flawed_row(brand: Brand, person: Person) -> TableRow:
    visit = person.visits[0]
    app_id, open_id = visit.app_id, brand.open_id(person.number, visit.app_id)
    moment = visit.first_at.isoformat()
    flaws = (
        TableRow(brand.ids.app_id("forgotten account"), open_id, "", moment, flaw="unknown appId"),
        TableRow(app_id, open_id + "x" * 37, "", moment, flaw="openId of 65 characters"),
        TableRow(app_id, "", "", moment, flaw="no openId"),
        TableRow(app_id, "o微信用户", "", moment, flaw="openId with characters outside ASCII"),
        TableRow(app_id, open_id, "", "last Tuesday", flaw="observedAt is no time"),
    )
    return flaws[person.number // FLAW_EVERY % len(flaws)]
