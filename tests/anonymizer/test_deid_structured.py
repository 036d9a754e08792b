"""Reports, key objects, presentation states, waveforms: every row of Table E.3.4-1, names gone, numbers kept, valid."""

from __future__ import annotations

import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from planted import ROOT, minimal, part10
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import (
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MRImageStorage,
)

from anonymizer import DeidentificationError, IdentifiedInstance, Option, Profile, ProjectKey, deidentify
from anonymizer.table import ContentRow, content_rows

KEY = ProjectKey(b"a key for these tests only")
OLD_UID = f"{ROOT}.9.987654321"
WORD = "Qzplanted"
SHIFTED = "19570305"
CONTENT = Option.CLEAN_STRUCTURED_CONTENT


def out(dataset: Dataset, *options: Option, modified_dates: bool = False) -> Dataset:
    profile = Profile.of(options=[CONTENT, Option.CLEAN_GRAPHICS, *options], modified_dates=modified_dates)
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(dataset)), profile, KEY)
    data = research.to_part10()
    assert b"Qzdoe" not in data and b"Qzreader" not in data
    return dcmread(BytesIO(data))


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning[:64]
    return item


def reference() -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = MRImageStorage, OLD_UID
    return item


def content_item(kind: str, name: Dataset | None = None, value: object = None) -> Dataset:
    """A content item with a value of its type."""
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    item.ConceptNameCodeSequence = [name or code("99", "99QZ", "A concept")]
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = "47.5", [code("mm", "UCUM", "mm")]
    keyword, example = {
        "TEXT": ("TextValue", f"Liver {WORD}"),
        "PNAME": ("PersonName", "Qzreader^Anna"),
        "DATE": ("Date", "19570312"),
        "DATETIME": ("DateTime", "19570312101112"),
        "TIME": ("Time", "101112"),
        "UIDREF": ("UID", OLD_UID),
        "CODE": ("ConceptCodeSequence", [code("1", "SCT", "A code")]),
        "NUM": ("MeasuredValueSequence", [measured]),
        "CONTAINER": ("ContinuityOfContent", "SEPARATE"),
    }.get(kind, ("ReferencedSOPSequence", [reference()]))
    setattr(item, keyword, example if value is None else value)
    return item


def report(*items: Dataset, sop_class: str = EnhancedSRStorage) -> Dataset:
    dataset = minimal(sop_class, Modality="SR")
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    dataset.ContentSequence = list(items)
    return dataset


def of_row(row: ContentRow) -> Dataset:
    return content_item(row.value_type, code(row.code, row.scheme, row.meaning))


def value_of(item: Dataset) -> str:
    """What an item says, as one word."""
    kind = item.ValueType
    if kind in ("COMPOSITE", "IMAGE", "WAVEFORM"):
        return str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
    if kind == "NUM":
        return str(item.MeasuredValueSequence[0].NumericValue)
    keywords = {"PNAME": "PersonName", "UIDREF": "UID", "DATETIME": "DateTime", "TEXT": "TextValue"}
    keywords |= {"CODE": "ConceptCodeSequence", "CONTAINER": "ContinuityOfContent"}
    value = item[keywords.get(kind, kind.title())].value
    return "kept" if kind in ("CODE", "CONTAINER") else str(value)


def expected(row: ContentRow, option: Option | None) -> str | None:
    """What the table wants an item to say under one option; None where it wants the item to go."""
    code_ = row.options.get(option.column, "") if option else ""
    dates = {"DATE": "19570312", "DATETIME": "19570312101112", "TIME": "101112"}
    shifted = {"DATE": SHIFTED, "DATETIME": f"{SHIFTED}101112", "TIME": "101112"}
    kept = dates | {"TEXT": f"Liver {WORD}", "NUM": "47.5", "CODE": "kept", "CONTAINER": "kept"}
    if code_ == "K":
        return kept.get(row.value_type, OLD_UID)
    if code_ == "C":
        return (shifted | {"TEXT": f"Liver {WORD}"})[row.value_type]
    if "D" not in row.basic:
        return None
    dummies = {"TEXT": "ANONYMIZED", "PNAME": "ANONYMIZED", "DATE": "19000101", "TIME": "000000"}
    return (dummies | {"DATETIME": "19000101000000"}).get(row.value_type, KEY.uid(OLD_UID))


@pytest.fixture(autouse=True)
def one_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProjectKey, "shift_days", lambda *_, **__: -7)


@pytest.mark.parametrize("option", [None, *(o for o in Option if o is not Option.RETAIN_SAFE_PRIVATE)])
def test_every_concept_of_the_table_is_treated_as_its_row_says(option: Option | None) -> None:
    rows = content_rows()
    assert len(rows) == 214
    result = out(report(*map(of_row, rows)), *([option] if option else []))
    found = {}
    for item in result.ContentSequence:
        name = item.ConceptNameCodeSequence[0]
        found[(name.CodingSchemeDesignator, name.CodeValue, item.ValueType)] = value_of(item)
    wanted = {(row.scheme, row.code, row.value_type): expected(row, option) for row in rows}
    # Where Retain UIDs keeps what the references point to, a reference that stays is one to the same object.
    if option is Option.RETAIN_UIDS:
        wanted = {k: v for k, v in wanted.items() if k[2] not in ("COMPOSITE", "IMAGE", "WAVEFORM")}
        found = {k: v for k, v in found.items() if k in wanted}
    assert found == {key: value for key, value in wanted.items() if value is not None}


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("TEXT", [], "ANONYMIZED"),
        ("TEXT", [Option.CLEAN_DESCRIPTORS], f"Liver {WORD}"),
        ("PNAME", list(Option)[:3], None),
        ("DATE", [], None),
        ("DATE", [Option.RETAIN_MODIFIED_DATES], SHIFTED),
        ("DATE", [Option.RETAIN_FULL_DATES], "19570312"),
        ("NUM", [], "47.5"),
        ("CODE", [], "kept"),
        ("IMAGE", [], KEY.uid(OLD_UID)),
        ("IMAGE", [Option.RETAIN_UIDS], OLD_UID),
        ("UIDREF", [], KEY.uid(OLD_UID)),
        ("UIDREF", [Option.RETAIN_UIDS], OLD_UID),
        ("TABLE", [], None),
    ],
)
def test_a_concept_that_the_table_does_not_name_is_treated_by_its_value_type(
    kind: str, options: list[Option], said: str | None
) -> None:
    result = out(report(content_item("NUM"), content_item(kind)), *options)
    assert [value_of(item) for item in result.ContentSequence[1:]] == ([] if said is None else [said])


def test_text_is_cleaned_of_the_patient_and_becomes_a_dummy_where_nothing_is_left() -> None:
    texts = ["Liver of Qzdoe 12 mm", "Qzdoe"]
    items = [content_item("TEXT", value=text) for text in texts]
    result = out(report(*items), Option.CLEAN_DESCRIPTORS)
    assert [item.TextValue for item in result.ContentSequence] == ["Liver of 12 mm", "ANONYMIZED"]


def test_items_are_treated_at_any_depth_and_a_name_takes_what_is_below_it_along() -> None:
    inner = content_item("CONTAINER")
    person = content_item("PNAME")
    person.ContentSequence = [content_item("TEXT", value="reads on Mondays")]
    inner.ContentSequence = [content_item("NUM"), person]
    middle = content_item("CONTAINER")
    middle.ContentSequence = [inner]
    alone = content_item("CONTAINER")
    alone.ContentSequence = [content_item("PNAME")]
    result = out(report(middle, alone))
    left = result.ContentSequence[0].ContentSequence[0].ContentSequence
    assert [item.ValueType for item in left] == ["NUM"]
    assert "ContentSequence" not in result.ContentSequence[1]  # an empty one would be invalid


def test_no_item_goes_where_others_are_referred_to_by_their_position() -> None:
    by_position = Dataset()
    by_position.RelationshipType, by_position.ReferencedContentItemIdentifier = "SELECTED FROM", [1, 3]
    number = content_item("NUM")
    number.ContentSequence = [by_position]
    result = out(
        report(content_item("PNAME"), content_item("DATE"), number, sop_class=ComprehensiveSRStorage)
    )
    name, date, number = result.ContentSequence
    assert (name.PersonName, date.Date, value_of(number)) == ("ANONYMIZED", "19000101", "47.5")
    assert number.ContentSequence[0].ReferencedContentItemIdentifier == [1, 3]


def test_acquisition_context_is_treated_like_a_report_and_else_emptied() -> None:
    dataset = minimal(MRImageStorage)
    dataset.AcquisitionContextSequence = [content_item("NUM"), content_item("PNAME")]
    (left,) = out(dataset).AcquisitionContextSequence
    assert value_of(left) == "47.5"
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(dataset)), Profile.of(), KEY)
    assert research.header()["AcquisitionContextSequence"].is_empty


def key_object() -> Dataset:
    dataset = report(
        content_item("TEXT", code("113012", "DCM", "Key Object Description"), f"{WORD} of Qzdoe"),
        content_item("IMAGE"),
        sop_class=KeyObjectSelectionDocumentStorage,
    )
    dataset.Modality = "KO"
    return dataset


def test_key_images_are_still_found_under_their_research_uids() -> None:
    result = out(key_object(), Option.CLEAN_DESCRIPTORS)
    assert result.ContentSequence[0].TextValue == f"{WORD} of"
    assert value_of(result.ContentSequence[1]) == KEY.uid(OLD_UID)


def presentation_state() -> Dataset:
    text, graphic, annotation = Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue = f"{WORD} measured by Qzdoe"
    graphic.GraphicType, graphic.GraphicData, graphic.NumberOfGraphicPoints = "POINT", [1.5, 2.5], 1
    annotation.ReferencedImageSequence = [reference()]
    annotation.GraphicLayer, annotation.TextObjectSequence = "LAYER", [text]
    annotation.GraphicObjectSequence = [graphic]
    dataset = minimal(GrayscaleSoftcopyPresentationStateStorage, Modality="PR")
    dataset.GraphicAnnotationSequence = [annotation]
    dataset.ContentCreatorName, dataset.PresentationCreationDate = "Qzreader", "19570312"
    dataset.add_new(0x60003000, "OW", b"Qzreader")
    return dataset


@pytest.mark.parametrize(
    ("options", "text"), [([], "ANONYMIZED"), ([Option.CLEAN_DESCRIPTORS], f"{WORD} measured by")]
)
def test_a_presentation_state_keeps_its_graphics_and_loses_its_words(
    options: list[Option], text: str
) -> None:
    result = out(presentation_state(), *options)
    (annotation,) = result.GraphicAnnotationSequence
    assert annotation.TextObjectSequence[0].UnformattedTextValue == text
    assert annotation.GraphicObjectSequence[0].GraphicData == [1.5, 2.5]
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == KEY.uid(OLD_UID)
    assert result.ContentCreatorName == "" and 0x60003000 not in result
    assert result.PresentationCreationDate == "19000101"  # the table removes it, the IOD requires it


@pytest.mark.parametrize(
    ("dataset", "option"),
    [
        (report(), Option.CLEAN_STRUCTURED_CONTENT),
        (key_object(), Option.CLEAN_STRUCTURED_CONTENT),
        (presentation_state(), Option.CLEAN_GRAPHICS),
    ],
    ids=["report", "key object", "presentation state"],
)
def test_without_its_option_an_object_is_refused_and_told_which_it_needs(
    dataset: Dataset, option: Option
) -> None:
    others = [o for o in Option if o not in (option, Option.RETAIN_MODIFIED_DATES)]
    with pytest.raises(DeidentificationError) as caught:
        deidentify(IdentifiedInstance.from_part10(part10(dataset)), Profile.of(options=others), KEY)
    assert option.value in caught.value.advice


def complaints(data: bytes, folder: Path) -> set[str]:
    """What dciodvfy calls an error, without the values and UIDs it quotes."""
    path = folder / "object.dcm"
    path.write_bytes(data)
    run = subprocess.run(["/usr/bin/dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (line.split("=")[0] for line in run.stderr.splitlines() if line.startswith("Error"))
    return {re.sub(r"UID [\d.]+", "UID", line) for line in lines}


def example(name: str) -> Dataset:
    """A report or waveform that pydicom carries, of somebody."""
    dataset = dcmread(get_testdata_file(name))
    dataset.PatientID = dataset.get("PatientID") or "QZ4711"
    for element in dataset.iterall():
        if element.VR == "PN" and element.value:
            element.value = "Qzreader"  # "First Name" and "Enter text" are words of every report
    return dataset


@pytest.mark.dciodvfy
@pytest.mark.parametrize("modified_dates", [True, False])
@pytest.mark.parametrize(
    "options", [[], [o for o in Option if "modified" not in o and "full" not in o]], ids=["few", "all"]
)
@pytest.mark.parametrize("name", ["test-SR.dcm", "reportsi.dcm", "waveform_ecg.dcm", "made PR", "made KO"])
def test_what_was_valid_stays_valid(
    name: str, options: list[Option], modified_dates: bool, tmp_path: Path
) -> None:
    if shutil.which("dciodvfy", path="/usr/bin") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    made = {"made PR": presentation_state, "made KO": key_object}
    dataset = made[name]() if name in made else example(name)
    before = part10(
        dataset, getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", "1.2.840.10008.1.2.1")
    )
    needed = [] if "waveform" in name else [CONTENT, Option.CLEAN_GRAPHICS]
    profile = Profile.of(options=[*needed, *options], modified_dates=modified_dates)
    after = deidentify(IdentifiedInstance.from_part10(before), profile, KEY)[0].to_part10()
    assert complaints(after, tmp_path) - complaints(before, tmp_path) == set()


def test_a_waveform_comes_out_with_its_samples() -> None:
    dataset = example("waveform_ecg.dcm")
    research, _ = deidentify(IdentifiedInstance.from_part10(part10(dataset)), Profile.of(), KEY)
    result = dcmread(BytesIO(research.to_part10()))
    assert [g.WaveformData for g in result.WaveformSequence] == [
        g.WaveformData for g in dataset.WaveformSequence
    ]
    assert "WaveformAnnotationSequence" not in result
