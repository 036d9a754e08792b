"""De-identification that remembers does, bit for bit, what one without memory does."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest
from alike import assert_alike
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import ct, minimal, mr, part10, rtstruct
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    IdentifiedInstance,
    Option,
    Profile,
    ProjectKey,
    Subject,
)
from anonymizer.clean import Cleaner
from anonymizer.engine import Engine, Person
from anonymizer.identity import Identity
from anonymizer.plan import compile_plan
from anonymizer.vocabulary import listed

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
KEY = ProjectKey(b"a key for these tests only")
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
WORDS = st.sampled_from(
    ["Nordmann", "Ola", "AX T2", "1.2.826.0.1.77.5.1234", "19640229", "12345", "Bjørn", "", "BRAIN"]
)
TEXTS = listed(
    """
    SeriesDescription ImageComments StationName InstitutionName ConvolutionKernel ProtocolName ContrastBolusAgent
    PatientAddress IssuerOfPatientID BodyPartExamined Allergies CodeMeaning
    """
)
NUMBERS = ["KVP", "SliceLocation", "InstanceNumber", "PatientWeight", "TableHeight"]
UIDS = ["FrameOfReferenceUID", "DeviceUID", "ReferencedSOPInstanceUID", "IrradiationEventUID"]
SEQUENCES = [
    "ReferencedSeriesSequence",
    "ReferencedImageSequence",
    "SourceImageSequence",
    "IconImageSequence",
]


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """Few attributes of few values, so that objects share some and differ in others."""
    made = Dataset()
    for word in draw(st.lists(st.sampled_from(sorted(TEXTS)), max_size=5, unique=True)):
        setattr(made, word, draw(WORDS))
    for word in draw(st.lists(st.sampled_from(NUMBERS), max_size=3, unique=True)):
        setattr(made, word, draw(st.sampled_from(["1", "12345", "0.5"])) if word != "InstanceNumber" else "7")
    for word in draw(st.lists(st.sampled_from(UIDS), max_size=2, unique=True)):
        setattr(made, word, f"1.2.826.0.1.77.5.{draw(st.sampled_from(['1234', '99', '7']))}")
    if draw(st.booleans()):
        vr, value = draw(st.sampled_from([("UN", b"Ola "), ("LO", "Ola"), ("OB", b"x\0")]))
        made.add_new(0x00191001, vr, value)
    if depth < 3 and draw(st.booleans()):
        items = draw(st.lists(data_sets(depth + 1), max_size=2))
        setattr(made, draw(st.sampled_from(SEQUENCES)), items)
        if depth and draw(st.booleans()):
            made.SpecificCharacterSet = "ISO_IR 100"
    return made


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Objects of few patients, studies and kinds."""
    whole = minimal(SpecificCharacterSet=draw(st.sampled_from(["ISO_IR 100", "ISO_IR 192"])))
    whole.update(draw(data_sets()))
    whole.PatientID = draw(st.sampled_from(["QZID4711", "12345"]))
    whole.PatientName = draw(st.sampled_from(["Nordmann^Ola", "Qzdoe^Qzjohn"]))
    whole.SOPInstanceUID = f"1.2.826.0.1.77.5.{draw(st.sampled_from(['1', '2', '1234']))}"
    whole.BurnedInAnnotation = draw(st.sampled_from(["NO", "NO", "NO", "YES"]))
    if draw(st.booleans()):
        whole.Rows = whole.Columns = 4
        whole.BitsAllocated, whole.SamplesPerPixel, whole.PixelRepresentation = 8, 1, 0
        whole.BitsStored, whole.HighBit, whole.PhotometricInterpretation = 8, 7, "MONOCHROME2"
        whole.add_new(0x7FE00010, "OB", bytes(16))
        if draw(st.booleans()):
            whole.add_new(0xFFFCFFFC, "OB", b"Ola!")
    for sequence in (e for e in whole.iterall() if e.VR == "SQ"):
        sequence.is_undefined_length = draw(st.booleans())
    return part10(whole, draw(st.sampled_from(SYNTAXES)))


OPTIONS = st.sets(
    st.sampled_from([option for option in Option if "dates" not in option and "pixel" not in option])
)


@settings(max_examples=150, deadline=None)
@given(data=st.lists(files(), min_size=2, max_size=5), options=OPTIONS)
def test_objects_are_treated_alike_whatever_came_before(data: list[bytes], options: set[Option]) -> None:
    assert_alike([*data, *reversed(data)], Profile.of(options=options), KEY)


def test_every_kind_of_planted_object_is_treated_alike() -> None:
    whole = [ct().dataset, mr().dataset, rtstruct().dataset]
    data = [part10(dataset, syntax) for syntax in SYNTAXES for dataset in whole]
    assert_alike(data * 2, Profile.of(), KEY)
    assert_alike(data * 2, Profile.of(), KEY, Subject("P-1", event="baseline", shift_days=-3))


def test_two_patients_who_share_a_word_do_not_share_what_becomes_of_it() -> None:
    ola = minimal(PatientName="Nordmann^Ola", SeriesDescription="T2 Kari")
    kari = minimal(PatientName="Nordmann^Kari", SeriesDescription="T2 Kari")
    assert_alike([part10(ola), part10(kari), part10(ola)], Profile.of(), KEY)


def test_a_name_that_appears_late_in_a_series_is_found_in_what_was_kept_before() -> None:
    first = minimal(ScanOptions="QZSOFT")
    second = minimal(ScanOptions="QZSOFT", OperatorsName="Qzsoft^Anna")
    data = [part10(first), part10(second)]
    assert_alike(data, Profile.of(), KEY)
    remembering = Deidentifier(Profile.of(), KEY)
    remembering.deidentify(IdentifiedInstance.from_part10(data[0], remembering.memory))
    with pytest.raises(DeidentificationError) as refusal:
        remembering.deidentify(IdentifiedInstance.from_part10(data[1], remembering.memory))
    assert refusal.value.reason == "residual_identity"


def test_most_of_a_series_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    thorough: list[object] = []
    monkeypatch.setattr("anonymizer.deidentifier.deidentify", lambda *all_, **_: thorough.append(all_))
    remembering = Deidentifier(Profile.of(), KEY)
    for number in range(1, 5):
        slice_ = ct().dataset
        slice_.InstanceNumber = number
        remembering.deidentify(IdentifiedInstance.from_part10(part10(slice_), remembering.memory))
    assert not thorough


def test_without_verification_what_is_left_is_not_looked_for() -> None:
    whole = minimal(ScanOptions="QZDOE")
    instance = IdentifiedInstance.from_part10(part10(whole))
    with pytest.raises(DeidentificationError):
        Deidentifier(Profile.of(), KEY).deidentify(instance)
    research, _ = Deidentifier(Profile.of(), KEY, verify=False).deidentify(instance)
    assert research.header().ScanOptions == "QZDOE"


def test_a_memory_shows_and_leaves_nothing() -> None:
    memory = Deidentifier(Profile.of(), KEY).memory
    IdentifiedInstance.from_part10(part10(ct().dataset), memory)
    assert repr(memory) == "Memory(<not shown>)"
    with pytest.raises(TypeError):
        pickle.dumps(memory)


def test_a_series_without_end_takes_no_more_memory() -> None:
    person = Person("ROR-AAAAAAAAAA", "S", -7)
    engine = Engine(compile_plan(Profile.of(), CTImageStorage), KEY, person, Cleaner.of(Identity()))
    tracemalloc.start()
    try:
        for number in range(20_000):
            assert engine.uid(f"1.2.826.0.1.77.{number}") != ""
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * 1024 * 1024
