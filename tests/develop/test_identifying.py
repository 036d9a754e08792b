"""What places an object is read from its bytes as pydicom reads it, or not at all."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_partial
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from ror.develop.identifying import ENOUGH_BYTES, Identified, identified
from tests.support.studies import small_ct

_KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
_PLAIN = (ExplicitVRLittleEndian, JPEG2000Lossless)
_OTHERS = (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
_UIDS = st.from_regex(r"\A[0-2](\.(0|[1-9][0-9]{0,6})){1,8}\Z")


def as_pydicom_reads(data: bytes) -> Identified:
    header = read_partial(BytesIO(data), lambda tag, _vr, _length: tag > 0x0020_000E)
    return Identified(*(str(header.get(keyword) or "") for keyword in _KEYWORDS))


def written(image: Dataset, transfer_syntax: UID) -> bytes:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = transfer_syntax
    image.file_meta.MediaStorageSOPClassUID = image.file_meta.MediaStorageSOPInstanceUID = UID("1.2")
    file = BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


@st.composite
def objects(draw: st.DrawFn) -> Dataset:
    """Headers with and without what places them, with text of any alphabet, and sequences before it or behind."""
    image = Dataset()
    image.SpecificCharacterSet = draw(st.sampled_from(["ISO_IR 100", "ISO_IR 192", "ISO_IR 13"]))
    for keyword in _KEYWORDS:
        if keyword != "PatientID" and draw(st.integers(0, 9)):
            setattr(image, keyword, draw(_UIDS))
    if draw(st.booleans()):
        image.PatientID = draw(st.text("aZ 09-^\\~=ÄäØ", max_size=12))
    image.StudyDate = "20260101"
    if draw(st.booleans()):
        item = Dataset()
        item.PatientID, item.StudyInstanceUID = "INNER", "1.2.3"
        image.ReferencedStudySequence = Sequence([item])
        image["ReferencedStudySequence"].is_undefined_length = draw(st.booleans())
    if draw(st.booleans()):
        image.add_new(0x0009_0010, "LO", "OURS")
        image.add_new(0x0009_1001, draw(st.sampled_from(["UN", "OB"])), b"\x01\x02")
    image.InstanceNumber = 1
    return image


@pytest.mark.filterwarnings("ignore:Failed to encode value")  # what no character set of an object can write
@settings(max_examples=80)
@given(objects(), st.sampled_from([*_PLAIN, *_OTHERS]))
def test_what_is_read_is_what_pydicom_reads(image: Dataset, transfer_syntax: UID) -> None:
    data = written(image, transfer_syntax)
    told = identified(data)
    assert told is None or told == as_pydicom_reads(data)
    if transfer_syntax in _OTHERS:
        assert told is None


@pytest.mark.parametrize("transfer_syntax", _PLAIN)
def test_a_plain_object_is_read_without_pydicom(transfer_syntax: UID, tmp_path: Path) -> None:
    image = dcmread(small_ct(tmp_path)[0])
    image.remove_private_tags()
    del image.PixelData
    data = written(image, transfer_syntax)
    assert identified(data) == as_pydicom_reads(data)


def test_what_is_cut_or_no_file_of_dicom_is_not_read(tmp_path: Path) -> None:
    data = small_ct(tmp_path)[0].read_bytes()
    told = identified(data)
    assert told is not None
    for length in range(0, 600, 7):
        assert identified(data[:length]) is None
    assert identified(data[132:]) is None
    assert identified(b"\0" * 1000) is None


@pytest.mark.parametrize("seed", range(4))
def test_whatever_byte_is_damaged_there_is_an_answer(seed: int, tmp_path: Path) -> None:
    data = bytearray(small_ct(tmp_path, seed=seed)[0].read_bytes())
    for at in range(132 + seed, 900, 4):
        kept, data[at] = data[at], data[at] ^ 0xFF
        told = identified(bytes(data))
        assert told is None or len(told.series_uid) <= 64
        data[at] = kept


def test_real_images_are_read_as_pydicom_reads_them(real_data: Path) -> None:
    files = [path for path in sorted(real_data.rglob("*.dcm")) if path.is_file()][::7]
    told = {path: identified(path.read_bytes()[:ENOUGH_BYTES]) for path in files}
    for path, one in told.items():
        assert one is None or one == as_pydicom_reads(path.read_bytes()), path.name
    assert any(told.values())
