"""Results that lie beside their images in the archive, as DICOMweb clients see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import UID

from ror.archive import OwnSeries
from ror.db import tables
from ror.gateway import Received, Status
from ror.model import StudyState
from tests.anonymizer.planted import minimal, part10
from tests.web.conftest import Web


@pytest.fixture
def with_result(web: Web, tmp_path: Path) -> Web:
    """A matched study with one image, and a segmentation whose UIDs come first."""
    sent = Received.from_part10(part10(minimal(StudyDescription="CHEST")), "SCANNER", "ROR")
    assert web.app.intake.receive(sent, "lungs").status is Status.SUCCESS
    (study,) = web.app.index.studies()
    one = dcmread(web.app.files.root / web.app.index.study_instances(study.study_uid)[0].path)
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = UID("1.1")
    one.SeriesInstanceUID, one.Modality, one.SeriesDescription = "1.2", "SEG", "mask"
    del one.StudyDescription
    one.save_as(tmp_path / "result.dcm")
    OwnSeries(web.app.database, web.app.home.archive).file("lungs", "job-1", tmp_path / "result.dcm")
    web.app.catalogue.write("lungs", study.study_uid)
    with web.app.database.write() as connection:
        connection.execute(tables.studies.update().values(state=StudyState.MATCHED))
    return web


@pytest.mark.parametrize("asked", [{}, {"ModalitiesInStudy": "SEG"}, {"ModalitiesInStudy": "CT"}])
def test_a_study_shows_its_results_and_is_described_by_its_images(
    with_result: Web, asked: dict[str, str]
) -> None:
    (study,) = with_result.client(with_result.read).search_for_studies(search_filters=asked)
    assert study["00080061"]["Value"] == ["CT", "SEG"]
    assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([2], [2])
    assert study["00081030"]["Value"] == ["CHEST"]


@pytest.mark.parametrize("asked", [{"Modality": "SEG"}, {"SeriesDescription": "mask"}])
def test_their_series_are_found_once(with_result: Web, asked: dict[str, str]) -> None:
    (series,) = with_result.client(with_result.read).search_for_series(search_filters=asked)
    assert series["0020000E"]["Value"] == ["1.2"]


def test_they_are_retrieved_as_they_were_made(with_result: Web, tmp_path: Path) -> None:
    client = with_result.client(with_result.read)
    (study,) = with_result.app.index.studies()
    made = dcmread(tmp_path / "result.dcm")
    assert client.retrieve_instance(study.study_uid, "1.2", "1.1") == made
    assert {one.SOPInstanceUID for one in client.retrieve_study(study.study_uid)} >= {"1.1"}
    (metadata,) = client.retrieve_series_metadata(study.study_uid, "1.2")
    assert metadata["00080060"]["Value"] == ["SEG"]


def test_another_project_sees_none(with_result: Web) -> None:
    assert with_result.client(with_result.foreign).search_for_series() == []
