"""The outline in the report: what viewers draw where they show nothing for a reference to a segmentation."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest

from ror.results import ObjectsInvalid, ResultJob, SourceSeries, encode, read_outputs, validate
from ror.results.contours import largest
from ror.results.groups import MOST_POINTS
from tests.results.samples import ct_headers, job_on, manifest, write_mask, write_series


def encoded(output: Path, job: ResultJob):
    return encode(read_outputs(output, manifest(), job), job)


def groups_of(output: Path, job: ResultJob):
    report = next(one.dataset for one in encoded(output, job) if one.kind == "SR")
    content = hd.sr.Comprehensive3DSR.from_dataset(report).content
    return content.get_planar_roi_measurement_groups(), content.get_volumetric_roi_measurement_groups()


def test_each_measured_segment_is_outlined_in_the_slice_where_it_is_largest(
    output: Path, job: ResultJob, ct: SourceSeries, labels: np.ndarray
) -> None:
    labels[3, 3:6, 2:6] = 1  # larger than in slice 2
    write_mask(labels, ct, output / "mask" / "abdomen.nii.gz")
    (spleen, liver), _ = groups_of(output, job)
    region = spleen.roi
    assert region.value.tolist() == [[2, 3], [6, 3], [6, 6], [2, 6], [2, 3]]
    image = region.ContentSequence[0].ReferencedSOPSequence[0]
    assert image.ReferencedSOPInstanceUID == ct.headers[3].SOPInstanceUID
    assert liver.roi.value.tolist() == [[1, 1], [3, 1], [3, 2], [1, 2], [1, 1]]


def test_the_outline_has_its_area_in_square_millimetres(output: Path, job: ResultJob) -> None:
    (spleen, _), _ = groups_of(output, job)
    (area,) = spleen.get_measurements()
    assert (area.name.value, area.value, area.unit.value) == ("42798000", 8 * 0.75 * 0.5, "mm2")


def test_outline_and_segment_track_the_same_thing(output: Path, job: ResultJob) -> None:
    planar, volumetric = groups_of(output, job)
    assert [one.tracking_uid for one in planar] == [one.tracking_uid for one in volumetric]
    assert [one.finding_type for one in planar] == [one.finding_type for one in volumetric]


def test_an_outline_with_more_corners_than_a_value_holds_is_thinned(tmp_path: Path, output: Path) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(shape=(2, 200, 200)), tmp_path / "ct"))
    labels = np.zeros((2, 200, 200), np.uint8)
    labels[0, :, 0] = labels[0, ::4] = 1  # a comb whose teeth have teeth
    labels[0, 1::4, ::2] = labels[0, 3::4, ::2] = 1
    assert len(largest(labels[0] == 1).points) > MOST_POINTS
    labels[1, 0, 0] = 2
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    objects = encoded(output, job_on(series))
    validate(objects, job_on(series))
    (spleen, _), _ = groups_of(output, job_on(series))
    points = spleen.roi.value
    assert len(points) <= MOST_POINTS + 1 and (points[0] == points[-1]).all()


def change_outline(change):
    def spoil(report) -> None:
        groups = report.ContentSequence[-1].ContentSequence
        change({i.ConceptNameCodeSequence[0].CodeMeaning: i for i in groups[1].ContentSequence})

    return spoil


def change_group(change):
    def spoil(report) -> None:
        groups = report.ContentSequence[-1].ContentSequence
        change({i.ConceptNameCodeSequence[0].CodeMeaning: i for i in groups[0].ContentSequence})

    return spoil


def referenced(items):
    return items["Referenced Segment"].ReferencedSOPSequence[0]


CONTRADICTIONS = {
    "beside its image": (
        change_outline(lambda items: setattr(items["Image Region"], "GraphicData", [0, 0, 11, 0, 0, 0])),
        "group 2 is drawn beside its image",
    ),
    "on another image": (
        change_outline(
            lambda items: setattr(
                items["Image Region"].ContentSequence[0].ReferencedSOPSequence[0],
                "ReferencedSOPInstanceUID",
                "1.2.3",
            )
        ),
        "group 2 is drawn on an image that is not of this job",
    ),
    "another segment": (
        change_group(lambda items: setattr(referenced(items), "ReferencedSegmentNumber", 2)),
        "group 1 has another tracking UID than its segment",
    ),
    "another finding": (
        change_group(lambda items: setattr(items["Finding"].ConceptCodeSequence[0], "CodeValue", "10200004")),
        "group 1 has another finding than its segment",
    ),
    "no such segment": (
        change_group(lambda items: setattr(referenced(items), "ReferencedSegmentNumber", 7)),
        "group 1 refers to a segment that no segmentation of this job has",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_report_that_contradicts_image_or_segmentation_is_not_sent(
    spoil, problem: str, output: Path, job: ResultJob
) -> None:
    objects = encoded(output, job)
    spoil(next(one.dataset for one in objects if one.kind == "SR"))
    with pytest.raises(ObjectsInvalid) as refused:
        validate(objects, job)
    assert any(problem in fault for fault in refused.value.faults), refused.value


def test_a_segmentation_beside_the_planes_of_its_source_is_not_sent(output: Path, job: ResultJob) -> None:
    objects = encoded(output, job)
    seg = next(one.dataset for one in objects if one.kind == "SEG")
    seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = [-20, 30, 6]
    with pytest.raises(ObjectsInvalid, match="frames in 1 planes where its source has none"):
        validate(objects, job)


def test_a_segmentation_that_does_not_place_all_its_frames_is_not_sent(output: Path, job: ResultJob) -> None:
    objects = encoded(output, job)
    seg = next(one.dataset for one in objects if one.kind == "SEG")
    del seg.PerFrameFunctionalGroupsSequence[0]
    with pytest.raises(ObjectsInvalid, match="says where 2 of its 3 frames lie"):
        validate(objects, job)
