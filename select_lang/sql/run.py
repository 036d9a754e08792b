"""Statement + database → matches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from select_lang.catalogue import Match, Series
from select_lang.evaluate import Group, groups, groups_of, matches_of
from select_lang.sql.query import is_compiled, query_of
from select_lang.sql.said import attributes_of_row, keywords_beside_rules
from select_lang.sql.tables import CatalogueTables
from select_lang.tree import Level, Statement

__all__ = ["search"]

_ROWS_AT_ONCE = 2000

_Row: TypeAlias = Sequence[Any]
"""UIDs of series and study, PatientID, names as bits, and what the series says."""

_GroupsIn: TypeAlias = Callable[[Iterable[_Row]], tuple[Group, ...]]
"""From the rows of a patient to what the statement looks at together."""


def search(
    connection: sa.Connection, tables: CatalogueTables, statement: Statement, scope: sa.ColumnElement[bool]
) -> Iterator[Match]:
    """Every job that a statement makes of the series of a catalogue for which `scope` holds.

    The matches of a patient come together, and patients in the order of their ids.
    """
    query = query_of(connection, tables, statement, scope)
    rows = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE).execute(query)
    groups_in = _groups_named(statement) if is_compiled(statement) else _groups_asked(statement)
    of_project: list[Group] = []
    for _patient, of_patient in itertools.groupby(rows, key=lambda row: row.patient_id):
        found = groups_in(of_patient)
        if statement.level is Level.PROJECT:
            of_project += found
        else:
            yield from matches_of(statement, found)
    yield from matches_of(statement, of_project)


def _groups_named(statement: Statement) -> _GroupsIn:
    """Groups of rows whose names are told by the database."""
    keywords, wheres = keywords_beside_rules(statement), range(len(statement.select.wheres))
    names_of = {0: list[int]()}

    def groups_in(rows: Iterable[_Row]) -> tuple[Group, ...]:
        names, series = dict[str, list[int]](), list[Series]()
        for uid, study_uid, patient_id, bits, *said in rows:
            series.append(Series(uid, study_uid, patient_id, attributes_of_row(keywords, said)))
            if bits not in names_of:
                names_of[bits] = [number for number in wheres if bits >> number & 1]
            names[uid] = names_of[bits]
        return groups_of(statement, series, lambda one: names[one.uid])

    return groups_in


def _groups_asked(statement: Statement) -> _GroupsIn:
    """Groups of rows that have all attributes, which are asked here."""

    def groups_in(rows: Iterable[_Row]) -> tuple[Group, ...]:
        return groups(statement, [_with_everything(row) for row in rows])

    return groups_in


def _with_everything(row: _Row) -> Series:
    uid, study_uid, patient_id, _bits, *everything = row
    attributes = {keyword: tuple(values) for some in everything if some for keyword, values in some.items()}
    return Series(uid, study_uid, patient_id, attributes)
