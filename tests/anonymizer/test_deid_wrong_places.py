"""Identity where nobody expects it: under other VRs, in private sequences, in times, outside the table."""

from __future__ import annotations

import pytest
from planted import minimal, part10
from pydicom import Dataset

from anonymizer import Deidentifier, IdentifiedInstance, Profile, ProjectKey, deidentify

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
KEY = ProjectKey(b"a key for these tests only")


def treated(dataset: Dataset) -> tuple[Dataset, bytes]:
    """The header and the bytes that come out, the same with and without memory."""
    data = part10(dataset)
    research, _ = deidentify(IdentifiedInstance.from_part10(data), Profile.of(), KEY)
    remembering = Deidentifier(Profile.of(), KEY)
    again, _ = remembering.deidentify(IdentifiedInstance.from_part10(data, remembering.memory))
    assert again.to_part10() == research.to_part10()
    return research.header(), research.to_part10()


@pytest.mark.parametrize("vr", ["LO", "SH", "LT", "UT", "UC", "OB", "UN", "CS"])
@pytest.mark.parametrize("tag", [0x00100010, 0x00081070, 0x00101001])
def test_a_name_is_known_as_one_whatever_its_sender_calls_it(tag: int, vr: str) -> None:
    whole = minimal(SeriesDescription="Qzmumpitz brain")
    whole.add_new(tag, vr, b"Qzmumpitz^Xaver " if vr in ("OB", "UN") else "Qzmumpitz^Xaver")
    header, data = treated(whole)
    assert b"Qzmumpitz" not in data
    assert header.SeriesDescription == "brain"


@pytest.mark.parametrize("undefined", [False, True])
def test_a_name_in_a_private_sequence_is_known(undefined: bool) -> None:
    item = Dataset()
    item.PatientName = "Qzmumpitz^Xaver"
    whole = minimal(SeriesDescription="Qzmumpitz brain")
    whole.private_block(0x0009, "QZ SCANNER", create=True).add_new(1, "SQ", [item])
    whole[0x00091001].is_undefined_length = undefined
    header, data = treated(whole)
    assert b"umpitz" not in data
    assert header.SeriesDescription == "brain"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("QzdoeJane", "QzdoeJane"),
        ("born 17.04.1931", "1931"),
        ("tel 030/1234-567", "567"),
        ("Dr. Muster", "Muster"),
        ("a@b.example", "b.example"),
        ("QZID-4711", "4711"),
    ],
)
@pytest.mark.parametrize("tag", [0x300A00C2, 0x00181003, 0x00283003])  # Beam Name, Device ID, LUT Explanation
def test_words_in_attributes_outside_the_table_are_cleaned(tag: int, text: str, gone: str) -> None:
    whole = minimal(PatientID="QZID4711")
    whole.add_new(tag, "LO", f"Field {text}")
    header, data = treated(whole)
    assert header[tag].value.startswith("Field")
    assert gone.encode() not in data


def test_unlimited_texts_outside_the_table_go() -> None:
    header, data = treated(minimal(PotentialReasonsForProcedure="Karl Qzmumpitz, seen by Zeh"))
    assert "PotentialReasonsForProcedure" not in header
    assert b"Qzmumpitz" not in data


@pytest.mark.parametrize("value", ["310417", "778123", "2561", "120075"])
def test_what_is_no_time_of_day_is_not_kept_as_one(value: str) -> None:
    header, _ = treated(minimal(AcquisitionTime=value, StudyTime=value))
    assert header.get("AcquisitionTime") != value
    assert header.StudyTime == ""


@pytest.mark.parametrize("value", ["235960", "00", "0000", "120000.123456", "12:30:00"])
def test_times_of_day_stay(value: str) -> None:
    assert treated(minimal(StudyTime=value))[0].StudyTime == value


def test_what_leads_back_for_who_has_the_key_goes() -> None:
    item = Dataset()
    item.EncryptedContentTransferSyntaxUID = "1.2.840.10008.1.2"
    item.EncryptedContent = b"Qzsecret"
    header, data = treated(minimal(EncryptedAttributesSequence=[item]))
    assert "EncryptedAttributesSequence" not in header
    assert b"Qzsecret" not in data


def test_an_accession_number_becomes_another_and_always_the_same() -> None:
    request = Dataset()
    request.AccessionNumber = "QZACC0815"
    first, _ = treated(minimal(AccessionNumber="QZACC0815", ReferencedSeriesSequence=[request]))
    other, _ = treated(minimal(AccessionNumber="QZACC0816"))
    none, _ = treated(minimal(AccessionNumber=""))
    assert first.AccessionNumber == KEY.accession_number("QZACC0815")
    assert first.ReferencedSeriesSequence[0].AccessionNumber == first.AccessionNumber
    assert len(first.AccessionNumber) <= 16
    assert other.AccessionNumber not in ("", first.AccessionNumber)
    assert none.AccessionNumber == ""
