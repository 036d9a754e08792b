"""Taking a study out of the archive: its rows and its files, or neither.

The files go to a folder beside the projects in the transaction that removes the rows, and are deleted afterwards: a
file without a row would be taken for one that a killed process had not indexed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from ror.archive.announcements import forget_announced
from ror.archive.aside import Aside
from ror.db import Database, in_batches, tables
from ror.model import StudyState

__all__ = ["RemovedStudy", "StudyRemover"]

_OF_RESULTS: Final = ".results"
_study, _series, _instance = tables.studies.c, tables.series.c, tables.instances.c


@dataclass(frozen=True, slots=True)
class RemovedStudy:
    """A study that was removed: whose it was, and the UIDs of its series and instances."""

    project: str
    patient_id: str
    series_uids: tuple[str, ...]
    sop_uids: tuple[str, ...]


class StudyRemover:
    """Removes studies; `root` is the folder of the archive."""

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root
        self._aside = Aside(root)

    def remove(
        self,
        study_uid: str,
        note: Callable[[sa.Connection], None],
        state: StudyState | None = None,
        only_if: Callable[[sa.Connection], bool] = lambda _connection: True,
    ) -> RemovedStudy | None:
        """Remove a study, its results in the archive too; None, changing nothing, if it is not held.

        Nor if it is not in a state, or not `only_if`, which is asked in the transaction in which it goes, when nobody
        else can change the study any more. `note` tells of it, in that transaction.
        """
        with self._database.write() as connection:
            query = sa.select(tables.studies).where(_study.study_uid == study_uid).with_for_update()
            study = connection.execute(query).first()
            if study is None or state not in (None, study.state) or not only_if(connection):
                return None
            removed = RemovedStudy(study.project, study.patient_id, *_uids(connection, study_uid))
            _delete_rows(connection, study_uid, removed)
            for folder in (self._root / study.project, self._root / _OF_RESULTS / study.project):
                self._aside.take(folder / study_uid)
            note(connection)
        self.empty()
        return removed

    def empty(self) -> None:
        """Delete the files of what was removed; `OSError` where that is refused."""
        self._aside.empty()


def _uids(connection: sa.Connection, study_uid: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    series = (
        connection.execute(sa.select(_series.series_uid).where(_series.study_uid == study_uid))
        .scalars()
        .all()
    )
    instances = [
        uid
        for some in in_batches(series)
        for uid in connection.execute(
            sa.select(_instance.sop_uid).where(_instance.series_uid.in_(some))
        ).scalars()
    ]
    return tuple(series), tuple(instances)


def _delete_rows(connection: sa.Connection, study_uid: str, removed: RemovedStudy) -> None:
    originals = tables.original_uids
    for some in in_batches([study_uid, *removed.series_uids, *removed.sop_uids]):
        of_study = (originals.c.project == removed.project) & originals.c.uid.in_(some)
        connection.execute(originals.delete().where(of_study))
    for some in in_batches(removed.series_uids):
        connection.execute(tables.catalogue.delete().where(tables.catalogue.c.series_uid.in_(some)))
        connection.execute(tables.instances.delete().where(_instance.series_uid.in_(some)))
    forget_announced(connection, study_uid, removed.sop_uids)
    for table in (tables.series, tables.expected_studies, tables.studies):
        connection.execute(table.delete().where(table.c.study_uid == study_uid))
