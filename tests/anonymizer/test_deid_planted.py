"""Nothing that was planted in an object is in the bytes that come out of it."""

import re

import pytest
from planted import PIXELS, Planted, ct, minimal, mr, part10, rtstruct
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from anonymizer import IdentifiedInstance, Profile, ProjectKey, Report, deidentify
from anonymizer.text import decode

KEY = ProjectKey(b"a key for these tests only")
SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def out(data: bytes, profile: Profile | None = None) -> tuple[bytes, Dataset, Report]:
    research, report = deidentify(IdentifiedInstance.from_part10(data), profile or Profile.of(), KEY)
    return research.to_part10(), research.header(), report


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
@pytest.mark.parametrize("make", [ct, mr, rtstruct])
def test_no_planted_identity_is_left_in_any_encoding(make, syntax) -> None:
    planted: Planted = make()
    data = part10(planted.dataset, syntax, preamble=b"QzPreamb" * 16)
    result, _, _ = out(data)
    if syntax != DeflatedExplicitVRLittleEndian:
        assert [s for s in planted.secrets if s not in data] == [], "the generator planted less than it noted"
    assert [s for s in [*planted.secrets, b"QzPreamb"] if s in result] == []


def test_what_describes_the_image_stays() -> None:
    _, header, _ = out(part10(ct().dataset))
    assert header.KVP == 120
    assert header.Manufacturer == "SIEMENS"
    assert header.ConvolutionKernel == "B30f"
    assert header.SeriesDescription == "Lung_ _3.0 for tel"
    assert header.StudyDescription == "CT Thorax"
    assert header.ProtocolName == "Thorax"


def test_pixels_pass_unchanged() -> None:
    result, _, _ = out(part10(ct().dataset))
    assert result.endswith(PIXELS)


def test_sequence_name_and_clean_descriptions_pass_unchanged() -> None:
    _, header, report = out(part10(mr().dataset))
    assert header.SequenceName == "*tfl3d1_16ns"
    assert header.SeriesDescription == "SAG MPRAGE 220 FOV"
    assert not any(path == "(0008,103E)" for path in report.cleaned)


def test_contours_and_their_numbers_stay() -> None:
    _, header, _ = out(part10(rtstruct().dataset))
    assert header.ROIContourSequence[0].ContourSequence[0].ContourData == [1.5, -2.25, 3]
    assert header.StructureSetROISequence[0].ROIName == ""


def test_the_report_counts_and_names_paths_but_no_values() -> None:
    planted = mr()
    _, _, report = out(part10(planted.dataset))
    assert "(0029,0010)" in report.removed
    assert any(path.startswith("(5200,9229)[0]") for path in report.cleaned)
    assert report.counts["removed"] == len(report.removed)
    assert report.edition == "2026d"
    assert [s for s in planted.secrets if s.decode() in repr(report)] == []


def test_the_markers_of_the_standard_are_written() -> None:
    _, header, _ = out(part10(ct().dataset))
    assert header.PatientIdentityRemoved == "YES"
    codes = [item.CodeValue for item in header.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107"]
    assert header.LongitudinalTemporalInformationModified == "MODIFIED"


def test_attributes_that_every_study_must_have_are_there_even_if_they_came_missing() -> None:
    _, header, _ = out(part10(minimal()))
    for keyword in (
        "PatientBirthDate",
        "PatientSex",
        "ReferringPhysicianName",
        "AccessionNumber",
        "StudyDate",
    ):
        assert header[keyword].is_empty
    assert header.StudyID and header.PatientName == header.PatientID


def test_names_are_found_whatever_their_case_accents_or_character_set() -> None:
    dataset = minimal(SpecificCharacterSet="ISO_IR 192", PatientName="Bjørnsén^Åse")
    dataset.SeriesDescription = "T1 BJORNSEN ÅSE bjørnsén Bjoernsen Aase AX"
    result, header, _ = out(part10(dataset))
    assert header.SeriesDescription == "T1 AX"
    assert "ørn".encode() not in result


@pytest.mark.parametrize(
    ("written", "said"),
    [("ISO_IR 192", "ISO_IR 100"), ("ISO_IR 100", "ISO_IR 192"), ("ISO_IR 192", "ISO_IR 144")],
)
def test_names_are_found_though_the_object_says_the_wrong_character_set(written: str, said: str) -> None:
    dataset = minimal(SpecificCharacterSet=written, PatientName="Bjørnsén^Åse")
    dataset.SeriesDescription = "T1 BJORNSEN ÅSE Bjoernsen Aase längs AX"
    data = part10(dataset).replace(written.encode(), said.encode())
    result, header, _ = out(data)
    assert not re.search("bj(ø|oe?|\xc3\xb8)rn", result.decode("latin-1"), re.IGNORECASE)
    assert re.fullmatch(r"T1 l\S+ngs AX", header.SeriesDescription)


@pytest.mark.parametrize(
    ("raw", "codec", "text"),
    [
        ("Bjørn".encode(), "latin_1", "Bjørn"),
        ("Bjørn".encode("latin-1"), "UTF8", "Bjørn"),
        ("Bjørn".encode("latin-1"), "latin_1", "Bjørn"),
        ("Bjørn ø".encode()[:-1], "latin_1", "Bjørn "),  # cut off inside a letter
        ("Bjørn ø".encode()[:-1], "UTF8", "Bjørn \ufffd"),
        ("Воробьёв".encode("iso8859-5"), "iso_ir_144", "Воробьёв"),
        ("Παπαδάκης".encode("iso8859-7"), "iso_ir_126", "Παπαδάκης"),
        ("山田".encode("gb18030"), "GB18030", "山田"),
        (b"\xff\xfe", "latin_1", "ÿþ"),
    ],
)
def test_text_is_read_as_it_was_written(raw: bytes, codec: str, text: str) -> None:
    assert decode(raw, (codec,)) == text


@pytest.mark.parametrize("charset", ["ISO_IR 192", ["", "ISO 2022 IR 87"], "GB18030"])
def test_names_in_a_script_without_spaces_are_found_inside_words(charset) -> None:
    dataset = minimal(SpecificCharacterSet=charset, PatientName="Yamada^Tarou=山田^太郎")
    dataset.SeriesDescription = "山田太郎胸部 CT"
    _, header, _ = out(part10(dataset))
    assert header.SeriesDescription == "CT"


def test_a_korean_name_is_found_inside_a_word() -> None:
    dataset = minimal(SpecificCharacterSet="ISO_IR 192", PatientName="Kim^Cheolsu=김^철수")
    dataset.SeriesDescription = "김철수 T1"
    _, header, _ = out(part10(dataset))
    assert header.SeriesDescription == "T1"


def test_the_same_input_gives_the_same_bytes() -> None:
    data = part10(ct().dataset)
    assert out(data)[0] == out(data)[0]
