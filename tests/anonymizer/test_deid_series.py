"""What a series is treated by: objects that differ little, after which the next is thought about no more than it must.

A `Deidentifier` puts neighbours together that stay, takes them apart where one changes, and forgets; whatever it has in
memory, each object comes out as if it were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TypeAlias

import pytest
from alike import assert_alike
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import ct, minimal, part10
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from anonymizer import Deidentifier, IdentifiedInstance, Option, Profile, ProjectKey, ResidualIdentity
from anonymizer.memory import Memory
from anonymizer.pieces import Run

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
KEY = ProjectKey(b"a key for these tests only")
Edit: TypeAlias = tuple[str, object]
# What differs in a series, and what does not as a rule; None where the attribute is not there.
VALUES: dict[str, list[object]] = {
    "InstanceNumber": ["1", "2", "123456"],
    "SliceLocation": ["-12.50", "12345", "987654", "1e3", None],
    "ImagePositionPatient": [["-1.0", "2", "3"], ["-1.0", "2", "987654"]],
    "AcquisitionTime": ["101500.000000", "101500", "1015", "not a time", "", None],
    "ContentTime": ["101501", "10:15", None],
    "ContentDate": ["20150612", "20150613", "2015", "1915-06-12", "", None],
    "AcquisitionDateTime": ["20150612101500.000000+0100", "2015", None],
    "ContrastBolusAgent": ["IOHEXOL", "Nordmann", "1.2.826.0.1.77.5.1234", None],
    "SeriesDescription": ["AX T2", "Ola", "Kari 2.25.77", None],
    "ConvolutionKernel": ["STANDARD", "QVALE", None],
    "ScanOptions": ["HELICAL", "QVALE", "NORDMANN", "1.2.826.0.1.77.5.2", "1.2.826.0.1.77.5.1234", None],
    "OperatorsName": ["Qvale^Anna", "Nordmann^Kari", None],
    "PatientName": ["Nordmann^Ola", "Qzdoe^Qzjohn", "Bjørn"],
    "PatientID": ["QZID4711", "12345", "987654"],
    "InstitutionName": ["STANDARD", "Nord", None],
    "SpecificCharacterSet": ["ISO_IR 100", "ISO_IR 192", "ISO_IR 6", None],
    "BurnedInAnnotation": ["NO", "YES", None],
    "ClinicalTrialSubjectID": ["987654", None],
    "DeidentificationMethod": ["none that we know", None],
    "Rows": [4, 512, None],
    "TableSpeed": [56.25, 987654.0, None],
    "SOPInstanceUID": [f"1.2.826.0.1.77.5.{number}" for number in (1, 2, 1234)],
    "SeriesInstanceUID": ["1.2.826.0.1.77.5.8", "1.2.826.0.1.77.5.1234"],
    "StudyInstanceUID": ["1.2.826.0.1.77.5.9", "1.2.826.0.1.77.5.10"],
    "SOPClassUID": ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"],
    "FrameOfReferenceUID": [
        "1.2.826.0.1.77.5.1234",
        "2.25.77",
        "1.2.840.10008.1.4.1.1",
        "1.2.840.10008.987654",
        None,
    ],
    "IrradiationEventUID": [["2.25.77", "1.2.826.0.1.77.5.1"], "QZID4711", "12345.987654.3", "", None],
    "ReferencedSOPInstanceUID": ["2.25.99", "1.2.826.0.1.77.5.2", None],
    "ReferencedFrameNumber": ["1", "2", None],
    "CodeMeaning": ["Brain", "Nordmann", "Dr. Qvale", None],
    "FrameAcquisitionDateTime": ["20150612101500", "20150612101501", None],
    "WindowCenter": ["40", "500", "987654", None],
    "DimensionIndexValues": [[1, 2], [1, 3], None],
    "PatientComments": ["Ola", None],
}
AT_THE_TOP = [
    word
    for word in VALUES
    if not word.startswith(("Referenced", "CodeM", "Frame", "Window", "Dimension"))
    or word == "FrameOfReferenceUID"
]
IN_ITEMS = [
    "ReferencedSOPInstanceUID",
    "ReferencedFrameNumber",
    "CodeMeaning",
    "FrameAcquisitionDateTime",
    "WindowCenter",
    "DimensionIndexValues",
    "PatientComments",
    "OperatorsName",
    "SpecificCharacterSet",
]
RETOLD = ["SliceLocation", "AcquisitionTime", "FrameOfReferenceUID", "ConvolutionKernel", "OperatorsName"]
OTHERWISE = [
    ("SH", "Qzjohn"),
    ("SH", "12345"),
    ("LO", "1015"),
    ("DS", "12345"),
    ("TM", "1015"),
    ("UI", "2.25.77"),
    ("PN", "Qzjohn"),
]
SEQUENCES = [
    "ReferencedImageSequence",
    "PerFrameFunctionalGroupsSequence",
    "FrameContentSequence",
    "AnatomicRegionSequence",
    "ReferencedStudySequence",
    "ContributingEquipmentSequence",
]


def edits_of(words: Sequence[str], most: int) -> st.SearchStrategy[list[Edit]]:
    one = st.sampled_from(words).flatmap(lambda word: st.tuples(st.just(word), st.sampled_from(VALUES[word])))
    return st.lists(one, max_size=most)


def edited(made: Dataset, edits: Sequence[Edit]) -> Dataset:
    for word, value in edits:
        if word in made:
            delattr(made, word)  # whatever VR it had
        if value is not None:
            setattr(made, word, value)
    return made


@st.composite
def items(draw: st.DrawFn, depth: int = 0) -> Dataset:
    made = edited(Dataset(), draw(edits_of(IN_ITEMS, 4)))
    if depth < 2 and draw(st.booleans()):
        setattr(made, draw(st.sampled_from(SEQUENCES)), draw(st.lists(items(depth + 1), max_size=3)))
    return made


@st.composite
def series(draw: st.DrawFn) -> list[bytes]:
    """Objects of which each is one that came before, with a few attributes changed, added or gone."""
    first = minimal(SpecificCharacterSet="ISO_IR 100", Rows=4, TableSpeed=56.25, SliceLocation="-12.50")
    edited(first, draw(edits_of(AT_THE_TOP, 12)))
    if draw(st.booleans()):
        block = first.private_block(0x0019, "MAKER", create=True)
        block.add_new(1, "LO", "Ola")
    made = [first]
    for _ in range(draw(st.integers(3, 11))):
        back = draw(st.sampled_from([1, 1, 1, 1, 2, 3]))
        whole = edited(deepcopy(made[-min(back, len(made))]), draw(edits_of(AT_THE_TOP, 3)))
        if draw(st.integers(0, 4)) == 0:
            setattr(whole, draw(st.sampled_from(SEQUENCES)), draw(st.lists(items(), max_size=3)))
        if draw(st.integers(0, 4)) == 0:  # under a VR that is not the dictionary's
            whole.add_new(draw(st.sampled_from(RETOLD)), *draw(st.sampled_from(OTHERWISE)))
        made.append(whole)
    syntax = draw(st.sampled_from([ExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian]))
    return [draw(damaged(part10(whole, syntax))) for whole in made]


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A file, now and then one that tells another SOP instance than its data set, is cut off, or has a wrong byte."""
    kind = draw(st.sampled_from(["", "", "", "", "", "", "", "told otherwise", "cut off", "wrong"]))
    if not kind:
        return data
    at = draw(st.integers(400, len(data) - 1))
    if kind == "cut off":
        return data[:at]
    if kind == "told otherwise":
        at = data.index(b"\x02\x00\x03\x00UI") + 8
    return data[:at] + draw(st.sampled_from([b"2", b"\0", b"\x08", b"\xff"])) + data[at + 1 :]


OPTIONS = st.sets(
    st.sampled_from([option for option in Option if "dates" not in option and "pixel" not in option]),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(objects=series(), options=OPTIONS, to_stay=st.integers(1, 4), dates=st.booleans())
def test_each_object_of_a_series_comes_out_as_if_it_were_alone(
    objects: list[bytes], options: set[Option], to_stay: int, dates: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anonymizer.piece_reader._OBJECTS_TO_STAY", to_stay)
        assert_alike(objects, Profile.of(options=options, modified_dates=dates), KEY)


@settings(max_examples=25, deadline=None)
@given(
    objects=series(),
    to_stay=st.integers(1, 3),
    read=st.sampled_from([0, 3000, 10_000]),
    done=st.sampled_from([0, 5000, 20_000]),
    long=st.sampled_from([0, 24, 60]),
)
def test_what_is_forgotten_on_the_way_makes_no_difference(
    objects: list[bytes], to_stay: int, read: int, done: int, long: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anonymizer.piece_reader._OBJECTS_TO_STAY", to_stay)
        patch.setattr("anonymizer.piece_reader._MEMORY_BYTES", read)
        patch.setattr("anonymizer.finishing._MEMORY_BYTES", done)
        patch.setattr("anonymizer.piece_reader.REMEMBERED_BYTES", long)
        patch.setattr("anonymizer.pieces.REMEMBERED_BYTES", long)
        assert_alike(objects, Profile.of(), KEY)


def test_an_item_that_is_referred_to_by_its_place_stays_in_its_place() -> None:
    report = minimal("1.2.840.10008.5.1.4.1.1.88.33", ValueType="CONTAINER", ContinuityOfContent="SEPARATE")
    name, referring = Dataset(), Dataset()
    name.RelationshipType, name.ValueType, name.PersonName = "CONTAINS", "PNAME", "Qzdoe^Qzjohn"
    report.ContentSequence = [name]
    referring.ReferencedContentItemIdentifier = [1, 1]
    referring.WindowCenter = "40"
    without, within = deepcopy(report), deepcopy(report)
    within.FrameVOILUTSequence = [referring]
    objects = [part10(whole) for whole in (without, within, without)]
    assert_alike(objects, Profile.of(options=[Option.CLEAN_STRUCTURED_CONTENT]), KEY)


def test_a_value_that_comes_under_another_vr_is_another_value() -> None:
    objects = []
    for vr, value in (("DS", "1"), ("SH", "1 "), ("DS", "2"), ("SH", "Qzjohn")):
        whole = minimal()
        whole.add_new("SliceLocation", vr, value)
        objects.append(part10(whole))
    assert_alike(objects, Profile.of(), KEY)


def test_what_comes_in_place_of_a_number_or_a_time_and_is_none_does_not_stay() -> None:
    data = part10(minimal(KVP="120", AcquisitionTime="101500", FrameOfReferenceUID="2.25.77"))
    objects = [data]
    for before, after in ((b"120 ", b"Ola "), (b"101500", b"Qzjohn"), (b"2.25.77\0", b"Qzjohn\0\0")):
        assert data.count(before) == 1
        objects += [data.replace(before, after), data]
    even, odd = b"TM\x06\x00101500", b"TM\x03\x0010 "
    assert data.count(even) == 1
    assert_alike([*objects, data.replace(even, odd)], Profile.of(), KEY)


def test_elements_that_come_out_of_order_are_put_in_order() -> None:
    data = part10(minimal(KVP="120"))
    modality, kvp = b"\x08\x00\x60\x00CS\x02\x00CT", b"\x18\x00\x60\x00DS\x04\x00120 "
    turned = data.replace(kvp, b"").replace(modality, kvp + modality)
    assert len(turned) == len(data)
    assert_alike([data, turned, data, turned], Profile.of(), KEY)


def slices(number: int, **attributes: object) -> list[bytes]:
    """Of one series, each with a number, a place and a UID of its own."""
    made = []
    for index in range(number):
        whole = edited(ct().dataset, list(attributes.items()))
        whole.InstanceNumber, whole.SliceLocation = index + 1, f"{2.5 * index:.1f}"
        whole.SOPInstanceUID = f"1.2.826.0.1.77.5.{1000 + index}"
        made.append(part10(whole))
    return made


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_uid_of_a_slice_is_found_in_what_has_stayed_since_the_first(depth: int) -> None:
    naming = edited(Dataset(), [("ScanOptions", "1.2.826.0.1.77.5.1002")])
    for sequence in SEQUENCES[1 : depth + 1]:
        naming = edited(Dataset(), [(sequence, [naming])])
    objects = slices(4, **{element.keyword: element.value for element in naming})
    remembering, refused = Deidentifier(Profile.of(), KEY), []
    for number, data in enumerate(objects):
        try:
            remembering.deidentify(IdentifiedInstance.from_part10(data, remembering.memory))
        except ResidualIdentity:
            refused.append(number)
    assert refused == [2]


def test_two_series_that_arrive_by_turns_come_out_as_if_each_were_alone() -> None:
    one: list[bytes] = slices(20)
    other: list[bytes] = []
    for data in slices(20):
        whole = minimal(SeriesInstanceUID="1.2.826.0.1.77.5.8", SeriesDescription="second echo")
        whole.SOPInstanceUID = f"1.2.826.0.1.77.5.{2000 + len(other)}"
        whole.EchoTime = str(len(data))
        other.append(part10(whole))
    assert_alike([data for both in zip(one, other, strict=True) for data in both], Profile.of(), KEY)


def test_what_stays_in_a_series_is_compared_at_once() -> None:
    memory = Memory()
    counts = []
    for data in slices(40):
        parts = IdentifiedInstance.from_part10(data, memory).data_set.before
        counts.append((len(parts), sum(len(part.pieces) for part in parts)))
    assert counts[0][0] == 1
    assert {few for few, _ in counts[1:]} == {7}  # three elements that differ, and what is around them
    assert {all_ for _, all_ in counts} == {counts[0][1]}


def test_neighbours_that_stay_again_are_put_together_again() -> None:
    memory, before = Memory(), slices(1)[0]
    other = ct().dataset
    other.PatientName, other.StudyDate, other.ProtocolName = "Someone^Else", "20200101", "OTHER"
    for data in (before, part10(other)):
        taken_apart = IdentifiedInstance.from_part10(data, memory).data_set.before
    assert len(taken_apart) > 3
    for _ in range(40):
        parts = IdentifiedInstance.from_part10(part10(other), memory).data_set.before
    assert len(parts) == 1
    assert isinstance(parts[0], Run)
