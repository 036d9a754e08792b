"""Meshes: read whole or refused by name, in the place of the patient, and valid as Encapsulated STL."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from highdicom.color import CIELabColor
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orthanc import send
from ror.results import (
    EncodeError,
    ObjectsInvalid,
    OutputError,
    ResultJob,
    SourceSeries,
    encode,
    read_outputs,
    validate,
    write,
)
from ror.results.stl import BadMesh, binary_stl, read_stl
from tests.results.samples import (
    OBLIQUE,
    WORKFLOW,
    check_with_dciodvfy,
    ct_headers,
    job_on,
    manifest,
    write_mask,
    write_series,
)

SPLEEN = (157, 108, 162)
# Corners of a tetrahedron with its faces anticlockwise as seen from outside.
CORNERS = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32)
FACES = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))


def mesh_entry(more: str = 'on = "CT"\nsegment = "abdomen/1"', pattern: str = "mesh/*.stl") -> str:
    return f'\n[[outputs.files]]\npattern = "{pattern}"\nkind = "mesh"\n{more}\n'


def wanting(more: str = 'on = "CT"\nsegment = "abdomen/1"', pattern: str = "mesh/*.stl"):
    return manifest(WORKFLOW + mesh_entry(more, pattern))


def inside(series: SourceSeries, size_mm: float = 1.0) -> np.ndarray:
    """A tetrahedron at the centre of the first voxel, in LPS."""
    first = np.array(series.headers[0].ImagePositionPatient, np.float32)
    return (CORNERS * size_mm + first)[list(FACES)]


def ascii_stl(triangles: np.ndarray) -> str:
    facets = "".join(
        "facet normal 0 0 0\n outer loop\n"
        + "".join(f"  vertex {x!r} {y!r} {z!r}\n" for x, y, z in one.tolist())
        + " endloop\nendfacet\n"
        for one in triangles
    )
    return f"solid made by a program\n{facets}endsolid made by a program\n"


def with_mesh(output: Path, content: bytes, name: str = "spleen.stl") -> Path:
    (output / "mesh").mkdir(exist_ok=True)
    (output / "mesh" / name).write_bytes(content)
    return output


def models_of(output: Path, job: ResultJob, package=None, left_out=lambda reason: None):
    objects = encode(read_outputs(output, package or wanting(), job), job, left_out)
    validate(objects, job)
    return [one.dataset for one in objects if one.kind == "STL"]


def document_of(dataset) -> np.ndarray:
    """The corners, taken apart by hand."""
    data = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
    (number,) = struct.unpack("<I", data[80:84])
    assert len(data) == 84 + 50 * number and not data.startswith(b"solid")
    records = [struct.unpack("<12fH", data[84 + 50 * k : 134 + 50 * k]) for k in range(number)]
    return np.array(records)[:, 3:12].reshape(-1, 3, 3)


# -- what is said of it -----------------------------------------------------------------------------------------------


def test_a_mesh_says_what_it_is_where_it_lies_and_what_it_was_made_of(
    output: Path, job: ResultJob, ct
) -> None:
    objects = encode(read_outputs(with_mesh(output, binary_stl(inside(ct))), wanting(), job), job)
    seg, model = (next(one.dataset for one in objects if one.kind == kind) for kind in ("SEG", "STL"))
    assert model.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.3"
    assert (model.Modality, model.MIMETypeOfEncapsulatedDocument) == ("M3D", "model/stl")
    assert (model.PatientID, model.StudyInstanceUID) == ("P-1", ct.study_instance_uid)
    assert model.FrameOfReferenceUID == ct.grid.frame_of_reference_uid
    assert model.MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert model.DocumentTitle == "Spleen"
    assert model.ConceptNameCodeSequence[0].CodeValue == "85040-4"
    assert CIELabColor.from_dicom_value(model.RecommendedDisplayCIELabValue).to_rgb() == pytest.approx(
        SPLEEN, abs=1
    )
    assert model.ContentDescription == "Research use only, not for diagnosis"
    assert model.ModelUsageCodeSequence[0].CodeMeaning == "For Research"
    assert model.DerivationAlgorithmSequence[0].AlgorithmName == "organs"
    assert [one.SeriesInstanceUID for one in model.ReferencedSeriesSequence] == [
        ct.series_instance_uid,
        seg.SeriesInstanceUID,
    ]
    sources = {one.ReferencedSOPInstanceUID for one in model.SourceInstanceSequence}
    assert sources == {header.SOPInstanceUID for header in ct.headers} | {seg.SOPInstanceUID}


def test_a_mesh_of_no_segment_is_called_by_its_file(output: Path, job: ResultJob, ct) -> None:
    with_mesh(output, binary_stl(inside(ct)), "left lung.stl")
    (model,) = models_of(output, job, wanting('on = "CT"'))
    assert model.DocumentTitle == "left lung"
    assert len(model.ReferencedSeriesSequence) == 1


def test_meshes_are_one_series(output: Path, job: ResultJob, ct) -> None:
    for name in ("a.stl", "b.STL"):
        with_mesh(output, binary_stl(inside(ct)), name)
    first, second = models_of(output, job, wanting('on = "CT"', "mesh/*"))
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_encoding_again_gives_the_same_model(output: Path, job: ResultJob, ct, tmp_path: Path) -> None:
    with_mesh(output, binary_stl(inside(ct)))
    one, other = (write(encode(read_outputs(output, wanting(), job), job), tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


# -- what is sent -----------------------------------------------------------------------------------------------------


def test_a_mesh_that_lies_on_no_series_is_only_kept(output: Path, job: ResultJob, ct) -> None:
    with_mesh(output, binary_stl(inside(ct)))
    outputs = read_outputs(output, wanting(""), job)
    assert outputs.meshes == () and "mesh/spleen.stl" in [one.name for one in outputs.files]


def test_other_formats_are_kept_and_that_is_told(output: Path, job: ResultJob) -> None:
    with_mesh(output, b"<VTKFile/>", "spleen.vtp")
    told: list[str] = []
    assert models_of(output, job, wanting('on = "CT"', "mesh/*"), told.append) == []
    assert told == ["mesh/spleen.vtp is kept and not sent: there is DICOM for STL only"]


# -- what is read -----------------------------------------------------------------------------------------------------


@given(arrays(np.float32, (5, 3, 3), elements=st.floats(-1000, 1000, width=32)))
def test_binary_stl_comes_back_as_it_was_written(tmp_path_factory, triangles) -> None:
    path = tmp_path_factory.mktemp("stl") / "any.stl"
    path.write_bytes(binary_stl(triangles))
    assert np.array_equal(read_stl(path), triangles)


def test_normals_point_outwards() -> None:
    corners = CORNERS[list(FACES)]
    records = np.frombuffer(binary_stl(corners)[84:], np.uint8).reshape(4, 50)
    normals = records[:, :12].copy().view("<f4")
    outwards = corners.mean(axis=1) - CORNERS.mean(axis=0)
    assert (np.sum(normals * outwards, axis=1) > 0).all()
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(4), abs=1e-6)


def test_ascii_stl_becomes_binary(output: Path, job: ResultJob, ct) -> None:
    triangles = inside(ct)
    with_mesh(output, ascii_stl(triangles).encode())
    (model,) = models_of(output, job)
    assert document_of(model) == pytest.approx(triangles, abs=1e-4)


def test_a_binary_file_may_begin_with_the_word_of_ascii_files(tmp_path: Path) -> None:
    triangles = CORNERS[list(FACES)]
    path = tmp_path / "any.stl"
    path.write_bytes(b"solid facet".ljust(80) + binary_stl(triangles)[80:])
    assert np.array_equal(read_stl(path), triangles)


def test_a_mesh_in_ras_is_turned(output: Path, job: ResultJob, ct) -> None:
    triangles = inside(ct)
    with_mesh(output, binary_stl(triangles * np.array([-1, -1, 1], np.float32)))
    (model,) = models_of(output, job, wanting('on = "CT"\nspace = "RAS"'))
    assert document_of(model) == pytest.approx(triangles, abs=1e-4)


BAD = {
    "empty": (b"", "is no STL, or half written: 0 bytes"),
    "cut off": (binary_stl(CORNERS[list(FACES)])[:-1], "half written: 283 bytes, where 4 triangles take 284"),
    "something else": (b"ply\nformat ascii 1.0\n" * 10, "is no STL"),
    "no triangles": (binary_stl(np.empty((0, 3, 3), np.float32)), "has no triangles"),
    "NaN": (binary_stl(np.full((1, 3, 3), np.nan, np.float32)), "no numbers"),
    "ASCII cut off": (ascii_stl(CORNERS[list(FACES)]).encode()[:-40], "without its end"),
    "ASCII with a corner too few": (
        b"solid\nfacet normal 0 0 0\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nendloop\nendfacet\nendsolid\n",
        "not three corners each",
    ),
    "ASCII with a word": (ascii_stl(CORNERS[list(FACES)]).replace("1.0", "one").encode(), "no number"),
}


@pytest.mark.parametrize(("content", "problem"), BAD.values(), ids=BAD)
def test_what_is_no_mesh_is_refused_by_its_name(
    content: bytes, problem: str, output: Path, job: ResultJob
) -> None:
    with_mesh(output, content)
    with pytest.raises(OutputError) as refused:
        read_outputs(output, wanting(), job)
    (fault,) = refused.value.faults
    assert fault.path == "mesh/spleen.stl" and problem in fault.problem


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mesh_or_a_fault(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.stl"
    for beginning in (b"", b"solid a\nfacet ", b"\0" * 80 + b"\1\0\0\0"):
        path.write_bytes(beginning + content)
        try:
            assert np.isfinite(read_stl(path)).all()
        except BadMesh as fault:
            assert str(fault)


def test_too_many_triangles_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("ror.results.stl.MOST_TRIANGLES", 3)
    path = tmp_path / "any.stl"
    path.write_bytes(binary_stl(CORNERS[list(FACES)]))
    with pytest.raises(BadMesh, match="more than 3 triangles"):
        read_stl(path)


# -- where it lies ----------------------------------------------------------------------------------------------------


def refusal(output: Path, job: ResultJob, package) -> str:
    with pytest.raises(OutputError) as refused:
        read_outputs(output, package, job)
    (fault,) = refused.value.faults
    return fault.problem


def test_a_mesh_beyond_the_images_is_refused_unless_it_is_meant_to_be_there(
    output: Path, job: ResultJob, ct
) -> None:
    far = inside(ct) + np.array([0, 0, 100], np.float32)
    with_mesh(output, binary_stl(far))
    told = refusal(output, job, wanting('on = "CT"'))
    assert told.startswith("reaches 87 mm beyond the images of 'CT', in LPS; ") and "beyond = true" in told
    assert len(models_of(output, job, wanting('on = "CT"\nbeyond = true'))) == 1


def test_the_other_axes_are_proposed_where_the_mesh_would_fit_them(output: Path, job: ResultJob, ct) -> None:
    with_mesh(output, binary_stl(inside(ct) * np.array([-1, -1, 1], np.float32)))
    assert 'write space = "RAS"' in refusal(output, job, wanting('on = "CT"'))


def test_a_mesh_in_an_oblique_series_is_held_against_its_own_axes(
    output: Path, tmp_path: Path, labels
) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=OBLIQUE), tmp_path / "ct"))
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    with_mesh(output, binary_stl(inside(series, 0.2)))
    assert len(models_of(output, job_on(series))) == 1


def test_a_mesh_on_a_series_that_the_job_does_not_have_is_refused(output: Path, job: ResultJob, ct) -> None:
    with_mesh(output, binary_stl(inside(ct)))
    assert "series 'MR', which this job does not have" in refusal(output, job, wanting('on = "MR"'))


def test_a_mesh_on_images_that_are_no_volume_is_refused(output: Path, tmp_path: Path) -> None:
    headers = ct_headers(name="scout")
    headers[5].ImagePositionPatient[2] += 1.0
    scout = SourceSeries.read("scout", write_series(headers, tmp_path / "scout"))
    ct = SourceSeries.read("CT", write_series(ct_headers(), tmp_path / "ct"))
    with_mesh(output, binary_stl(inside(ct)))
    assert "no volume: slices" in refusal(output, job_on(ct, scout), wanting('on = "scout"'))


def test_a_mesh_on_a_series_without_frame_of_reference_is_refused(output: Path, tmp_path: Path) -> None:
    headers = ct_headers(name="other")
    for header in headers:
        del header.FrameOfReferenceUID
    other = SourceSeries.read("other", write_series(headers, tmp_path / "other"))
    job = job_on(SourceSeries.read("CT", write_series(ct_headers(), tmp_path / "ct")), other)
    with_mesh(output, binary_stl(inside(other)))
    with pytest.raises(EncodeError, match="'other' has no FrameOfReferenceUID"):
        models_of(output, job, wanting('on = "other"'))


SPOILED = {
    "another frame": (lambda ds: setattr(ds, "FrameOfReferenceUID", "1.2.3"), "FrameOfReferenceUID"),
    "no reference": (lambda ds: delattr(ds, "ReferencedSeriesSequence"), "names no series"),
    "inches": (
        lambda ds: setattr(ds.MeasurementUnitsCodeSequence[0], "CodeValue", "[in_i]"),
        "not measured in millimetres",
    ),
    "cut off": (lambda ds: setattr(ds, "EncapsulatedDocumentLength", 100), "holds no binary STL"),
}


@pytest.mark.parametrize(("change", "problem"), SPOILED.values(), ids=SPOILED)
def test_a_model_that_contradicts_its_sources_is_not_sent(change, problem, output, job, ct) -> None:
    with_mesh(output, binary_stl(inside(ct)))
    objects = encode(read_outputs(output, wanting(), job), job)
    change(next(one.dataset for one in objects if one.kind == "STL"))
    with pytest.raises(ObjectsInvalid, match=problem):
        validate(objects, job)


# -- other people's programs ------------------------------------------------------------------------------------------


@pytest.mark.dciodvfy
def test_dciodvfy_finds_no_error_in_a_model(output: Path, job: ResultJob, ct, tmp_path: Path) -> None:
    with_mesh(output, binary_stl(inside(ct)))
    objects = encode(read_outputs(output, wanting(), job), job)
    (path,) = write([one for one in objects if one.kind == "STL"], tmp_path / "results")
    check_with_dciodvfy(path)


@pytest.mark.orthanc
def test_a_pacs_takes_a_model(orthanc_pacs, output: Path, job: ResultJob, ct, tmp_path: Path) -> None:
    with_mesh(output, binary_stl(inside(ct)))
    send(orthanc_pacs.peer, write(encode(read_outputs(output, wanting(), job), job), tmp_path / "results"))
    held = {one.modality: one.instance_count for one in orthanc_pacs.rest.series(PatientID="P-1")}
    assert held == {"SEG": 1, "SR": 1, "M3D": 1}
