"""The index over the archive: what is filed is added to it, and its studies settle and are matched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from pydicom import dcmread

from ror.archive.attributes import Description, describe
from ror.archive.known import KnownSeries
from ror.archive.settling import Settling, moved
from ror.archive.store import DifferentContent, Filed
from ror.db import Database, tables
from ror.model import StudyEvent, StudyState

__all__ = ["Index"]


class Index(Settling):
    """Writes the tables studies, series and instances, settles studies, and reads them as `Holdings` does."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known = KnownSeries()
        self._insert_instance = database.insert(tables.instances).on_conflict_do_nothing()

    # -- the way in ---------------------------------------------------------------------------------------------------

    def add(
        self,
        project: str,
        instance: Description,
        filed: Filed,
        source_digest: str,
        now: float,
        settle_seconds: float | None = None,
    ) -> bool:
        """Index a filed instance; its study is receiving again. Returns False, changing nothing, if it is known.

        Quiet for `settle_seconds`, or for as long as the settings say, the study will be complete.

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
                connection.execute(_FILED, {"study": instance.study_uid, "at": now, "wait": settle_seconds})
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


_FILED = moved(
    sa.bindparam("study"),
    StudyEvent.OBJECT_FILED,
    last_received_at=sa.bindparam("at"),
    settle_seconds=sa.bindparam("wait"),
    sent_whole_by=None,
)
