"""What is refused, by which name; and no refusal shows a value."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import ROOT, ct, minimal, mr, part10
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    BasicVoiceAudioWaveformStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RawDataStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    VideoEndoscopicImageStorage,
)

from anonymizer import (
    DeidentificationError,
    IdentifiedInstance,
    Profile,
    ProfileError,
    ProjectKey,
    deidentify,
)
from anonymizer.instance import INFLATED_LIMIT_BYTES

KEY = ProjectKey(b"a key for these tests only")
EXPLICIT = "1.2.840.10008.1.2.1"


def refusal(data: bytes, profile: Profile | None = None) -> DeidentificationError:
    with pytest.raises(DeidentificationError) as caught:
        deidentify(IdentifiedInstance.from_part10(data), profile or Profile.of(), KEY)
    assert caught.value.advice
    assert caught.value.__cause__ is None and caught.value.__suppress_context__ == bool(
        caught.value.__context__
    )
    assert "Qz" not in repr(caught.value).title()
    return caught.value


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        (EncapsulatedPDFStorage, "encapsulated_document"),
        (BasicTextSRStorage, "structured_report"),
        (KeyObjectSelectionDocumentStorage, "key_object_selection"),
        (GrayscaleSoftcopyPresentationStateStorage, "presentation_state"),
        (BasicVoiceAudioWaveformStorage, "audio"),
        ("1.2.840.10008.5.1.4.1.1.9.100.1", "waveform"),
        (RawDataStorage, "raw_data"),
        (VideoEndoscopicImageStorage, "video"),
        ("1.2.840.10008.1.3.10", "media_directory"),
        ("1.3.12.2.1107.5.9.1", "private_sop_class"),
        ("1.2.840.10008.5.1.4.1.1.4711", "sop_class"),
    ],
)
def test_a_kind_of_object_that_cannot_be_treated_is_refused_by_name(sop_class: str, reason: str) -> None:
    assert refusal(part10(minimal(sop_class))).reason == reason


@pytest.mark.parametrize("sop_class", [UltrasoundImageStorage, SecondaryCaptureImageStorage])
def test_images_with_text_in_their_pixels_pass_only_if_they_declare_to_have_none(sop_class: str) -> None:
    assert refusal(part10(minimal(sop_class))).reason == "burned_in_undeclared"
    declared = minimal(sop_class, BurnedInAnnotation="NO")
    deidentify(IdentifiedInstance.from_part10(part10(declared)), Profile.of(), KEY)


def test_burned_in_annotation_is_refused_in_any_image() -> None:
    error = refusal(part10(minimal(BurnedInAnnotation="YES")))
    assert (error.reason, error.tag) == ("burned_in_annotation", "(0028,0301)")
    assert refusal(part10(minimal(ImageType=["DERIVED", "SCREEN SAVE"]))).reason == "burned_in_undeclared"


def test_an_overlay_hidden_in_the_pixels_is_refused() -> None:
    dataset = minimal()
    dataset.add_new(0x60020100, "US", 16)
    assert refusal(part10(dataset)).reason == "overlay_in_pixels"


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_an_object_of_nobody_is_refused(keyword: str) -> None:
    empty, absent = minimal(**{keyword: ""}), minimal()
    delattr(absent, keyword)
    assert refusal(part10(empty)).reason == refusal(part10(absent)).reason == "missing_identifier"


@pytest.mark.parametrize("uid", ["no uid", "1.2.840.10008.5.1.4711", "../../etc"])
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_uid_of_a_study_is_refused(uid: str) -> None:
    assert refusal(part10(minimal(StudyInstanceUID=uid))).reason == "invalid_uid"


def test_a_data_set_that_contradicts_its_message_is_refused() -> None:
    data = part10(minimal())
    start = data.index(b"\x08\x00\x16\x00UI")
    instance = IdentifiedInstance.from_dataset_bytes(data[start:], CTImageStorage, f"{ROOT}.4.9", EXPLICIT)
    with pytest.raises(DeidentificationError) as caught:
        deidentify(instance, Profile.of(), KEY)
    assert caught.value.reason == "uid_mismatch"


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [
        ("1.2.840.10008.1.2.4.100", "video"),
        ("1.2.840.10008.1.2.4.107", "video"),
        ("1.2.840.10008.1.2.4.94", "transfer_syntax"),
        ("1.2.3", "transfer_syntax"),
    ],
)
def test_transfer_syntaxes_that_hide_the_frames_are_refused(syntax: str, reason: str) -> None:
    with pytest.raises(DeidentificationError) as caught:
        IdentifiedInstance.from_dataset_bytes(b"", CTImageStorage, "1.2.3", syntax)
    assert caught.value.reason == reason


def test_a_deflated_bomb_is_refused_without_being_blown_up() -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    block = bytes(16 * 1024 * 1024)
    bomb = (
        b"".join(packer.compress(block) for _ in range(INFLATED_LIMIT_BYTES // len(block) + 1))
        + packer.flush()
    )
    with pytest.raises(DeidentificationError) as caught:
        IdentifiedInstance.from_dataset_bytes(bomb, CTImageStorage, "1.2.3", "1.2.840.10008.1.2.1.99")
    assert caught.value.reason == "inflated_too_large"


def test_sequences_nested_without_end_are_refused() -> None:
    inner = Dataset()
    inner.CodeMeaning = "Qzdeep"
    for _ in range(40):
        outer = Dataset()
        outer.DerivationImageSequence = Sequence([inner])
        inner = outer
    dataset = minimal(DerivationImageSequence=inner.DerivationImageSequence)
    assert refusal(part10(dataset)).reason == "nested_too_deep"


def test_an_unknown_character_set_is_refused_because_names_could_not_be_found_in_it() -> None:
    data = part10(minimal(SpecificCharacterSet="ISO_IR 100")).replace(b"ISO_IR 100", b"QZ_IR 4711")
    assert refusal(data).reason == "character_set"


def test_a_name_in_an_attribute_that_is_kept_stops_the_object() -> None:
    error = refusal(part10(minimal(PatientName="Qzdoe^Jane", ScanOptions="QZDOE")))
    assert (error.reason, error.tag) == ("residual_identity", "(0018,0022)")


def test_a_short_name_in_a_script_without_spaces_stops_the_object_too() -> None:
    dataset = minimal(SpecificCharacterSet="ISO_IR 192", PatientName="Y=山田")
    dataset.add_new(0x00180022, "LO", "山田電機")  # Scan Options, which no other VR can write so
    assert refusal(part10(dataset)).reason == "residual_identity"


@pytest.mark.parametrize("spelling", ["ISO_IR 100", "ISO-IR 100", "ISO_IR_100", "ISO IR 100"])
def test_a_misspelt_character_set_is_understood(spelling: str) -> None:
    data = part10(minimal(SpecificCharacterSet="ISO_IR 100")).replace(b"ISO_IR 100", spelling.encode())
    deidentify(IdentifiedInstance.from_part10(data), Profile.of(), KEY)


@pytest.mark.parametrize(
    "attributes",
    [
        {"PatientName": "Brain^Head", "BodyPartExamined": "BRAIN"},
        {"PatientID": "120", "KVP": "120"},
        {"PatientID": "CT"},
        {"PatientName": "ANONYMIZED", "OperatorsName": "Removed", "InstitutionName": "X"},
        {"AccessionNumber": "1", "SeriesNumber": "1"},
    ],
)
def test_ordinary_values_are_no_leak(attributes: dict[str, str]) -> None:
    deidentify(IdentifiedInstance.from_part10(part10(minimal(**attributes))), Profile.of(), KEY)


def test_an_identified_instance_shows_nothing() -> None:
    instance = IdentifiedInstance.from_part10(part10(ct().dataset))
    assert repr(instance) == str(instance) == "IdentifiedInstance(<not shown>)"


@pytest.mark.parametrize(
    ("settings_", "reason"),
    [
        ({"keep": ["PatientName"]}, "never_kept"),
        ({"keep": ["AccessionNumber"]}, "never_kept"),
        ({"keep": ["NoSuchThing"]}, "unknown_keyword"),
        ({"remove": ["SOPInstanceUID"]}, "never_removed"),
        ({"remove": ["PixelData"]}, "never_removed"),
        ({"remove": ["Modality"]}, "never_removed"),
        ({"cleaned": ["PatientName"]}, "not_cleanable"),
        ({"cleaned": ["StudyDescription"], "remove": ["StudyDescription"]}, "contradiction"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(settings_: dict[str, list[str]], reason: str) -> None:
    with pytest.raises(ProfileError) as caught:
        Profile.of(**settings_)  # type: ignore[arg-type]
    assert caught.value.reason == reason


WHOLE = part10(mr().dataset)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=8), st.booleans())
def test_a_damaged_file_ends_in_a_refusal_or_clean_bytes_and_in_nothing_else(
    at: int, junk: bytes, cut: bool
) -> None:
    data = WHOLE[:at] + junk + (b"" if cut else WHOLE[at + len(junk) :])
    try:
        research, _ = deidentify(IdentifiedInstance.from_part10(data), Profile.of(), KEY)
    except DeidentificationError:
        return
    research.to_part10()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_short_inside_an_element_is_refused(end: int) -> None:
    boundaries = {element.tag.group.to_bytes(2, "little") for element in mr().dataset}
    try:
        deidentify(IdentifiedInstance.from_part10(WHOLE[:end]), Profile.of(), KEY)
    except DeidentificationError:
        return
    assert WHOLE[end : end + 2] in boundaries, "only a cut between two elements can pass for a smaller object"


def test_zeros_that_fill_the_last_block_of_a_file_are_dropped() -> None:
    whole = deidentify(IdentifiedInstance.from_part10(WHOLE), Profile.of(), KEY)[0].to_part10()
    filled = IdentifiedInstance.from_part10(WHOLE + bytes(512))
    assert deidentify(filled, Profile.of(), KEY)[0].to_part10() == whole
