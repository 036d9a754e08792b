"""SEG and SR: correct to other people's readers and validators, complete, and the same every time."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import UID

from ror.results import (
    EncodeError,
    ObjectsInvalid,
    OutputError,
    OutputFault,
    RedcapRefused,
    ResultJob,
    SourceSeries,
    derive_uid,
    encode,
    read_outputs,
    validate,
    warm_up,
    write,
)
from ror.results.grid import onto_grid
from tests.results.conftest import ROWS
from tests.results.samples import (
    AXIAL,
    DATA,
    OBLIQUE,
    WORKFLOW,
    check_with_dciodvfy,
    ct_headers,
    job_on,
    manifest,
    older_manifest,
    real_abdomen,
    write_mask,
    write_series,
)


def objects_of(output: Path, job: ResultJob, package=None) -> dict:
    objects = encode(read_outputs(output, package or manifest(), job), job)
    validate(objects, job)
    return {one.kind: one.dataset for one in reversed(objects)}  # the report of what lies somewhere


# The objects themselves


def test_a_segmentation_says_what_it_is_and_where_it_belongs(output: Path, job: ResultJob, ct) -> None:
    seg, source = objects_of(output, job)["SEG"], ct.headers[0]
    assert (seg.StudyInstanceUID, seg.PatientID) == (source.StudyInstanceUID, "P-1")
    assert seg.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert seg.SeriesInstanceUID != source.SeriesInstanceUID
    assert (seg.SeriesNumber, seg.SeriesDescription, seg.ContentLabel) == (9001, "organs abdomen", "ABDOMEN")
    assert seg.ContentDescription == "Research use only, not for diagnosis"
    assert (seg.Manufacturer, seg.ManufacturerModelName, seg.SoftwareVersions) == ("ror", "organs", "1.2.0")
    assert seg.DeviceSerialNumber == "cdcdcdcdcdcd"
    assert seg.SegmentationType == "BINARY"
    assert (seg.ContentDate, seg.ContentTime) == ("20260304", "050607")
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID


def test_each_segment_is_coded_tracked_and_coloured(output: Path, job: ResultJob) -> None:
    spleen, liver = objects_of(output, job)["SEG"].SegmentSequence
    assert (spleen.SegmentNumber, spleen.SegmentLabel) == (1, "Spleen")
    assert spleen.SegmentedPropertyTypeCodeSequence[0].CodeValue == "78961009"
    assert spleen.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Body structure"
    assert spleen.SegmentAlgorithmType == "AUTOMATIC"
    algorithm = spleen.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("organs", "1.2.0")
    assert "cdcdcdcdcdcd" in algorithm.AlgorithmParameters
    assert spleen.TrackingUID != liver.TrackingUID and UID(spleen.TrackingUID).is_valid
    assert spleen.TrackingID == "organs abdomen/1 Spleen"
    colour = hd.color.CIELabColor.from_dicom_value(spleen.RecommendedDisplayCIELabValue)
    assert colour.to_rgb() == pytest.approx((157, 108, 162), abs=1)
    assert "RecommendedDisplayCIELabValue" in liver  # none in the manifest


@pytest.mark.parametrize(
    "orientation", [AXIAL, OBLIQUE, (0, 1, 0, 0, 0, -1)], ids=["axial", "oblique", "sagittal"]
)
def test_highdicom_reads_the_same_labels_at_the_same_places(orientation, tmp_path: Path, labels) -> None:
    headers = ct_headers(orientation=orientation)
    series = SourceSeries.read("CT", write_series(headers, tmp_path / "ct"))
    job, output = job_on(series), tmp_path / "out"
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(json.dumps(ROWS))
    path, *_ = write(encode(read_outputs(output, manifest(), job), job), tmp_path / "results")

    seg = hd.seg.segread(path)
    # Without empty frames: three slices, one segment each.
    assert seg.NumberOfFrames == 3
    for header in headers:
        slice_index = [h.SOPInstanceUID for h in series.headers].index(header.SOPInstanceUID)
        found = seg.get_pixels_by_source_instance(
            [header.SOPInstanceUID],
            combine_segments=True,
            ignore_spatial_locations=True,
            assert_missing_frames_are_empty=True,
        )
        assert np.array_equal(found[0], labels[slice_index])
    volume = seg.get_volume(combine_segments=True)
    for index in np.argwhere(volume.array):
        lps = (volume.affine @ [*index, 1])[:3]
        column, row, k, _ = np.linalg.solve(np.array(series.grid.affine_ras), [*(lps * (-1, -1, 1)), 1])
        assert labels[round(k), round(row), round(column)] == volume.array[tuple(index)]


def test_the_report_refers_to_segments_and_gives_numbers_with_units(output: Path, job: ResultJob, ct) -> None:
    found = objects_of(output, job)
    seg, sr = found["SEG"], hd.sr.Comprehensive3DSR.from_dataset(found["SR"])
    assert sr.StudyInstanceUID == seg.StudyInstanceUID
    assert (sr.PreliminaryFlag, sr.VerificationFlag, sr.CompletionFlag) == (
        "PRELIMINARY",
        "UNVERIFIED",
        "COMPLETE",
    )
    assert "research use" in sr.SeriesDescription
    groups = sr.content.get_volumetric_roi_measurement_groups()
    assert [g.tracking_uid for g in groups] == [s.TrackingUID for s in seg.SegmentSequence]
    spleen, liver = groups
    segment = spleen.referenced_segment
    assert (segment.referenced_sop_instance_uid, segment.referenced_segment_numbers) == (
        seg.SOPInstanceUID,
        [1],
    )
    assert spleen.finding_type.value == "78961009"
    (volume,) = spleen.get_measurements()
    assert (volume.name.value, volume.value, volume.unit.value) == ("118565006", 14.25, "mL")
    assert liver.get_measurements()[0].value == 1 / 3
    assert sr.content.get_image_measurement_groups() == []


def test_what_lies_nowhere_in_the_images_has_a_report_of_its_own(output: Path, job: ResultJob, ct) -> None:
    reports = [one for one in encode(read_outputs(output, manifest(), job), job) if one.kind == "SR"]
    first, second = (hd.sr.Comprehensive3DSR.from_dataset(one.dataset) for one in reports)
    assert (first.SeriesNumber, second.SeriesNumber) == (9000, 9099)
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    (rest,) = second.content.get_image_measurement_groups()
    assert [(m.value, m.unit.value) for m in rest.get_measurements()] == [(12.0, "[hnsf'U]")]
    assert len(rest.source_images) == len(ct.headers)


@given(value=st.floats(-1e300, 1e300, allow_nan=False))
def test_any_number_fits_into_a_decimal_string(value: float) -> None:
    unit = hd.sr.CodedConcept("mL", "UCUM", "milliliter")
    item = hd.sr.Measurement(hd.sr.CodedConcept("118565006", "SCT", "Volume"), value, unit)[0]
    assert len(str(item.MeasuredValueSequence[0].NumericValue)) <= 16
    assert item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "mL"


def test_an_empty_mask_gives_no_segmentation_and_a_report_that_says_absent(output: Path, job, ct) -> None:
    write_mask(np.zeros(ct.grid.shape, np.uint8), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(json.dumps([ROWS[1] | {"value": 0}, ROWS[2]]))
    found = objects_of(output, job)
    assert set(found) == {"SR"}
    groups = hd.sr.Comprehensive3DSR.from_dataset(found["SR"]).content.get_image_measurement_groups()
    told = {
        g.finding_type.meaning: g.get_qualitative_evaluations()[-1].value.meaning
        for g in groups
        if g.finding_type
    }
    assert told == {"Spleen": "Absent", "Liver": "Absent"}
    assert [m.value for g in groups for m in g.get_measurements()] == [0.0, 12.0]


def test_a_segment_without_voxels_is_described_but_has_no_frames(output: Path, job, ct, labels) -> None:
    write_mask(np.where(labels == 1, 0, labels), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(json.dumps(ROWS[1:]))
    seg = objects_of(output, job)["SEG"]
    assert [s.SegmentNumber for s in seg.SegmentSequence] == [1, 2]
    assert seg.NumberOfFrames == 1


def test_nothing_to_say_gives_no_report(tmp_path: Path, job: ResultJob) -> None:
    (tmp_path / "output.json").write_text('[{"field_name": "a", "value": 1}]')
    assert objects_of(tmp_path, job, older_manifest()) == {}


def test_a_change_to_a_result_does_not_change_its_source(output: Path, ct) -> None:
    for dataset in objects_of(output, job_on(ct)).values():
        dataset.PatientID = "P-2"
        dataset.StudyInstanceUID = "1.2.3"
    assert {header.PatientID for header in ct.headers} == {"P-1"}
    assert len({header.StudyInstanceUID for header in ct.headers}) == 1


def test_labels_and_names_with_any_letter_are_written_so_that_all_can_read_them(
    tmp_path: Path, output: Path
) -> None:
    headers = ct_headers()
    for header in headers:
        header.SpecificCharacterSet, header.PatientName = "ISO_IR 100", "Größe^Bjørn"
    job = job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct")))
    package = manifest(WORKFLOW.replace('label = "Spleen"', 'label = "Śledziona"'))
    for path in write(encode(read_outputs(output, package, job), job), tmp_path / "results"):
        again = dcmread(path)
        assert again.SpecificCharacterSet == "ISO_IR 192" and again.PatientName == "Größe^Bjørn"
        if again.Modality == "SEG":
            assert again.SegmentSequence[0].SegmentLabel == "Śledziona"
        check_with_dciodvfy(path)


# Sameness


def test_encoding_again_gives_the_same_bytes(output: Path, ct, tmp_path: Path) -> None:
    first, second = (
        write(encode(read_outputs(output, manifest(), job), job), tmp_path / name)
        for name, job in (("a", job_on(ct)), ("b", job_on(ct)))
    )
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_job_gives_other_uids(output: Path, ct) -> None:
    one, other = (objects_of(output, job_on(ct, job_id=name)) for name in ("a", "b"))
    assert one["SEG"].SOPInstanceUID != other["SEG"].SOPInstanceUID
    assert one["SR"].SeriesInstanceUID != other["SR"].SeriesInstanceUID


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_derived_uid_is_a_uid_and_depends_on_both_parts(job_id: str, role: str) -> None:
    uid = derive_uid(job_id, role)
    assert UID(uid).is_valid and uid.startswith("2.25.") and len(uid) <= 44
    assert uid == derive_uid(job_id, role)
    assert uid != derive_uid(job_id + "x", role) and uid != derive_uid(job_id, role + "x")


def test_writing_leaves_whole_files_only(output: Path, job: ResultJob, tmp_path: Path, monkeypatch) -> None:
    objects = encode(read_outputs(output, manifest(), job), job)
    folder = tmp_path / "results"
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write(objects, folder)
    assert list(folder.iterdir()) == []


def test_a_programs_own_object_is_passed_on(output: Path, job: ResultJob, tmp_path: Path) -> None:
    (image, *_) = ct_headers()
    image.SOPInstanceUID = "1.2.3.4"
    image.save_as(output / "overlay.dcm", enforce_file_format=True)
    paths = write(encode(read_outputs(output, manifest(), job), job), tmp_path / "results")
    assert dcmread(paths[-1]) == dcmread(output / "overlay.dcm")
    assert paths[-1].name == "DICOM-1.2.3.4.dcm"


# Sources as they come


@pytest.mark.parametrize(
    "keyword", ["PatientBirthDate", "ReferringPhysicianName", "AccessionNumber", "StudyID"]
)
def test_type_2_attributes_that_were_deleted_instead_of_emptied_do_no_harm(
    keyword: str, tmp_path: Path, output: Path
) -> None:
    headers = ct_headers()
    for header in headers:
        del header[keyword]
    series = SourceSeries.read("CT", write_series(headers, tmp_path / "ct"))
    assert objects_of(output, job_on(series))["SEG"][keyword].is_empty


def test_a_series_without_frame_of_reference_is_refused_by_its_name(tmp_path: Path, output: Path) -> None:
    headers = ct_headers()
    for header in headers:
        del header.FrameOfReferenceUID
    job = job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct")))
    with pytest.raises(EncodeError, match="'CT' has no FrameOfReferenceUID"):
        objects_of(output, job)


def test_a_series_without_uids_is_refused_by_name(tmp_path: Path, output: Path) -> None:
    headers = ct_headers()
    headers[3].StudyInstanceUID = ""
    job = job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct")))
    with pytest.raises(EncodeError, match="no StudyInstanceUID"):
        objects_of(output, job)


def test_irregular_slices_never_become_a_segmentation(tmp_path: Path, output: Path) -> None:
    headers = ct_headers()
    headers[5].ImagePositionPatient[2] += 1.0
    series = SourceSeries.read("CT", write_series(headers, tmp_path / "ct"))
    assert series.grid is None
    with pytest.raises(OutputError, match="no volume: slices are unevenly spaced"):
        objects_of(output, job_on(series))


def test_files_in_any_order_give_headers_in_geometric_order(tmp_path: Path) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(), tmp_path))
    assert [h.InstanceNumber for h in series.headers] == [1000, 999, 998, 997, 996, 995]


def test_a_series_of_no_files_is_refused() -> None:
    with pytest.raises(ValueError, match="no files"):
        SourceSeries.read("CT", [])


# Other people's validators


@pytest.mark.dciodvfy
@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE], ids=["axial", "oblique"])
def test_dciodvfy_finds_no_error(orientation, tmp_path: Path, output: Path, labels) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=orientation), tmp_path / "ct"))
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    job = job_on(series)
    paths = write(encode(read_outputs(output, manifest(), job), job), tmp_path / "results")
    assert [path.name.split("-")[0] for path in paths] == ["SEG", "SR", "SR"]
    for path in paths:
        check_with_dciodvfy(path)


@pytest.mark.dciodvfy
def test_dciodvfy_finds_no_error_in_a_report_of_nothing_found(tmp_path: Path, output: Path, job, ct) -> None:
    write_mask(np.zeros(ct.grid.shape, np.uint8), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(json.dumps([row | {"value": 0} for row in ROWS]))
    (path,) = write(encode(read_outputs(output, manifest(), job), job), tmp_path / "results")
    check_with_dciodvfy(path)


@pytest.mark.dciodvfy
def test_a_real_jpeg_2000_series_with_its_labels(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    series = SourceSeries.read("CT", real_abdomen(tmp_path / "ct"))
    job, output = job_on(series), tmp_path / "out"
    image = nibabel.load(DATA / "nifti" / "ct_abdomen_labels.nii.gz")
    theirs = np.asarray(image.dataobj)
    labels = np.select([theirs == 1, theirs == 5], [1, 2], 0).astype(np.uint8)  # spleen, liver
    (output / "mask").mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), output / "mask" / "abdomen.nii.gz")
    voxel_ml = float(np.prod(series.grid.spacing_mm)) / 1000
    volumes = {
        "spleen_volume": (labels == 1).sum() * voxel_ml,
        "liver_volume": (labels == 2).sum() * voxel_ml,
    }
    rows = [
        {"field_name": name, "value": float(value)} for name, value in (volumes | {"noise": 11.5}).items()
    ]
    (output / "output.json").write_text(json.dumps(rows))

    objects = encode(read_outputs(output, manifest(), job), job)
    validate(objects, job)
    paths = write(objects, tmp_path / "results")

    for path in paths:
        check_with_dciodvfy(path)
    seg = hd.seg.segread(paths[0])
    expected = onto_grid(labels, image.affine, series.grid)
    found = seg.get_pixels_by_source_instance(
        [h.SOPInstanceUID for h in series.headers],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    assert np.array_equal(found, expected) and set(np.unique(found)) == {0, 1, 2}
    groups = hd.sr.srread(paths[1]).content.get_volumetric_roi_measurement_groups()
    assert [g.get_measurements()[0].value for g in groups] == list(volumes.values())


# Our own validator


def spoil(kind: str, change):
    def spoiled(objects):
        for one in objects:
            if one.kind == kind:
                change(one.dataset)
        return objects

    return spoiled


def set_tag(keyword, value):
    return lambda ds: setattr(ds, keyword, value)


def drop_tracking(ds) -> None:
    for group in (i for i in ds.ContentSequence[-1].ContentSequence):
        group.ContentSequence = [
            i for i in group.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue != "112040"
        ]


SPOILED = {
    "another study": (
        spoil("SEG", set_tag("StudyInstanceUID", "1.2.3")),
        "lies in a study that is not of this job",
    ),
    "another patient": (spoil("SR", set_tag("PatientID", "P-2")), "PatientID is not that of its study"),
    "another frame": (
        spoil("SEG", set_tag("FrameOfReferenceUID", "1.2.3")),
        "FrameOfReferenceUID is not that",
    ),
    "no reference": (
        spoil("SEG", lambda ds: delattr(ds, "ReferencedSeriesSequence")),
        "names no series of this job",
    ),
    "foreign image": (
        spoil(
            "SEG",
            lambda ds: setattr(
                ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0],
                "ReferencedSOPInstanceUID",
                "1.2.3",
            ),
        ),
        "refers to 1 objects that are neither input nor result",
    ),
    "no colour": (
        spoil("SEG", lambda ds: delattr(ds.SegmentSequence[1], "RecommendedDisplayCIELabValue")),
        "segment 2 has no Rec",
    ),
    "no tracking": (
        spoil("SEG", lambda ds: delattr(ds.SegmentSequence[0], "TrackingUID")),
        "segment 1 has no TrackingUID",
    ),
    "same tracking": (
        spoil(
            "SEG", lambda ds: setattr(ds.SegmentSequence[0], "TrackingUID", ds.SegmentSequence[1].TrackingUID)
        ),
        "is used 2 times",
    ),
    "no algorithm": (
        spoil(
            "SEG", lambda ds: delattr(ds.SegmentSequence[0], "SegmentationAlgorithmIdentificationSequence")
        ),
        "segment 1 does not say by which algorithm",
    ),
    "a gap": (
        spoil("SEG", lambda ds: setattr(ds.SegmentSequence[1], "SegmentNumber", 3)),
        "not 1 to n without gaps",
    ),
    "no frames": (spoil("SEG", set_tag("NumberOfFrames", 0)), "has no frames"),
    "untracked group": (spoil("SR", drop_tracking), "measurement group 1 has no tracking UID"),
    "no groups": (spoil("SR", set_tag("ContentSequence", [])), "has no measurement group"),
    "no UID": (
        spoil("SR", set_tag("SeriesInstanceUID", "not a uid")),
        "SeriesInstanceUID is missing or no UID",
    ),
    "twice": (lambda objects: (*objects, objects[0]), "occurs 2 times"),
}


@pytest.mark.parametrize(("change", "problem"), SPOILED.values(), ids=SPOILED)
def test_what_contradicts_its_sources_is_not_sent(change, problem, output: Path, job: ResultJob) -> None:
    objects = change(encode(read_outputs(output, manifest(), job), job))
    with pytest.raises(ObjectsInvalid) as refused:
        validate(objects, job)
    assert any(problem in fault for fault in refused.value.faults), refused.value


# Small promises


def test_warming_up_twice_does_no_harm() -> None:
    warm_up()
    warm_up()


@pytest.mark.parametrize(
    "error",
    [
        OutputError((OutputFault("output.json", "is missing"),)),
        ObjectsInvalid(("a", "b")),
        RedcapRefused(()),
        EncodeError("what", "advice"),
    ],
)
def test_errors_survive_being_stored_with_a_job(error) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.advice == error.advice


def test_a_long_name_is_cut_to_what_dicom_holds(output: Path, ct) -> None:
    job = replace(job_on(ct), workflow="a" * 64, version="1." + "0" * 60)
    assert len(objects_of(output, job)["SEG"].SeriesDescription) == 64
