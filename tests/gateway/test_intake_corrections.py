"""Segmentations that come back from a viewer: known by study and pseudonym, and given to who knows the masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import SegmentationStorage

from ror.gateway import Answer, Intake, Status, Verdict
from ror.gateway.corrections import SEGMENTATIONS
from tests.anonymizer.planted import minimal
from tests.gateway.conftest import Gateway, received


@dataclass
class Desk:
    """Answers as it is told, and keeps what it was asked."""

    verdict: Verdict = field(default_factory=Verdict)
    asked: list[tuple[Dataset, str, str]] = field(default_factory=list)

    def take(self, part10: bytes, project: str, sender: str) -> Verdict:
        self.asked.append((dcmread(BytesIO(part10)), project, sender))
        return self.verdict


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def intake(gateway: Gateway, desk: Desk) -> Intake:
    """Of a project that holds a study."""
    made = Intake(
        gateway.projects,
        gateway.routes,
        gateway.files,
        gateway.index,
        gateway.quarantine,
        gateway.who,
        0,
        desk,
    )
    assert made.receive(received()).status is Status.SUCCESS
    return made


def of_research(gateway: Gateway, sop_class: str = SegmentationStorage, **more: object) -> Dataset:
    """A segmentation of the study as a viewer of research objects makes it."""
    (study,) = gateway.index.studies("lungs")
    of_study = {"StudyInstanceUID": study.study_uid, "PatientID": study.patient_id}
    own = {"SOPInstanceUID": "2.25.4", "SeriesInstanceUID": "2.25.3", "Modality": "SEG"}
    return minimal(sop_class, **of_study | own | more)


@pytest.mark.parametrize("sop_class", sorted(SEGMENTATIONS))
def test_a_segmentation_of_research_gets_no_other_uids(
    gateway: Gateway, intake: Intake, desk: Desk, sop_class: str
) -> None:
    before = gateway.archived()
    seg = of_research(gateway, sop_class)
    assert intake.receive(received(seg)) == Answer(Status.SUCCESS)
    ((asked, project, sender),) = desk.asked
    assert (asked.SOPInstanceUID, asked.StudyInstanceUID) == ("2.25.4", seg.StudyInstanceUID)
    assert (project, sender) == ("lungs", "SCANNER")
    assert gateway.archived() == before


def test_a_segmentation_that_fits_nothing_is_kept_with_the_reason(
    gateway: Gateway, intake: Intake, desk: Desk
) -> None:
    desk.verdict = Verdict(reason="overlap", what="3 voxels belong to two segments")
    answer = intake.receive(received(of_research(gateway)))
    assert answer == Answer(Status.CORRECTION_REFUSED, "quarantined: correction_overlap")
    (held,) = gateway.quarantine.list()
    assert (held.reason, held.detail) == ("correction_overlap", "3 voxels belong to two segments")


def test_what_is_still_identified_goes_the_way_of_all_others(
    gateway: Gateway, intake: Intake, desk: Desk
) -> None:
    """Its patient has another id than the pseudonym, though a project that keeps UIDs knows its study."""
    for one in (
        of_research(gateway, PatientID="QZID4711"),
        of_research(gateway, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.3.1", SOPInstanceUID="1.4.1"),
        minimal(SegmentationStorage, SeriesInstanceUID="1.3.2", SOPInstanceUID="1.4.2"),
    ):
        assert intake.receive(received(one)).status is Status.SUCCESS
    assert desk.asked == []


def test_what_is_no_segmentation_goes_the_way_of_all_others(
    gateway: Gateway, intake: Intake, desk: Desk
) -> None:
    image = of_research(gateway)
    intake.receive(received(minimal(StudyInstanceUID=image.StudyInstanceUID, PatientID=image.PatientID)))
    assert desk.asked == []
