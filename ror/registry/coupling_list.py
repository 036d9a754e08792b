"""Reading a coupling list: a CSV of old id → new id. Old ids identify, so no fault quotes a value."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonymizer import ProfileError, Subject
from ror.errors import ConfigurationError

__all__ = ["Coupling", "read_couplings"]

_COLUMNS = ("old_id", "new_id", "event_name", "issuer", "accession_number")
_NEEDED = frozenset({"old_id", "new_id"})
_LONGEST = 64  # PatientID is LO (PS3.5 6.2)
_SHORTEST_TELLING = 4
_LINE = re.compile(r"line (\d+)")
_AS_NUMBER = re.compile(r"\d[.,]?\d*E\+?\d+", re.IGNORECASE)
_ADVICE = (
    f"the first line names the columns: {', '.join(_COLUMNS[:2])}, and if needed {', '.join(_COLUMNS[2:])}"
)


@dataclass(frozen=True, slots=True, repr=False)
class Coupling:
    """One row, at `line` of the file: whoever has `old_id` is `new_id`.

    With `issuer` only who has the id from there, with `accession_number` only in that study.
    """

    line: int
    old_id: str
    new_id: str
    event_name: str = ""
    issuer: str = ""
    accession_number: str = ""

    def __repr__(self) -> str:
        return f"Coupling(<line {self.line}>)"


def _nothing(_couplings: Sequence[Coupling]) -> Iterable[str]:
    return ()


def read_couplings(
    file: Path, contradictions: Callable[[Sequence[Coupling]], Iterable[str]] = _nothing
) -> tuple[Coupling, ...]:
    """Read a list in UTF-8, its columns parted by commas, semicolons or tabulators.

    Where some rows are wrong, `contradictions` (`CouplingStore.contradictions`) tells what is wrong between the others,
    so that all is told at once.

    Raises
    ------
    ConfigurationError
        With all faults by line; none quotes a value.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            "the coupling list is not in UTF-8", advice="save it as CSV UTF-8"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}", advice="name a file that you may read"
        ) from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="", restval="")
    _check_header(rows.fieldnames or ())
    couplings, faults = [], []
    for row in rows:
        told = [f"line {rows.line_num}: {fault}" for fault in _faults(row)]
        faults += told
        if not told:
            values = {name: (row.get(name) or "").strip() for name in _COLUMNS}
            couplings.append(Coupling(rows.line_num, **values))
    faults += _telling(couplings)
    if faults:
        faults += contradictions(couplings)
        raise ConfigurationError("the coupling list is wrong:", tuple(sorted(faults, key=_line)), _ADVICE)
    if not couplings:
        raise ConfigurationError("the coupling list is wrong:", ("it has no rows",), _ADVICE)
    return tuple(couplings)


def _line(fault: str) -> int:
    match = _LINE.match(fault)
    assert match is not None
    return int(match[1])


def _check_header(names: object) -> None:
    assert isinstance(names, (list, tuple))
    missing = [one for one in _COLUMNS if one in _NEEDED and one not in names]
    unknown = sum(one not in _COLUMNS for one in names)
    faults = [f"line 1: there is no column {one}" for one in missing]
    if unknown:
        # Not named: without a header, the first line is a patient.
        faults.append(f"line 1: {unknown} columns of other names")
    if len(set(names)) < len(names):
        faults.append("line 1: a column is there twice")
    if faults:
        raise ConfigurationError("the coupling list is wrong:", tuple(faults), _ADVICE)


def _faults(row: Mapping[str, str | list[str]]) -> Iterator[str]:
    if "" in row:
        yield "it has more fields than the first line"
        return
    values = {name: str(row.get(name) or "").strip() for name in _COLUMNS}
    for name in ("old_id", "issuer", "accession_number"):
        if len(values[name]) > _LONGEST:
            yield f"{name} has more than {_LONGEST} characters"
        if _AS_NUMBER.fullmatch(values[name]):
            yield f"{name} is a number that a spreadsheet has shortened (1E+05): format the column as text"
    if not values["old_id"]:
        yield "old_id is empty"
    try:
        Subject(values["new_id"], values["event_name"] or None)
    except ProfileError as error:
        name = "event_name" if error.reason == "bad_event" else "new_id"
        yield f"{name}: {error.advice[0].lower()}{error.advice[1:].rstrip('.')}, at most 64"


def _telling(couplings: list[Coupling]) -> Iterator[str]:
    """New ids that are, or hold, an old id of the list: they would tell whose they are."""
    old_ids = {one.old_id.casefold() for one in couplings}
    for one in couplings:
        new_id, old_id = one.new_id.casefold(), one.old_id.casefold()
        if new_id in old_ids or (len(old_id) >= _SHORTEST_TELLING and old_id in new_id):
            yield f"line {one.line}: new_id holds an old id"
