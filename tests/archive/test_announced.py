"""What was announced of a study that goes: it goes, too, and what of it was announced of others stays."""

from __future__ import annotations

import sqlalchemy as sa

from ror.archive import Announcement, Announcements
from ror.archive.announcements import forget_announced
from ror.db import Database, tables
from ror.model import StepState


def test_nothing_that_was_announced_of_a_study_stays_and_all_of_others(database: Database) -> None:
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="p", settings={}, created_at=0.0))
    announcements = Announcements(database)
    announced = {"9.1": ("1",), "9.2": ("1", "2"), "9.3": ("2",)}
    for uid, of_studies in announced.items():
        told = Announcement(uid, "p", of_studies, StepState.COMPLETED, "MPPS of CT", 0.0)
        announcements.add([told], [(uid, f"{study}.1") for study in of_studies])
    with database.write() as connection:
        forget_announced(connection, "1", ["1.1"])
        studies, instances = tables.announced_studies.c, tables.announced_instances.c
        left = connection.execute(sa.select(studies.announcement_uid, studies.study_uid)).all()
        named = connection.execute(sa.select(instances.announcement_uid, instances.sop_uid)).all()
    assert set(left) == {("9.2", "2"), ("9.3", "2")}
    assert set(named) == {("9.2", "2.1"), ("9.3", "2.1")}
