"""RT Structure Sets: contours that give the mask back when somebody else fills them, and all that belongs to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from orthanc import send
from ror.results import (
    Earlier,
    EarlierObject,
    EncodeError,
    ObjectsInvalid,
    ResultJob,
    SourceSeries,
    encode,
    read_outputs,
    validate,
    write,
)
from ror.results.keyholes import keyholed
from tests.results.samples import (
    AXIAL,
    DATA,
    OBLIQUE,
    WORKFLOW,
    check_with_dciodvfy,
    ct_headers,
    job_on,
    manifest,
    real_abdomen,
    write_mask,
    write_series,
)

PACKAGE = manifest(WORKFLOW.replace('on = "CT"\n', 'on = "CT"\nrtstruct = true\n', 1))
RING = np.ones((5, 6), bool)
RING[1:4, 1:5] = False


def objects_of(output: Path, job: ResultJob):
    objects = encode(read_outputs(output, PACKAGE, job), job)
    validate(objects, job)
    return objects


def structures_of(output: Path, job: ResultJob) -> Dataset:
    return next(one.dataset for one in objects_of(output, job) if one.kind == "RTSTRUCT")


def filled(polygons, shape: tuple[int, int]) -> NDArray[np.int64]:
    """How many polygons (column, row) hold the centre of each pixel, by matplotlib."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    centres = np.column_stack((columns.ravel(), rows.ravel()))
    times = np.zeros(shape, np.int64)
    for points in polygons:
        times += Polygon(np.vstack((points, points[:1]))).contains_points(centres).reshape(shape)
    return times


def read_back(structures: Dataset, images: list[Path], number: int) -> NDArray[np.bool_]:
    """A region of interest as somebody else would fill it: from the file, its images and matplotlib alone."""
    planes = {one.SOPInstanceUID: one for one in (dcmread(path) for path in images)}
    found = {uid: np.zeros((one.Rows, one.Columns), np.int64) for uid, one in planes.items()}
    (region,) = (one for one in structures.ROIContourSequence if one.ReferencedROINumber == number)
    for contour in region.ContourSequence:
        uid = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        image = planes[uid]
        points = np.array(contour.ContourData, float).reshape(-1, 3) - np.array(image.ImagePositionPatient)
        across, down = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
        assert np.abs(points @ np.cross(across, down)).max() < 1e-3
        columns = points @ across / float(image.PixelSpacing[1]) + 0.5
        rows = points @ down / float(image.PixelSpacing[0]) + 0.5
        found[uid] += filled([np.column_stack((columns, rows))], found[uid].shape)
    return {uid: times == 1 for uid, times in found.items()}


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


# -- keyholes ---------------------------------------------------------------------------------------------------------


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_polygons_filled_by_others_are_the_marked_pixels_each_in_one(plane) -> None:
    assert np.array_equal(filled(keyholed(plane), plane.shape), plane)


@given(arrays(bool, (7, 7)))
def test_polygons_enclose_as_much_as_is_marked(plane) -> None:
    areas = [x @ np.roll(y, -1) - y @ np.roll(x, -1) for x, y in (one.T for one in keyholed(plane))]
    assert sum(areas) / 2 == pytest.approx(plane.sum())


def test_a_ring_is_one_polygon_and_what_lies_in_its_hole_is_another() -> None:
    island = RING.copy()
    island[2, 2] = True
    assert len(keyholed(RING)) == 1 and len(keyholed(island)) == 2


def test_holes_above_each_other_are_one_polygon() -> None:
    plane = np.ones((30, 5), bool)
    plane[1:-1:2, 2] = False
    (polygon,) = keyholed(plane)
    assert np.array_equal(filled([polygon], plane.shape), plane)


def test_nothing_marked_gives_no_polygon() -> None:
    assert keyholed(np.zeros((3, 3), bool)) == []


# -- what is said -----------------------------------------------------------------------------------------------------


def test_there_are_no_contours_unless_the_mask_wants_them(output: Path, job: ResultJob) -> None:
    kinds = [one.kind for one in encode(read_outputs(output, manifest(), job), job)]
    assert kinds == ["SEG", "SR", "SR"]


def test_a_structure_set_says_where_it_lies_and_what_it_was_made_of(output: Path, job: ResultJob, ct) -> None:
    structures = structures_of(output, job)
    assert (structures.Modality, structures.SeriesNumber) == ("RTSTRUCT", 9401)
    assert (structures.PatientID, structures.StudyInstanceUID) == ("P-1", ct.study_instance_uid)
    assert (structures.StructureSetLabel, structures.ApprovalStatus) == ("abdomen", "UNAPPROVED")
    assert structures.StructureSetDescription == "Research use only, not for diagnosis"
    (frame,) = structures.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == ct.grid.frame_of_reference_uid
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    assert study.ReferencedSOPInstanceUID == ct.study_instance_uid
    assert series.SeriesInstanceUID == ct.series_instance_uid
    assert [one.ReferencedSOPInstanceUID for one in series.ContourImageSequence] == [
        header.SOPInstanceUID for header in ct.headers
    ]


def test_each_region_is_named_coded_coloured_and_refers_to_its_segment(output: Path, job: ResultJob) -> None:
    objects = objects_of(output, job)
    seg, structures = (
        next(one.dataset for one in objects if one.kind == kind) for kind in ("SEG", "RTSTRUCT")
    )
    assert [(one.ROINumber, one.ROIName) for one in structures.StructureSetROISequence] == [
        (1, "Spleen"),
        (2, "Liver"),
    ]
    spleen = structures.StructureSetROISequence[0]
    assert spleen.ROIGenerationAlgorithm == "AUTOMATIC"
    assert spleen.ROIDerivationAlgorithmIdentificationSequence[0].AlgorithmName == "organs"
    (source,) = spleen.DefinitionSourceSequence
    assert (source.ReferencedSOPInstanceUID, source.ReferencedSegmentNumber) == (seg.SOPInstanceUID, 1)
    assert structures.ROIContourSequence[0].ROIDisplayColor == [157, 108, 162]
    observed = structures.RTROIObservationsSequence[0]
    assert observed.RTROIIdentificationCodeSequence[0].CodeValue == "78961009"
    assert observed.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert not observed.RTROIInterpretedType


def test_a_segment_that_was_not_found_is_no_region(output: Path, job: ResultJob, ct, labels) -> None:
    write_mask(np.where(labels == 2, 2, 0).astype(np.uint8), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(
        '[{"field_name": "liver_volume", "value": 1}, {"field_name": "noise", "value": 1}]'
    )
    assert [one.ROIName for one in structures_of(output, job).StructureSetROISequence] == ["Liver"]


def test_an_empty_mask_gives_no_structure_set(output: Path, job: ResultJob, ct) -> None:
    write_mask(np.zeros(ct.grid.shape, np.uint8), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text('[{"field_name": "noise", "value": 1}]')
    assert [one.kind for one in objects_of(output, job)] == ["SR"]


def test_a_structure_set_names_the_one_that_it_replaces(output: Path, job: ResultJob) -> None:
    older = replace(job, job_id="organs-older", version="1.1.0")
    before = structures_of(output, older)
    seen = EarlierObject(
        str(before.SOPClassUID),
        str(before.SOPInstanceUID),
        str(before.SeriesInstanceUID),
        str(before.StudyInstanceUID),
    )
    after = structures_of(output, replace(job, supersedes=(Earlier(older.job_id, "1.1.0", (seen,)),)))
    (named,) = after.PredecessorStructureSetSequence
    assert named.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert after.StructureSetDescription.endswith("supersedes 1.1.0")


def test_encoding_again_gives_the_same_structure_set(output: Path, job: ResultJob, tmp_path: Path) -> None:
    one, other = (write(objects_of(output, job), tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


# -- where it lies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "orientation", [AXIAL, OBLIQUE, (0, 1, 0, 0, 0, -1)], ids=["axial", "oblique", "sagittal"]
)
def test_contours_filled_by_others_are_the_mask(orientation, output: Path, tmp_path: Path) -> None:
    images = write_series(ct_headers(orientation=orientation), tmp_path / "ct")
    series = SourceSeries.read("CT", images)
    labels = np.zeros(series.grid.shape, np.uint8)
    labels[2:4, 1:6, 1:7], labels[2:4, 2:5, 3], labels[1, 1, 1:3] = 1, 0, 2
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    paths = write(objects_of(output, job_on(series)), tmp_path / "results")
    structures = dcmread(next(path for path in paths if path.name.startswith("RTSTRUCT")))
    for number in (1, 2):
        found = read_back(structures, images, number)
        for header, plane in zip(series.headers, labels, strict=True):
            assert np.array_equal(found[header.SOPInstanceUID], plane == number)


@pytest.mark.dciodvfy
def test_the_organs_of_a_real_ct_come_back_whole_and_valid(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    images = real_abdomen(tmp_path / "ct")
    series = SourceSeries.read("CT", images)
    job, output = job_on(series), tmp_path / "out"
    image = nibabel.load(DATA / "nifti" / "ct_abdomen_labels.nii.gz")
    theirs = np.asarray(image.dataobj)
    labels = np.select([theirs == 1, theirs == 5], [1, 2], 0).astype(np.uint8)  # spleen, liver
    (output / "mask").mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), output / "mask" / "abdomen.nii.gz")
    rows = [f'{{"field_name": "{name}", "value": 1}}' for name in ("spleen_volume", "liver_volume", "noise")]
    (output / "output.json").write_text(f"[{', '.join(rows)}]")
    outputs = read_outputs(output, PACKAGE, job)
    paths = write(objects_of(output, job), tmp_path / "results")
    path = next(path for path in paths if path.name.startswith("RTSTRUCT"))
    check_with_dciodvfy(path)
    for number in (1, 2):
        found = read_back(dcmread(path), images, number)
        volume = np.stack([found[header.SOPInstanceUID] for header in series.headers])
        assert dice(volume, outputs.masks[0].labels == number) > 0.9999


def test_a_series_without_frame_of_reference_is_refused(tmp_path: Path, output: Path) -> None:
    headers = ct_headers()
    for header in headers:
        del header.FrameOfReferenceUID
    with pytest.raises(EncodeError, match="'CT' has no FrameOfReferenceUID"):
        objects_of(output, job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct"))))


def first_contour(structures: Dataset) -> Dataset:
    return structures.ROIContourSequence[0].ContourSequence[0]


def lifted(structures: Dataset) -> None:
    contour = first_contour(structures)
    contour.ContourData = [value + (0.1 if k % 3 == 2 else 0) for k, value in enumerate(contour.ContourData)]


SPOILED = {
    "no regions": (lambda ds: setattr(ds, "StructureSetROISequence", []), "has no region of interest"),
    "a region without observation": (
        lambda ds: setattr(ds, "RTROIObservationsSequence", ds.RTROIObservationsSequence[:1]),
        "RTROIObservationsSequence is not of the same regions",
    ),
    "another frame of reference": (
        lambda ds: setattr(ds.ReferencedFrameOfReferenceSequence[0], "FrameOfReferenceUID", "1.2.3"),
        "its frame of reference is none of this job",
    ),
    "beside its plane": (lifted, "does not lie in the plane of its image"),
    "another image": (
        lambda ds: setattr(first_contour(ds).ContourImageSequence[0], "ReferencedSOPInstanceUID", "1.2.3"),
        "contour 1 of region 1 lies on an image that is not of this job",
    ),
    "points miscounted": (
        lambda ds: setattr(first_contour(ds), "NumberOfContourPoints", 3),
        "says that it has 3 points",
    ),
}


@pytest.mark.parametrize(("change", "problem"), SPOILED.values(), ids=SPOILED)
def test_a_structure_set_that_contradicts_its_sources_is_not_sent(change, problem, output, job) -> None:
    objects = objects_of(output, job)
    change(next(one.dataset for one in objects if one.kind == "RTSTRUCT"))
    with pytest.raises(ObjectsInvalid, match=problem):
        validate(objects, job)


# -- other people's programs ------------------------------------------------------------------------------------------


@pytest.mark.dciodvfy
def test_dciodvfy_finds_no_error_in_a_structure_set(output: Path, job: ResultJob, tmp_path: Path) -> None:
    for path in write(objects_of(output, job), tmp_path / "results"):
        check_with_dciodvfy(path)


@pytest.mark.orthanc
def test_a_pacs_takes_a_structure_set(orthanc_pacs, output: Path, job: ResultJob, tmp_path: Path) -> None:
    send(orthanc_pacs.peer, write(objects_of(output, job), tmp_path / "results"))
    held = {one.modality: one.instance_count for one in orthanc_pacs.rest.series(PatientID="P-1")}
    assert held == {"SEG": 1, "SR": 1, "RTSTRUCT": 1}
