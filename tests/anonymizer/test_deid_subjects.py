"""Who is who: pseudonyms by pattern, the digest that finds a patient in a list, and the original identity."""

from __future__ import annotations

import pickle
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import minimal, part10

from anonymizer import (
    IdentifiedInstance,
    OriginalIdentity,
    Profile,
    ProfileError,
    ProjectKey,
    PseudonymPattern,
    Subject,
    Unsupported,
    deidentify,
)

KEY = ProjectKey(b"a key for these tests only")


@pytest.mark.parametrize(
    ("pattern", "twelfth"),
    [
        ("MOBA-{:04d}", "MOBA-0012"),
        ("MOBA-{}", "MOBA-12"),
        ("{:d}", "12"),
        ("A.{:03d}_b c", "A.012_b c"),
        ("S{:01d}", "S12"),
    ],
)
def test_a_pattern_has_one_place_for_a_number(pattern: str, twelfth: str) -> None:
    assert PseudonymPattern.of(pattern).pseudonym(12) == twelfth
    assert pattern.format(12) == twelfth


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "MOBA",
        "{}{}",
        "M{:4d}",
        "M{0}",
        "M{name}",
        "M{{}}",
        "M{:x}",
        "Mü{}",
        "M\\{}",
        "-{}",
        " {}",
        "a" * 60 + "{}",
    ],
)
def test_a_pattern_that_makes_no_pseudonym_is_refused(pattern: str) -> None:
    with pytest.raises(ProfileError):
        PseudonymPattern.of(pattern)


@given(
    st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1), st.integers(1, 9), st.sampled_from(["", "0", "a1"])
)
def test_two_numbers_never_have_one_pseudonym(one: int, other: int, digits: int, after: str) -> None:
    pattern = PseudonymPattern.of(f"P0{{:0{digits}d}}{after}")
    assert (pattern.pseudonym(one) == pattern.pseudonym(other)) == (one == other)
    Subject(pattern.pseudonym(one))


TEXTS = st.tuples(*[st.text(max_size=6)] * 3)


@given(TEXTS, TEXTS)
def test_a_digest_is_of_one_patient_and_study_only(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (KEY.subject_digest(*one) == KEY.subject_digest(*other)) == (one == other)
    assert KEY.subject_digest(*one) != ProjectKey(b"another key, of tests too").subject_digest(*one)


def identity(**attributes: object) -> OriginalIdentity:
    return OriginalIdentity.of(IdentifiedInstance.from_part10(part10(minimal(**attributes))))


def test_the_original_identity_is_read_in_its_character_set() -> None:
    told = identity(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jörg",
        IssuerOfPatientID="Qzhosp",
        PatientBirthDate="19570312",
        PatientSex="M",
        AccessionNumber="QZ7",
        StudyDate="20130308",
    )
    assert (told.patient_id, told.issuer, told.patient_name) == ("QZID4711", "Qzhosp", "Müller^Jörg")
    assert (told.birth_date, told.sex, told.accession_number) == ("19570312", "M", "QZ7")
    assert (told.study_id, told.study_date) == ("", "20130308")


def test_the_original_identity_is_never_shown() -> None:
    told = identity()
    assert "QZID4711" not in f"{told} {told!r}"
    with pytest.raises(TypeError):
        pickle.dumps(told)


def test_an_unknown_character_set_is_refused_not_guessed() -> None:
    dataset = minimal(PatientName="x")
    dataset.SpecificCharacterSet = "ISO_IR 999"
    data = part10(dataset)
    with pytest.raises(Unsupported):
        OriginalIdentity.of(IdentifiedInstance.from_part10(data))


@pytest.mark.parametrize("days", [-14, 0])
def test_a_subject_may_bring_its_own_shift(days: int) -> None:
    instance = IdentifiedInstance.from_part10(part10(minimal(StudyDate="20130308")))
    research, _ = deidentify(instance, Profile.of(), KEY, Subject("MOBA-0001", shift_days=days))
    moved = date(2013, 3, 8) + timedelta(days)
    assert research.header().StudyDate == moved.strftime("%Y%m%d")
