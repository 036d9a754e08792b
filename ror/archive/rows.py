"""The rows that make an object findable: of its study and series, and of itself, one by one or many at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from ror.archive.attributes import Description
from ror.archive.settling import moved
from ror.archive.store import DifferentContent, Filed
from ror.db import Database, tables
from ror.model import StudyEvent, StudyState

__all__ = [
    "Waiting",
    "add_instance",
    "add_instances",
    "add_original_uids",
    "add_series",
    "add_study",
    "row_of",
    "set_attributes",
]

_FILED: Final = moved(
    sa.bindparam("study"),
    StudyEvent.OBJECT_FILED,
    last_received_at=sa.bindparam("at"),
    settle_seconds=sa.bindparam("wait"),
    sent_whole_by=None,
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An object of a series that the index knows, which waits to get its row; `file` is where it is.

    `sealed` is its original UID, if that is kept (`Receipt`).
    """

    study_uid: str
    filed: Filed
    file: Path
    settle_seconds: float | None
    row: dict[str, Any]
    sealed: bytes = b""

    @property
    def project(self) -> str:
        return self.filed.project

    @property
    def sop_uid(self) -> str:
        return str(self.row["sop_uid"])

    @property
    def series_uid(self) -> str:
        return str(self.row["series_uid"])

    @property
    def source_digest(self) -> str:
        return str(self.row["source_digest"])


def row_of(instance: Description, filed: Filed, source_digest: str, now: float) -> dict[str, Any]:
    """What the table `instances` has of an object."""
    return {
        "sop_uid": instance.sop_uid,
        "series_uid": instance.series_uid,
        "sop_class_uid": instance.sop_class_uid,
        "path": filed.path,
        "sha256": filed.sha256,
        "source_digest": source_digest,
        "received_at": now,
    }


def add_study(
    database: Database, connection: sa.Connection, project: str, instance: Description, now: float
) -> None:
    """Add the study of an instance if it is not there; `DifferentContent` if it is of another patient."""
    insert = database.insert(tables.studies).values(
        study_uid=instance.study_uid,
        project=project,
        patient_id=instance.patient_id,
        state=StudyState.RECEIVING,
        first_received_at=now,
        last_received_at=now,
    )
    connection.execute(insert.on_conflict_do_nothing())
    query = sa.select(tables.studies.c.patient_id).where(tables.studies.c.study_uid == instance.study_uid)
    if connection.execute(query).scalar_one() != instance.patient_id:
        raise DifferentContent(instance.sop_uid, "nowhere, but its study is held of another patient")


def add_series(database: Database, connection: sa.Connection, instance: Description) -> str:
    """Add the series of an instance if it is not there, or its attributes; return the instance that it has them of.

    Raises
    ------
    DifferentContent
        The series is in another study.
    """
    table = tables.series.c
    query = sa.select(table.attributes_of, table.study_uid).where(table.series_uid == instance.series_uid)
    known = connection.execute(query).first()
    if known is None or known.attributes_of > instance.sop_uid:
        set_attributes(database, connection, instance)
        known = connection.execute(query).one()  # another sender may have been first
    if known.study_uid != instance.study_uid:
        raise DifferentContent(instance.sop_uid, "nowhere, but its series is held in another study")
    return str(known.attributes_of)


def set_attributes(database: Database, connection: sa.Connection, instance: Description) -> None:
    """Let a series, which may be new, have the attributes of an instance, if it has not those of a lesser one."""
    table = tables.series
    values = {
        "attributes_of": instance.sop_uid,
        "attributes": dict(instance.attributes),
        "classified_by": None,  # what types it has must be asked again
    }
    insert = database.insert(table).values(
        series_uid=instance.series_uid, study_uid=instance.study_uid, **values
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["series_uid"], set_=values, where=table.c.attributes_of > instance.sop_uid
        )
    )


def add_instance(
    database: Database,
    connection: sa.Connection,
    study_uid: str,
    row: Mapping[str, Any],
    settle_seconds: float | None,
) -> bool:
    """Add one row, whose study is receiving again; False if there is one.

    Raises
    ------
    DifferentContent
        There is one of another series or study.
    """
    insert = database.insert(tables.instances).on_conflict_do_nothing()
    if connection.execute(insert, row).rowcount:
        connection.execute(_FILED, {"study": study_uid, "at": row["received_at"], "wait": settle_seconds})
        return True
    if _path_of(connection, row["sop_uid"]) != row["path"]:
        raise DifferentContent(row["sop_uid"], "in another series or study")
    return False


def add_instances(
    database: Database, connection: sa.Connection, waiting: Sequence[Waiting]
) -> Collection[Waiting]:
    """Add the rows of many, whose studies are receiving again; return those whose UID is held elsewhere."""
    by_uid, at = {one.sop_uid: one for one in waiting}, time.time()
    sop_uid = tables.instances.c.sop_uid
    insert = database.insert(tables.instances).on_conflict_do_nothing().returning(sop_uid)
    # In one order, so that two processes that write the same wait for each other instead of for ever.
    new = set(connection.execute(insert, [by_uid[uid].row for uid in sorted(by_uid)]).scalars())
    grown = {one.study_uid: one.settle_seconds for one in waiting if one.sop_uid in new}
    for study_uid in sorted(grown):
        connection.execute(_FILED, {"study": study_uid, "at": at, "wait": grown[study_uid]})
    for project in sorted({one.project for one in waiting if one.sealed}):
        sealed = {one.sop_uid: one.sealed for one in waiting if one.sealed and one.project == project}
        add_original_uids(database, connection, project, sealed)
    held = {uid: _path_of(connection, uid) for uid in by_uid.keys() - new}
    return [by_uid[uid] for uid, path in held.items() if path != by_uid[uid].filed.path]


def add_original_uids(
    database: Database, connection: sa.Connection, project: str, sealed: Mapping[str, bytes]
) -> None:
    """Keep the way back to original UIDs, sealed already, by their UIDs of research; what is there stays."""
    if sealed:
        insert = database.insert(tables.original_uids).on_conflict_do_nothing()
        rows = [{"project": project, "uid": uid, "sealed": sealed[uid]} for uid in sorted(sealed)]
        connection.execute(insert, rows)


def _path_of(connection: sa.Connection, sop_uid: str) -> str | None:
    query = sa.select(tables.instances.c.path).where(tables.instances.c.sop_uid == sop_uid)
    return connection.execute(query).scalar()
