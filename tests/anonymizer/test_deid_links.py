"""What belonged together still does, and what did not cannot be brought together."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import ROOT, minimal, part10
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage

from anonymizer import IdentifiedInstance, Profile, ProjectKey, Subject, WeakKey, deidentify

KEY = ProjectKey(b"a key for these tests only")
OTHER = ProjectKey(b"the key of another project")


def header(dataset: Dataset, key: ProjectKey = KEY, subject: Subject | None = None) -> Dataset:
    instance = IdentifiedInstance.from_part10(part10(dataset))
    return deidentify(instance, Profile.of(), key, subject)[0].header()


def test_objects_of_one_series_stay_in_one_series_and_study() -> None:
    first, second = header(minimal()), header(minimal(SOPInstanceUID=f"{ROOT}.4.2"))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "StudyID", "PatientName"):
        assert first[keyword] == second[keyword]
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_a_reference_leads_to_the_object_it_led_to() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, f"{ROOT}.4.1"
    pointing = header(minimal(SOPInstanceUID=f"{ROOT}.4.2", ReferencedImageSequence=Sequence([item])))
    reference = pointing.ReferencedImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == header(minimal()).SOPInstanceUID
    assert reference.ReferencedSOPClassUID == CTImageStorage


def test_file_meta_information_names_the_new_object() -> None:
    result = header(minimal())
    assert result.file_meta.MediaStorageSOPInstanceUID == result.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in result.file_meta


def test_days_between_examinations_are_kept() -> None:
    before = [date(2013, 3, 8), date(2013, 3, 31), date(2024, 2, 29)]
    after = [
        date.fromisoformat(header(minimal(StudyDate=day.strftime("%Y%m%d"))).StudyDate) for day in before
    ]
    assert [b - a for a, b in pairwise(after)] == [b - a for a, b in pairwise(before)]
    assert [day.weekday() for day in after] == [day.weekday() for day in before]
    assert all(new < old for new, old in zip(after, before, strict=True))


def test_another_project_shares_nothing() -> None:
    ours, theirs = header(minimal(StudyDate="20130308")), header(minimal(StudyDate="20130308"), OTHER)
    for keyword in (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "PatientID",
        "StudyID",
        "StudyDate",
    ):
        assert ours[keyword] != theirs[keyword]


def test_another_issuer_is_another_patient() -> None:
    assert header(minimal()).PatientID != header(minimal(IssuerOfPatientID="B")).PatientID


def test_two_studies_get_two_study_ids_even_if_both_had_none() -> None:
    assert header(minimal()).StudyID != header(minimal(StudyInstanceUID=f"{ROOT}.2.2")).StudyID


def test_a_subject_from_a_coupling_list_takes_the_place_of_the_pseudonym() -> None:
    result = header(minimal(), subject=Subject("MOBA-0001", event="baseline_arm_1"))
    assert result.PatientID == result.PatientName == "MOBA-0001"
    assert result.ReferringPhysicianName == "EventName:baseline_arm_1"


def test_dates_of_a_coupled_subject_move_as_those_of_the_same_patient_uncoupled() -> None:
    dataset = minimal(StudyDate="20130308")
    assert header(dataset, subject=Subject("MOBA-0001")).StudyDate == header(dataset).StudyDate


@given(st.text(min_size=1, max_size=64), st.text(max_size=64))
def test_what_a_key_derives_has_the_promised_form(old: str, issuer: str) -> None:
    uid = KEY.uid(old)
    assert uid.startswith("2.25.") and len(uid) <= 44 and int(uid[5:]) < 2**122
    assert len(KEY.pseudonym(old, issuer)) == 14
    days = KEY.shift_days(old, issuer)
    assert -3653 < days <= -7 and days % 7 == 0
    assert len(KEY.study_id(old)) <= 16


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_two_patients_share_a_pseudonym_only_if_they_are_one(a: str, b: str, c: str, d: str) -> None:
    assert (KEY.pseudonym(a, b) == KEY.pseudonym(c, d)) == ((a, b) == (c, d))


def test_a_short_secret_is_refused_and_a_long_one_never_shown() -> None:
    with pytest.raises(WeakKey):
        ProjectKey(b"too short")
    assert "these tests" not in repr(KEY) + str(KEY)
