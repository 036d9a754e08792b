"""An object in memory that is used again: read from a view, without its pixels being copied, it is the same object."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import minimal, part10
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from anonymizer import (
    Deidentifier,
    IdentifiedInstance,
    MissingIdentifier,
    Profile,
    ProjectKey,
    fingerprint,
)

KEY = ProjectKey(b"a key for these tests only")


def image(pixels: bytes, comments: str = "", vr: str = "OW") -> Dataset:
    made = minimal(BitsAllocated=16, TextValue=comments, PixelData=pixels)
    made["PixelData"].VR = vr
    return made


def data_of(dataset: Dataset, syntax: str) -> tuple[bytes, tuple[str, str, str]]:
    """The data set alone, and what else is told of it."""
    whole = part10(dataset, syntax)
    start = 144 + int.from_bytes(whole[140:144], "little")
    return whole[start:], (str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), syntax)


@settings(max_examples=60, deadline=None)
@given(
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    pixels=st.binary(max_size=300).map(lambda raw: raw + raw),
    comments=st.sampled_from([0, 100, 5000, 20_000, 70_000]).map("x".__mul__),
)
def test_what_is_read_from_a_view_is_the_object_itself(syntax: str, pixels: bytes, comments: str) -> None:
    data, said = data_of(image(pixels, comments), syntax)
    viewed = IdentifiedInstance.from_dataset_bytes(memoryview(bytearray(data)), *said)
    whole = IdentifiedInstance.from_dataset_bytes(data, *said)
    assert viewed.elements == whole.elements
    assert fingerprint(viewed, KEY) == fingerprint(whole, KEY)
    deidentifiers = Deidentifier(Profile.of(), KEY), Deidentifier(Profile.of(), KEY)
    one, other = (
        by.deidentify(instance)[0] for by, instance in zip(deidentifiers, (viewed, whole), strict=True)
    )
    assert one.to_part10() == other.to_part10()


def test_the_pixels_are_not_copied() -> None:
    data, said = data_of(image(bytes(1000)), ExplicitVRLittleEndian)
    room = bytearray(data)
    pixels = IdentifiedInstance.from_dataset_bytes(memoryview(room), *said).elements[-1].value
    room[-1000:] = b"\1" * 1000
    assert bytes(pixels) == b"\1" * 1000


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_a_view_is_read_as_its_bytes_are(syntax: str) -> None:
    for dataset in (image(bytes(1000)), image(bytes(1000), "x" * 30_000), minimal()):
        data, said = data_of(dataset, syntax)
        assert (
            IdentifiedInstance.from_dataset_bytes(memoryview(data), *said).elements
            == IdentifiedInstance.from_dataset_bytes(data, *said).elements
        )


def test_compressed_pixels_are_read_as_they_are() -> None:
    data, (sop_class, uid, _) = data_of(image(bytes(1000)), ExplicitVRLittleEndian)
    fragments = (
        b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x08\0\0\0" + bytes(8) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    )
    compressed = data[:-1004] + b"\xff\xff\xff\xff" + fragments
    said = sop_class, uid, str(JPEGLSLossless)
    assert IdentifiedInstance.from_dataset_bytes(memoryview(compressed), *said).elements[-1].encapsulated


def test_what_has_no_uid_is_refused() -> None:
    data, (sop_class, _, syntax) = data_of(image(bytes(1000)), ExplicitVRLittleEndian)
    with pytest.raises(MissingIdentifier):
        IdentifiedInstance.from_dataset_bytes(memoryview(data), sop_class, "no UID", syntax)
