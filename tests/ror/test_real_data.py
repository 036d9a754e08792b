"""Real images take the whole path: a Siemens MR, a JPEG 2000 CT, and those that must be refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from examples.demo.service import Installation
from orthanc import OrthancServer, PeerRefused, send
from tests.support.serving import Serving, eventually

pytestmark = pytest.mark.orthanc
WORKFLOWS = Path(__file__).parent.parent.parent / "workflows"


def identified(source: Path, target: Path) -> list[Path]:
    """The series with the identifiers that its publishers have emptied; pixels and their encoding stay."""
    target.mkdir()
    study, series = generate_uid(), generate_uid()
    files = []
    for number, file in enumerate(sorted(source.iterdir())):
        dataset = dcmread(file)
        dataset.PatientID = "CT-ABDOMEN"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(target / f"{number:03d}.dcm")
        files.append(target / f"{number:03d}.dcm")
    return files


def held_by(pacs: OrthancServer) -> dict[str, int]:
    return {series.modality: series.instance_count for series in pacs.rest.series()}


def test_a_jpeg_2000_ct_comes_back_with_a_segmentation_on_its_grid(
    serving: Serving, orthanc_pacs: OrthancServer, real_data: Path, tmp_path: Path
) -> None:
    send(serving.peer, identified(real_data / "ct_abdomen_dicom", tmp_path / "ct"))
    job = serving.installation.ask("jobs", "show", serving.job_that_is("succeeded"))
    assert held_by(orthanc_pacs) == {"CT": 20, "SEG": 1, "SR": 1}
    seg = next(dcmread(Path(job["folder"]) / one["path"]) for one in job["results"] if one["kind"] == "SEG")
    assert (seg.Rows, seg.Columns, seg.NumberOfFrames) == (512, 512, 10)
    assert {dcmread(file).file_meta.TransferSyntaxUID.name for file in serving.archived()} == {
        "JPEG 2000 Image Compression (Lossless Only)"
    }


def test_a_real_mr_is_measured_by_a_shipped_workflow(
    with_pacs: Installation, orthanc_pacs: OrthancServer, real_data: Path
) -> None:
    with_pacs.ror("workflow", "add", str(WORKFLOWS / "snr"), "--project", "lungs")
    with Serving(with_pacs) as serving:
        send(serving.peer, sorted((real_data / "mr_brain_t1_dicom").glob("*.dcm")))
        serving.job_that_is("succeeded")
        (row,) = serving.installation.ask("measurements", "list")
    assert row["field_name"] == "signal_to_noise"
    assert float(row["value"]) > 1
    assert held_by(orthanc_pacs)["MR"] == 192


def test_slices_without_modality_are_refused_and_kept_with_the_reason(
    serving: Serving, real_data: Path
) -> None:
    with pytest.raises(PeerRefused):
        send(serving.peer, sorted(real_data.glob("ct_chest_slice_*.dcm")))
    held = serving.installation.ask("quarantine", "list")
    assert {one["reason"] for one in held} == {"missing_identifier"}
    assert len(held) == 2
    assert serving.archived() == []


def test_slices_that_make_no_volume_fail_with_the_reason_and_deliver_nothing(
    serving: Serving, orthanc_pacs: OrthancServer, real_data: Path
) -> None:
    send(serving.peer, sorted((real_data / "ct_head_ge_dicom").glob("*.dcm")))
    eventually(lambda: "failed" in serving.jobs().values(), lambda: str(serving.jobs()))
    (job_id,) = serving.jobs()
    job = serving.installation.ask("jobs", "show", job_id)
    assert "no volume" in job["job"]["detail"]
    assert [step["step"] for step in job["steps"]] == ["stage"]
    assert held_by(orthanc_pacs) == {}
