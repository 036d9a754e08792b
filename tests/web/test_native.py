"""The Native DICOM Model: what it says is what dcmtk says of the same file, and XML readers can read all of it."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from base64 import b64encode
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from ror.web.native import native_model
from tests.web.conftest import Web
from tests.web.images import SERIES, STUDY, image, ramp, shelve
from tests.web.shelved import add

_DCM2XML = Path("/usr/bin/dcm2xml")
_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
XML = 'multipart/related; type="application/dicom+xml"'
_COMPONENTS = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"}
# What stands in what (PS3.19 A.1.6); a DicomAttribute has one kind of content only.
_MAY_HOLD = {
    "NativeDicomModel": {"DicomAttribute"},
    "DicomAttribute": {"BulkData", "Value", "Item", "PersonName", "InlineBinary"},
    "Item": {"DicomAttribute"},
    "PersonName": {"Alphabetic", "Ideographic", "Phonetic"},
    "Alphabetic": _COMPONENTS,
    "Ideographic": _COMPONENTS,
    "Phonetic": _COMPONENTS,
}


def documents(web: Web, path: str, **query: str) -> list[ET.Element]:
    """The parts of an answer, read by other people's readers."""
    answered = web.get(path, XML, **query)
    assert answered.status_code == 200, answered.text
    head = f"Content-Type: {answered.headers['Content-Type']}\r\n\r\n".encode()
    parts: Any = BytesParser().parsebytes(head + answered.content).get_payload()
    assert {one.get_content_type() for one in parts} == {"application/dicom+xml"}
    found = [ET.fromstring(one.get_payload(decode=True)) for one in parts]
    for one in found:
        assert_has_the_schema(one)
    return found


def assert_has_the_schema(element: ET.Element) -> None:
    name = element.tag.removeprefix(_NAMESPACE)
    kinds = [one.tag.removeprefix(_NAMESPACE) for one in element]
    assert set(kinds) <= _MAY_HOLD.get(name, set())
    match name:
        case "DicomAttribute":
            assert len(set(kinds)) <= 1
            assert {"tag", "vr"} <= set(element.keys()) <= {"tag", "vr", "keyword", "privateCreator"}
        case "Value" | "Item" | "PersonName":
            assert set(element.keys()) == {"number"}
        case "BulkData":
            assert set(element.keys()) == {"uri"}
    for one in element:
        assert_has_the_schema(one)


def said(element: ET.Element) -> list[Any]:
    """What an element says, whatever the order of its attributes and the white space that its writer liked."""
    text = "" if len(element) else (element.text or "").strip(" \n")
    name = element.tag.removeprefix(_NAMESPACE)
    return [name, dict(sorted(element.attrib.items())), text, *map(said, element)]


def rich() -> Dataset:
    """An image with something of every kind."""
    dataset = image(
        ramp(frames=1),
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Müller^Änne^M^Dr^MD=山田^太郎=やまだ",
        OtherPatientNames=["One^A", "Two"],
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        StudyDescription="a <b> & 'c' \"d\"",
        PatientComments="one\r\ntwo",
        AccessionNumber="",
        SelectorATValue=[0x00100010, 0x00100020],
        PixelSpacing=["0.5", "0.6"],
    )
    item = Dataset()
    item.CodeMeaning = "  nested"
    dataset.ConceptNameCodeSequence = [item, Dataset()]
    dataset.ReferencedImageSequence = []
    block = dataset.private_block(0x0009, "ACME 1.1", create=True)
    block.add_new(1, "LO", "private")
    block.add_new(2, "OB", b"\1\2\3\4")
    return dataset


@pytest.mark.skipif(not _DCM2XML.exists(), reason="apt-get install dcmtk")
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian])
def test_it_says_what_dcmtk_says(web: Web, syntax: str) -> None:
    path = shelve(web, rich(), syntax)
    (ours,) = documents(web, f"{path}/metadata")
    (file,) = web.app.home.archive.rglob("*.dcm")
    told = subprocess.run([_DCM2XML, "-nat", "+Eb", file], check=True, capture_output=True).stdout
    theirs = {one.get("tag"): one for one in ET.fromstring(told)}
    mine = {one.get("tag"): one for one in ours}
    # Pixels are bulk data here; and the transfer syntax that there is stands in our metadata alone (PS3.18 10.4.1.1.2).
    assert mine.keys() - theirs.keys() == {"00083002"}
    assert mine["7FE00010"][0].get("uri") == f"{web.url}{path}/bulkdata/7FE00010"
    for tag in theirs.keys() - {"7FE00010"}:
        assert said(mine[tag]) == said(theirs[tag])


def test_each_instance_is_a_part(web: Web) -> None:
    for _ in range(3):
        shelve(web, image(ramp(frames=1)))
    assert len(documents(web, f"/studies/{STUDY}/series/{SERIES}/metadata")) == 3


def test_results_of_a_search_are_parts(web: Web) -> None:
    add(web.app.index, "lungs", 1, "CT", 1)
    add(web.app.index, "lungs", 2, "CT", 1, StudyDescription="dose < 5")
    found = documents(web, "/studies", StudyDescription="*")
    assert [one.find(f"*[@keyword='StudyInstanceUID']/{_NAMESPACE}Value").text for one in found] == [
        "1.2",
        "1.1",
    ]
    assert len(documents(web, "/studies", limit="1")) == 1
    nothing = web.get("/studies", XML, PatientID="nobody")
    assert (nothing.status_code, nothing.content) == (204, b"")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (XML, XML),
        ("multipart/related", XML),
        (f"{XML};q=0.5, application/dicom+json;q=0.9", "application/dicom+json"),
        (f"{XML}, application/dicom+json", XML),
        ("application/dicom+xml", None),
        ('multipart/related; type="application/dicom"', None),
    ],
)
def test_it_comes_when_asked_for(web: Web, accept: str, kind: str | None) -> None:
    path = shelve(web, image(ramp(frames=1)))
    for resource in (f"{path}/metadata", "/studies", "/series", "/instances"):
        answered = web.get(resource, accept)
        assert answered.status_code == (200 if kind else 406)
        assert kind is None or answered.headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize(("vr", "value"), [("CS", "AXIAL"), ("PN", {"Alphabetic": "A^B"})])
def test_what_has_no_value_keeps_its_place(vr: str, value: object) -> None:
    document = ET.fromstring(native_model({"00080008": {"vr": vr, "Value": [None, value]}}))
    assert_has_the_schema(document)
    assert [one.get("number") for one in document[0]] == ["1", "2"]


def test_creators_of_private_attributes_are_told_whatever_they_are_called() -> None:
    (creator, private, stray) = ET.fromstring(
        native_model(
            {
                "00090010": {"vr": "LO", "Value": ["\"A\" <&> 'B'"]},
                "00091001": {"vr": "LO", "Value": ["x"]},
                "00091101": {"vr": "LO", "Value": ["of nobody"]},
            }
        )
    )
    assert creator[0].text == private.get("privateCreator") == "\"A\" <&> 'B'"
    assert (private.get("tag"), dict(stray.attrib)) == ("00090001", {"tag": "00091101", "vr": "LO"})


texts = st.text(max_size=20)
values = {
    "LT": st.builds(lambda text: {"vr": "LT", "Value": [text]}, texts),
    "PN": st.builds(lambda text: {"vr": "PN", "Value": [{"Alphabetic": text}]}, texts),
    "DS": st.builds(lambda number: {"vr": "DS", "Value": [number]}, st.floats(allow_nan=False)),
    "UN": st.builds(lambda data: {"vr": "UN", "InlineBinary": b64encode(data).decode()}, st.binary()),
    "OB": st.builds(lambda text: {"vr": "OB", "BulkDataURI": text}, texts),
}
tags = st.integers(0, 0xFFFFFFFF).map("{:08X}".format)
models = st.recursive(
    st.dictionaries(tags, st.one_of(*values.values()), max_size=4),
    lambda inner: st.dictionaries(tags, inner.map(lambda item: {"vr": "SQ", "Value": [item]}), max_size=2),
    max_leaves=6,
)


@given(models)
def test_whatever_is_said_can_be_read(model: dict[str, Any]) -> None:
    assert_has_the_schema(ET.fromstring(native_model(model)))


@given(
    st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\t\n\r"), max_size=40)
)
def test_texts_come_back_as_they_were(text: str) -> None:
    (attribute,) = ET.fromstring(native_model({"00104000": {"vr": "LT", "Value": [text]}}))
    assert (attribute[0].text or "") == text
