"""Single values: what cleaning drops and leaves, how dates move, what a project's own lines do."""

import pytest
from planted import minimal, part10
from pydicom import Dataset

from anonymizer import IdentifiedInstance, Profile, ProjectKey, deidentify
from anonymizer.clean import Cleaner
from anonymizer.dates import capped_age, checked_time, shifted
from anonymizer.identity import Identity

KEY = ProjectKey(b"a key for these tests only")
CLEANER = Cleaner.of(
    Identity(patient={"doe", "hansen"}, people={"eg"}, places={"haukeland"}, numbers={"471", "a-471/2"})
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SAG MPRAGE 220 FOV", "SAG MPRAGE 220 FOV"),
        ("*tfl3d1_16ns", "*tfl3d1_16ns"),
        ("CT Body 3.0", "CT Body 3.0"),
        ("FDG_TK_KM", "FDG_TK_KM"),
        ("ep2d_diff b 0 50 400 800", "ep2d_diff b 0 50 400 800"),
        ("Doe T1", "T1"),
        ("T1_DOE_SAG", "T1_ _SAG"),
        ("T1 doe471", "T1"),
        ("T1 Hansensen", "T1"),
        ("Doering reconstruction", "Doering reconstruction"),
        ("Haukeland EG thorax", "thorax"),
        ("AX 2013-03-08", "AX"),
        ("AX 8.3.2013", "AX"),
        ("AX 8 Mar 2013", "AX"),
        ("AX March 8, 2013", "AX"),
        ("AX 03/08/13", "AX"),
        ("AX 120357", "AX"),
        ("Kontroll 12 345 678901", "Kontroll 12 345"),
        ("call +47 55 97 50 00", "call"),
        ("mail a.b@c.no AX", "mail AX"),
        ("from 1.2.840.113619.2.5", "from"),
        ("471", ""),
        ("T1 Hanse SAG", "T1 SAG"),
        ("T1_HANSE2", "T1"),
        ("for Dr. Qvale AX", "for AX"),
        ("AX prof_A. Qvale T2", "AX T2"),
        ("patient: Qvale Ola, supine", "supine"),
        ("Pt: Qvale", ""),
        ("ref by Qvale AX", "AX"),
        ("Dr. med. Qvale AX", "AX"),
        ("Mme Qvale AX", "AX"),
        ("tel 030/1234-567", "tel"),
        ("tel 0171 2345678", "tel"),
        ("123-45-6789 AX", "AX"),
        ("NHS 943 476 5919 AX", "AX"),
        ("MRN 4412", ""),
        ("CPR 170431-1231", ""),
        ("from 192.168.10.12", "from"),
        ("AX 17 avril", "AX"),
        ("foo (at) klinik.example AX", "AX"),
        ("Hauptstr. 12 AX", "AX"),
        ("093Y AX", "AX"),
        ("age 93 y", "age"),
        ("TR 2500 TE 4.1", "TR 2500 TE 4.1"),
        ("512 512 200", "512 512 200"),
        ("v 1.2.3.4", "v 1.2.3.4"),
        ("Patient supine", "Patient supine"),
        ("lives Storgata 12 B, 5021 Bergen", "lives"),
        ("12 Main Street AX", "AX"),
        ("woman of 93 years", "woman of"),
        ("SIRT 90Y", "SIRT 90Y"),
        ("HEAD^BRAIN", "HEAD^BRAIN"),
        ("gated 30 phases, 1500 ms", "gated 30 phases, 1500 ms"),
        ("MR Caput, MS protocol", "MR Caput, MS protocol"),
        ("for dr Qvale, Dr_Qvale, DR. QVALE", "for"),
        ("DR Chest PA", "DR Chest PA"),
        ("DR Caput 2 planes", "DR Caput 2 planes"),
        ("Dr. Brain T2", "Dr. Brain T2"),
        ("CT 120kV 300mAs, 1024 matrix", "CT 120kV 300mAs, 1024 matrix"),
    ],
)
def test_a_description_after_cleaning(before: str, after: str) -> None:
    assert CLEANER.clean(before) == after


def test_the_beginning_of_a_name_that_is_a_word_of_imaging_stays() -> None:
    assert Cleaner.of(Identity(patient={"brainerd"})).clean("BRAIN T1 Brainer") == "BRAIN T1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"20130308", b"20130301"),
        (b"2013.03.08", b"20130301"),
        (b"20130308101112.123456+0100", b"20130301101112.123456+0100"),
        (b"20130308\\20130309 ", b"20130301\\20130302 "),
        (b"20240301", b"20240223"),
        (b"", b""),
        (b"2013", None),
        (b"20131308", None),
        (b"00010101", None),
        (b"JohnDoe ", None),
    ],
)
def test_a_date_seven_days_earlier(before: bytes, after: bytes | None) -> None:
    assert shifted(before, -7) == after


def test_times_and_ages_that_are_none_are_not_kept() -> None:
    assert checked_time(b"101112.5") == b"101112.5"
    assert checked_time(b"John") is None
    assert capped_age(b"089Y") == b"089Y" and capped_age(b"090Y") == capped_age(b"103Y") == b"090Y"
    assert capped_age(b"Doe ") is None


def header(dataset: Dataset, profile: Profile) -> Dataset:
    return deidentify(IdentifiedInstance.from_part10(part10(dataset)), profile, KEY)[0].header()


def test_a_project_keeps_and_removes_by_keyword() -> None:
    dataset = minimal(PatientAge="095Y", PatientSex="F", Manufacturer="X", DeviceUID="1.3.6.1.4.1.99999.5")
    profile = Profile.of(keep=["PatientAge", "PatientSex", "PatientBirthDate"], remove=["Manufacturer"])
    result = header(dataset, profile)
    assert (result.PatientAge, result.PatientSex) == ("090Y", "F")
    assert "Manufacturer" not in result
    assert result.DeidentificationMethod[1] == f"ror profile {profile.digest}"


def test_a_kept_birth_date_is_shifted_with_the_others() -> None:
    result = header(minimal(PatientBirthDate="19570312"), Profile.of(keep=["PatientBirthDate"]))
    assert result.PatientBirthDate and result.PatientBirthDate != "19570312"


def test_without_the_dates_option_the_basic_profile_empties_dates() -> None:
    result = header(
        minimal(StudyDate="20130308", AcquisitionDate="20130308"), Profile.of(modified_dates=False)
    )
    assert result.StudyDate == "" and result.LongitudinalTemporalInformationModified == "REMOVED"


def test_profiles_with_equal_settings_are_equal_and_others_have_other_digests() -> None:
    assert Profile.of(keep=["PatientSex"]) == Profile.of(keep=["PatientSex"])
    assert Profile.of().digest != Profile.of(keep=["PatientSex"]).digest
