"""Results in the archive itself: beside their images, and never taken for one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import UID

from ror.archive import DifferentContent, Index, OwnSeries
from ror.db import Database
from ror.gateway import Status
from ror.model import StudyState
from tests.anonymizer.planted import ROOT, minimal
from tests.gateway.conftest import Gateway, build, gateway, received

__all__ = ["build", "gateway"]  # fixtures

JOB = "organs-0123"


@pytest.fixture
def own(database: Database, gateway: Gateway) -> OwnSeries:
    return OwnSeries(database, gateway.files.root)


@pytest.fixture
def study(gateway: Gateway) -> str:
    """The UID of a study with two images that has settled."""
    for number in range(2):
        one = received(minimal(SOPInstanceUID=f"{ROOT}.4.{number}"))
        assert gateway.intake.receive(one).status is Status.SUCCESS
    (row,) = gateway.index.studies()
    settle(gateway)
    return row.study_uid


def settle(gateway: Gateway) -> None:
    assert gateway.index.settle(0.0, 1e12, there_for=1e12)


@pytest.fixture
def result(tmp_path: Path, gateway: Gateway, study: str) -> Callable[..., Path]:
    """Makes an object of the study as a job does, by default in a series of its own."""

    def made(sop_uid: str = "2.25.1", series_uid: str = "2.25.2", **attributes: object) -> Path:
        one = dcmread(gateway.files.root / gateway.index.study_instances(study)[0].path)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = UID(sop_uid)
        one.SeriesInstanceUID, one.Modality = series_uid, "SEG"
        for keyword, value in attributes.items():
            setattr(one, keyword, value)
        path = tmp_path / f"{sop_uid}.dcm"
        one.save_as(path)
        return path

    return made


def files(gateway: Gateway) -> list[Path]:
    return sorted((gateway.files.root / ".results").rglob("*.dcm"))


def test_a_result_changes_nothing_of_its_study_but_the_count_of_results(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway, study: str
) -> None:
    (before,) = gateway.index.studies()
    series, images = gateway.catalogue.series("lungs"), gateway.index.study_instances(study)
    content = [gateway.index.content(one.uid) for one in series]
    gateway.catalogue.write("lungs", study)
    own.file("lungs", JOB, result())
    (after,) = gateway.index.studies()
    assert after.state is StudyState.SETTLED
    assert (before.results, after.results) == (0, 1)
    assert (after.series, after.instances, after.last_received_at) == (1, 2, before.last_received_at)
    assert gateway.catalogue.series("lungs") == series
    assert gateway.index.study_instances(study) == images
    assert [gateway.index.content(one.uid) for one in series] == content
    assert gateway.catalogue.outdated(["lungs"]) == []


def test_results_count_for_no_image_that_a_study_lacks(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway, study: str
) -> None:
    own.file("lungs", JOB, result())
    image = minimal(SOPInstanceUID=f"{ROOT}.4.2")
    gateway.completeness.expect("lungs", image.StudyInstanceUID, 4, "a test")
    gateway.intake.receive(received(image))
    assert not gateway.index.settle(1e9, time.time())  # three images and a result
    gateway.intake.receive(received(minimal(SOPInstanceUID=f"{ROOT}.4.3")))
    own.file("lungs", JOB, result("2.25.3"))
    assert list(gateway.index.settle(1e9, time.time())) == [study]


def test_what_is_filed_is_held_until_it_is_removed_with_its_series(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway, database: Database
) -> None:
    for uid in ("2.25.1", "2.25.3"):
        own.file("lungs", JOB, result(uid))
    assert own.held(["2.25.1", "2.25.3", "2.25.4"]) == {"2.25.1", "2.25.3"}
    assert [own.remove(["2.25.1"]) for _ in range(2)] == [1, 0]
    assert own.held(["2.25.1", "2.25.3"]) == {"2.25.3"}
    assert own.remove(["2.25.3"]) == 1
    assert files(gateway) == []
    (row,) = gateway.index.studies()
    assert (row.series, row.results) == (1, 0)


def test_a_rerun_replaces(own: OwnSeries, result: Callable[..., Path], gateway: Gateway) -> None:
    own.file("lungs", JOB, result(SeriesDescription="first"))
    own.file("lungs", JOB, result(SeriesDescription="second"))
    (file,) = files(gateway)
    assert dcmread(file).SeriesDescription == "second"
    assert own.held(["2.25.1"]) == {"2.25.1"}


def test_a_file_that_was_changed_is_not_held(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway
) -> None:
    own.file("lungs", JOB, result())
    (file,) = files(gateway)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert own.held(["2.25.1"]) == frozenset()
    file.unlink()
    assert own.held(["2.25.1"]) == frozenset()


@pytest.mark.parametrize("what", ["study", "series", "instance"])
def test_what_would_be_taken_for_an_image_is_refused(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway, study: str, what: str
) -> None:
    (image, *_others) = gateway.index.study_instances(study)
    of_sent = {
        "study": result(StudyInstanceUID="2.25.9"),
        "series": result(series_uid=image.series_uid),
        "instance": result(sop_uid=image.sop_uid),
    }
    with pytest.raises(DifferentContent):
        own.file("lungs", JOB, of_sent[what])
    with pytest.raises(DifferentContent):
        own.file("heads", JOB, result())
    assert files(gateway) == []
    assert len(gateway.index.study_instances(study)) == 2
    assert own.remove([image.sop_uid]) == 0


def test_a_file_that_a_killed_process_had_not_indexed_is_no_image_after_the_restart(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway, database: Database, study: str
) -> None:
    own.file("lungs", JOB, result())
    (file,) = files(gateway)
    content = file.read_bytes()
    own.remove(["2.25.1"])
    file.write_bytes(content)
    assert Index(database).heal(gateway.files.root, ["lungs"]) == 0
    (row,) = gateway.index.studies()
    assert (row.series, row.results) == (1, 0)


def test_images_still_come_after_results(
    own: OwnSeries, result: Callable[..., Path], gateway: Gateway, study: str
) -> None:
    own.file("lungs", JOB, result())
    assert gateway.intake.receive(received(minimal(SOPInstanceUID=f"{ROOT}.4.9"))).status is Status.SUCCESS
    (row,) = gateway.index.studies()
    assert (row.state, row.instances, row.results) == (StudyState.RECEIVING, 3, 1)
