"""MPPS and notifications of availability: what they name makes a study complete, and what goes on holds it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from ror.archive import StudyRow, settle_reason, waits_for
from ror.archive.announcements import KEPT_SECONDS, Announcement, Announcements
from ror.db import Database, tables
from ror.gateway import Settler
from ror.model import StepState
from ror.registry import ANY, Project, Route
from tests.gateway.asking import AVAILABILITY, STEPS, STUDY, Served, item, uid_of
from tests.gateway.conftest import Gateway

STEP = "1.2.826.0.1.77.1"
HOUR = 3600.0


@pytest.fixture
def served(gateway: Gateway, database: Database) -> Iterator[Served]:
    with Served(gateway, database) as one:
        yield one


@pytest.fixture
def settler(gateway: Gateway) -> Settler:
    """A settler that has been there for ever."""
    return Settler(gateway.index, 30.0, lambda: None, clock=lambda: 0.0)


def row(served: Served) -> StudyRow:
    (study,) = served.gateway.index.studies()
    return study


def begun(study: str = STUDY, status: str = "IN PROGRESS") -> Dataset:
    """What an N-CREATE says, a patient's name among it."""
    return item(
        PatientName="QZNAME^QZFIRST",
        PerformedProcedureStepStatus=status,
        ScheduledStepAttributesSequence=[item(StudyInstanceUID=study, AccessionNumber="QZ4711")],
        PerformedSeriesSequence=[],
    )


def ended(*numbers: int, status: str = "COMPLETED", reports: tuple[int, ...] = ()) -> Dataset:
    """What an N-SET says: images, and what is none, in one series each."""

    def named(some: tuple[int, ...]) -> list[Dataset]:
        return [
            item(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=uid_of(one)) for one in some
        ]

    images = item(SeriesInstanceUID=f"{STUDY}.1", ReferencedImageSequence=named(numbers))
    others = item(
        SeriesInstanceUID=f"{STUDY}.2", ReferencedNonImageCompositeSOPInstanceSequence=named(reports)
    )
    return item(PerformedProcedureStepStatus=status, PerformedSeriesSequence=[images, others])


def begin(served: Served, uid: str = STEP, **options: Any) -> int:
    with served.asked() as asked:
        return int(asked.create(STEPS, uid, begun(**options)).Status)


def end(served: Served, data: Dataset, uid: str = STEP) -> int:
    with served.asked() as asked:
        return int(asked.set(uid, data).Status)


# -- complete ---------------------------------------------------------------------------------------------------------


def test_a_study_settles_with_the_last_instance_that_its_completed_step_has_made(
    served: Served, settler: Settler
) -> None:
    assert begin(served) == 0
    served.store(1, 2)
    assert end(served, ended(1, 2, reports=(3,))) == 0
    last = row(served).last_received_at
    assert settler.tick(last) == []
    assert waits_for(row(served), 30.0, last + 12) == "1 of 3 instances, or 300 s of quiet, 12 s so far"
    served.store(3)
    assert waits_for(row(served), 30.0, last) == "to settle, by `ror serve`"
    assert settler.tick(row(served).last_received_at) == [row(served).study_uid]
    assert settle_reason(row(served)) == "all 3 instances came (MPPS of SCANNER)"


def test_a_study_settles_when_its_step_is_completed_after_all_its_instances_came(
    served: Served, settler: Settler
) -> None:
    begin(served)
    served.store(1, 2, 3)
    assert settler.tick(row(served).last_received_at) == []
    end(served, ended(1, 2))  # the third is somebody else's
    assert settler.tick(row(served).last_received_at) == [row(served).study_uid]
    assert settle_reason(row(served)) == "all 2 instances came (MPPS of SCANNER)"


def test_as_many_others_as_were_named_do_not_make_a_study_complete(served: Served, settler: Settler) -> None:
    begin(served)
    end(served, ended(1, 2))
    served.store(1, 3)
    last = row(served).last_received_at
    assert settler.tick(last + 299) == []
    assert settler.tick(last + 300) == [row(served).study_uid]
    assert settle_reason(row(served)) == "quiet for 300 s; 1 of 2 instances came"


def test_an_object_that_no_step_has_named_waits_for_quiet(served: Served, settler: Settler) -> None:
    """Else each of them would make jobs of its own."""
    begin(served)
    served.store(1)
    end(served, ended(1))
    assert settler.tick(row(served).last_received_at) == [row(served).study_uid]
    served.store(2)
    last = row(served).last_received_at
    assert settler.tick(last + 29) == []
    assert waits_for(row(served), 30.0, last) == "30 s of quiet, 0 s so far"
    assert settler.tick(last + 30) == [row(served).study_uid]


def test_all_steps_of_a_study_must_have_ended(served: Served, settler: Settler) -> None:
    """PET and CT of one study, say."""
    begin(served)
    begin(served, f"{STEP}.2")
    served.store(1, 2)
    end(served, ended(1))
    last = row(served).last_received_at
    assert settler.tick(last) == []
    end(served, ended(2), f"{STEP}.2")
    assert settler.tick(last) == [row(served).study_uid]


def test_what_is_available_elsewhere_is_waited_for_and_nothing_else(served: Served, settler: Settler) -> None:
    available = [
        item(
            ReferencedSOPClassUID=CTImageStorage,
            ReferencedSOPInstanceUID=uid_of(number),
            InstanceAvailability=word,
        )
        for number, word in enumerate(("ONLINE", "NEARLINE", "OFFLINE", "UNAVAILABLE"), start=1)
    ]
    series = item(SeriesInstanceUID=f"{STUDY}.1", ReferencedSOPSequence=available)
    told = item(StudyInstanceUID=STUDY, ReferencedSeriesSequence=[series])
    with served.asked() as asked:
        answer = asked.create(AVAILABILITY, None, told)
        assert answer.Status == 0
        assert str(answer.AffectedSOPInstanceUID).startswith("2.25.")
        assert asked.create(AVAILABILITY, "1.2.3", told).Status == 0
        assert asked.create(AVAILABILITY, "1.2.3", told).Status == 0x0111
    served.store(1)
    assert settler.tick(row(served).last_received_at) == []
    served.store(2)
    assert settler.tick(row(served).last_received_at) == [row(served).study_uid]
    assert settle_reason(row(served)) == "all 2 instances came (availability told by SCANNER)"


# -- in progress ------------------------------------------------------------------------------------------------------


def test_a_step_in_progress_holds_a_quiet_study_back_for_an_hour(served: Served, settler: Settler) -> None:
    begin(served)
    served.store(1)
    last = row(served).last_received_at
    assert settler.tick(last + HOUR - 1) == []
    told = "the end of its procedure step, or 3600 s of quiet, 31 s so far"
    assert waits_for(row(served), 30.0, last + 31) == told
    assert settler.tick(last + HOUR) == [row(served).study_uid]
    assert settle_reason(row(served)) == "quiet for 3600 s; its procedure step has not ended"


def test_a_step_that_goes_on_is_still_in_progress_and_what_it_has_named_can_change(
    served: Served, settler: Settler
) -> None:
    begin(served)
    served.store(1)
    assert end(served, ended(1, 2, status="IN PROGRESS")) == 0
    assert end(served, item(PerformedProcedureStepDescription="QZTEXT")) == 0  # says nothing to us
    last = row(served).last_received_at
    assert settler.tick(last + HOUR - 1) == []
    assert end(served, ended(1)) == 0
    assert settler.tick(last + HOUR - 1) == [row(served).study_uid]
    assert settle_reason(row(served)) == "all 1 instances came (MPPS of SCANNER)"


@pytest.mark.parametrize("data", [ended(1, 2, status="DISCONTINUED"), ended()], ids=["discontinued", "empty"])
def test_a_step_that_claims_nothing_leaves_it_to_quiet(
    served: Served, settler: Settler, data: Dataset
) -> None:
    begin(served)
    served.store(1)
    end(served, data)
    last = row(served).last_received_at
    assert settler.tick(last + 29) == []
    assert settler.tick(last + 30) == [row(served).study_uid]
    assert settle_reason(row(served)) == "quiet for 30 s"


# -- what is answered -------------------------------------------------------------------------------------------------


def test_a_step_is_created_once_and_ends_once(served: Served) -> None:
    assert begin(served) == 0
    assert begin(served) == 0x0111
    assert end(served, ended(1)) == 0
    with served.asked() as asked:
        again = asked.set(STEP, ended(1))
        assert (again.Status, again.ErrorID) == (0x0110, 0xA710)
        assert asked.set("1.2.3.4", ended(1)).Status == 0x0112


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (begun(status="COMPLETED"), 0x0106),
        (begun(status="QZWHATEVER"), 0x0106),
        (begun(status=""), 0x0121),
        (begun(study=""), 0x0121),
        (item(PerformedProcedureStepStatus="IN PROGRESS"), 0x0120),
        (begun(study="QZ/../../etc"), 0x0106),
    ],
    ids=["completed at once", "another status", "no status", "no study", "no step", "a study that is a path"],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_step_that_is_none_is_refused_and_not_quoted(
    served: Served, data: Dataset, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with served.asked() as asked:
        answer = asked.create(STEPS, STEP, data)
    assert answer.Status == status
    assert "QZ" not in str(answer) + caplog.text


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_step_without_uid_gets_one(served: Served) -> None:
    with served.asked() as asked:
        uid = str(asked.create(STEPS, None, begun()).AffectedSOPInstanceUID)
        assert asked.set(uid, ended(1)).Status == 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_an_operation_that_the_service_does_not_know_is_refused(served: Served) -> None:
    with served.asked() as asked:
        status, _ = asked.association.send_n_get([0x00400252], STEPS, STEP)
        assert status.Status == 0x0211
        status, _ = asked.association.send_n_set(begun(), AVAILABILITY, STEP)
        assert status.Status == 0x0211


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_nothing_identified_is_kept_and_every_project_of_the_sender_is_told(
    served: Served, gateway: Gateway, database: Database
) -> None:
    gateway.projects.add(Project("heads"))
    gateway.routes.add(Route("SCANNER", ANY, "heads", condition="Modality = MR"))
    begin(served)
    end(served, ended(1, 2))
    with database.read() as connection:
        studies = connection.execute(sa.select(tables.announced_studies)).all()
        instances = connection.execute(sa.select(tables.announced_instances)).all()
    assert {one.project for one in studies} == {"lungs", "heads"}
    assert (len(studies), len(instances)) == (2, 4)
    kept = repr([*studies, *instances])
    assert not [one for one in (STUDY, STEP, "QZ", uid_of(1)) if one in kept]


def test_announcements_that_are_a_month_old_are_forgotten_with_the_next(database: Database) -> None:
    def told(uid: str, at: float) -> list[Announcement]:
        return [Announcement(uid, "lungs", (f"{uid}.1",), StepState.COMPLETED, "MPPS of CT", at)]

    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="lungs", settings={}, created_at=0.0))
    announcements = Announcements(database)
    assert announcements.add(told("1.2", 0.0), [("1.2", "1.2.5")])
    assert announcements.add(told("1.3", KEPT_SECONDS), [("1.3", "1.3.5")])
    assert not announcements.add(told("1.3", KEPT_SECONDS), [])
    assert announcements.add(told("1.4", KEPT_SECONDS + 1), [])
    with database.read() as connection:
        uids = connection.execute(sa.select(tables.announced_studies.c.announcement_uid)).scalars()
        assert set(uids) == {"1.3", "1.4"}
        assert set(connection.execute(sa.select(tables.announced_instances.c.sop_uid)).scalars()) == {"1.3.5"}
