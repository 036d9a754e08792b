"""What the archive holds, as the index tells it: studies, series, instances. Reading only; `Index` also writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from ror.archive import announced
from ror.db import Database, tables
from ror.errors import NotFound
from ror.model import StudyState, series_content

__all__ = ["HeldInstance", "Holdings", "IndexedInstance", "StudyRow"]

_AT_ONCE = 500  # in one question


@dataclass(frozen=True, slots=True)
class IndexedInstance:
    """An instance that the archive holds."""

    sop_uid: str
    series_uid: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class HeldInstance:
    """An instance that the archive holds: what it is, and where."""

    sop_uid: str
    sop_class_uid: str
    path: str


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One line of ``ror studies``.

    `expected` is how many instances it has where it comes from, if that is known; `settled_because` says why it was
    last taken for complete, and `sent_whole_by` who has said since that nothing more comes. `settle_seconds` is None
    where its route leaves it to the settings. Procedure steps and notifications have `named` so many instances, of
    which `named_missing` are not here; `told_whole` when that makes the study complete. `series` and `instances` are
    those that were sent, `results` the instances that jobs have put beside them.
    """

    study_uid: str
    project: str
    patient_id: str
    state: StudyState
    series: int
    instances: int
    first_received_at: float
    last_received_at: float
    settled_at: float | None
    matched_at: float | None
    settle_seconds: float | None
    sent_whole_by: str | None
    settled_because: str | None
    expected: int | None
    named: int = 0
    named_missing: int = 0
    in_progress: bool = False
    told_whole: bool = False
    results: int = 0


_SOURCE_DIGEST = sa.select(tables.instances.c.source_digest).where(
    tables.instances.c.sop_uid == sa.bindparam("sop_uid")
)
# What is asked of each study that is matched, and of each job; made anew, it would take longer than its answer.
_STUDY = sa.select(tables.studies).where(tables.studies.c.study_uid == sa.bindparam("study"))
_LAST_RECEIVED = _STUDY.with_only_columns(tables.studies.c.last_received_at)
_INSTANCES = (
    sa.select(tables.instances)
    .where(tables.instances.c.series_uid == sa.bindparam("series"))
    .order_by(tables.instances.c.sop_uid)
)
_DERIVED = sa.select(tables.series.c.derived).where(tables.series.c.series_uid == sa.bindparam("series"))


class Holdings:
    """Reads the tables studies, series and instances."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _read(self) -> AbstractContextManager[sa.Connection]:
        """A connection that sees everything that was acknowledged."""
        return self._database.read()

    def one_look(self) -> AbstractContextManager[None]:
        """Let all that is read of the database within the block be read by one connection, which costs it half."""
        return self._database.one_look()

    def version(self) -> int | None:
        """A number that differs as soon as anybody has changed the database; None where it is not known."""
        return self._database.version()

    def studies(self, project: str | None = None) -> list[StudyRow]:
        """All studies with their counts, the latest first."""
        study, series, instance = tables.studies.c, tables.series.c, tables.instances.c
        expected = tables.expected_studies.c
        sent, made = series.made_by.is_(None), series.made_by.is_not(None)
        query = (
            sa.select(
                tables.studies,
                sa.func.count(sa.distinct(sa.case((sent, series.series_uid)))).label("series"),
                sa.func.count(sa.case((sent, instance.sop_uid))).label("instances"),
                sa.func.count(sa.case((made, instance.sop_uid))).label("results"),
                sa.select(expected.instances)
                .where(expected.study_uid == study.study_uid)
                .scalar_subquery()
                .label("expected"),
                announced.named().label("named"),
                announced.missing().label("named_missing"),
                announced.in_progress().label("in_progress"),
                announced.told_whole().label("told_whole"),
            )
            .select_from(tables.studies)
            .outerjoin(tables.series, series.study_uid == study.study_uid)
            .outerjoin(tables.instances, instance.series_uid == series.series_uid)
            .group_by(study.study_uid)
            .order_by(study.last_received_at.desc())
        )
        if project is not None:
            query = query.where(study.project == project)
        with self._read() as connection:
            return [
                StudyRow(
                    row.study_uid,
                    row.project,
                    row.patient_id,
                    StudyState(row.state),
                    row.series,
                    row.instances,
                    row.first_received_at,
                    row.last_received_at,
                    row.settled_at,
                    row.matched_at,
                    row.settle_seconds,
                    row.sent_whole_by,
                    row.settled_because,
                    row.expected,
                    row.named,
                    row.named_missing,
                    row.in_progress,
                    row.told_whole,
                    row.results,
                )
                for row in connection.execute(query)
            ]

    def study(self, study_uid: str) -> tuple[str, str]:
        """(project, patient id) of a study, or `NotFound`."""
        row = self._study(study_uid)
        return row.project, row.patient_id

    def _study(self, study_uid: str) -> sa.Row[tuple[object, ...]]:
        with self._read() as connection:
            row = connection.execute(_STUDY, {"study": study_uid}).first()
        if row is None:
            raise NotFound(f"there is no study {study_uid}", "see `ror studies`")
        return row

    def state(self, study_uid: str) -> StudyState:
        """Where a study stands, or `NotFound`."""
        return StudyState(self._study(study_uid).state)

    def instances(self, series_uid: str) -> list[IndexedInstance]:
        """The instances of a series, by UID."""
        with self._read() as connection:
            return [
                IndexedInstance(row.sop_uid, row.series_uid, row.path, row.sha256)
                for row in connection.execute(_INSTANCES, {"series": series_uid})
            ]

    def study_instances(self, study_uid: str) -> list[IndexedInstance]:
        """All instances of a study that were sent, series by series."""
        table = tables.series.c
        query = sa.select(table.series_uid).where(table.study_uid == study_uid, table.made_by.is_(None))
        with self._read() as connection:
            series = sorted(connection.execute(query).scalars())
        return [instance for series_uid in series for instance in self.instances(series_uid)]

    def held(self, project: str, sop_uids: Iterable[str]) -> Iterator[HeldInstance]:
        """Those of the (research) instances that a project holds."""
        instance, series, study = tables.instances.c, tables.series.c, tables.studies.c
        query = (
            sa.select(instance.sop_uid, instance.sop_class_uid, instance.path)
            .join(tables.series, series.series_uid == instance.series_uid)
            .join(tables.studies, study.study_uid == series.study_uid)
            .where(study.project == project)
        )
        asked = iter(sop_uids)
        while some := list(islice(asked, _AT_ONCE)):
            with self._read() as connection:
                rows = connection.execute(query.where(instance.sop_uid.in_(some))).all()
            yield from (HeldInstance(row.sop_uid, row.sop_class_uid, row.path) for row in rows)

    def content(self, series_uid: str) -> str:
        """Fingerprint of what a series holds now (`ror.model.series_content`)."""
        return series_content([(one.sop_uid, one.sha256) for one in self.instances(series_uid)])

    def types(self, series_uid: str) -> tuple[str, ...]:
        """The types that a series was found to have when its study was last written into the catalogue."""
        with self._read() as connection:
            derived = connection.execute(_DERIVED, {"series": series_uid}).scalar() or {}
        return tuple(derived.get("ClassifyTypes", ()))

    def catalogued(self, project: str, *, at_most: int) -> set[str]:
        """The series of a project that statements are asked about over the whole archive, up to a number of them."""
        catalogue = tables.catalogue.c
        query = sa.select(catalogue.series_uid).where(catalogue.project == project).limit(at_most)
        with self._read() as connection:
            return set(connection.execute(query).scalars())

    def not_catalogued(self, project: str) -> int:
        """How many studies of a project are not in the catalogue yet: they receive, or wait to be matched."""
        study, catalogue = tables.studies.c, tables.catalogue.c
        held = sa.select(sa.func.count(sa.distinct(catalogue.study))).where(catalogue.project == project)
        query = sa.select(sa.func.count()).where(study.project == project)
        with self._read() as connection:
            return int(connection.execute(query).scalar_one() - connection.execute(held).scalar_one())

    def settled(self) -> list[str]:
        """Studies that wait to be matched, the longest waiting first."""
        table = tables.studies
        query = (
            sa.select(table.c.study_uid)
            .where(table.c.state == StudyState.SETTLED)
            .order_by(table.c.settled_at)
        )
        with self._read() as connection:
            return list(connection.execute(query).scalars())

    def last_received_at(self, study_uid: str) -> float:
        """When the study's latest object came, in seconds since the epoch."""
        with self._read() as connection:
            return float(connection.execute(_LAST_RECEIVED, {"study": study_uid}).scalar_one())

    def source_digest(self, sop_uid: str) -> str | None:
        """The keyed digest of what was received as this instance, or None if it is not held."""
        row = self._database.first(_SOURCE_DIGEST, sop_uid=sop_uid)
        return None if row is None else str(row[0])

    def unindexed(self, root: Path, projects: Iterable[str]) -> list[Path]:
        """Files of the archive that the index does not know: filed, but the process died before it was indexed."""
        known: dict[str, set[str]] = {}
        with self._database.read() as connection:
            for path in connection.execute(sa.select(tables.instances.c.path)).scalars():
                folder, _, name = path.rpartition("/")
                known.setdefault(folder, set()).add(name)
        missing = []
        for project in projects:
            for folder in sorted((root / project).glob("*/*")):
                names = known.get(str(folder.relative_to(root)), set())
                missing += [file for file in folder.iterdir() if file.name not in names]
        return missing
