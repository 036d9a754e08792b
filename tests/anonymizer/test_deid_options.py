"""Every row of PS3.15 Table E.1-1 under every option; and what an option that is off does not touch."""

from __future__ import annotations

from io import BytesIO

import pytest
from planted import minimal, part10
from pydicom import Dataset, dcmread
from pydicom.uid import MRImageStorage
from test_deid_table import (
    KEY,
    OLD_UID,
    OWN,
    PLANT,
    VALUES,
    planted,
    representatives,
    shifted_birthday,
    treated,
)

from anonymizer import IdentifiedInstance, Option, Profile, ProfileError, deidentify
from anonymizer.table import Row, keyword, rows, vr_of
from anonymizer.wire import Element

IDENTIFIERS = OWN | {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"}
BARE = Profile.of(cleaned=[], modified_dates=False)
# Content items have rows of their own: test_deid_structured. Curves and overlays are drawings without words in them
# that could be cleaned, so that cleaned they are gone.
BY_THEIR_ITEMS = {"ContentSequence", "AcquisitionContextSequence"}


def only(option: Option, **more: object) -> Profile:
    return Profile.of(options=[option], cleaned=[], modified_dates=False, **more)  # type: ignore[arg-type]


def header(dataset: Dataset, profile: Profile) -> Dataset:
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(dataset)), profile, KEY)
    return dcmread(BytesIO(research.to_part10()))


def plant(tag: int, row: Row) -> Element:
    if keyword(tag) == "TimezoneOffsetFromUTC":
        return Element(tag, "SH", b"+0100 ")
    return planted(tag, row.name)


def raw(item: Dataset, tag: int) -> object:
    if tag not in item:
        return None
    element = item[tag]
    # What is inside of a sequence has rows of its own.
    return len(element.value) if element.VR == "SQ" else element.value


# Group 0000 has no place in a data set, and pydicom wonders at it.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.tag)
def test_an_option_changes_the_rows_of_its_column_and_no_other(row: Row) -> None:
    for tag in representatives(row):
        if keyword(tag) in IDENTIFIERS or tag >> 16 in (0x0000, 0x0002):
            continue
        element = plant(tag, row)
        _, basic = treated(element, 0, BARE)
        for option in Option:
            code = row.options.get(option.column)
            if code is None:
                _, item = treated(element, 0, only(option))
                assert raw(item, tag) == raw(basic, tag), f"{row.name} under {option}"
                continue
            for depth in (0, 3):
                _, basic_there = treated(element, depth, BARE)
                _, item = treated(element, depth, only(option))
                check(code, tag, element, item, raw(basic_there, tag), option)


def check(code: str, tag: int, element: Element, item: Dataset, basic: object, option: Option) -> None:
    vr = element.vr
    if keyword(tag) in BY_THEIR_ITEMS or option is Option.RETAIN_SAFE_PRIVATE or tag >> 24 in (0x50, 0x60):
        assert PLANT.decode().strip() not in str(item)
    elif vr == "SQ":
        assert item[tag].value[0].CodeMeaning == PLANT.decode().strip()
    elif code == "K" or vr == "TM" or keyword(tag) == "TimezoneOffsetFromUTC":
        assert as_written(item[tag].value, vr) == bytes(element.value).rstrip(b" \0"), option
    elif vr in ("DA", "DT"):
        assert item[tag].value == shifted_birthday() + ("101112.5" if vr == "DT" else "")
    elif vr in ("OB", "UN") or keyword(tag) == "RequestingService":
        # What cannot be read cannot be cleaned; and a place is what is cleaned out of a text, so none of it is left.
        assert raw(item, tag) == basic
    else:
        assert item[tag].value == PLANT.decode().strip(), option


def as_written(value: object, vr: str) -> bytes:
    if isinstance(value, bytes):
        return value.rstrip(b" \0")
    if vr == "US":
        return int(str(value)).to_bytes(2, "little")
    return str(value).encode()


TEXT_ROWS = [
    row
    for row in rows()
    if "clean_descriptors" in row.options and vr_of(row.number or 0) in ("LO", "SH", "LT", "ST", "UT")
]


@pytest.mark.parametrize("row", TEXT_ROWS, ids=lambda row: row.tag)
def test_a_cleaned_descriptor_loses_the_name_and_keeps_the_rest(row: Row) -> None:
    (tag,) = representatives(row)
    element = Element(tag, vr_of(tag), b"Liver of Qzdoe, 12.03.1957")
    result, item = treated(element, 0, only(Option.CLEAN_DESCRIPTORS))
    assert item[tag].value == "Liver of"
    assert b"Qzdoe" not in result


@pytest.mark.parametrize("option", list(Option))
def test_an_object_carries_the_code_of_each_option_that_is_on_and_of_no_other(option: Option) -> None:
    result = header(minimal(MRImageStorage), only(option))
    codes = {item.CodeValue: item.CodeMeaning for item in result.DeidentificationMethodCodeSequence}
    assert codes.keys() == {"113100", option.code[0]}
    assert codes[option.code[0]].lower().startswith(option.value.split("-")[0])
    kept = {Option.RETAIN_FULL_DATES: "UNMODIFIED", Option.RETAIN_MODIFIED_DATES: "MODIFIED"}
    assert result.LongitudinalTemporalInformationModified == kept.get(option, "REMOVED")


def test_all_options_at_once_are_told_by_their_codes() -> None:
    everything = [option for option in Option if option is not Option.RETAIN_MODIFIED_DATES]
    result = header(minimal(MRImageStorage), Profile.of(options=everything))
    codes = [int(item.CodeValue) for item in result.DeidentificationMethodCodeSequence]
    assert codes == [113100, 113101, 113103, 113104, 113105, 113106, 113108, 113109, 113110, 113111, 113112]


def test_retained_uids_are_those_that_came() -> None:
    dataset = minimal(FrameOfReferenceUID=OLD_UID)
    result = header(dataset, Profile.of(options=["retain-uids"]))
    for word in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert result[word] == dataset[word]
    assert result.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert header(dataset, Profile.of()).FrameOfReferenceUID == KEY.uid(OLD_UID)


def test_a_retained_age_is_still_capped() -> None:
    result = header(minimal(PatientAge="094Y"), only(Option.RETAIN_PATIENT_CHARACTERISTICS))
    assert result.PatientAge == "090Y"


@pytest.mark.parametrize("date", ["1957", "195703", "19570312101112.5+0100"])
def test_dates_of_any_precision_are_retained_and_what_is_none_is_not(date: str) -> None:
    profile = only(Option.RETAIN_FULL_DATES)
    assert header(minimal(AcquisitionDateTime=date), profile).AcquisitionDateTime == date
    element = Element(0x0008002A, "DT", b"Qzdoe's!")
    assert b"Qzdoe" not in treated(element, 0, profile)[0]


def test_a_devices_own_dates_move_with_the_others() -> None:
    dataset = minimal(DateOfLastCalibration="19570312")
    moved = Profile.of(options=["retain-device"])
    assert header(dataset, moved).DateOfLastCalibration == shifted_birthday()
    assert header(dataset, only(Option.RETAIN_DEVICE)).DateOfLastCalibration == VALUES["DA"].decode()


def test_what_an_option_keeps_is_still_searched_for_the_patient() -> None:
    with pytest.raises(Exception, match="identifier of the patient"):
        header(minimal(InstitutionName="Practice of Qzdoe"), only(Option.RETAIN_INSTITUTION))


@pytest.mark.parametrize("options", [["retain-everything"], ["retain-full-dates", "retain-modified-dates"]])
def test_options_that_cannot_be_meant_are_refused(options: list[str]) -> None:
    with pytest.raises(ProfileError) as caught:
        Profile.of(options=options)
    assert caught.value.reason in ("unknown_option", "contradiction")
