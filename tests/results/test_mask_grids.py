"""Masks on other grids than their series: put right where there is one way to do it, else refused."""

import json
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from ror.archive.geometry import stack
from ror.results import OutputError, ResultJob, SourceSeries, encode, read_outputs, write
from ror.results.grid import GridMismatch, onto_grid
from tests.results.conftest import ROWS
from tests.results.samples import OBLIQUE, WORKFLOW, ct_headers, job_on, manifest, write_series

SHAPE = (6, 8, 10)


def coarser(affine: np.ndarray, steps, shape) -> np.ndarray:
    """Larger voxels that fill the same box; `steps` and `shape` in axes of the file."""
    scaled = affine @ np.diag([*steps, 1.0])
    # The corner of the box stays where it is.
    scaled[:3, 3] = (affine @ [*((np.array(steps) - 1) / 2), 1])[:3]
    return scaled


def box_grid(orientation=(1, 0, 0, 0, 1, 0)):
    grid = stack(ct_headers(SHAPE, orientation))
    return grid, np.array(grid.affine_ras)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE], ids=["axial", "oblique"])
def test_voxels_twice_as_large_are_repeated(orientation) -> None:
    grid, affine = box_grid(orientation)
    small = np.random.default_rng(1).integers(0, 3, (5, 4, 3)).astype(np.uint8)
    found = onto_grid(small, coarser(affine, (2, 2, 2), small.shape), grid)
    assert np.array_equal(found, small.repeat(2, 0).repeat(2, 1).repeat(2, 2).transpose(2, 1, 0))


def test_voxels_half_as_large_are_thinned_to_the_nearest() -> None:
    grid, affine = box_grid()
    labels = np.random.default_rng(2).integers(0, 3, SHAPE).astype(np.uint8)
    large = labels.transpose(2, 1, 0).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert np.array_equal(onto_grid(large, coarser(affine, (0.5, 0.5, 0.5), large.shape), grid), labels)


@given(
    sizes=st.tuples(*[st.integers(3, 14)] * 3),
    axes=st.permutations([0, 1, 2]),
    flips=st.tuples(*[st.booleans()] * 3),
)
def test_any_resampled_turned_and_flipped_mask_gives_each_voxel_the_nearest_value(sizes, axes, flips) -> None:
    grid, affine = box_grid(OBLIQUE)
    wanted = np.array(grid.shape[::-1])
    array = np.arange(np.prod(sizes), dtype=np.int32).reshape(sizes)
    resampled = coarser(affine, wanted / np.array(sizes), sizes)
    for axis in range(3):
        if flips[axis]:
            array = np.flip(array, axis)
            flip = np.eye(4)
            flip[axis, axis], flip[axis, 3] = -1, sizes[axis] - 1
            resampled = resampled @ flip
    array, resampled = array.transpose(axes), resampled[:, [*axes, 3]]
    found = onto_grid(array, resampled, grid)
    columns, rows, slices = (np.arange(size) for size in wanted)
    world = affine @ np.stack(
        [one.ravel() for one in (*np.meshgrid(columns, rows, slices, indexing="ij"), np.ones(wanted))]
    )
    places = (np.linalg.inv(resampled) @ world)[:3]
    distance = np.abs(places - np.rint(places))
    clear = (np.abs(distance - 0.5) > 1e-6).all(axis=0)  # of two that are equally near either will do
    nearest = np.rint(places).astype(int).clip(0, np.array(array.shape)[:, None] - 1)
    expected = array[tuple(nearest)]
    assert np.array_equal(found.transpose(2, 1, 0).ravel()[clear], expected[clear])


WRONG_PLACES = {
    "cropped": lambda a, m: (a[2:], m @ moved(2, 0, 0)),
    "cropped without telling": lambda a, m: (a[2:], m),
    "half as large in a corner": lambda a, m: (a, m @ np.diag([0.5, 0.5, 0.5, 1])),
    "another box": lambda a, m: (a[::2, ::2, ::2], m @ moved(4, 0, 0) @ np.diag([2, 2, 2, 1])),
    "flat": lambda a, m: (a, m @ np.diag([1, 1, 0, 1])),
}


def moved(*voxels: float) -> np.ndarray:
    move = np.eye(4)
    move[:3, 3] = voxels
    return move


@pytest.mark.parametrize("change", WRONG_PLACES.values(), ids=WRONG_PLACES)
def test_a_mask_that_fills_another_box_is_refused(change) -> None:
    grid, affine = box_grid()
    with pytest.raises(GridMismatch, match="lies on another grid than its series"):
        onto_grid(*change(np.zeros((10, 8, 6), np.uint8), affine), grid)


def test_a_resampled_nifti_is_read(output: Path, job: ResultJob, ct, labels) -> None:
    twice = labels.transpose(2, 1, 0).repeat(2, 0).repeat(2, 1)
    affine = coarser(np.array(ct.grid.affine_ras), (0.5, 0.5, 1), twice.shape)
    nibabel.save(nibabel.Nifti1Image(twice, affine), output / "mask" / "abdomen.nii.gz")
    (mask,) = read_outputs(output, manifest(), job).masks
    assert np.array_equal(mask.labels, labels)


# DICOM Segmentations as masks


def seg_as_mask(labels: np.ndarray, series: SourceSeries, output: Path, **changed) -> Path:
    """What a program writes with highdicom, with codes of its own."""
    code = hd.sr.CodedConcept("85756007", "SCT", "Tissue")
    algorithm = hd.AlgorithmIdentificationSequence("theirs", hd.sr.CodedConcept("123110", "DCM", "AI"), "1")
    described = [
        hd.seg.SegmentDescription(value, f"theirs {value}", code, code, "AUTOMATIC", algorithm)
        for value in range(1, 1 + changed.pop("segments", 2))
    ]
    seg = hd.seg.Segmentation(
        **{
            "source_images": list(series.headers),
            "pixel_array": labels,
            "segmentation_type": "BINARY",
            "segment_descriptions": described,
            "series_instance_uid": "1.2.3",
            "series_number": 1,
            "sop_instance_uid": "1.2.3.4",
            "instance_number": 1,
            "manufacturer": "theirs",
            "manufacturer_model_name": "theirs",
            "software_versions": "1",
            "device_serial_number": "1",
        }
        | changed
    )
    path = output / "mask" / "abdomen.seg.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "abdomen.nii.gz").unlink(missing_ok=True)
    seg.save_as(path)
    return path


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE], ids=["axial", "oblique"])
def test_a_segmentation_is_a_mask(kind, orientation, tmp_path: Path, output: Path, labels) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=orientation), tmp_path / "ct"))
    seg_as_mask(labels, series, output, segmentation_type=kind)
    outputs = read_outputs(output, manifest(), job_on(series))
    assert np.array_equal(outputs.masks[0].labels, labels)
    assert outputs.dicom_files == ()


def test_what_we_have_made_is_a_mask_again(output: Path, job: ResultJob, tmp_path: Path, labels) -> None:
    path, *_ = write(encode(read_outputs(output, manifest(), job), job), tmp_path / "results")
    (output / "mask" / "abdomen.nii.gz").unlink()
    (output / "mask" / "abdomen.seg.dcm").write_bytes(path.read_bytes())
    assert np.array_equal(read_outputs(output, manifest(), job).masks[0].labels, labels)


def test_probabilities_of_a_segmentation_are_read(tmp_path: Path, ct) -> None:
    array = np.zeros(ct.grid.shape, np.float32)
    array[2:4, 3, 4] = 0.25, 1.0
    output = tmp_path / "out"
    seg_as_mask(array, ct, output, segmentation_type="FRACTIONAL", segments=1)
    (output / "output.json").write_text(json.dumps(ROWS))
    text = WORKFLOW.replace('on = "CT"', 'on = "CT"\nencoding = "fractional"', 1)
    liver = text.index("[[outputs.masks.segments]]\nvalue = 2")
    text = text[:liver] + text[text.index("[[outputs.measurements]]") :].replace(
        'segment = "abdomen/2"\n', ""
    )
    (mask,) = read_outputs(output, manifest(text), job_on(ct)).masks
    assert mask.fractions is not None and mask.fractions[2:4, 3, 4].tolist() == [64, 255]
    assert np.count_nonzero(mask.fractions) == 2


def fault_of(output: Path, job: ResultJob) -> str:
    with pytest.raises(OutputError) as refused:
        read_outputs(output, manifest(), job)
    return {fault.path: fault.problem for fault in refused.value.faults}["mask/abdomen.seg.dcm"]


def test_a_segmentation_of_another_frame_of_reference_is_refused(tmp_path, output: Path, job, labels) -> None:
    other = SourceSeries.read("CT", write_series(ct_headers(patient_id="P-2"), tmp_path / "ct"))
    seg_as_mask(labels, other, output)
    assert fault_of(output, job) == "lies in another frame of reference than its series"


def test_segments_that_overlap_are_refused(output: Path, job: ResultJob, ct, labels) -> None:
    both = np.stack([labels == 1, labels > 0], -1).astype(np.uint8)
    seg_as_mask(both, ct, output)
    assert "overlap" in fault_of(output, job)


def test_probabilities_where_labels_are_announced_are_refused(
    output: Path, job: ResultJob, ct, labels
) -> None:
    both = np.stack([labels == 1, labels == 2], -1).astype(np.float32) / 2
    seg_as_mask(both, ct, output, segmentation_type="FRACTIONAL")
    assert fault_of(output, job) == "holds probabilities of several segments; write a mask for each"


def test_what_is_no_segmentation_is_refused(output: Path, job: ResultJob, ct) -> None:
    (output / "mask" / "abdomen.nii.gz").unlink()
    (output / "mask" / "abdomen.seg.dcm").write_bytes(ct.files[0].read_bytes())
    assert "cannot be read; it is not whole, or of another kind" in fault_of(output, job)


def test_a_segmentation_that_spans_a_mile_is_refused_before_it_is_unpacked(
    output: Path, job: ResultJob, ct, labels
) -> None:
    path = seg_as_mask(labels, ct, output)
    seg = dcmread(path)
    far = [-20.0, 30.0, 5.5 + 2.5 * 1_000_000]
    seg.PerFrameFunctionalGroupsSequence[-1].PlanePositionSequence[0].ImagePositionPatient = far
    seg.save_as(path)
    assert "x 8 x 10 voxels, the series 10 x 8 x 6" in fault_of(output, job)


def test_frames_that_make_no_volume_are_refused(output: Path, job: ResultJob, ct, labels) -> None:
    path = seg_as_mask(labels, ct, output)
    seg = dcmread(path)
    seg.PerFrameFunctionalGroupsSequence[-1].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 6.1]
    seg.save_as(path)
    assert fault_of(output, job) == "is no volume: its frames are not parallel and evenly spaced"


@pytest.mark.parametrize("keep", [0, 100, 1000, 3000])
def test_a_half_written_segmentation_is_refused(keep: int, output: Path, job: ResultJob, ct, labels) -> None:
    path = seg_as_mask(labels, ct, output)
    path.write_bytes(path.read_bytes()[:keep])
    assert "cannot be read; it is not whole, or of another kind" in fault_of(output, job)
