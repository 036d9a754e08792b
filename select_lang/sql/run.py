"""Statement + database → matches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, TypeAlias

import sqlalchemy as sa

from select_lang.catalogue import Match, Series
from select_lang.evaluate import Group, groups, groups_of, matches_of
from select_lang.sql.query import is_compiled, query_of
from select_lang.sql.tables import CatalogueTables
from select_lang.tree import Level, Statement

__all__ = ["search"]

_ROWS_AT_ONCE = 2000

_Row: TypeAlias = tuple[Series, int]
"""A series, and a bit for each name that it has."""


def search(
    connection: sa.Connection, tables: CatalogueTables, statement: Statement, scope: sa.ColumnElement[bool]
) -> Iterator[Match]:
    """Every job that a statement makes of the series of a catalogue for which `scope` holds.

    The matches of a patient come together, and patients in the order of their ids.
    """
    query = query_of(connection, tables, statement, scope)
    of_project: list[Group] = []
    for of_patient in _by_patient(connection, query):
        found = _groups(statement, of_patient)
        if statement.level is Level.PROJECT:
            of_project += found
        else:
            yield from matches_of(statement, found)
    yield from matches_of(statement, of_project)


def _by_patient(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[list[_Row]]:
    rows = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE).execute(query)
    for _patient, some in itertools.groupby(rows, key=lambda row: row.patient_id):
        yield [_as_row(row) for row in some]


def _as_row(row: sa.Row[Any]) -> _Row:
    everything: list[dict[str, list[str]] | None] = list(row[4:])
    attributes: dict[str, tuple[str, ...]] = {
        keyword: tuple(values) for some in everything if some for keyword, values in some.items()
    }
    return Series(row.series_uid, row.study_uid, row.patient_id, attributes), row.bits


def _groups(statement: Statement, rows: list[_Row]) -> tuple[Group, ...]:
    if not is_compiled(statement):
        return groups(statement, [series for series, _bits in rows])
    bits = {series.uid: of_series for series, of_series in rows}
    names = range(len(statement.select.wheres))
    return groups_of(
        statement,
        [series for series, _bits in rows],
        lambda series: [number for number in names if bits[series.uid] >> number & 1],
    )
