"""Every row of PS3.15 Table E.1-1, at the top of an object and in its sequences; the table against another's copy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO

import pytest
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as kitware
from planted import ROOT, minimal, part10
from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.uid import CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage

from anonymizer import IdentifiedInstance, Profile, ProjectKey, deidentify
from anonymizer.iods import top_types
from anonymizer.plan import compile_plan
from anonymizer.table import Row, keyword, rows, vr_of
from anonymizer.wire import Element, Encoding, Items, read, write

KEY = ProjectKey(b"a key for these tests only")
PLAIN = Encoding(implicit=False, little=True)
OLD_UID = f"{ROOT}.9.987654321"
PLANT = b"QZPLANTEDWORD "
# Sequences that the table does not name: what they hold is treated as at the top.
WRAPPERS = (0x00081115, 0x00089124, 0x0040A170)
VALUES = {
    "AS": b"061Y",
    "DA": b"19570312",
    "DS": b"4711.4712 ",
    "DT": b"19570312101112.5 ",
    "IS": b"47114711",
    "TM": b"101112.5",
    "UI": OLD_UID.encode() + b"\0" * (len(OLD_UID) % 2),
    "US": b"QZ",
}
# What a choice becomes where the type in the IOD is not known, and by its type (PS3.5 7.4) where it is.
CHOSEN = {"X/D": "D", "Z/D": "D", "X/Z/D": "D", "X/Z": "Z"}
BY_TYPE = {
    "X/D": {"1": "D", "2": "D", "3": "X"},
    "Z/D": {"1": "D", "2": "Z", "3": "Z"},
    "X/Z/D": {"1": "D", "2": "Z", "3": "X"},
    "X/Z": {"1": "D", "2": "Z", "3": "X"},
}
OWN = {"PatientName", "PatientID", "StudyID"}
CLEANED = {"SeriesDescription", "StudyDescription", "ProtocolName"}


def representatives(row: Row) -> Iterator[int]:
    """Tags that a row stands for."""
    if row.tag == "PRIVATE":
        yield from (0x00090010, 0x00091001, 0x7FE11010)
    elif "x" in row.tag:
        group = int(row.tag[:2], 16) << 8
        ends = [int(row.tag[4:], 16)] if "x" not in row.tag[4:] else [0x0005, 0x3000, 0x2500]
        yield from ((group | low) << 16 | end for low in (0x00, 0x02, 0x1E) for end in ends)
    else:
        yield int(row.tag, 16)


def planted(tag: int, name: str) -> Element:
    vr = vr_of(tag).split(" or ")[0]
    if not vr:
        vr = "DT" if name.endswith("DateTime") else "SQ" if name.endswith("Sequence") else "LO"
    if vr == "SQ":
        inside = (Element(0x00080104, "LO", PLANT), Element(0x00081155, "UI", VALUES["UI"]))
        return Element(tag, vr, items=(inside,))
    return Element(tag, vr, VALUES.get(vr, PLANT))


def treated(
    element: Element, depth: int, profile: Profile, sop_class: str = MRImageStorage
) -> tuple[bytes, Dataset]:
    """The object that comes out with `element` inside `depth` sequences, and the item that it stood in."""
    base = minimal(sop_class)
    inner: Items = ((element,),)
    for tag in WRAPPERS[:depth]:
        inner = ((Element(tag, "SQ", items=inner),),)
    raw = part10(base)
    start = raw.index(b"\x08\x00\x16\x00UI")
    elements = {e.tag: e for e in (*read(raw[start:], PLAIN), *inner[0])}
    data = b"".join(write([elements[tag] for tag in sorted(elements)], PLAIN))
    instance = IdentifiedInstance.from_dataset_bytes(
        data, base.SOPClassUID, uid_in(elements, 0x00080018), "1.2.840.10008.1.2.1"
    )
    result = deidentify(instance, profile, KEY)[0].to_part10()
    item = dcmread(BytesIO(result))
    for tag in reversed(WRAPPERS[:depth]):
        item = item[tag].value[0]
    return result, item


def uid_in(elements: dict[int, Element], tag: int) -> str:
    return bytes(elements[tag].value).decode().strip("\0")


def is_plant_left(result: bytes, element: Element) -> bool:
    value = bytes(element.value) if element.items is None else PLANT
    return value.rstrip(b" \0") in result


# Group 0000 has no place in a data set, and pydicom wonders at it.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.tag)
def test_a_row_of_the_basic_profile_is_applied(row: Row, depth: int) -> None:
    profile = Profile.of(cleaned=[], modified_dates=False)
    for tag in representatives(row):
        if keyword(tag) in OWN | {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"} and depth == 0:
            continue  # the object cannot be without them; test_deid_links has them
        element = planted(tag, row.name)
        result, item = treated(element, depth, profile)
        # An empty Referenced Study Sequence would be invalid in every image.
        code = "X" if keyword(tag) == "ReferencedStudySequence" else CHOSEN.get(row.basic, row.basic)
        type_ = top_types(MRImageStorage).get(tag) if depth == 0 else None
        if type_ and row.basic in BY_TYPE:
            code = BY_TYPE[row.basic][type_[0]]
        if code == "X/Z/U*":
            assert item[tag].value[0].ReferencedSOPInstanceUID == KEY.uid(OLD_UID)
            assert OLD_UID.encode() not in result
            continue
        assert not is_plant_left(result, element), f"{row.name} ({row.basic}) came out as it went in"
        if code == "X" or tag >> 16 == 0x0002:  # file meta information is written anew
            assert tag not in item
            continue
        if code == "Z" and keyword(tag) not in OWN | {"AccessionNumber"}:  # which becomes another
            assert item[tag].is_empty
        else:
            assert not item[tag].is_empty
        if code == "U" or (code == "D" and element.vr == "UI"):
            assert item[tag].value == KEY.uid(OLD_UID)


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize(
    "row", [r for r in rows() if "retain_longitudinal_modified_dates" in r.options], ids=lambda row: row.tag
)
def test_dates_are_shifted_and_times_kept_under_the_option(row: Row, depth: int) -> None:
    (tag,) = representatives(row)
    element = planted(tag, row.name)
    result, item = treated(element, depth, Profile.of())
    match vr_of(tag):
        case "DA":
            assert item[tag].value == shifted_birthday()
        case "DT":
            assert item[tag].value == shifted_birthday() + "101112.5"
        case "TM":
            assert item[tag].value == "101112.5"
        case _:  # no date by VR: its basic action
            assert not is_plant_left(result, element)


def shifted_birthday() -> str:
    return (date(1957, 3, 12) + timedelta(days=KEY.shift_days("QZID4711"))).strftime("%Y%m%d")


@pytest.mark.parametrize(
    "row", [r for r in rows() if "clean_descriptors" in r.options], ids=lambda row: row.tag
)
def test_only_the_named_descriptors_are_cleaned_and_all_others_get_their_basic_action(row: Row) -> None:
    (tag,) = representatives(row)
    element = planted(tag, row.name)
    result, item = treated(element, 0, Profile.of())
    if keyword(tag) in CLEANED:
        assert item[tag].value == PLANT.decode().strip()
    else:
        assert not is_plant_left(result, element)


@pytest.mark.parametrize(
    ("sop_class", "keyword_", "value", "expected"),
    [
        (MRImageStorage, "InstitutionName", "Somewhere", None),  # type 3, X/Z/D
        (CTImageStorage, "ContrastBolusAgent", "Somewhat", ""),  # type 2, Z/D
        (PositronEmissionTomographyImageStorage, "SeriesDate", "19570312", "19000101"),  # type 1, X/D
        (PositronEmissionTomographyImageStorage, "AcquisitionDate", "19570312", ""),  # type 2, X/Z
        ("1.2.840.10008.5.1.4.1.1.66.67", "InstitutionName", "Somewhere", "ANONYMIZED"),  # of no known IOD
    ],
)
def test_a_choice_is_made_by_the_type_in_the_objects_iod(
    sop_class: str, keyword_: str, value: str, expected: str | None
) -> None:
    tag = tag_for_keyword(keyword_)
    assert tag is not None
    element = Element(tag, vr_of(tag), value.encode() + b" " * (len(value) % 2))
    rule = compile_plan(Profile.of(modified_dates=False), sop_class).rule(tag)
    assert rule.action == {None: "removed", "": "emptied"}.get(expected, "dummied")
    if not sop_class.endswith("66.67"):
        _, header = treated(element, 0, Profile.of(modified_dates=False), sop_class)
        assert header.get(keyword_) == expected


def test_what_came_empty_goes_empty() -> None:
    """A dummy would say that there was something: ContrastBolusAgent, empty in a plain scan."""
    for keyword_ in ("ContrastBolusAgent", "ClinicalTrialSponsorName", "StructureSetLabel"):
        tag = tag_for_keyword(keyword_)
        assert tag is not None
        _, header = treated(Element(tag, vr_of(tag)), 0, Profile.of(), CTImageStorage)
        assert header[keyword_].is_empty


def test_the_table_is_whole() -> None:
    assert len(rows()) == 657
    assert len({row.tag for row in rows()}) == 657


def test_basic_codes_agree_with_an_independent_copy_of_the_table() -> None:
    """dicom-anonymizer read edition 2026c by itself; 2026d has one row more."""
    codes = {
        "D": kitware.D_TAGS, "Z": kitware.Z_TAGS, "X": kitware.X_TAGS, "U": kitware.U_TAGS, "Z/D": kitware.Z_D_TAGS,
        "X/Z": kitware.X_Z_TAGS, "X/D": kitware.X_D_TAGS, "X/Z/D": kitware.X_Z_D_TAGS,
        "X/Z/U*": kitware.X_Z_U_STAR_TAGS,
    }  # fmt: skip
    theirs = {f"{t[0]:04X}{t[1]:04X}": code for code, tags in codes.items() for t in tags if len(t) == 2}
    ours = {row.tag: row.basic for row in rows() if row.number is not None}
    assert {tag: ours[tag] for tag in ours.keys() & theirs.keys()} == {
        tag: theirs[tag] for tag in ours.keys() & theirs.keys()
    }
    assert theirs.keys() - ours.keys() == set()
    assert ours.keys() - theirs.keys() == {"3004007F"}
