"""Real images: valid before, valid after; nothing of theirs lost that the profile keeps."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from planted import part10
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian
from validity import complaints

from anonymizer import DeidentificationError, IdentifiedInstance, Option, Profile, ProjectKey, deidentify

KEY = ProjectKey(b"a key for these tests only")
SERIES = ["mr_brain_t1_dicom", "ct_abdomen_dicom", "ct_head_ge_dicom"]


def first(folder: Path, name: str) -> bytes:
    """The first object of a series."""
    path = sorted((folder / name).iterdir())[0]
    return with_uids(path) if name == "ct_abdomen_dicom" else path.read_bytes()


def with_uids(path: Path) -> bytes:
    """An object of the published CT abdomen, which has lost its UIDs, with new ones."""
    dataset = dcmread(path)
    meta = dataset.file_meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"
    dataset.PatientID, dataset.PatientName = "QZ4711", "Qzdoe"
    return part10(dataset, meta.TransferSyntaxUID)


@pytest.mark.parametrize("name", SERIES)
def test_a_real_image_comes_out_with_its_pixels_and_geometry(real_data: Path, name: str) -> None:
    data = first(real_data, name)
    before = dcmread(BytesIO(data))
    result = dcmread(
        BytesIO(deidentify(IdentifiedInstance.from_part10(data), Profile.of(), KEY)[0].to_part10())
    )
    assert result.PixelData == before.PixelData
    assert result.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Modality"):
        assert result[keyword] == before[keyword]
    assert result.StudyInstanceUID.startswith("2.25.")


@pytest.mark.dciodvfy
@pytest.mark.parametrize("name", SERIES)
def test_a_valid_image_stays_valid(real_data: Path, name: str, tmp_path: Path) -> None:
    if shutil.which("dciodvfy", path="/usr/bin") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    data = first(real_data, name)
    result = deidentify(IdentifiedInstance.from_part10(data), Profile.of(), KEY)[0].to_part10()
    assert complaints(result, tmp_path) - complaints(data, tmp_path) == set()


GEOMETRY = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "Rows",
    "Columns",
)
TECHNIQUE = (
    "KVP",
    "EchoTime",
    "RepetitionTime",
    "ConvolutionKernel",
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
)


@pytest.mark.dciodvfy
@pytest.mark.parametrize(
    "profile", [Profile.of(), Profile.of(options=["clean-descriptors"])], ids=["default", "clean"]
)
def test_every_real_image_keeps_its_pixels_geometry_and_technique(
    real_data: Path, profile: Profile, tmp_path: Path
) -> None:
    checked = 0
    for name in SERIES:
        for number, path in enumerate(sorted((real_data / name).iterdir())):
            data = path.read_bytes() if name != "ct_abdomen_dicom" else with_uids(path)
            result = deidentify(IdentifiedInstance.from_part10(data), profile, KEY)[0].to_part10()
            before, after = dcmread(BytesIO(data)), dcmread(BytesIO(result))
            assert after.PixelData == before.PixelData
            for keyword in (*GEOMETRY, *TECHNIQUE):
                assert after.get(keyword) == before.get(keyword), keyword
            if number % 12 == 0 and shutil.which("dciodvfy", path="/usr/bin"):
                assert complaints(result, tmp_path) - complaints(data, tmp_path) == set(), path.name
            checked += 1
    assert checked == 240


EVERYTHING = [o for o in Option if o not in (Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES)]
PACKAGED = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm")
    if path.name != "SC_rgb_jpeg.dcm"  # lies about its encoding, so that pydicom itself cannot write it again
)


@pytest.mark.dciodvfy
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "profile",
    [Profile.of(cleaned=[], modified_dates=False), Profile.of(options=EVERYTHING)],
    ids=["no option", "all options"],
)
def test_what_pydicom_carries_stays_as_valid_as_it_was(profile: Profile, tmp_path: Path) -> None:
    if shutil.which("dciodvfy", path="/usr/bin") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    done = 0
    for path in PACKAGED:
        data = of_somebody(path)
        try:
            result = deidentify(IdentifiedInstance.from_part10(data), profile, KEY)[0].to_part10()
        except DeidentificationError:
            continue  # refused by its name; test_deid_refusals has them
        done += 1
        assert complaints(result, tmp_path) - complaints(data, tmp_path) == set(), path.name
    assert done >= 60


def of_somebody(path: Path) -> bytes:
    """A file of pydicom's with the identifiers that every object has; nothing where it has no data set."""
    dataset = dcmread(path, force=True)
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    # dciodvfy cannot say whether a deflated object was valid.
    if "SOPInstanceUID" not in dataset or syntax in (None, DeflatedExplicitVRLittleEndian):
        return b""
    dataset.PatientID = dataset.get("PatientID") or "QZ4711"
    dataset.StudyInstanceUID = dataset.get("StudyInstanceUID") or "1.3.6.1.4.1.99999.1"
    dataset.SeriesInstanceUID = dataset.get("SeriesInstanceUID") or "1.3.6.1.4.1.99999.2"
    dataset.BurnedInAnnotation = "NO"
    return part10(dataset, syntax)


def test_every_object_of_a_real_series_lands_in_one_study(real_data: Path) -> None:
    results: list[Dataset] = []
    for path in sorted((real_data / "ct_head_ge_dicom").iterdir()):
        instance = IdentifiedInstance.from_part10(path.read_bytes())
        results.append(deidentify(instance, Profile.of(), KEY)[0].header())
    assert len({r.StudyInstanceUID for r in results}) == len({r.PatientID for r in results}) == 1
    assert len({r.SOPInstanceUID for r in results}) == len(results) == 28


@pytest.mark.parametrize("name", ["ct_chest_slice_0.dcm", "ct_chest_slice_1.dcm"])
def test_an_image_of_nobody_is_refused_with_the_tag_that_is_missing(real_data: Path, name: str) -> None:
    with pytest.raises(DeidentificationError) as caught:
        deidentify(IdentifiedInstance.from_part10((real_data / name).read_bytes()), Profile.of(), KEY)
    assert (caught.value.reason, caught.value.tag) == ("missing_identifier", "(0010,0020)")
