"""The table a brand already has."""

import csv
import io
from collections import Counter

from app.sandbox.brand import Brand
from app.sandbox.linjian import make_brand
from app.sandbox.table import COLUMNS, table_rows, write_table


def test_table_is_csv_with_every_row(brand: Brand) -> None:
    """The file has a header and the rows that were generated, nothing else."""
    file = io.StringIO()
    written = write_table(brand, file)
    rows = list(csv.reader(io.StringIO(file.getvalue())))

    assert list(COLUMNS) == rows[0]
    assert written == len(rows) - 1
    assert [list(row.cells) for row in table_rows(brand)] == rows[1:]


def test_good_rows_tell_the_truth(brand: Brand) -> None:
    """A sound row's OpenID belongs to a person of the brand and its UnionID, if any, to the same one under the binding of that time."""
    sound = [row for row in table_rows(brand) if row.flaw is None]
    platforms = [one.open_app_id for one in brand.open_platforms]
    real = 0
    for row in sound:
        number = brand.person_of(row.open_id, row.app_id)
        if number is None:
            continue
        real += 1
        if row.union_id:
            assert {number} == {brand.ids.person_of_union_id(row.union_id, one) for one in platforms} - {None}

    assert len(sound) - 10 == real
    assert 0.6 < sum(bool(row.union_id) for row in sound) / len(sound) < 0.95


def test_moved_touchpoint_shows_both_union_ids(brand: Brand) -> None:
    """Some OpenIDs of the moved mini program stand in the table with their earlier and their later UnionID."""
    union_ids: dict[str, set[str]] = {}
    for row in table_rows(brand):
        if row.flaw is None and row.union_id:
            union_ids.setdefault(row.open_id, set()).add(row.union_id)

    assert {1, 2} == set(Counter(len(ids) for ids in union_ids.values()))


def test_flaws() -> None:
    """Each kind of broken row occurs."""
    flaws = Counter(row.flaw for row in table_rows(make_brand()))

    assert 12 == flaws.total() - flaws[None]
    assert {
        None,
        "unknown appId",
        "openId of 65 characters",
        "no openId",
        "openId with characters outside ASCII",
        "observedAt is no time",
    } == set(flaws)
