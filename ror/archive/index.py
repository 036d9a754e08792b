"""The index over the archive: what is filed is added to it, and its studies settle and are matched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from pydicom import dcmread

from ror.archive.attributes import Description, describe
from ror.archive.holdings import Holdings
from ror.archive.known import KnownSeries
from ror.archive.store import DifferentContent, Filed
from ror.db import Database, tables
from ror.model import STUDY_TRANSITIONS, StudyEvent, StudyState

__all__ = ["Index"]


class Index(Holdings):
    """Writes the tables studies, series and instances, and reads them as `Holdings` does."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known = KnownSeries()
        self._insert_instance = database.insert(tables.instances).on_conflict_do_nothing()

    # -- the way in ---------------------------------------------------------------------------------------------------

    def add(self, project: str, instance: Description, filed: Filed, source_digest: str, now: float) -> bool:
        """Index a filed instance; its study is receiving again. Returns False, changing nothing, if it is known.

        Raises
        ------
        DifferentContent
            The instance is known in another series or study, its series in another study, or its study of another
            patient; nothing is changed.
        """
        attributes_of = ""
        with self._database.write() as connection:
            if not self._known.includes(instance):
                self._add_study(connection, project, instance, now)
                attributes_of = self._add_series(connection, instance)
            row = {
                "sop_uid": instance.sop_uid,
                "series_uid": instance.series_uid,
                "sop_class_uid": instance.sop_class_uid,
                "path": filed.path,
                "sha256": filed.sha256,
                "source_digest": source_digest,
                "received_at": now,
            }
            added = connection.execute(self._insert_instance, row).rowcount
            if added:
                connection.execute(_FILED, {"study": instance.study_uid, "at": now})
            elif _path_of(connection, instance.sop_uid) != filed.path:
                raise DifferentContent(instance.sop_uid, "in another series or study")
        if attributes_of:  # what was rolled back is not known
            self._known.add(instance, attributes_of)
        return bool(added)

    def _add_study(self, connection: sa.Connection, project: str, instance: Description, now: float) -> None:
        insert = self._database.insert(tables.studies).values(
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

    def _add_series(self, connection: sa.Connection, instance: Description) -> str:
        """Returns the instance whose attributes the series has now."""
        table = tables.series
        query = sa.select(table.c.attributes_of, table.c.study_uid).where(
            table.c.series_uid == instance.series_uid
        )
        known = connection.execute(query).first()
        if known is None or known.attributes_of > instance.sop_uid:
            # What types it has must be asked again.
            values = {
                "attributes_of": instance.sop_uid,
                "attributes": dict(instance.attributes),
                "classified_by": None,
            }
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
        return str(known.attributes_of)

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

    def ask_again(self, connection: sa.Connection, study_uid: str) -> bool:
        """Within a transaction: a study that was matched is settled again. False if it was not matched."""
        return bool(connection.execute(_move(study_uid, StudyEvent.MATCH_ASKED)).rowcount)

    # -- healing ------------------------------------------------------------------------------------------------------

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


def _move(
    study_uid: str | sa.BindParameter[str], event: StudyEvent, **values: float | sa.BindParameter[float]
) -> sa.Update:
    # One UPDATE for every row of the transition table that this event can be met in.
    table = tables.studies
    targets = {state: to for (state, on), to in STUDY_TRANSITIONS.items() if on is event}
    (target,) = set(targets.values())
    return (
        table.update()
        .where(table.c.study_uid == study_uid, table.c.state.in_(list(targets)))
        .values(state=target, **values)
    )


_FILED = _move(sa.bindparam("study"), StudyEvent.OBJECT_FILED, last_received_at=sa.bindparam("at"))
