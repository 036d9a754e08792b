"""A CSV of series → the catalogue that statements are asked about."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from select_lang.attributes import Kind, UnknownAttribute, canonical, kind_of
from select_lang.catalogue import Series
from select_lang.dictionary import vr_of
from select_lang.errors import TableError, TableFault

__all__ = ["Table", "read_table"]

_IDS = ("SeriesInstanceUID", "StudyInstanceUID", "PatientID")
# In these a backslash is a character of the one value (PS3.5 6.2), as it is in a path.
_OF_ONE_VALUE = {"LT", "ST", "UR", "UT", ""}


@dataclass(frozen=True, slots=True)
class Table:
    """The series of a table; `left_out` has a sentence for each column that is no attribute."""

    series: tuple[Series, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: its number, the header being 1, and its cells by attribute."""

    number: int
    cells: dict[str, str]


def read_table(path: Path) -> Table:
    """Read a CSV of series: UTF-8, with or without BOM, cells parted by commas, the first row names the columns.

    Columns are attributes, by keyword, tag or pseudo-attribute, in any order, with SeriesInstanceUID, StudyInstanceUID
    and PatientID among them; each further row is one series. Several values are parted by a backslash; an empty cell is
    an absent attribute. Empty rows are passed over. A column that is no attribute is left out, and said to be; one
    whose name is nearly that of an attribute is a fault, since rules would not find what it was to say.

    Raises
    ------
    TableError
        All that is wrong: no such header, ragged rows, a row without its identifiers, a series twice, a study of two
        patients, no UTF-8, quotes that are not closed.
    OSError
        The file cannot be read.
    """
    rows = _rows(_text(path.read_bytes()))
    if not rows:
        raise TableError((TableFault("it is empty; its first row names the columns"),))
    names, left_out = _columns(rows[0])
    faults: list[TableFault] = []
    series = tuple(_series(row) for row in _read_rows(rows, names, faults))
    if faults:
        raise TableError(tuple(sorted(faults, key=lambda fault: fault.row)))
    return Table(series, left_out)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise TableError((TableFault("this is not UTF-8; save the table as CSV UTF-8", row),)) from error


def _rows(text: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise TableError((TableFault(f"this is not CSV: {error}", len(rows) + 1),)) from error
    return rows


def _columns(header: Sequence[str]) -> tuple[list[str | None], tuple[str, ...]]:
    """The attribute of each column, None for one that is left out, and the sentences that say so."""
    names: list[str | None] = []
    left_out, faults = [], []
    for number, written in enumerate((one.strip() for one in header), 1):
        name = None
        try:
            # pydicom has an empty keyword for what has none.
            name = canonical(written) if written else None
        except UnknownAttribute as unknown:
            if unknown.advice and "Did you mean" in unknown.advice:
                faults.append(TableFault(f"this is no attribute. {unknown.advice}", 1, repr(written)))
            else:
                left_out.append(f"column {number} is left out: {unknown}")
        if not written:
            left_out.append(f"column {number} is left out: it has no name")
        if name is not None and name in names:
            faults.append(TableFault(f"{name} is a column already", 1, repr(written)))
        names.append(name)
    lacking = [name for name in _IDS if name not in names]
    if lacking:
        faults.append(TableFault(f"there is no column {', '.join(lacking)}{_parting(header)}", 1))
    if faults:
        raise TableError(tuple(faults))
    return names, tuple(left_out)


def _parting(header: Sequence[str]) -> str:
    other = next((sign for sign in (";", "\t") if len(header) == 1 and sign in header[0]), None)
    return f"; the columns are parted by {other!r}, and should be by commas" if other else ""


def _read_rows(
    rows: Sequence[Sequence[str]], names: Sequence[str | None], faults: list[TableFault]
) -> Iterator[_Row]:
    """The rows that are right; of the others, the faults."""
    series: dict[str, int] = {}
    studies: dict[str, _Row] = {}
    for number, cells in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            faults.append(
                TableFault(f"{len(cells)} cells, where the header has {len(names)} columns", number)
            )
            continue
        row = _Row(number, {name: cell for name, cell in zip(names, cells, strict=True) if name})
        empty = [
            TableFault("there must be a value", number, name) for name in _IDS if not row.cells[name].strip()
        ]
        faults.extend(empty)
        if not empty:
            yield row
            faults.extend(_contradictions(row, series, studies))


def _contradictions(row: _Row, series: dict[str, int], studies: dict[str, _Row]) -> Iterator[TableFault]:
    series_uid, study_uid, patient_id = (row.cells[name].strip() for name in _IDS)
    before = series.setdefault(series_uid, row.number)
    if before != row.number:
        yield TableFault(f"the same series as in row {before}; each has one row", row.number, _IDS[0])
    of_study = studies.setdefault(study_uid, row)
    if of_study.cells["PatientID"].strip() != patient_id:
        told = f"another patient than in row {of_study.number}, which is of the same study"
        yield TableFault(told, row.number, _IDS[2])


def _series(row: _Row) -> Series:
    values = {
        name: tuple(cell.split("\\")) if _may_be_several(name) else (cell,)
        for name, cell in row.cells.items()
        if name not in _IDS and cell.strip()
    }
    series_uid, study_uid, patient_id = (row.cells[name].strip() for name in _IDS)
    return Series(series_uid, study_uid, patient_id, values)


def _may_be_several(name: str) -> bool:
    return kind_of(name) in (Kind.LIST, Kind.NUMBER) or vr_of(name) not in _OF_ONE_VALUE
