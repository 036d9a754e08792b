"""The index over the archive: studies, series, instances, and the attributes that a select statement may name."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from pydicom import dcmread

from ror.archive.attributes import Description, describe
from ror.archive.store import DifferentContent, Filed
from ror.db import Database, tables
from ror.errors import NotFound
from ror.model import STUDY_TRANSITIONS, StudyEvent, StudyState, series_content
from select_lang import Series

__all__ = ["Index", "IndexedInstance", "StudyRow"]


@dataclass(frozen=True, slots=True)
class IndexedInstance:
    """An instance that the archive holds."""

    sop_uid: str
    series_uid: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One line of ``ror studies``."""

    study_uid: str
    project: str
    patient_id: str
    state: StudyState
    series: int
    instances: int
    first_received_at: float
    last_received_at: float


class Index:
    """Reads and writes the tables studies, series and instances."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- the way in ---------------------------------------------------------------------------------------------------

    def source_digest(self, sop_uid: str) -> str | None:
        """The keyed digest of what was received as this instance, or None if it is not held."""
        query = sa.select(tables.instances.c.source_digest).where(tables.instances.c.sop_uid == sop_uid)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def add(self, project: str, instance: Description, filed: Filed, source_digest: str, now: float) -> bool:
        """Index a filed instance; its study is receiving again. Returns False, changing nothing, if it is known.

        Raises
        ------
        DifferentContent
            The instance is known in another series or study, its series in another study, or its study of another
            patient; nothing is changed.
        """
        insert = self._database.insert
        with self._database.write() as connection:
            connection.execute(
                insert(tables.studies)
                .values(
                    study_uid=instance.study_uid,
                    project=project,
                    patient_id=instance.patient_id,
                    state=StudyState.RECEIVING,
                    first_received_at=now,
                    last_received_at=now,
                )
                .on_conflict_do_nothing()
            )
            _check_patient(connection, instance)
            self._add_series(connection, instance)
            added = connection.execute(
                insert(tables.instances)
                .values(
                    sop_uid=instance.sop_uid,
                    series_uid=instance.series_uid,
                    sop_class_uid=instance.sop_class_uid,
                    path=filed.path,
                    sha256=filed.sha256,
                    source_digest=source_digest,
                    received_at=now,
                )
                .on_conflict_do_nothing()
            )
            if added.rowcount:
                connection.execute(_move(instance.study_uid, StudyEvent.OBJECT_FILED, last_received_at=now))
            elif _path_of(connection, instance.sop_uid) != filed.path:
                raise DifferentContent(instance.sop_uid, "in another series or study")
            return bool(added.rowcount)

    def _add_series(self, connection: sa.Connection, instance: Description) -> None:
        table = tables.series
        query = sa.select(table.c.attributes_of, table.c.study_uid).where(
            table.c.series_uid == instance.series_uid
        )
        known = connection.execute(query).first()
        if known is None or known.attributes_of > instance.sop_uid:
            values = {"attributes_of": instance.sop_uid, "attributes": instance.attributes}
            insert = self._database.insert(table).values(
                series_uid=instance.series_uid, study_uid=instance.study_uid, **values
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["series_uid"], set_=values, where=table.c.attributes_of > instance.sop_uid
                )
            )
            known = connection.execute(query).one()  # another sender may have been first
        if known.study_uid != instance.study_uid:
            raise DifferentContent(instance.sop_uid, "nowhere, but its series is held in another study")

    # -- settling -----------------------------------------------------------------------------------------------------

    def settle(self, quiet_since: float, now: float) -> list[str]:
        """Mark the studies that have received nothing since `quiet_since` as settled; return their UIDs."""
        table = tables.studies
        quiet = sa.select(table.c.study_uid).where(
            table.c.state == StudyState.RECEIVING, table.c.last_received_at <= quiet_since
        )
        with self._database.read() as connection:
            if connection.execute(quiet.limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            return [
                study_uid
                for study_uid in connection.execute(quiet).scalars().all()
                if connection.execute(
                    # Asked again: PostgreSQL may have let an object in since.
                    _move(study_uid, StudyEvent.QUIET, settled_at=now).where(
                        table.c.last_received_at <= quiet_since
                    )
                ).rowcount
            ]

    def settled(self) -> list[str]:
        """Studies that wait to be matched, the longest waiting first."""
        table = tables.studies
        query = (
            sa.select(table.c.study_uid)
            .where(table.c.state == StudyState.SETTLED)
            .order_by(table.c.settled_at)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def last_received_at(self, study_uid: str) -> float:
        """When the study's latest object came, in seconds since the epoch."""
        study = tables.studies.c
        with self._database.read() as connection:
            query = sa.select(study.last_received_at).where(study.study_uid == study_uid)
            return float(connection.execute(query).scalar_one())

    def mark_matched(
        self, connection: sa.Connection, study_uid: str, received_until: float, now: float
    ) -> bool:
        """Within a transaction: a match of what the study held at `received_until` is recorded.

        False if it has received something since then, even if it has settled again.
        """
        move = _move(study_uid, StudyEvent.MATCH_RECORDED, matched_at=now)
        return bool(
            connection.execute(move.where(tables.studies.c.last_received_at == received_until)).rowcount
        )

    # -- what is there ------------------------------------------------------------------------------------------------

    def studies(self, project: str | None = None) -> list[StudyRow]:
        """All studies with their counts, the latest first."""
        study, series, instance = tables.studies.c, tables.series.c, tables.instances.c
        query = (
            sa.select(
                tables.studies,
                sa.func.count(sa.distinct(series.series_uid)).label("series"),
                sa.func.count(instance.sop_uid).label("instances"),
            )
            .select_from(tables.studies)
            .outerjoin(tables.series, series.study_uid == study.study_uid)
            .outerjoin(tables.instances, instance.series_uid == series.series_uid)
            .group_by(study.study_uid)
            .order_by(study.last_received_at.desc())
        )
        if project is not None:
            query = query.where(study.project == project)
        with self._database.read() as connection:
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
                )
                for row in connection.execute(query)
            ]

    def study(self, study_uid: str) -> tuple[str, str]:
        """(project, patient id) of a study, or `NotFound`."""
        query = sa.select(tables.studies).where(tables.studies.c.study_uid == study_uid)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no study {study_uid}", "see `ror studies`")
        return row.project, row.patient_id

    def catalogue(
        self, project: str, *, study_uid: str | None = None, patient_id: str | None = None
    ) -> list[Series]:
        """The series of a study, of a patient, or of the whole project, as the select language sees them."""
        study, series = tables.studies.c, tables.series.c
        count = (
            sa.select(sa.func.count())
            .where(tables.instances.c.series_uid == series.series_uid)
            .correlate(tables.series)
            .scalar_subquery()
        )
        query = (
            sa.select(tables.series, study.patient_id, count.label("images"))
            .join(tables.studies, study.study_uid == series.study_uid)
            .where(study.project == project)
            .order_by(series.series_uid)
        )
        if study_uid is not None:
            query = query.where(study.study_uid == study_uid)
        if patient_id is not None:
            query = query.where(study.patient_id == patient_id)
        with self._database.read() as connection:
            return [_as_series(project, row) for row in connection.execute(query)]

    def instances(self, series_uid: str) -> list[IndexedInstance]:
        """The instances of a series, by UID."""
        table = tables.instances
        query = sa.select(table).where(table.c.series_uid == series_uid).order_by(table.c.sop_uid)
        with self._database.read() as connection:
            return [
                IndexedInstance(row.sop_uid, row.series_uid, row.path, row.sha256)
                for row in connection.execute(query)
            ]

    def study_instances(self, study_uid: str) -> list[IndexedInstance]:
        """All instances of a study, series by series."""
        query = sa.select(tables.series.c.series_uid).where(tables.series.c.study_uid == study_uid)
        with self._database.read() as connection:
            series = sorted(connection.execute(query).scalars())
        return [instance for series_uid in series for instance in self.instances(series_uid)]

    def content(self, series_uid: str) -> str:
        """Fingerprint of what a series holds now (`ror.model.series_content`)."""
        return series_content([(one.sop_uid, one.sha256) for one in self.instances(series_uid)])

    # -- healing ------------------------------------------------------------------------------------------------------

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

    def heal(self, root: Path, projects: Iterable[str]) -> int:
        """Index the files that a killed process had filed and not yet indexed; return how many.

        What it would have refused, and so never acknowledged, is removed.
        """
        missing = self.unindexed(root, projects)
        for file in missing:
            path = file.relative_to(root)
            filed = Filed(str(path), hashlib.sha256(file.read_bytes()).hexdigest(), new=True)
            description = describe(dcmread(file, stop_before_pixels=True))
            try:
                self.add(path.parts[0], description, filed, source_digest="", now=time.time())
            except DifferentContent:
                file.unlink()
        return len(missing)


def _path_of(connection: sa.Connection, sop_uid: str) -> str | None:
    query = sa.select(tables.instances.c.path).where(tables.instances.c.sop_uid == sop_uid)
    return connection.execute(query).scalar()


def _check_patient(connection: sa.Connection, instance: Description) -> None:
    study = tables.studies.c
    query = sa.select(study.patient_id).where(study.study_uid == instance.study_uid)
    if connection.execute(query).scalar_one() != instance.patient_id:
        raise DifferentContent(instance.sop_uid, "nowhere, but its study is held of another patient")


def _move(study_uid: str, event: StudyEvent, **values: float) -> sa.Update:
    # One UPDATE for every row of the transition table that this event can be met in.
    table = tables.studies
    targets = {state: to for (state, on), to in STUDY_TRANSITIONS.items() if on is event}
    (target,) = set(targets.values())
    return (
        table.update()
        .where(table.c.study_uid == study_uid, table.c.state.in_(list(targets)))
        .values(state=target, **values)
    )


def _as_series(project: str, row: sa.Row[tuple[object, ...]]) -> Series:
    values = {name: tuple(texts) for name, texts in row.attributes.items()}
    values["NumImages"] = (str(row.images),)
    values["Path"] = (f"{project}/{row.study_uid}/{row.series_uid}",)
    return Series(row.series_uid, row.study_uid, row.patient_id, values)
