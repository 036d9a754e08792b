"""The page in PDF: it says what it must, shows the planes as radiologists look at them, and is one page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orthanc import send
from ror.results import ResultJob, SourceSeries, encode, read_outputs, validate, write
from ror.results.model import Corrected
from ror.results.page import draw_page
from ror.results.pdf import page_of
from ror.results.planes import three_planes
from tests.results.samples import (
    AXIAL,
    FINISHED,
    OBLIQUE,
    WORKFLOW,
    check_with_dciodvfy,
    ct_headers,
    job_on,
    manifest,
    write_mask,
    write_series,
)

SAGITTAL, CORONAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
WANTED = manifest(WORKFLOW.replace("[[outputs.masks]]", "[outputs]\nreport = true\n[[outputs.masks]]", 1))


def outputs_of(output: Path, job: ResultJob):
    return read_outputs(output, WANTED, job)


def pdf_of(output: Path, job: ResultJob, left_out=lambda reason: None):
    objects = encode(outputs_of(output, job), job, left_out)
    validate(objects, job)
    return next(one.dataset for one in objects if one.kind == "PDF")


def test_the_page_says_what_ran_on_what_and_that_it_is_for_research(output: Path, job: ResultJob) -> None:
    page = page_of(outputs_of(output, job), job, None)
    assert page.title == "organs 1.2.0" and page.warning == "Research use only, not for diagnosis"
    assert dict(page.facts) == {
        "Workflow": "organs 1.2.0",
        "Package, image": "abababababab, cdcdcdcdcdcd",
        "Job": job.job_id,
        "Finished": "2026-03-04 05:06:07 UTC",
        "Series CT": "CT, 6 images, 10 × 8 × 6 voxels of 0.5 × 0.75 × 2.5 mm",
    }
    assert any("nobody had reviewed it when this page was made" in line for line in page.limits)


def test_the_page_has_each_number_with_its_unit_and_segment(output: Path, job: ResultJob) -> None:
    assert page_of(outputs_of(output, job), job, None).found == [
        ("Volume of the spleen", "14.25 mL", "Spleen"),
        ("Volume of the liver", "0.333333 mL", "Liver"),
        ("Noise of the image", "12 [hnsf'U]", ""),
    ]


def test_what_was_not_found_is_told(output: Path, job: ResultJob, ct, labels) -> None:
    write_mask(np.where(labels == 1, 0, labels), ct, output / "mask" / "abdomen.nii.gz")
    rows = [{"field_name": "liver_volume", "value": 2}, {"field_name": "noise", "value": 1}]
    (output / "output.json").write_text(json.dumps(rows))
    found = page_of(outputs_of(output, job), job, None).found
    assert ("abdomen: Spleen", "nothing found", "") in found


def test_a_page_of_corrected_masks_does_not_say_that_nobody_has_looked(output: Path, job: ResultJob) -> None:
    made = outputs_of(output, job)
    masks = tuple(replace(mask, corrected=Corrected("1.2.3", FINISHED)) for mask in made.masks)
    words = " ".join(page_of(replace(made, masks=masks), job, None).limits)
    assert "corrected by a reader" in words
    assert "nobody" not in words and "without a person" not in words


def test_a_segment_whose_size_is_told_as_0_is_not_told_twice(
    output: Path, job: ResultJob, ct, labels
) -> None:
    write_mask(np.where(labels == 1, 0, labels), ct, output / "mask" / "abdomen.nii.gz")
    rows = [{"field_name": name, "value": 0} for name in ("spleen_volume", "noise")]
    rows.append({"field_name": "liver_volume", "value": 2})
    (output / "output.json").write_text(json.dumps(rows))
    found = page_of(outputs_of(output, job), job, None).found
    assert [line for line in found if "Spleen" in repr(line)] == [("Volume of the spleen", "0 mL", "Spleen")]


def test_no_attribute_of_the_patient_is_on_the_page(output: Path, tmp_path: Path) -> None:
    headers = ct_headers()
    for header in headers:
        header.PatientID, header.PatientName, header.AccessionNumber = "P-1", "Known^Person", "ACC-77"
    job = job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct")))
    words = repr(page_of(outputs_of(output, job), job, None))
    assert not any(value in words for value in ("P-1", "Known", "Person", "ACC-77", "20260301"))


def test_it_is_one_page_with_its_fonts_and_pictures(output: Path, job: ResultJob) -> None:
    dataset = pdf_of(output, job)
    document = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
    assert document.startswith(b"%PDF-") and document.rstrip().endswith(b"%%EOF")
    assert re.findall(rb"/Count (\d+)", document) == [b"1"]
    assert document.count(b"/FontFile2") == 2
    assert len(re.findall(rb"/Subtype /Image", document)) == 3
    assert (dataset.Modality, dataset.MIMETypeOfEncapsulatedDocument) == ("DOC", "application/pdf")
    assert dataset.SeriesDescription == "organs report (research use)"
    assert len(dataset.SourceInstanceSequence) == 6


def test_hundreds_of_numbers_and_segments_stay_on_one_page(output: Path, job: ResultJob) -> None:
    page = page_of(outputs_of(output, job), job, None)
    (segment, _) = WANTED.outputs.masks[0].segments
    long = replace(page, found=page.found * 100, facts=page.facts * 10, segments=[segment] * 200)
    assert re.findall(rb"/Count (\d+)", draw_page(long, ())) == [b"1"]


def test_the_same_job_gives_the_same_page(output: Path, job: ResultJob) -> None:
    assert pdf_of(output, job).EncapsulatedDocument == pdf_of(output, job).EncapsulatedDocument


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL], ids=["axial", "sagittal", "coronal"])
def test_planes_are_turned_as_radiologists_look_at_them(orientation, tmp_path: Path, output: Path) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=orientation), tmp_path / "ct"))
    labels = np.zeros(series.grid.shape, np.uint8)
    labels[3, 3:6, 3:6] = 1
    affine = np.array(series.grid.affine_ras)
    # One voxel each, farthest to the patient's right, to the front, and up.
    slices, rows, columns = np.indices(labels.shape)
    ras = affine[:3, :3] @ np.stack([one.ravel() for one in (columns, rows, slices)])
    center = np.argwhere(labels == 1).mean(axis=0)
    middle = affine[:3, :3] @ center[::-1]
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(
        '[{"field_name": "spleen_volume", "value": 1}, {"field_name": "noise", "value": 1}]'
    )
    (mask,) = outputs_of(output, job_on(series)).masks
    axial, coronal, sagittal = three_planes(mask, series)
    assert [(one.name, one.left, one.top) for one in (axial, coronal, sagittal)] == [
        ("Axial", "R", "A"),
        ("Coronal", "R", "H"),
        ("Sagittal", "A", "H"),
    ]
    extent = [sorted({round(value, 3) for value in line}) for line in ras]
    right_to_left = -np.array(extent[0])[::-1]
    # The block's place, counted from the right, the front and the top, is where the planes show it.
    x = np.searchsorted(right_to_left, -middle[0] - 1e-6)
    y = np.searchsorted(-np.array(extent[1])[::-1], -middle[1] - 1e-6)
    z = np.searchsorted(-np.array(extent[2])[::-1], -middle[2] - 1e-6)
    assert axial.labels[y, x] == coronal.labels[z, x] == sagittal.labels[z, y] == 1
    assert axial.labels.shape == (len(extent[1]), len(extent[0]))
    assert coronal.labels.shape == (len(extent[2]), len(extent[0]))
    assert sagittal.labels.shape == (len(extent[2]), len(extent[1]))
    assert axial.row_mm == pytest.approx(np.ptp(extent[1]) / (len(extent[1]) - 1))
    assert axial.column_mm == pytest.approx(np.ptp(extent[0]) / (len(extent[0]) - 1))
    assert coronal.row_mm == pytest.approx(np.ptp(extent[2]) / (len(extent[2]) - 1))


def test_pixels_that_cannot_be_read_cost_the_pictures_only(output: Path, tmp_path: Path) -> None:
    headers = ct_headers()
    for header in headers:
        del header.PixelData
    told: list[str] = []
    dataset = pdf_of(
        output, job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct"))), told.append
    )
    assert b"/Subtype /Image" not in dataset.EncapsulatedDocument
    assert told == ["no pictures in the report: the pixels of image 4 of CT cannot be read (AttributeError)"]


@pytest.mark.dciodvfy
@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE], ids=["axial", "oblique"])
def test_dciodvfy_finds_no_error_in_the_encapsulated_page(
    orientation, output: Path, tmp_path: Path, labels
) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=orientation), tmp_path / "ct"))
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    objects = encode(outputs_of(output, job_on(series)), job_on(series))
    (path,) = write([one for one in objects if one.kind == "PDF"], tmp_path / "results")
    check_with_dciodvfy(path)


@pytest.mark.orthanc
def test_a_pacs_takes_page_pictures_and_key_images(
    orthanc_pacs, output: Path, job: ResultJob, tmp_path: Path
) -> None:
    wanted = '[outputs]\nreport = true\ncaptures = "all"\n[[outputs.masks]]'
    package = manifest(WORKFLOW.replace("[[outputs.masks]]", wanted, 1))
    objects = encode(read_outputs(output, package, job), job)
    send(orthanc_pacs.peer, write(objects, tmp_path / "results"))
    held = {one.modality: one.instance_count for one in orthanc_pacs.rest.series(PatientID="P-1")}
    assert held == {"SEG": 1, "SR": 1, "OT": 3, "KO": 1, "DOC": 1}
