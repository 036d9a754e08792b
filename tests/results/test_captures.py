"""Pictures with outlines: in the right place, in the right colours, valid, and only where they are wanted."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import MPEG2MPML

from ror.results import ResultJob, SourceSeries, encode, read_outputs, validate, write
from ror.results.legend import legend
from ror.results.pictures import edges
from tests.results.samples import (
    AXIAL,
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

# The matrix of the sample series is 8 x 10, so that its pixels are enlarged 32 times.
SCALE = 32
SPLEEN, LIVER = (157, 108, 162), (86, 180, 233)


def wanting(captures: str):
    return manifest(
        WORKFLOW.replace("[[outputs.masks]]", f'[outputs]\ncaptures = "{captures}"\n[[outputs.masks]]', 1)
    )


def encoded(output: Path, job: ResultJob, captures: str = "key", left_out=lambda reason: None):
    objects = encode(read_outputs(output, wanting(captures), job), job, left_out)
    validate(objects, job)
    return objects


def of_kind(objects, kind: str):
    return [one.dataset for one in objects if one.kind == kind]


def test_there_are_no_pictures_unless_the_manifest_wants_them(output: Path, job: ResultJob) -> None:
    assert {one.kind for one in encode(read_outputs(output, manifest(), job), job)} == {"SEG", "SR"}


def test_key_images_are_those_where_a_segment_is_largest(output: Path, job: ResultJob, ct, labels) -> None:
    labels[3, 5, 2] = 1
    write_mask(labels, ct, output / "mask" / "abdomen.nii.gz")
    captures = of_kind(encoded(output, job), "SC")
    shown = [one.SourceImageSequence[0].ReferencedSOPInstanceUID for one in captures]
    assert shown == [ct.headers[1].SOPInstanceUID, ct.headers[3].SOPInstanceUID]
    assert [one.InstanceNumber for one in captures] == [1, 2]


def test_all_slices_are_those_from_the_first_to_the_last_that_holds_something(
    output: Path, job: ResultJob, ct, labels
) -> None:
    labels[5, 0, 0] = 1
    write_mask(labels, ct, output / "mask" / "abdomen.nii.gz")
    captures = of_kind(encoded(output, job, "all"), "SC")
    shown = [one.SourceImageSequence[0].ReferencedSOPInstanceUID for one in captures]
    assert shown == [header.SOPInstanceUID for header in ct.headers[1:]]
    assert len({one.SeriesInstanceUID for one in captures}) == 1


def test_outlines_have_the_colours_of_their_segments_where_these_lie(
    output: Path, job: ResultJob, labels
) -> None:
    first, second = of_kind(encoded(output, job), "SC")
    for capture, k, color, value in ((first, 1, LIVER, 2), (second, 2, SPLEEN, 1)):
        image = capture.pixel_array[: 8 * SCALE]
        expected = edges(np.kron(labels[k] == value, np.ones((SCALE, SCALE), bool)).astype(bool))
        assert np.array_equal((image == color).all(axis=2), expected)


def test_a_picture_lies_where_its_slice_lies(output: Path, tmp_path: Path, labels) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=OBLIQUE), tmp_path / "ct"))
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    capture = of_kind(encoded(output, job_on(series)), "SC")[0]
    theirs = series.headers[1]
    assert capture.FrameOfReferenceUID == theirs.FrameOfReferenceUID
    corners = [
        np.array(one.ImagePositionPatient)
        - np.array(one.ImageOrientationPatient[:3]) * one.PixelSpacing[1] / 2
        - np.array(one.ImageOrientationPatient[3:]) * one.PixelSpacing[0] / 2
        for one in (capture, theirs)
    ]
    assert np.abs(corners[0] - corners[1]).max() < 1e-3
    assert np.array(capture.PixelSpacing) * SCALE == pytest.approx(np.array(theirs.PixelSpacing), abs=1e-6)


def test_a_picture_says_whose_it_is_and_that_it_is_for_research(output: Path, job: ResultJob, ct) -> None:
    capture = of_kind(encoded(output, job), "SC")[0]
    assert (capture.StudyInstanceUID, capture.PatientID) == (ct.study_instance_uid, "P-1")
    assert (capture.Manufacturer, capture.ManufacturerModelName, capture.SoftwareVersions) == (
        "ror",
        "organs",
        "1.2.0",
    )
    assert capture.ImageComments == "Research use only, not for diagnosis"
    assert capture.SeriesDescription == "organs abdomen outlines"
    assert (capture.ImageType, capture.BurnedInAnnotation) == (["DERIVED", "SECONDARY"], "NO")


@pytest.mark.dciodvfy
@pytest.mark.parametrize("keyword", ["Laterality", "ImageLaterality"])
def test_a_picture_shows_the_side_that_its_source_names(keyword: str, output: Path, tmp_path: Path) -> None:
    headers = ct_headers()
    for header in headers:
        header.BodyPartExamined, header.PatientOrientation = "KNEE", ["L", "P"]
        setattr(header, keyword, "L")
    job = job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct")))
    capture = of_kind(encoded(output, job), "SC")[0]
    assert (capture.get(keyword), capture.BodyPartExamined) == ("L", "KNEE")
    assert not ("Laterality" in capture and "ImageLaterality" in capture)
    assert capture.PatientOrientation == ["L", "P"]
    for path in write([one for one in encoded(output, job) if one.kind == "SC"], tmp_path / "results"):
        check_with_dciodvfy(path)


@pytest.mark.dciodvfy
@pytest.mark.parametrize("body_part", ["CHEST", "HEAD", "KNEE"])
@pytest.mark.parametrize("side", ["L", None, "absent"])
def test_a_picture_has_a_side_as_its_body_part_allows(
    body_part: str, side: str | None, output: Path, tmp_path: Path
) -> None:
    headers = ct_headers()
    for header in headers:
        header.BodyPartExamined = body_part
        if side != "absent":
            header.Laterality = side
    job = job_on(SourceSeries.read("CT", write_series(headers, tmp_path / "ct")))
    captures = [one for one in encoded(output, job) if one.kind == "SC"]
    paired = body_part == "KNEE"
    for one in captures:
        assert ("Laterality" in one.dataset) == paired
        named = one.dataset.get("Laterality" if paired else "ImageLaterality")
        assert named == "L" if side == "L" else not named
    for path in write(captures, tmp_path / "results"):
        check_with_dciodvfy(path)


def test_a_picture_does_not_guess_a_side(output: Path, job: ResultJob) -> None:
    capture = of_kind(encoded(output, job), "SC")[0]
    assert not capture.Laterality and not capture.PatientOrientation


def test_the_legend_has_a_line_for_each_segment_in_its_colour_and_one_for_the_maker() -> None:
    strip = legend([("Spleen", SPLEEN), ("Liver", LIVER)], "organs 1.2.0: Research use only", 256)
    assert strip.shape == (3 * 14 + 4, 256, 3)
    assert (strip[:14] == SPLEEN).all(axis=2).any() and not (strip[:14] == LIVER).all(axis=2).any()
    assert (strip[14:28] == LIVER).all(axis=2).any()
    assert strip[28:].any()


def test_who_made_a_picture_and_for_what_is_never_cut() -> None:
    footer = "a_workflow_with_a_name 10.0.0: Research use only, not for diagnosis"
    assert len(legend([], footer, 600)) == 14 + 4
    narrow = legend([], footer, 264)
    assert len(narrow) == 2 * 14 + 4
    assert narrow[14:].any() and not narrow[:, -4:].any()


def test_a_legend_of_a_hundred_segments_counts_those_it_has_no_room_for() -> None:
    assert len(legend([("organ", LIVER)] * 100, "footer", 256)) == 14 * 14 + 4


def test_the_key_object_points_at_the_source_images(output: Path, job: ResultJob, ct) -> None:
    (document,) = of_kind(encoded(output, job), "KO")
    content = hd.ko.KeyObjectSelectionDocument.from_dataset(document).content
    pointed = {one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in content.get_references()}
    assert pointed == {ct.headers[1].SOPInstanceUID, ct.headers[2].SOPInstanceUID}


def test_nothing_found_gives_no_pictures(output: Path, job: ResultJob, ct) -> None:
    write_mask(np.zeros(ct.grid.shape, np.uint8), ct, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text('[{"field_name": "noise", "value": 1}]')
    assert {one.kind for one in encoded(output, job)} == {"SR"}


def test_encoding_again_gives_the_same_pictures(output: Path, job: ResultJob, tmp_path: Path) -> None:
    first, second = (write(encoded(output, job, "all"), tmp_path / name) for name in "ab")
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in second]


def test_a_picture_does_not_share_its_patient_with_the_source(output: Path, job: ResultJob, ct) -> None:
    for capture in of_kind(encoded(output, job), "SC"):
        capture.PatientID = "P-2"
    assert {header.PatientID for header in ct.headers} == {"P-1"}


def damaged(headers, change):
    for header in headers:
        change(header)
    return headers


def as_colour(header) -> None:
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PlanarConfiguration = 3, "RGB", 0


CANNOT_BE_DRAWN = {
    "colour": (as_colour, "are not in shades of grey"),
    "cut off": (lambda header: setattr(header, "PixelData", b"\0\0"), "of CT cannot be read (ValueError)"),
    "no pixels": (lambda header: delattr(header, "PixelData"), "of CT cannot be read (AttributeError)"),
}


@pytest.mark.parametrize(("change", "reason"), CANNOT_BE_DRAWN.values(), ids=CANNOT_BE_DRAWN)
def test_pixels_that_cannot_be_read_cost_the_pictures_only(
    change, reason: str, output: Path, tmp_path: Path
) -> None:
    headers = damaged(ct_headers(), change)
    series = SourceSeries.read("CT", write_series(headers, tmp_path / "ct"))
    told: list[str] = []
    objects = encoded(output, job_on(series), left_out=told.append)
    assert [one.kind for one in objects] == ["SEG", "SR", "SR", "KO"]
    (only,) = told
    assert only.startswith("no pictures of abdomen: ") and reason in only


def test_a_compression_that_nothing_decodes_is_named(output: Path, tmp_path: Path) -> None:
    paths = write_series(ct_headers(), tmp_path / "ct")
    for path in paths:
        image = dcmread(path)
        image.compress("1.2.840.10008.1.2.5")
        image.file_meta.TransferSyntaxUID = MPEG2MPML
        image.save_as(path)
    told: list[str] = []
    encoded(output, job_on(SourceSeries.read("CT", paths)), left_out=told.append)
    assert "compressed as MPEG2 Main Profile" in told[0] and "not decoded here" in told[0]


@pytest.mark.dciodvfy
@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE], ids=["axial", "oblique"])
def test_dciodvfy_finds_no_error_in_pictures_and_key_images(
    orientation, output: Path, tmp_path: Path, labels
) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=orientation), tmp_path / "ct"))
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    paths = write(encoded(output, job_on(series)), tmp_path / "results")
    assert [path.name.split("-")[0] for path in paths] == ["SEG", "SR", "SR", "SC", "SC", "KO"]
    for path in paths[3:]:
        check_with_dciodvfy(path)


@pytest.mark.dciodvfy
def test_a_real_series_is_shown_through_its_own_window(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    series = SourceSeries.read("CT", real_abdomen(tmp_path / "ct"))
    labels = np.zeros(series.grid.shape, np.uint8)
    labels[10, 200:300, 200:300], labels[4, 50:60, 50:60] = 1, 2
    output = tmp_path / "out"
    write_mask(labels, series, output / "mask" / "abdomen.nii.gz")
    rows = [{"field_name": name, "value": 1.0} for name in ("spleen_volume", "liver_volume", "noise")]
    (output / "output.json").write_text(str(rows).replace("'", '"'))
    objects = encoded(output, job_on(series))
    *_, capture = of_kind(objects, "SC")
    image, source = capture.pixel_array, dcmread(series.files[10])
    values = source.pixel_array * float(source.RescaleSlope) + float(source.RescaleIntercept)
    center, width = (float(np.atleast_1d(source[name].value)[0]) for name in ("WindowCenter", "WindowWidth"))
    black = (values < center - width / 2 - 1)[:190]  # above what is outlined
    assert black.any() and (image[:190][black] == 0).all()
    for path in write(objects, tmp_path / "results"):
        check_with_dciodvfy(path)
