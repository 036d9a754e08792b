"""Safe private attributes are kept by their creator, as what the list says they are, and nothing else private is."""

from __future__ import annotations

from io import BytesIO

import pytest
from planted import minimal, part10
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage

from anonymizer import IdentifiedInstance, Option, Profile, ProjectKey, deidentify
from anonymizer.private import safe_private

KEY = ProjectKey(b"a key for these tests only")
VALUES = {"LO": "Head", "SH": "Head", "CS": "YES", "IS": "1000", "DS": "2.5", "FD": 0.25, "FL": 0.5}
VALUES |= {"UL": 7, "US": 7, "SS": -7}


def out(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    profile = Profile.of(options=[Option.RETAIN_SAFE_PRIVATE])
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(dataset, syntax)), profile, KEY)
    data = research.to_part10()
    assert b"Qzdoe" not in data
    return dcmread(BytesIO(data))


def as_it_was(dataset: Dataset, syntax: str, depth: int) -> Dataset:
    read = dcmread(BytesIO(part10(dataset, syntax)))
    return read.ReferencedImageSequence[0] if depth else read


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"]
)
@pytest.mark.parametrize("depth", [0, 1])
def test_every_attribute_of_the_list_is_kept(syntax: str, depth: int) -> None:
    dataset, holder = minimal(MRImageStorage), Dataset()
    for (creator, group, number), vr in safe_private().items():
        holder.private_block(group, creator, create=True).add_new(number, vr, VALUES[vr])
    if depth:
        dataset.ReferencedImageSequence = [holder]
    else:
        dataset.update(holder)
    result = out(dataset, syntax)
    before = as_it_was(dataset, syntax, depth)
    place = result.ReferencedImageSequence[0] if depth else result
    assert len(safe_private()) == 85
    for creator, group, number in safe_private():
        # As bytes: without a VR pydicom goes by a dictionary of its own, which differs.
        tag = place.private_block(group, creator).get_tag(number)
        assert place.get_item(tag).value == before.get_item(tag).value


def test_another_creators_attribute_of_the_same_number_goes() -> None:
    dataset = minimal(MRImageStorage)
    dataset.private_block(0x0019, "SIEMENS CT VA0 COAD", create=True).add_new(0x0C, "IS", "1000")
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0D, "CS", "NONE")
    dataset.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x99, "LO", "unlisted")
    result = out(dataset)
    private = [element for element in result if element.tag.is_private]
    assert [element.value for element in private] == ["SIEMENS MR HEADER", "NONE"]


@pytest.mark.parametrize(
    ("vr", "value"), [("LO", "a text"), ("PN", "Somebody"), ("OB", b"bytes!"), ("UN", b"letters"), ("DS", "")]
)
def test_what_is_not_what_the_list_says_goes_with_its_creator(vr: str, value: object) -> None:
    dataset = minimal(MRImageStorage)
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0E, vr, value)  # Diffusion Gradient Direction, FD
    assert not any(element.tag.is_private for element in out(dataset))


def test_a_text_among_them_is_cleaned() -> None:
    dataset = minimal(MRImageStorage)
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x9E, "LO", "EPI of Qzdoe")
    assert out(dataset).private_block(0x0019, "GEMS_ACQU_01")[0x9E].value == "EPI of"


def test_without_the_option_none_is_kept() -> None:
    dataset = minimal(MRImageStorage)
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(dataset)), Profile.of(), KEY)
    assert not any(element.tag.is_private for element in research.header())
