"""What the archive holds of one project, as a DICOMweb client may see it. All of it is de-identified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import NotFound

__all__ = ["Held", "HeldSeries", "Place", "Shelf"]

_study, _series, _instance = tables.studies.c, tables.series.c, tables.instances.c
_ROWS_AT_ONCE = 1000
_SERIES_AT_ONCE = 500
_FEW = 2
_IN_COLUMNS = {
    "StudyInstanceUID": _study.study_uid,
    "SeriesInstanceUID": _series.series_uid,
    "PatientID": _study.patient_id,
}
_LATEST_FIRST = (_study.first_received_at.desc(), _study.study_uid)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: in a project, and in one study or series of it where they are named."""

    project: str
    study: str = ""
    series: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """A series with the values of the attributes that were asked for."""

    study_uid: str
    series_uid: str
    values: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Held:
    """An instance and its file."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    file: Path


class Shelf:
    """Reads the index; nothing of another project is ever found.

    `before` is called before each look: it lets be indexed what was acknowledged in this process.
    """

    def __init__(self, database: Database, root: Path, before: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._root = root
        self._before = before

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees everything that was acknowledged."""
        self._before()
        with self._database.read(streams=True) as connection:
            yield connection

    def series(
        self, place: Place, keywords: Iterable[str], among: Mapping[str, Sequence[str]]
    ) -> Iterator[HeldSeries]:
        """Series with some attributes, those of the latest studies first, and of a study those that were sent.

        `among` narrows by the values of StudyInstanceUID, SeriesInstanceUID and PatientID.
        """
        wanted = sorted(set(keywords))
        # A database reads the text of all attributes anew for each that is taken out of it.
        whole = len(wanted) > _FEW
        columns = [_series.attributes] if whole else [_series.attributes[keyword] for keyword in wanted]
        query = (
            sa.select(_series.study_uid, _series.series_uid, *columns)
            .join(tables.studies, _study.study_uid == _series.study_uid)
            .where(*_at(place, among))
            .order_by(*_LATEST_FIRST, _series.made_by.is_not(None), _series.series_uid)
        )
        with self.read() as connection:
            rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            for study_uid, series_uid, *values in rows:
                found = values[0] if whole else dict(zip(wanted, values, strict=True))
                yield HeldSeries(study_uid, series_uid, {one: found.get(one) or () for one in wanted})

    def studies(self, place: Place, among: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """The UIDs of studies with any series, the latest first, narrowed as `series`."""
        query = (
            sa.select(_study.study_uid)
            .where(_study.project == place.project)
            .where(sa.exists().where(_series.study_uid == _study.study_uid, *_at(place, among)))
            .order_by(*_LATEST_FIRST)
        )
        with self.read() as connection:
            yield from connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query).scalars()

    def counts(self, series_uids: Sequence[str]) -> dict[str, int]:
        """How many instances each series has."""
        query = sa.select(_instance.series_uid, sa.func.count()).group_by(_instance.series_uid)
        found: dict[str, int] = {}
        with self.read() as connection:
            for some in _chunks(series_uids):
                rows = connection.execute(query.where(_instance.series_uid.in_(some)))
                found.update({str(uid): int(count) for uid, count in rows})
        return found

    def instances_of(
        self, series: Iterable[str], sop_uids: Sequence[str] = (), sop_classes: Sequence[str] = ()
    ) -> Iterator[Held]:
        """The instances of some series, series by series, by UID; narrowed by UIDs where any are given."""
        narrowed = [_instance.sop_uid.in_(sop_uids)] if sop_uids else []
        narrowed += [_instance.sop_class_uid.in_(sop_classes)] if sop_classes else []
        for some in _chunks(list(series)):
            query = self._instances(_series.series_uid.in_(some), *narrowed)
            with self.read() as connection:
                yield from map(self._held, connection.execute(query).all())

    def instances(self, place: Place) -> list[Held]:
        """All instances of a study or series, or the one of this UID, series by series; `NotFound` if there is none."""
        chosen = [_instance.sop_uid == place.instance] if place.instance else []
        with self.read() as connection:
            held = connection.execute(self._instances(*_at(place), *chosen)).all()
        if not held:
            raise NotFound("there is no such object in this project")
        return [self._held(row) for row in held]

    def _instances(self, *where: Any) -> sa.Select[Any]:
        return (
            sa.select(
                _series.study_uid,
                _series.series_uid,
                _instance.sop_uid,
                _instance.sop_class_uid,
                _instance.path,
            )
            .join(tables.series, _series.series_uid == _instance.series_uid)
            .join(tables.studies, _study.study_uid == _series.study_uid)
            .where(*where)
            .order_by(_series.series_uid, _instance.sop_uid)
        )

    def _held(self, row: sa.Row[Any]) -> Held:
        return Held(row.study_uid, row.series_uid, row.sop_uid, row.sop_class_uid, self._root / row.path)


def _at(
    place: Place, among: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[sa.ColumnElement[bool]]:
    # Without statistics, SQLite would rather read a whole project than look for some UIDs: an expression has no index.
    project = _study.project.concat("") if among else _study.project
    where = [project == place.project]
    where += [_study.study_uid == place.study] if place.study else []
    where += [_series.series_uid == place.series] if place.series else []
    return where + [_IN_COLUMNS[keyword].in_(texts) for keyword, texts in among.items()]


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    # Databases take only so many parameters in one statement.
    for start in range(0, len(values), _SERIES_AT_ONCE):
        yield values[start : start + _SERIES_AT_ONCE]
