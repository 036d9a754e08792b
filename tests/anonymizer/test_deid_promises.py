"""Whatever identity an object has, and wherever it repeats it, it is not in the bytes that come out."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from planted import minimal, part10
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedSRStorage

from anonymizer import (
    IdentifiedInstance,
    Option,
    Profile,
    ProjectKey,
    ResearchInstance,
    ResidualIdentity,
    deidentify,
)
from anonymizer.clean import Cleaner
from anonymizer.identity import Identity
from anonymizer.vocabulary import IMAGING_TERMS, OWN_WORDS, TITLES

# Names longer than their VR are planted too, and pydicom says so when it writes them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
KEY = ProjectKey(b"a key for these tests only")
# Short text attributes of all sorts: in the table and not, cleaned, kept, of patients, of machines.
PLACES = """SeriesDescription StudyDescription ProtocolName SequenceName ImageComments PatientComments StationName
    InstitutionName Manufacturer ManufacturerModelName SoftwareVersions ConvolutionKernel AdditionalPatientHistory
    AdmittingDiagnosesDescription DerivationDescription RequestedProcedureDescription ReasonForStudy Occupation
    PerformedProcedureStepDescription ContrastBolusAgent DeviceSerialNumber """
NAMES = st.text("abcdefghijklmnopqrstuvwxyzåøæéü", min_size=3, max_size=12)
IDS = st.from_regex(r"[A-Z]{0,3}[0-9]{5,10}", fullmatch=True)
GLUE = st.sampled_from([" ", "_", "-", ", ", "/", "^", " T1 ", " 3.0 ", "(", "="])
CASES = st.sampled_from([str.upper, str.lower, str.title])


OPTIONS = st.sets(st.sampled_from([option for option in Option if "dates" not in option]))


def treated(dataset: Dataset, options: Iterable[Option] = ()) -> ResearchInstance:
    profile = Profile.of(options=options)
    return deidentify(IdentifiedInstance.from_part10(part10(dataset)), profile, KEY)[0]


def words_of(header: Dataset) -> set[str]:
    """Every word of every text that came out, the pseudonym aside."""
    texts = (str(e.value) for e in header.iterall() if e.VR != "SQ" and e.tag not in (0x00100010, 0x00100020))
    return set(re.findall(r"[^\W_]+", "\n".join(texts).lower()))


@st.composite
def sentences(draw: st.DrawFn, words: list[str]) -> str:
    """Words of an identity among words of a protocol, in any case, glued with anything."""
    text = draw(st.sampled_from(["", "AX T2", "Lung"]))
    for word in words:
        text += draw(GLUE) + draw(CASES)(word) + draw(GLUE)
    return text[:60]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), family=NAMES, given_name=NAMES, number=IDS, options=OPTIONS)
def test_an_identity_never_comes_out(
    data: st.DataObject, family: str, given_name: str, number: str, options: set[Option]
) -> None:
    ordinary = IMAGING_TERMS | OWN_WORDS | TITLES | words_of(treated(minimal()).header())
    assume(not {family, given_name} & ordinary)
    dataset = minimal(SpecificCharacterSet="ISO_IR 192", PatientID=number)
    dataset.PatientName = f"{family}^{given_name}"
    for place in data.draw(st.lists(st.sampled_from(sorted(set(PLACES.split()))), max_size=4, unique=True)):
        setattr(dataset, place, data.draw(sentences([family, number])))
    nested = Dataset()
    nested.SeriesDescription = data.draw(sentences([given_name, family]))
    dataset.ReferencedSeriesSequence = Sequence([nested])
    try:
        research = treated(dataset, options)
    except ResidualIdentity:
        return
    assert not words_of(research.header()) & {family, given_name, number.lower()}
    # Not as a part of a UID, whose digits are random.
    assert not re.search(rb"(?<![0-9.])" + number.encode() + rb"(?![0-9.])", research.to_part10())


@settings(max_examples=150, deadline=None)
@given(data=st.data(), family=NAMES, number=IDS, options=OPTIONS)
def test_an_identity_never_comes_out_of_a_report(
    data: st.DataObject, family: str, number: str, options: set[Option]
) -> None:
    ordinary = IMAGING_TERMS | OWN_WORDS | TITLES | words_of(treated(minimal()).header())
    assume(
        family not in ordinary
        and family not in ("text", "pname", "code", "num", "dcm", "container", "contains")
    )
    report = minimal(
        EnhancedSRStorage, Modality="SR", ValueType="CONTAINER", SpecificCharacterSet="ISO_IR 192"
    )
    report.PatientID, report.PatientName = number, family
    items: list[Dataset] = []
    for kind, keyword in data.draw(
        st.lists(st.sampled_from([("TEXT", "TextValue"), ("PNAME", "PersonName")]), max_size=4)
    ):
        item, name = Dataset(), Dataset()
        name.CodeValue, name.CodingSchemeDesignator = (
            data.draw(st.sampled_from(["121071", "121106", "9"])),
            "DCM",
        )
        item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = "CONTAINS", kind, [name]
        setattr(item, keyword, data.draw(sentences([family, number])))
        item.ContentSequence = items[-1:]
        items.append(item)
    report.ContentSequence = items
    try:
        research = treated(report, options | {Option.CLEAN_STRUCTURED_CONTENT})
    except ResidualIdentity:
        return
    assert not words_of(research.header()) & {family, number.lower()}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.text("bdfgjkqvwxyz", min_size=4, max_size=10), number=IDS)
def test_cleaning_drops_the_identity_and_keeps_the_protocol(
    data: st.DataObject, name: str, number: str
) -> None:
    cleaner = Cleaner.of(Identity(patient={name}, numbers={number.lower()}))
    cleaned = cleaner.clean("AX T2 TSE 3.0 " + data.draw(sentences([name, number])) + " B30f")
    assert name not in cleaned.lower() and number not in cleaned
    assert cleaned.startswith("AX T2 TSE 3.0") and cleaned.endswith("B30f")


@given(st.text(max_size=64))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    cleaner = Cleaner.of(Identity(patient={"doe"}))
    once = cleaner.clean(text)
    assert cleaner.clean(once) == once
