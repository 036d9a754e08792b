"""Segmentations that come back from a viewer: what fits takes the place of a mask, what does not is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from containers import FileOutput
from ror.results import CorrectionRefused, ResultJob, SourceSeries, encode, read_outputs, validate
from ror.results.capture import encode_captures
from ror.results.corrected import CorrectedMask, agreement, label_map_of, remeasured, with_corrections
from ror.results.labels import read_labels
from ror.results.model import Corrected, LabelMap, Outputs, ResultObject
from ror.results.normalise import labels_of, matched
from ror.results.pdf import page_of
from ror.results.seg import encode_seg
from ror.results.sent_back import SentSegment, read_segments, referenced_series
from ror.results.stl import Mesh
from tests.results.samples import FINISHED, check_with_dciodvfy, job_on, manifest
from tests.support.viewer import stored_by_ohif

# What OHIF 3.13.2 has stored, in both of its forms; export.mjs beside them says how they were made.
OF_OHIF = [Path(__file__).parent / "sent_back" / f"ohif-{form}.dcm" for form in ("bitmap", "labelmap")]
MISPLACED = OF_OHIF[0].with_name("ohif-misplaced.dcm")
UID = "2.25.77"


@pytest.fixture
def outputs(output: Path, job: ResultJob) -> Outputs:
    return read_outputs(output, manifest(), job)


@pytest.fixture
def made(outputs: Outputs) -> LabelMap:
    return outputs.masks[0]


@pytest.fixture
def drawn(labels: np.ndarray) -> np.ndarray:
    """As somebody has corrected `labels`: the spleen reaches into another slice."""
    corrected = labels.copy()
    corrected[2:5, 3:5, 2:6] = 1
    return corrected


def sent(path: Path = OF_OHIF[0]) -> Dataset:
    return dcmread(path)


def normalised(seg: Dataset, series: SourceSeries, made: LabelMap) -> np.ndarray:
    segments = read_segments(seg, series)
    return labels_of(segments, matched(segments, made), made)


def corrected(labels: np.ndarray, made: LabelMap) -> LabelMap:
    return LabelMap.of(made.announced, labels, Corrected(UID, FINISHED))


def why(seg: Dataset, series: SourceSeries, made: LabelMap) -> str:
    with pytest.raises(CorrectionRefused) as refused:
        normalised(seg, series, made)
    assert refused.value.advice
    return refused.value.reason


# -- what viewers write -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OF_OHIF, ids=lambda path: path.stem)
def test_what_ohif_stores_is_read_though_it_is_no_valid_object(
    path: Path, ct: SourceSeries, made: LabelMap, drawn: np.ndarray
) -> None:
    with pytest.raises(AssertionError):
        check_with_dciodvfy(path)
    assert referenced_series(sent(path)) == {ct.series_instance_uid}
    assert np.array_equal(normalised(sent(path), ct, made), drawn)


@pytest.mark.parametrize("path", OF_OHIF, ids=lambda path: path.stem)
def test_codes_tracking_and_algorithm_are_those_of_the_workflow_again(
    path: Path, ct: SourceSeries, made: LabelMap, job: ResultJob, tmp_path: Path
) -> None:
    mask = corrected(normalised(sent(path), ct, made), made)
    seg, original = encode_seg(mask, job), encode_seg(made, job)
    assert seg is not None and original is not None
    validate([ResultObject("SEG", "abdomen", seg)], job)
    seg.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    check_with_dciodvfy(tmp_path / "seg.dcm")
    assert (seg.SOPInstanceUID, seg.SeriesDescription) == (UID, "organs abdomen corrected")
    assert seg.SeriesInstanceUID != original.SeriesInstanceUID
    for one, before in zip(seg.SegmentSequence, original.SegmentSequence, strict=True):
        assert one.SegmentAlgorithmType == "SEMIAUTOMATIC"
        assert before.SegmentAlgorithmType == "AUTOMATIC"
        one.SegmentAlgorithmType = before.SegmentAlgorithmType
        assert one == before  # code, colour, tracking, algorithm
    written = hd.seg.segread(tmp_path / "seg.dcm")
    assert written.number_of_segments == 2


# -- which segment is which -------------------------------------------------------------------------------------------


def segments(planes: dict[str, np.ndarray], numbers: list[int] | None = None) -> list[SentSegment]:
    """Segments by label, each with the same plane in slice 2."""
    return [
        SentSegment.of(number, label, {2: plane})
        for number, (label, plane) in zip(numbers or range(1, 9), planes.items(), strict=False)
    ]


def test_a_label_tells_more_than_a_number(made: LabelMap) -> None:
    nothing = np.zeros(made.labels.shape[1:], bool)
    assert matched(segments({"liver": nothing, " SPLEEN ": nothing}), made) == {1: 2, 2: 1}


def test_a_number_tells_where_the_segment_lies_where_it_was(made: LabelMap) -> None:
    spleen, nothing = made.labels[2] == 1, np.zeros(made.labels.shape[1:], bool)
    assert matched(segments({"Segment 1": spleen, "Liver": nothing}), made) == {1: 1, 2: 2}
    for elsewhere in (~spleen, nothing):
        with pytest.raises(CorrectionRefused):
            matched(segments({"Segment 1": elsewhere, "Liver": nothing}), made)
    with pytest.raises(
        CorrectionRefused
    ) as refused:  # the place of the spleen, under the number of the liver
        matched(segments({"Spleen": nothing, "Segment 2": spleen}), made)
    assert refused.value.reason == "unknown_segment"


def test_an_empty_segment_that_nobody_knows_is_no_harm(made: LabelMap) -> None:
    nothing = np.zeros(made.labels.shape[1:], bool)
    found = matched(segments({"Spleen": nothing, "Liver": nothing, "Segment 3": nothing}), made)
    assert found == {1: 1, 2: 2}


def test_what_is_not_told_for_certain_is_refused(made: LabelMap) -> None:
    spleen, nothing = made.labels[2] == 1, np.zeros(made.labels.shape[1:], bool)
    for planes, reason in (
        ({"Spleen": spleen}, "missing_segment"),
        ({"Spleen": spleen, "Liver": nothing, "Kidney": ~spleen}, "unknown_segment"),
        ({"Spleen": spleen, "spleen": spleen, "Liver": nothing}, "same_segment"),
    ):
        with pytest.raises(CorrectionRefused) as refused:
            matched(segments(planes), made)
        assert refused.value.reason == reason
        assert "Kidney" not in str(refused.value)  # whatever somebody has typed there


def test_a_voxel_of_two_segments_and_an_empty_mask_are_refused(made: LabelMap) -> None:
    spleen, nothing = made.labels[2] == 1, np.zeros(made.labels.shape[1:], bool)
    for planes, reason in (
        ({"Spleen": spleen, "Liver": spleen}, "overlap"),
        ({"Spleen": nothing, "Liver": nothing}, "empty"),
    ):
        with pytest.raises(CorrectionRefused) as refused:
            labels_of(segments(planes), {1: 1, 2: 2}, made)
        assert refused.value.reason == reason


# -- where it lies ----------------------------------------------------------------------------------------------------


def _moved(seg: Dataset) -> None:
    place = seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    place.ImagePositionPatient = [value + 1 for value in place.ImagePositionPatient]


def _turned(seg: Dataset) -> None:
    plane = Dataset()
    plane.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    seg.PerFrameFunctionalGroupsSequence[0].PlaneOrientationSequence = [plane]


def _smaller(seg: Dataset) -> None:
    seg.Rows = seg.Rows // 2


def _elsewhere(seg: Dataset) -> None:
    seg.FrameOfReferenceUID = "1.2.3"


def _too_many(seg: Dataset) -> None:
    seg.NumberOfFrames = 1000


@pytest.mark.parametrize("spoil", [_moved, _turned, _smaller, _elsewhere, _too_many])
@pytest.mark.parametrize("path", OF_OHIF, ids=lambda path: path.stem)
def test_another_grid_is_refused(path: Path, spoil: Any, ct: SourceSeries, made: LabelMap) -> None:
    seg = sent(path)
    spoil(seg)
    assert why(seg, ct, made) == "other_grid"


def _cut(seg: Dataset) -> None:
    seg.PixelData = seg.PixelData[:4]


def _no_place(seg: Dataset) -> None:
    del seg.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def _no_frames(seg: Dataset) -> None:
    del seg.PixelData


def _no_segments(seg: Dataset) -> None:
    del seg.SegmentSequence


@pytest.mark.parametrize("spoil", [_cut, _no_place, _no_frames, _no_segments])
def test_what_cannot_be_read_is_refused(spoil: Any, ct: SourceSeries, made: LabelMap) -> None:
    seg = sent()
    spoil(seg)
    assert why(seg, ct, made) == "unreadable"


def test_slices_that_the_viewer_has_mixed_up_are_refused(ct: SourceSeries, made: LabelMap) -> None:
    """This one was stored when the images were in the other order: each frame names one image, and lies on another."""
    assert why(sent(MISPLACED), ct, made) == "contradiction"


def test_probabilities_and_frames_of_no_segment_are_refused(ct: SourceSeries, made: LabelMap) -> None:
    seg = sent()
    seg.SegmentationType = "FRACTIONAL"
    assert why(seg, ct, made) == "fractional"
    seg = sent()
    seg.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 7
    assert why(seg, ct, made) == "unknown_segment"


# -- in the place of the mask -----------------------------------------------------------------------------------------


@pytest.fixture
def kept(made: LabelMap, drawn: np.ndarray, job: ResultJob, tmp_path: Path) -> CorrectedMask:
    """The correction, as it is kept."""
    seg = encode_seg(corrected(drawn, made), job)
    assert seg is not None
    seg.save_as(tmp_path / "kept.seg.dcm", enforce_file_format=True)
    return CorrectedMask("abdomen", UID, FINISHED, tmp_path / "kept.seg.dcm")


def test_results_are_made_of_the_corrected_mask(
    outputs: Outputs, made: LabelMap, kept: CorrectedMask, drawn: np.ndarray, job: ResultJob
) -> None:
    told: list[str] = []
    after = with_corrections(outputs, [kept], manifest().outputs.measurements, job, told.append)
    assert np.array_equal(after.masks[0].labels, drawn)
    objects = encode(after, job)
    validate(objects, job)
    by_kind = {one.kind: one.dataset for one in reversed(objects)}  # the report of what lies somewhere
    assert by_kind["SEG"].SOPInstanceUID == UID
    assert UID in str(by_kind["SR"])
    assert encode(after, job) == objects  # the same each time
    # The spleen of the sample is measured otherwise than by counting voxels; the liver was not touched.
    assert told == ["spleen_volume: left out, since it was measured in the mask of the workflow"]
    assert [row.field_name for row in after.rows] == ["liver_volume", "noise"]


def test_only_what_may_show_the_corrected_mask_is_left_out(
    outputs: Outputs, kept: CorrectedMask, job: ResultJob
) -> None:
    """A mesh of another mask stays; one of no segment, and objects of the program's own, may show this one."""
    of = {"liver.stl": "abdomen/2", "heart.stl": "chest/1", "body.stl": None}
    meshes = tuple(
        Mesh(name, FileOutput(pattern=name, kind="mesh", on="CT", segment=segment), np.zeros((1, 3, 3), "f4"))
        for name, segment in of.items()
    )
    made, told = replace(outputs, meshes=meshes, dicom_files=(Path("own.dcm"),)), list[str]()
    after = with_corrections(made, [kept], manifest().outputs.measurements, job, told.append)
    assert [mesh.name for mesh in after.meshes] == ["heart.stl"] and after.dicom_files == ()
    assert told[-3:] == [
        "liver.stl: left out, since it shows the mask of the workflow",
        "body.stl: left out, since it may show the mask of the workflow",
        "own.dcm: left out, since it may show the mask of the workflow",
    ]


def test_page_and_pictures_say_that_the_mask_was_corrected(
    outputs: Outputs, made: LabelMap, drawn: np.ndarray, job: ResultJob, ct: SourceSeries
) -> None:
    mask = corrected(drawn, made)
    after = replace(outputs, masks=(mask,))
    told = dict(page_of(after, job, mask).facts)
    assert told["Corrected"] == "the mask abdomen, by a reader, 2026-03-04 05:06:07 UTC"
    assert "Corrected" not in dict(page_of(outputs, job, made).facts)
    pictures = [list(encode_captures(one, job, 0, every_slice=False)) for one in (mask, made)]
    assert {one.SeriesDescription for one in pictures[0]} == {"organs abdomen outlines, corrected"}
    assert {one.SeriesDescription for one in pictures[1]} == {"organs abdomen outlines"}


@pytest.mark.parametrize("slices", [slice(0, 1), slice(3, 4), slice(0, 6, 5)])
def test_a_mask_of_few_slices_comes_back_as_it_was_kept(
    slices: slice, ct: SourceSeries, made: LabelMap, job: ResultJob, tmp_path: Path
) -> None:
    labels = np.zeros(made.labels.shape, np.uint8)
    labels[slices, 2:4, 2:4] = 2
    seg = encode_seg(corrected(labels, made), job)
    assert seg is not None
    path = tmp_path / "kept.seg.dcm"
    seg.save_as(path, enforce_file_format=True)
    after = label_map_of(CorrectedMask("abdomen", UID, FINISHED, path), made, ct)
    assert np.array_equal(after.labels, labels)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_whatever_is_drawn_comes_back_voxel_by_voxel(seed: int, ct: SourceSeries) -> None:
    """From the viewer to the mask, and from there to the segmentation that is kept, read by highdicom."""
    random = np.random.default_rng(seed)
    announced = manifest().outputs.masks[0]
    made = LabelMap.of(announced, random.integers(0, 3, ct.grid.shape, np.uint8))
    wanted = random.integers(0, 3, ct.grid.shape, np.uint8) * (random.random(ct.grid.shape) < random.random())
    wanted[random.integers(len(wanted)), 0, 0] = 1 + random.integers(2)
    seg = stored_by_ohif(
        ct.headers, wanted, {2: "Liver", 1: "Spleen"} if seed % 2 else {1: "Spleen", 2: "Liver"}
    )
    found = normalised(seg, ct, made)
    assert np.array_equal(found, wanted)
    kept = encode_seg(corrected(found, made), job_on(ct))
    assert kept is not None
    with NamedTemporaryFile(suffix=".seg.dcm") as file:
        kept.save_as(file.name, enforce_file_format=True)
        assert np.array_equal(read_labels(Path(file.name), ct.grid), wanted)


VOXEL_ML = 2.5 * 0.75 * 0.5 / 1000


def measured(
    spleen_ml: float, outputs: Outputs, drawn: np.ndarray, ct: SourceSeries
) -> tuple[dict[str, Any], Any]:
    """The measurements with `drawn` in the place of the mask, when the workflow had measured so much."""
    made = outputs.masks[0]
    rows = [
        type(row)(row.record_id, row.event, row.field_name, spleen_ml, announced=row.announced)
        if row.field_name == "spleen_volume"
        else row
        for row in outputs.rows
    ]
    found = remeasured(rows, manifest().outputs.measurements, made, corrected(drawn, made), ct)
    return {row.field_name: row.value for row in found.rows}, found.told


def test_a_volume_that_was_counted_is_counted_again(
    outputs: Outputs, drawn: np.ndarray, ct: SourceSeries
) -> None:
    counted = float((outputs.masks[0].labels == 1).sum()) * VOXEL_ML
    values, told = measured(round(counted, 4), outputs, drawn, ct)
    assert values["spleen_volume"] == pytest.approx((drawn == 1).sum() * VOXEL_ML)
    assert values["liver_volume"] == 1 / 3 and values["noise"] == 12
    (line,) = told
    assert line.startswith("spleen_volume: ") and " became " in line
    values, _ = measured(counted * 1.02, outputs, drawn, ct)
    assert "spleen_volume" not in values


def test_what_the_workflow_had_not_found_gets_its_volume(
    outputs: Outputs, drawn: np.ndarray, ct: SourceSeries
) -> None:
    made = outputs.masks[0]
    before = LabelMap.of(made.announced, np.where(made.labels == 2, 2, 0).astype(np.uint8))
    rows = [row for row in outputs.rows if row.field_name != "spleen_volume"]
    found = remeasured(rows, manifest().outputs.measurements, before, corrected(drawn, made), ct)
    (spleen,) = (row for row in found.rows if row.field_name == "spleen_volume")
    assert spleen.value == pytest.approx((drawn == 1).sum() * VOXEL_ML)
    assert (spleen.record_id, spleen.event) == ("P-1", "baseline_arm_1")


@given(st.integers(0, 2**32 - 1))
def test_agreement_is_one_only_where_nothing_was_changed(seed: int) -> None:
    random = np.random.default_rng(seed)
    announced = manifest().outputs.masks[0]
    one, other = (LabelMap.of(announced, random.integers(0, 3, (2, 3, 4), np.uint8)) for _ in range(2))
    assert set(agreement(one, one).values()) == {1.0}
    for value, dice in zip((1, 2), agreement(one, other).values(), strict=True):
        assert 0 <= dice <= 1
        assert (dice == 1) == np.array_equal(one.labels == value, other.labels == value)
    assert agreement(one, other) == agreement(other, one)


def test_the_form_of_the_samples_is_what_ohif_writes() -> None:
    bitmap, label_map = map(sent, OF_OHIF)
    assert bitmap.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (bitmap.SegmentationType, label_map.SegmentationType) == ("BINARY", "LABELMAP")
    assert "FrameContentSequence" not in label_map.PerFrameFunctionalGroupsSequence[0]
    for segment in (*bitmap.SegmentSequence, *label_map.SegmentSequence):
        assert segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tissue"
        assert segment.SegmentAlgorithmType == "MANUAL" and "TrackingUID" not in segment
