"""Attributes that an archive stored as UN: known ones are treated as what they are, all others go."""

from __future__ import annotations

from io import BytesIO

import pytest
from planted import PIXELS, Planted, ct, minimal, mr, part10, rtstruct
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from anonymizer import IdentifiedInstance, Profile, ProjectKey, ResearchInstance, ResidualIdentity, deidentify
from anonymizer.data_set import DataSet
from anonymizer.wire import Element, Encoding, Items, write

KEY = ProjectKey(b"a key for these tests only")
PLAIN = Encoding(implicit=True, little=True)
UIDS = frozenset({0x00080016, 0x00080018})


def unknown(elements: tuple[Element, ...], *, as_items: bool) -> tuple[Element, ...]:
    """The elements as an archive writes them that knows none, the SOP's own UIDs aside."""
    return tuple(
        e if e.tag in UIDS or e.tag >> 16 == 0x7FE0 else _unknown(e, as_items=as_items) for e in elements
    )


def _unknown(element: Element, *, as_items: bool) -> Element:
    if element.items is None:
        return Element(element.tag, "UN", bytes(element.value))
    if as_items:  # of undefined length
        items: Items = tuple(unknown(item, as_items=True) for item in element.items)
        return Element(element.tag, "UN", items=items)
    # Without its head of eight bytes, in implicit VR, a sequence is what UN of a defined length holds.
    return Element(element.tag, "UN", b"".join(map(bytes, write([element], PLAIN)))[8:])


def treated(dataset: Dataset, *, as_items: bool = False) -> ResearchInstance:
    whole = IdentifiedInstance.from_part10(part10(dataset))
    instance = IdentifiedInstance(
        DataSet.of(unknown(whole.elements, as_items=as_items)),
        whole.encoding,
        whole.sop_class_uid,
        whole.sop_instance_uid,
        whole.transfer_syntax_uid,
    )
    return deidentify(instance, Profile.of(), KEY)[0]


@pytest.mark.parametrize("as_items", [True, False], ids=["undefined length", "defined length"])
@pytest.mark.parametrize("make", [ct, mr, rtstruct])
def test_what_is_known_comes_out_as_if_it_had_been_written_so(make, as_items: bool) -> None:
    planted: Planted = make()
    result = treated(planted.dataset, as_items=as_items).to_part10()
    known = deidentify(IdentifiedInstance.from_part10(part10(planted.dataset)), Profile.of(), KEY)[
        0
    ].to_part10()
    assert [s for s in planted.secrets if s in result] == []
    assert dcmread(BytesIO(result)).PixelData == PIXELS if make is not rtstruct else True
    choices = {0x00280106, 0x00280107}  # US or SS: the archive has lost which
    before, after = dcmread(BytesIO(known)), dcmread(BytesIO(result))
    assert {e.tag for e in before} - choices == {e.tag for e in after} - choices
    for element in before:
        assert after[element.tag] == element


def test_a_name_in_what_is_kept_is_found_there_too() -> None:
    with pytest.raises(ResidualIdentity):
        treated(minimal(ScanOptions="QZDOE"))


@pytest.mark.parametrize("value", [b"\1\2\3", b"Qz not a sequence at all"])
@pytest.mark.parametrize("tag", [0x00280010, 0x00081140, 0x00091001, 0x00189999])
def test_what_it_cannot_be_goes(tag: int, value: bytes) -> None:
    whole = IdentifiedInstance.from_part10(part10(minimal()))
    elements = sorted((*whole.elements, Element(tag, "UN", value)), key=lambda e: e.tag)
    instance = IdentifiedInstance(
        DataSet.of(tuple(elements)),
        whole.encoding,
        whole.sop_class_uid,
        whole.sop_instance_uid,
        whole.transfer_syntax_uid,
    )
    result = deidentify(instance, Profile.of(), KEY)[0]
    if tag == 0x00280010 and len(value) % 2 == 0:  # a number of rows it can be
        return
    assert value not in result.to_part10()
    assert tag not in result.header()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_an_identifier_stored_as_unknown_is_replaced_in_any_encoding(syntax: str) -> None:
    whole = IdentifiedInstance.from_part10(part10(minimal(BodyPartExamined="HEAD"), syntax))
    instance = IdentifiedInstance(
        DataSet.of(unknown(whole.elements, as_items=True)),
        whole.encoding,
        whole.sop_class_uid,
        whole.sop_instance_uid,
        whole.transfer_syntax_uid,
    )
    result = deidentify(instance, Profile.of(), KEY)[0]
    assert b"QZID4711" not in result.to_part10()
    assert result.header().PatientID == KEY.pseudonym("QZID4711")
    assert result.header().BodyPartExamined == "HEAD"
