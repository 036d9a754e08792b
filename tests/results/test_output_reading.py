"""A good output is read; a bad one is refused with all its faults, each by its place and name."""

import gzip
import json
import os
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from ror.archive.geometry import stack
from ror.results import OutputError, ResultJob, SourceSeries, read_outputs
from ror.results.grid import GridMismatch, onto_grid
from ror.results.measurements import MAX_BYTES
from ror.results.sizes import unlike_their_masks
from tests.results.conftest import ROWS
from tests.results.samples import (
    OBLIQUE,
    WORKFLOW,
    ct_headers,
    job_on,
    manifest,
    older_manifest,
    write_mask,
    write_series,
)


def faults_of(output: Path, job: ResultJob, package=None) -> dict[str, str]:
    with pytest.raises(OutputError) as refused:
        read_outputs(output, package or manifest(), job)
    assert str(refused.value).count("\n") == len(refused.value.faults)
    return {fault.path: fault.problem for fault in refused.value.faults}


def test_a_good_output_is_read_whole(output: Path, job: ResultJob, labels) -> None:
    outputs = read_outputs(output, manifest(), job)
    (mask,) = outputs.masks
    assert np.array_equal(mask.labels, labels) and mask.labels.dtype == np.uint8
    assert mask.labels.flags.c_contiguous
    assert mask.present == {1, 2} and outputs.nothing_found == ()
    assert [(row.field_name, row.value, row.announced.unit.value) for row in outputs.rows] == [
        ("spleen_volume", 14.25, "mL"),
        ("liver_volume", 1 / 3, "mL"),
        ("noise", 12, "[hnsf'U]"),
    ]
    assert [(file.name, file.announced.kind) for file in outputs.files] == [
        ("figures/overview.png", "figure")
    ]


def test_an_empty_mask_is_a_result_and_its_measurements_may_be_missing(
    output: Path, job: ResultJob, ct
) -> None:
    write_mask(np.zeros(ct.grid.shape, np.uint8), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(json.dumps(ROWS[2:]))
    outputs = read_outputs(output, manifest(), job)
    assert outputs.nothing_found == ("abdomen",)
    assert [row.field_name for row in outputs.rows] == ["noise"]


# Dialects

CANONICAL = [("P-1", "baseline_arm_1", "noise", 12.5, "", None), ("P-1", "baseline_arm_1", "snr", 3, "", 2)]
DIALECTS = {
    "today": [
        {"record_id": "P-1", "redcap_event_name": "baseline_arm_1", "field_name": "noise", "value": 12.5},
        {
            "record_id": "P-1",
            "redcap_event_name": "baseline_arm_1",
            "field_name": "snr",
            "value": 3,
            "redcap_repeat_instance": 2,
        },
    ],
    "older list": [
        {"record_id": "P-1", "event_name": "baseline_arm_1", "field_name": "noise", "value": 12.5},
        {
            "record_id": "P-1",
            "event_name": "baseline_arm_1",
            "field_name": "snr",
            "value": 3,
            "instance_number": 2,
        },
    ],
    "oldest dictionary": {
        "noise": {"record_id": "P-1", "event_name": "baseline_arm_1", "field_name": "noise", "value": 12.5},
        "snr": {"record_id": "P-1", "event_name": "baseline_arm_1", "value": 3, "instance_number": "2"},
    },
}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_three_dialects_become_one(dialect, tmp_path: Path, job: ResultJob) -> None:
    (tmp_path / "output.json").write_text(json.dumps(dialect))
    rows = read_outputs(tmp_path, older_manifest(), job).rows
    assert [
        (r.record_id, r.event, r.field_name, r.value, r.repeat_instrument, r.repeat_instance) for r in rows
    ] == CANONICAL


def test_an_older_package_is_taken_as_it_is(tmp_path: Path, job: ResultJob) -> None:
    (tmp_path / "mask").mkdir()
    (tmp_path / "mask" / "whatever.nii").write_bytes(b"data")
    (tmp_path / "report.txt").write_text("words")
    (tmp_path / "output.json").write_text(
        json.dumps(
            {"signal-to-noise": {"value": "high"}, "meta": {"value": {"a": [1]}}, "none": {"value": None}}
        )
    )
    outputs = read_outputs(tmp_path, older_manifest(), job)
    assert [(row.record_id, row.field_name, row.value) for row in outputs.rows] == [
        ("P-1", "signal-to-noise", "high"),
        ("P-1", "meta", '{"a": [1]}'),
        ("P-1", "none", ""),
    ]
    assert {file.path.name for file in outputs.files} == {"whatever.nii", "report.txt"}


def test_the_description_around_an_older_packages_measurements_is_none_of_them(
    tmp_path: Path, job: ResultJob
) -> None:
    described = {"PatientID": "P-1", "NumFiles": 8, "ClassifyTypes": ["axial"], "shape_x": 16}
    (tmp_path / "output.json").write_text(json.dumps(described | {"noise": {"event_name": "", "value": 3}}))
    rows = read_outputs(tmp_path, older_manifest(), job).rows
    assert [(row.record_id, row.field_name, row.value) for row in rows] == [("P-1", "noise", 3)]


def test_an_older_package_may_write_nothing(tmp_path: Path, job: ResultJob) -> None:
    assert read_outputs(tmp_path, older_manifest(), job).rows == ()


# Bad measurements

BAD_JSON = {
    "cut in a text": ('[{"record_id": "P-1", "fie', "output.json", "(half written?): Unterminated"),
    "cut in a list": ('[{"field_name": "noise", "value": 1},\n', "output.json", "ends before its JSON does"),
    "empty": ("", "output.json", "ends before its JSON does"),
    "whole but wrong": ("[{'field_name': 'noise'}]", "output.json", "is no JSON: Expecting property name"),
    "more than one": ('{"field_name": "noise"}\n{}', "output.json", "is no JSON: Extra data: line 2"),
    "a number": ("12", "output.json", "must be a list"),
    "not a number": (
        '[{"field_name": "noise", "value": NaN}]',
        "output.json",
        "is no JSON: NaN is not a number",
    ),
    "infinite": ('[{"field_name": "noise", "value": -Infinity}]', "output.json", "-Infinity is not a number"),
    "too deep": ("[" * 100_000, "output.json", "nested too deeply"),
    "too large": (" " * (MAX_BYTES + 1), "output.json", "larger than 10 MB"),
    "no value": ('[{"field_name": "noise"}]', "output.json[0].value", "field required"),
    "an entry is text": ('["noise"]', "output.json[0]", "valid dictionary"),
    "unknown key": (
        '[{"field_name": "noise", "value": 1, "unit": "HU"}]',
        "output.json[0]",
        "unknown keys: unit",
    ),
    "another patient": (
        '[{"record_id": "P-2", "field_name": "noise", "value": 1}]',
        "output.json[0].record_id",
        "not the PatientID",
    ),
    "instance zero": (
        '[{"field_name": "noise", "value": 1, "redcap_repeat_instance": 0}]',
        "output.json[0].redcap_repeat_instance",
        "greater than or equal to 1",
    ),
    "not announced": (
        '[{"field_name": "nois", "value": 1}]',
        "output.json nois",
        "not announced in workflow.toml",
    ),
    "text": ('[{"field_name": "noise", "value": "12"}]', "output.json noise", "must be a number, not '12'"),
    "yes": ('[{"field_name": "noise", "value": true}]', "output.json noise", "must be a number, not 'True'"),
    "null": ('[{"field_name": "noise", "value": null}]', "output.json noise", "must be a number, not ''"),
    "1e400": ('[{"field_name": "noise", "value": 1e400}]', "output.json noise", "must be finite"),
    "twice": (
        '[{"field_name": "noise", "value": 1}, {"field_name": "noise", "value": 2}]',
        "output.json noise",
        "given twice",
    ),
    "missing": ('[{"field_name": "noise", "value": 1}]', "output.json liver_volume", "announced but missing"),
}


@pytest.mark.parametrize(("text", "place", "problem"), BAD_JSON.values(), ids=BAD_JSON)
def test_a_bad_measurement_is_named(text, place, problem, output: Path, job: ResultJob) -> None:
    (output / "output.json").write_text(text)
    faults = faults_of(output, job)
    assert problem in faults[place]


def test_a_size_of_a_segment_of_which_there_is_nothing_is_a_fault_and_0_is_a_result(
    output: Path, job: ResultJob, ct, labels
) -> None:
    write_mask(np.where(labels == 1, 0, labels), ct, output / "mask" / "abdomen.nii.gz")
    assert faults_of(output, job) == {
        "output.json spleen_volume": "is 14.25 mL, but its mask holds nothing of abdomen/1 (Spleen); "
        "write 0 or leave it out, or correct the mask"
    }
    (output / "output.json").write_text(json.dumps([ROWS[0] | {"value": 0}, *ROWS[1:]]))
    assert read_outputs(output, manifest(), job).rows[0].value == 0


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (-3, "is -3 mL, but a size is 0 or more; correct the program"),
        (1.5e6, "is 1.5e+06 mL, but no body part is larger than 1e+06 mL; is it in another unit?"),
    ],
)
def test_a_volume_that_nothing_can_have_is_a_fault(
    value: float, problem: str, output: Path, job: ResultJob
) -> None:
    (output / "output.json").write_text(json.dumps([ROWS[0] | {"value": value}, *ROWS[1:]]))
    assert faults_of(output, job) == {"output.json spleen_volume": problem}


def test_what_is_no_size_may_be_negative(output: Path, job: ResultJob) -> None:
    (output / "output.json").write_text(json.dumps([*ROWS[:2], ROWS[2] | {"value": -3}]))
    assert read_outputs(output, manifest(), job).rows[2].value == -3


def test_a_volume_far_from_that_of_its_mask_is_told(output: Path, job: ResultJob) -> None:
    """The spleen of the sample has 16 voxels and the liver 2, of 0.9375 cubic millimetres."""
    rows = [ROWS[0] | {"value": 0.0155}, ROWS[1] | {"value": 0.003}, ROWS[2]]
    (output / "output.json").write_text(json.dumps(rows))
    told = list(unlike_their_masks(read_outputs(output, manifest(), job), job))
    assert told == ["liver_volume is 0.003 mL, its mask 0.001875"]


def test_what_is_no_size_may_be_said_of_a_segment_of_which_there_is_nothing(
    output: Path, job: ResultJob, ct, labels
) -> None:
    chance = 'unit = { value = "%", scheme = "UCUM", meaning = "percent" }'
    millilitres = 'unit = { value = "mL", scheme = "UCUM", meaning = "milliliter" }'
    text = WORKFLOW.replace(millilitres, chance, 1).replace("118565006", "30525-0", 1)
    write_mask(np.where(labels == 1, 0, labels), ct, output / "mask" / "abdomen.nii.gz")
    assert len(read_outputs(output, manifest(text), job).rows) == 3


def test_many_faults_are_told_in_part_and_counted(output: Path, job: ResultJob) -> None:
    (output / "output.json").write_text(json.dumps([{"value": 1}] * 1000))
    assert "and 980 further faults" in faults_of(output, job)["output.json"]


def test_no_measurements_at_all_are_one_fault_with_their_names(output: Path, job: ResultJob) -> None:
    (output / "output.json").unlink()
    assert faults_of(output, job) == {
        "output.json": "is missing; announced are spleen_volume, liver_volume, noise"
    }


def test_a_job_on_several_patients_needs_the_record_of_each_measurement(ct, tmp_path: Path) -> None:
    other = SourceSeries.read("CT", write_series(ct_headers(patient_id="P-2"), tmp_path / "ct"))
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "output.json"
    path.write_text('[{"field_name": "a", "value": 1}, {"record_id": "P-2", "field_name": "a", "value": 1}]')
    faults = faults_of(path.parent, job_on(ct, other), older_manifest())
    assert list(faults) == ["output.json[0].record_id"]


# Bad masks


def nifti(array, affine) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(array, affine)


def rewritten(output: Path, ct: SourceSeries, change) -> None:
    path = output / "mask" / "abdomen.nii.gz"
    image = nibabel.load(path)
    array, affine = change(np.asarray(image.dataobj).copy(), image.affine.copy())
    nibabel.save(nifti(array, affine), path)


def shifted(millimetres: float):
    def change(array, affine):
        affine[0, 3] += millimetres
        return array, affine

    return change


def valued(value, dtype):
    def change(array, affine):
        array = array.astype(dtype)
        array[0, 0, 0] = value
        return array, affine

    return change


BAD_MASKS = {
    "shifted by half a voxel": (shifted(0.25), "lies on another grid than its series"),
    "shifted by a voxel": (shifted(0.5), "lies on another grid than its series"),
    "a slice short": (lambda a, m: (a[:, :, 1:], m), "the mask has 10 x 8 x 5 voxels of"),
    "resampled": (lambda a, m: (a, m @ np.diag([2, 2, 2, 1])), "lies on another grid"),
    "sheared": (lambda a, m: (a, m + np.outer([0.2, 0, 0, 0], [0, 0, 1, 0])), "lies on another grid"),
    "transposed without telling": (lambda a, m: (a.transpose(1, 0, 2), m), "lies on another grid"),
    "four axes": (lambda a, m: (np.stack([a, a], -1), m), "must have 3 axes, not 4"),
    "NaN": (valued(np.nan, np.float32), "holds NaN or infinite values"),
    "a half": (valued(0.5, np.float32), "not integers, such as 0.5"),
    "negative": (valued(-1, np.int16), "holds labels from -1"),
    "huge": (valued(70000, np.int32), "0 to 65535 are possible"),
    "undeclared": (
        valued(7, np.uint8),
        "holds the labels [7], which are no segments of it (1 Spleen, 2 Liver)",
    ),
    "complex": (lambda a, m: (a.astype(np.complex64), m), "holds values of type complex64"),
}


@pytest.mark.parametrize(("change", "problem"), BAD_MASKS.values(), ids=BAD_MASKS)
def test_a_bad_mask_is_named(change, problem, output: Path, job: ResultJob, ct) -> None:
    rewritten(output, ct, change)
    assert problem in faults_of(output, job)["mask/abdomen.nii.gz"]


def test_a_mismatch_names_both_grids(output: Path, job: ResultJob, ct) -> None:
    rewritten(output, ct, shifted(3))
    problem = faults_of(output, job)["mask/abdomen.nii.gz"]
    assert "the mask has 10 x 8 x 6 voxels of 0.5 x 0.75 x 2.5 mm, axes LPS, first voxel at (23.00" in problem
    assert (
        "the series has 10 x 8 x 6 voxels of 0.5 x 0.75 x 2.5 mm, axes LPS, first voxel at (20.00" in problem
    )


@pytest.mark.parametrize("keep", [0, 3, 100, 300])
def test_a_half_written_mask_is_refused(keep: int, output: Path, job: ResultJob) -> None:
    path = output / "mask" / "abdomen.nii.gz"
    path.write_bytes(path.read_bytes()[: min(keep, path.stat().st_size - 30)])
    assert (
        "cannot be read; it is not whole, or of another kind" in faults_of(output, job)["mask/abdomen.nii.gz"]
    )


def test_a_mask_that_says_it_is_huge_is_refused_before_it_is_unpacked(
    output: Path, job: ResultJob, ct
) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    (output / "mask" / "abdomen.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(4)))
    assert "30000 x 30000 x 30000 voxels" in faults_of(output, job)["mask/abdomen.nii.gz"]


def test_a_missing_mask_is_named(output: Path, job: ResultJob) -> None:
    (output / "mask" / "abdomen.nii.gz").unlink()
    assert faults_of(output, job)["mask/abdomen"] == "is announced but missing"


def test_a_mask_in_two_formats_is_refused(output: Path, job: ResultJob, ct, labels) -> None:
    write_mask(labels, ct, output / "mask" / "abdomen.nii")
    assert "more than once" in faults_of(output, job)["mask/abdomen.nii.gz"]


def test_a_mask_on_a_series_that_the_job_lacks_or_that_is_no_volume_is_refused(output: Path, ct) -> None:
    assert "which this job does not have" in faults_of(output, job_on())["mask/abdomen.nii.gz"]
    flat = SourceSeries("CT", ct.headers, None, "slices are unevenly spaced")
    assert "no volume: slices are unevenly spaced" in faults_of(output, job_on(flat))["mask/abdomen.nii.gz"]


# Good masks in other clothes


def axes_codes() -> list[tuple[tuple[int, int, int], tuple[bool, bool, bool]]]:
    from itertools import permutations, product

    return [(order, flips) for order in permutations(range(3)) for flips in product((False, True), repeat=3)]


@given(
    case=st.sampled_from(axes_codes()),
    orientation=st.sampled_from([(1, 0, 0, 0, 1, 0), OBLIQUE]),
    seed=st.integers(0, 99),
)
def test_permuted_and_flipped_axes_are_put_right(case, orientation, seed: int) -> None:
    order, flips = case
    grid = stack(ct_headers((4, 3, 5), orientation))
    labels = np.random.default_rng(seed).integers(0, 3, grid.shape, np.uint8)
    array, affine = labels.transpose(2, 1, 0), np.array(grid.affine_ras)
    for axis in range(3):
        if flips[axis]:
            array = np.flip(array, axis)
            affine = affine @ flip(axis, array.shape[axis])
    array = array.transpose(order)
    affine = affine[:, [*order, 3]]

    assert np.array_equal(onto_grid(array, affine.astype(np.float32), grid), labels)


def flip(axis: int, size: int) -> np.ndarray:
    matrix = np.eye(4)
    matrix[axis, axis] = -1
    matrix[axis, 3] = size - 1
    return matrix


@given(angle=st.floats(0.05, 3.0), axis=st.integers(0, 2))
def test_a_turned_grid_is_never_repaired(angle: float, axis: int) -> None:
    grid = stack(ct_headers((4, 30, 50)))
    turn = np.eye(4)
    a, b = [index for index in range(3) if index != axis]
    turn[a, a] = turn[b, b] = np.cos(angle)
    turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
    if abs(angle - np.pi / 2) > 0.02:
        with pytest.raises(GridMismatch):
            onto_grid(np.zeros((50, 30, 4), np.uint8), turn @ np.array(grid.affine_ras), grid)


def replace_mask(output: Path, name: str) -> Path:
    (output / "mask" / "abdomen.nii.gz").unlink()
    return output / "mask" / name


def test_float_and_boolean_masks_of_whole_numbers_are_labels(
    output: Path, job: ResultJob, ct, labels
) -> None:
    rewritten(output, ct, lambda a, m: (a.astype(np.float64), m))
    assert np.array_equal(read_outputs(output, manifest(), job).masks[0].labels, labels)


def test_a_slicer_segmentation_in_lps_is_read(output: Path, job: ResultJob, ct, labels) -> None:
    lps = np.diag([-1, -1, 1, 1]) @ np.array(ct.grid.affine_ras)
    header = {
        "space": "left-posterior-superior",
        "space directions": lps[:3, :3].T,
        "space origin": lps[:3, 3],
        "encoding": "gzip",
    }
    nrrd.write(str(replace_mask(output, "abdomen.seg.nrrd")), labels.transpose(2, 1, 0), header)
    assert np.array_equal(read_outputs(output, manifest(), job).masks[0].labels, labels)


def test_an_nrrd_that_does_not_say_where_it_lies_is_refused(output: Path, job: ResultJob, labels) -> None:
    nrrd.write(str(replace_mask(output, "abdomen.nrrd")), labels.transpose(2, 1, 0))
    assert "does not say where it lies" in faults_of(output, job)["mask/abdomen.nrrd"]


def test_an_nrrd_with_layers_is_refused(output: Path, job: ResultJob, labels) -> None:
    nrrd.write(str(replace_mask(output, "abdomen.nrrd")), np.stack([labels, labels]))
    assert "has 4 axes (several layers?)" in faults_of(output, job)["mask/abdomen.nrrd"]


def test_an_nrrd_that_points_to_another_file_is_refused(output: Path, job: ResultJob) -> None:
    text = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 10 8 6\nencoding: raw\ndata file: ../../../etc/passwd\n\n"
    replace_mask(output, "abdomen.nrrd").write_text(text)
    assert "keeps its data in another file" in faults_of(output, job)["mask/abdomen.nrrd"]


def test_an_npz_in_fortran_order_is_read(output: Path, job: ResultJob, labels) -> None:
    np.savez_compressed(replace_mask(output, "abdomen.npz"), labels=np.asfortranarray(labels))
    found = read_outputs(output, manifest(), job).masks[0].labels
    assert np.array_equal(found, labels) and found.flags.c_contiguous


def test_an_npz_with_objects_or_several_arrays_is_refused(output: Path, job: ResultJob, labels) -> None:
    path = replace_mask(output, "abdomen.npz")
    np.savez(path, labels=np.array([{"a": 1}], dtype=object))
    problem = faults_of(output, job)["mask/abdomen.npz"]
    assert "cannot be read; its labels is not whole, or no array of numbers" in problem
    assert "pickle" not in problem
    np.savez(path, one=labels, two=labels)
    assert "must hold one array" in faults_of(output, job)["mask/abdomen.npz"]


# Files


def test_a_file_that_was_not_announced_is_named(output: Path, job: ResultJob) -> None:
    (output / "figures" / "notes.txt").write_text("words")
    (output / "core.1234").write_text("dump")
    assert set(faults_of(output, job)) == {"figures/notes.txt", "core.1234"}


@pytest.mark.parametrize("package", [manifest(), older_manifest()], ids=["announced", "older"])
def test_links_out_of_the_folder_are_refused(package, output: Path, job: ResultJob, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    (output / "figures" / "picture.png").symlink_to(secret / "file")
    (output / "figures" / "folder").symlink_to(secret)
    (output / "figures" / "nowhere.png").symlink_to("/no/such/file")
    faults = faults_of(output, job, package)
    assert set(faults) == {"figures/picture.png", "figures/folder", "figures/nowhere.png"}
    assert set(faults.values()) == {"is a link out of the output folder"}


def test_a_link_to_output_json_of_somebody_else_is_refused(
    output: Path, job: ResultJob, tmp_path: Path
) -> None:
    (tmp_path / "else.json").write_text(json.dumps(ROWS))
    (output / "output.json").unlink()
    (output / "output.json").symlink_to(tmp_path / "else.json")
    assert faults_of(output, job)["output.json"]


def test_pipes_are_refused_and_do_not_hang(output: Path, job: ResultJob) -> None:
    os.mkfifo(output / "figures" / "pipe.png")
    assert faults_of(output, job) == {"figures/pipe.png": "is not a regular file"}


def test_all_faults_are_told_at_once(output: Path, job: ResultJob, ct) -> None:
    rewritten(output, ct, shifted(3))
    (output / "output.json").write_text(json.dumps(ROWS[:2]))
    (output / "extra.bin").write_bytes(b"x")
    assert set(faults_of(output, job)) == {"mask/abdomen.nii.gz", "output.json noise", "extra.bin"}


# DICOM objects of the program


def test_dicom_objects_of_the_jobs_study_are_taken(output: Path, job: ResultJob) -> None:
    (image, *_) = ct_headers()
    image.SOPInstanceUID = generate_uid()
    image.save_as(output / "overlay.dcm", enforce_file_format=True)
    assert [path.name for path in read_outputs(output, manifest(), job).dicom_files] == ["overlay.dcm"]


@pytest.mark.parametrize("package", [manifest(), older_manifest()], ids=["announced", "older"])
def test_dicom_objects_of_others_and_junk_are_refused(package, output: Path, job: ResultJob) -> None:
    (image, *_) = ct_headers(patient_id="P-2")
    image.save_as(output / "other.dcm", enforce_file_format=True)
    (mixed, *_) = ct_headers()
    mixed.PatientID = "P-2"
    mixed.save_as(output / "mixed.dcm", enforce_file_format=True)
    (output / "junk.DCM").write_bytes(b"junk")
    faults = faults_of(output, job, package)
    assert "patient who is not of this job" in faults["other.dcm"]
    assert "patient who is not of this job" in faults["mixed.dcm"]
    assert "no readable DICOM file" in faults["junk.DCM"]
