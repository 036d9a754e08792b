"""Fills the tables of a database with a made archive: the rows that `Catalogue.put` would write, many at a time."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from benchmarks.archive import PROJECT
from ror.db import Database, tables
from ror.model import StudyState
from select_lang import Series

__all__ = ["load"]

_STUDIES_AT_ONCE = 2000
_PLACE = {"PatientID": "patient", "StudyInstanceUID": "study"}
_COLUMNS = _PLACE | {attribute: attribute for attribute in tables.CATALOGUE_ATTRIBUTES}
_DERIVED = ("NumImages", "ClassifyTypes", "Path")
_WHEN = 1.0


def load(url: str, studies: Iterable[Sequence[Series]], classified_by: str) -> None:
    """Write studies into an empty, migrated database, as settled and matched, without their instances.

    About 10,000 series a second. Foreign keys are not asked, since every row is ours.
    """
    database = Database(url)
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name=PROJECT, settings={}, created_at=_WHEN))
    database.close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        postgres = connection.dialect.name == "postgresql"
        # Neither needs to be durable, nor does the order of writing need to please anybody.
        connection.exec_driver_sql(
            "SET session_replication_role = replica" if postgres else "PRAGMA cache_size = -500000"
        )
        term_ids: dict[tuple[str, str], int] = {}
        several = iter(studies)
        while chunk := list(itertools.islice(several, _STUDIES_AT_ONCE)):
            _write(connection, chunk, term_ids, classified_by)
        if postgres:
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('terms', 'id'), max(id)) FROM terms"
            )
    if postgres:
        # What autovacuum does by itself, a minute after so many rows have come.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _write(
    connection: sa.Connection,
    chunk: Sequence[Sequence[Series]],
    term_ids: dict[tuple[str, str], int],
    classified_by: str,
) -> None:
    series = [one for study in chunk for one in study]
    before = len(term_ids)
    catalogue = [_catalogue_row(one, term_ids) for one in series]
    new = itertools.islice(term_ids.items(), before, None)
    _insert(connection, tables.studies, (_study_row(study[0]) for study in chunk if study))
    _insert(connection, tables.series, (_series_row(one, classified_by) for one in series))
    _insert(connection, tables.terms, ((number, *term, _digest(*term)) for term, number in new))
    _insert(connection, tables.catalogue, catalogue)


def _study_row(series: Series) -> tuple[Any, ...]:
    times, of_no_route = (_WHEN,) * 4, (None,) * 3
    return (series.study_uid, PROJECT, series.patient_id, StudyState.MATCHED.value, *times, *of_no_route)


def _series_row(series: Series, classified_by: str) -> tuple[Any, ...]:
    said = {keyword: values for keyword, values in series.attributes.items() if keyword not in _DERIVED}
    derived = {keyword: series.values(keyword) for keyword in _DERIVED}
    made_by = None  # all were sent
    return (series.uid, series.study_uid, "", json.dumps(said), json.dumps(derived), classified_by, made_by)


def _catalogue_row(series: Series, term_ids: dict[tuple[str, str], int]) -> tuple[Any, ...]:
    numbers = []
    for attribute in _COLUMNS:
        values = series.values(attribute)
        term = (attribute, "\\".join(values))
        numbers.append(term_ids.setdefault(term, len(term_ids) + 1) if values else None)
    patient, study, *rest = numbers
    return (PROJECT, patient, study, series.uid, *rest)


def _digest(attribute: str, text: str) -> str:
    return hashlib.sha256(f"{attribute}\0{text}".encode()).hexdigest()[:32]


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows that have a value for each column, in the order of the table."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.executemany(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})", rows)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
