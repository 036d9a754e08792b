"""WADO-RS by the field's own client and by hand: objects, metadata, bulk data, frames however they are stored."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.anonymizer.planted import minimal, part10
from tests.web.conftest import Web, multipart
from tests.web.images import SERIES, STUDY, image, ramp, shelve

SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
]
OCTETS = 'multipart/related; type="application/octet-stream"'


def parts(web: Web, path: str, accept: str) -> tuple[str, list[bytes]]:
    """The Content-Type of the first part, and the parts."""
    answered = web.get(path, accept)
    assert answered.status_code == 200, answered.text
    boundary = answered.headers["Content-Type"].rpartition("boundary=")[2].encode()
    pieces = answered.content.split(b"--" + boundary)
    assert pieces[-1] == b"--\r\n"
    heads = [piece.partition(b"\r\n\r\n") for piece in pieces[1:-1]]
    return heads[0][0].decode().strip(), [data[:-2] for _head, _, data in heads]


def test_what_was_stored_comes_back_de_identified_as_it_lies_in_the_archive(web: Web) -> None:
    web.post(multipart(part10(minimal())))
    (file,) = web.app.home.archive.rglob("*.dcm")
    instance, series, study = file.stem, file.parent.name, file.parent.parent.name
    client = web.client(web.read)
    got = client.retrieve_instance(study, series, instance)
    assert got == dcmread(file)
    assert client.retrieve_study(study) == client.retrieve_series(study, series) == [got]
    whole = web.get(
        f"/studies/{study}/series/{series}/instances/{instance}", "application/dicom; transfer-syntax=*"
    )
    assert whole.content == file.read_bytes()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_an_instance_comes_in_explicit_little_endian_unless_asked_as_it_is(web: Web, syntax: str) -> None:
    pixels = ramp()
    path = shelve(web, image(pixels), syntax)
    for accept, expected in (
        ("application/dicom", ExplicitVRLittleEndian),
        (f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}", ExplicitVRLittleEndian),
        ("application/dicom; transfer-syntax=*", syntax),
        (f"application/dicom; transfer-syntax={syntax}", syntax),
    ):
        got = dcmread(BytesIO(web.get(path, accept).content))
        assert got.file_meta.TransferSyntaxUID == expected
        assert got.SOPInstanceUID == path.rpartition("/")[2]
        assert np.array_equal(got.pixel_array, pixels)


@pytest.mark.parametrize(
    "accept",
    [
        "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90",
        "application/pdf",
        'multipart/related; type="application/octet-stream"',
    ],
)
def test_an_instance_is_not_to_be_had_in_everything(web: Web, accept: str) -> None:
    assert web.get(shelve(web, image(ramp())), accept).status_code == 406


def test_big_endian_is_given_as_it_is_or_not_at_all(web: Web) -> None:
    path = shelve(web, image(ramp()), ExplicitVRBigEndian)
    assert web.get(path, "application/dicom").status_code == 406
    assert web.get(path, "application/dicom; transfer-syntax=*").status_code == 200


@pytest.mark.parametrize("syntax", [*SYNTAXES, ExplicitVRBigEndian])
def test_frames_are_little_endian_pixels(web: Web, syntax: str) -> None:
    pixels = ramp(frames=3)
    path = shelve(web, image(pixels), syntax)
    kind, found = parts(web, f"{path}/frames/3,1", OCTETS)
    assert found == [pixels[2].tobytes(), pixels[0].tobytes()]
    assert kind == f"Content-Type: application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}"


def test_the_fields_client_gets_frames(web: Web) -> None:
    pixels = ramp(frames=2)
    instance = shelve(web, image(pixels)).rpartition("/")[2]
    got = web.client(web.read).retrieve_instance_frames(STUDY, SERIES, instance, [1, 2])
    assert got == [frame.tobytes() for frame in pixels]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (f"{OCTETS}; transfer-syntax=*", "application/octet-stream"),
        (f"{OCTETS}; transfer-syntax={RLELossless}", "application/octet-stream"),
        ('multipart/related; type="image/dicom-rle"', "image/dicom-rle"),
        ('multipart/related; type="image/*"', "image/dicom-rle"),
        ("*/*; transfer-syntax=*", "image/dicom-rle"),
    ],
)
def test_compressed_frames_come_compressed_when_asked_for(web: Web, accept: str, kind: str) -> None:
    path = shelve(web, image(ramp(frames=2)), RLELossless)
    told, (frame,) = parts(web, f"{path}/frames/2", accept)
    assert told == f"Content-Type: {kind}; transfer-syntax={RLELossless}"
    assert int.from_bytes(frame[:4], "little") == 2  # the segments of RLE (PS3.5 G.5): two bytes a pixel


@pytest.mark.parametrize("columns", [8, 5])
def test_frames_of_single_bits_are_packed_each_by_itself(web: Web, columns: int) -> None:
    pixels = (ramp(rows=3, columns=columns, dtype=np.uint8) % 2).astype(np.uint8)
    path = shelve(web, image(pixels, bits=1))
    _kind, found = parts(web, f"{path}/frames/1,2,3", OCTETS)
    for frame, data in zip(pixels, found, strict=True):
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: frame.size]
        assert np.array_equal(bits.reshape(frame.shape), frame)


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        ("0", 400),
        ("1,", 400),
        ("x", 400),
        ("1,,2", 400),
        ("-1", 400),
        ("4", 404),
        ("1,4", 404),
        ("9" * 9, 404),
    ],
)
def test_frames_that_are_not_there_are_told(web: Web, frames: str, status: int) -> None:
    path = shelve(web, image(ramp(frames=3)))
    assert web.get(f"{path}/frames/{frames}", OCTETS).status_code == status


def test_pixels_that_are_cut_off_or_rubbish_are_told(web: Web) -> None:
    short = image(ramp(), Rows=80)
    assert web.get(f"{shelve(web, short)}/frames/3", OCTETS).status_code == 406
    rubbish = image(ramp(frames=1))
    path = shelve(web, rubbish, RLELossless)
    file = next(web.app.home.archive.rglob(f"{path.rpartition('/')[2]}.dcm"))
    file.write_bytes(file.read_bytes()[:-40] + bytes(40))
    assert web.get(f"{path}/frames/1", OCTETS).status_code in (200, 406)
    huge = image(ramp(frames=1), Rows=65535, Columns=65535)
    assert web.get(f"{shelve(web, huge)}/rendered").status_code == 413


def test_metadata_have_everything_but_large_values(web: Web) -> None:
    dataset = image(
        ramp(), PatientName="Müller", SpecificCharacterSet="ISO_IR 100", StudyDescription="großes"
    )
    item = Dataset()
    item.EncapsulatedDocument = b"x" * 2000
    item.CodeMeaning = "nested"
    dataset.ConceptNameCodeSequence = [item]
    dataset.RealWorldValueSlope = float("nan")
    path = shelve(web, dataset)
    (told,) = web.get(f"/studies/{STUDY}/series/{SERIES}/metadata").json()
    assert [one.keys() for one in web.client(web.read).retrieve_study_metadata(STUDY)] == [told.keys()]
    got = Dataset.from_json(told, lambda _tag, _vr, _uri: None)
    assert (got.StudyDescription, got.SpecificCharacterSet) == ("großes", "ISO_IR 192")
    assert got.ConceptNameCodeSequence[0].CodeMeaning == "nested"
    assert told["00409225"]["Value"] == ["NaN"]
    assert told["00083002"]["Value"] == [ExplicitVRLittleEndian]
    pixels, nested = told["7FE00010"]["BulkDataURI"], told["0040A043"]["Value"][0]["00420011"]["BulkDataURI"]
    assert web.get(pixels.removeprefix(web.url), "application/octet-stream").content == ramp().tobytes()
    assert web.get(nested.removeprefix(web.url), "application/octet-stream").content == b"x" * 2000
    assert all(uri.startswith(f"{web.url}{path}/bulkdata/") for uri in (pixels, nested))


def test_a_value_that_is_none_hides_no_other(web: Web) -> None:
    path = shelve(web, image(ramp()))
    file = next(web.app.home.archive.rglob("*.dcm"))
    file.write_bytes(file.read_bytes().replace(b"\x28\0\x08\0IS\2\x003 ", b"\x28\0\x08\0IS\2\0x "))
    answered = web.get(f"{path}/metadata")
    assert answered.json()[0]["00280008"] == {"vr": "IS", "Value": ["x"]}
    assert answered.json()[0]["00280010"]["Value"] == [8]


@pytest.mark.parametrize(
    "path",
    ["0020000D", "7FE00010/1", "00081115/1/0020000D", "x", "00400275/0/00400007", "FFFFFFFFFFFF", "7fe00008"],
)
def test_bulk_data_that_are_none_are_not_found(web: Web, path: str) -> None:
    assert web.get(f"{shelve(web, image(ramp()))}/bulkdata/{path}").status_code == 404


@pytest.mark.parametrize(
    "below", ["", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata/7FE00010"]
)
def test_another_project_is_not_there(web: Web, below: str) -> None:
    path = shelve(web, image(ramp()))
    assert web.get(path + below, "*/*").status_code == 200
    assert web.get(path + below, "*/*", token=web.foreign).status_code == 404
    assert web.get(path + below, "*/*", token=web.store).status_code == 403
    assert web.get(path.replace(SERIES, "2.25.9") + below, "*/*").status_code == 404
