"""Announcements about studies, kept for the settler: procedure steps (MPPS) and notifications of availability.

All UIDs are those of research: whoever keeps an announcement has mapped them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from ror.db import Database, in_batches, tables
from ror.model import StepState

__all__ = ["Announcement", "Announcements", "forget_announced"]

KEPT_SECONDS: Final = 30 * 86400.0
"""Announcements that are older settle nothing any more."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What one step or notification says in one project.

    Attributes
    ----------
    uid
        Of the step or notification itself.
    told_by
        In a few words, for ``ror studies``: ``MPPS of CT1``.
    """

    uid: str
    project: str
    study_uids: tuple[str, ...]
    state: StepState
    told_by: str
    told_at: float


class Announcements:
    """The tables `announced_studies` and `announced_instances`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, told: Collection[Announcement], instances: Collection[tuple[str, str]]) -> bool:
        """Keep a new announcement; False, changing nothing, if one of its UID is there already.

        `told` has it once for each project, `instances` pairs of its UID there and the UID of an instance.
        """
        rows = [
            {
                "announcement_uid": one.uid,
                "project": one.project,
                "study_uid": study_uid,
                "state": one.state,
                "told_by": one.told_by,
                "told_at": one.told_at,
            }
            for one in told
            for study_uid in dict.fromkeys(one.study_uids)
        ]
        insert = self._database.insert(tables.announced_studies).values(rows).on_conflict_do_nothing()
        with self._database.write() as connection:
            if not connection.execute(insert).rowcount:
                return False
            self._name(connection, instances)
            _forget(connection, min(one.told_at for one in told) - KEPT_SECONDS)
        return True

    def change(
        self,
        uids: Collection[str],
        state: StepState,
        now: float,
        instances: Collection[tuple[str, str]] | None = None,
    ) -> StepState | None:
        """Change a step that is in progress; returns in which state it was, None if there is none.

        One that has ended stays as it is. `instances`, if not None, take the place of those that were named before.
        """
        table = tables.announced_studies
        of_step = table.c.announcement_uid.in_(uids)
        with self._database.write() as connection:
            query = sa.select(table.c.state).where(of_step).with_for_update()
            was = {StepState(state) for state in connection.execute(query).scalars()}
            if was != {StepState.IN_PROGRESS}:
                return next(iter(was), None)
            connection.execute(table.update().where(of_step).values(state=state, told_at=now))
            if instances is not None:
                named = tables.announced_instances
                connection.execute(named.delete().where(named.c.announcement_uid.in_(uids)))
                self._name(connection, instances)
        return StepState.IN_PROGRESS

    def _name(self, connection: sa.Connection, instances: Collection[tuple[str, str]]) -> None:
        insert = self._database.insert(tables.announced_instances).on_conflict_do_nothing()
        if instances:
            rows = [{"announcement_uid": uid, "sop_uid": sop_uid} for uid, sop_uid in instances]
            connection.execute(insert, rows)


def forget_announced(connection: sa.Connection, study_uid: str, sop_uids: Collection[str]) -> None:
    """Within a transaction: keep nothing of what was announced of a study; `sop_uids` are those that came of it.

    Of an announcement of several studies nobody has told which other instances are of which; these stay.
    """
    studies, instances = tables.announced_studies, tables.announced_instances
    uid = instances.c.announcement_uid
    of_study = uid.in_(sa.select(studies.c.announcement_uid).where(studies.c.study_uid == study_uid))
    of_others = uid.in_(sa.select(studies.c.announcement_uid).where(studies.c.study_uid != study_uid))
    connection.execute(instances.delete().where(of_study & ~of_others))
    for some in in_batches(sop_uids):
        connection.execute(instances.delete().where(of_study, instances.c.sop_uid.in_(some)))
    connection.execute(studies.delete().where(studies.c.study_uid == study_uid))


def _forget(connection: sa.Connection, before: float) -> None:
    studies, instances = tables.announced_studies, tables.announced_instances
    old = sa.select(studies.c.announcement_uid).where(studies.c.told_at < before)
    connection.execute(instances.delete().where(instances.c.announcement_uid.in_(old)))
    connection.execute(studies.delete().where(studies.c.told_at < before))
