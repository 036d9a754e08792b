"""Objects without an image of their own: reports, presentation states, structure sets, waveforms, documents."""

from __future__ import annotations

from typing import Final

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedCDAStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RawDataStorage,
    RTStructureSetStorage,
    TwelveLeadECGWaveformStorage,
    VideoEndoscopicImageStorage,
)

from benchmarks.phi.builder import Builder
from benchmarks.phi.common import Study, coded
from benchmarks.phi.implant import Category, Planted
from benchmarks.phi.spelling import names

__all__ = ["ecg", "encapsulated", "key_objects", "presentation", "report", "structures", "undrawn"]

_CONTENT: Final = "structured content"


def report(study: Study, syntax: str, name: str) -> Planted:
    """A report: names and addresses in TEXT and PNAME, a measurement, a date, UIDs, a local code."""
    b = study.builder(name, EnhancedSRStorage, "SR", "ISO_IR 192")
    b.dataset.ValueType, b.dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    b.dataset.ConceptNameCodeSequence = [coded("18748-4", "LN", "Diagnostic imaging report")]
    items = [_number(b), *_texts(b), _person(b), _day(b), _image(b, study)]
    group = _item("CONTAINER", "121070", "Findings")
    group.ContinuityOfContent, group.ContentSequence = "SEPARATE", Sequence(items[1:3])
    b.dataset.ContentSequence = Sequence([items[0], group, *items[3:]])
    return b.finish(syntax)


def _item(kind: str, code: str, meaning: str, relation: str = "CONTAINS") -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [coded(code, "DCM", meaning)]
    return item


def _number(b: Builder) -> Dataset:
    item, value = _item("NUM", "121206", "Distance"), Dataset()
    b.keep("NumericValue", "17.25", value)
    value.MeasurementUnitsCodeSequence = [coded("mm", "UCUM", "millimeter")]
    b.keep("CodeValue", "mm", value.MeasurementUnitsCodeSequence[0])
    item.MeasuredValueSequence = [value]
    return item


def _texts(b: Builder) -> list[Dataset]:
    p, r = b.person, b.draw.random
    said, words = names(p, r)
    finding, address = _item("TEXT", "121071", "Finding"), _item("TEXT", "121073", "Impression")
    concept = ("DCM", "121071", "TEXT")
    b.put(
        "TextValue",
        f"Lesion in {said}",
        Category.NAME,
        *words,
        inside=finding,
        place=_CONTENT,
        concept=concept,
    )
    told = f"Lives in {p.town}, {p.street}; call {p.phone} or {p.mail}"
    concept = ("DCM", "121073", "TEXT")
    for category, pattern in (
        (Category.ADDRESS, p.town),
        (Category.ADDRESS, p.street),
        (Category.PHONE, p.phone),
        (Category.MAIL, p.mail),
    ):
        b.put("TextValue", told, category, pattern, inside=address, place=_CONTENT, concept=concept)
    return [finding, address]


def _person(b: Builder) -> Dataset:
    item = _item("PNAME", "121008", "Person Observer Name", "HAS OBS CONTEXT")
    concept = ("DCM", "121008", "PNAME")
    b.put("PersonName", b.draw.name(), Category.STAFF, inside=item, place=_CONTENT, concept=concept)
    return item


def _day(b: Builder) -> Dataset:
    item = _item("DATETIME", "121135", "Observation DateTime")
    b.day("DateTime", item, time="033000")
    return item


def _image(b: Builder, study: Study) -> Dataset:
    item, reference = _item("IMAGE", "121112", "Source of Measurement"), Dataset()
    reference.ReferencedSOPClassUID = study.instances[0][0]
    b.put("ReferencedSOPInstanceUID", study.instances[0][1], Category.UID, inside=reference, place=_CONTENT)
    item.ReferencedSOPSequence = [reference]
    return item


def key_objects(study: Study, syntax: str, name: str) -> Planted:
    """A key object selection with its description."""
    b = study.builder(name, KeyObjectSelectionDocumentStorage, "KO", study.charset)
    b.dataset.ValueType = "CONTAINER"
    b.dataset.ConceptNameCodeSequence = [coded("113000", "DCM", "Of Interest")]
    text = _item("TEXT", "113012", "Key Object Description")
    said, words = names(b.person, b.draw.random)
    concept = ("DCM", "113012", "TEXT")
    b.put("TextValue", f"Show to {said}", Category.NAME, *words, inside=text, place=_CONTENT, concept=concept)
    b.dataset.ContentSequence = Sequence([text, _image(b, study)])
    return b.finish(syntax)


def presentation(study: Study, syntax: str, name: str) -> Planted:
    """A presentation state with text annotations."""
    b = study.builder(name, GrayscaleSoftcopyPresentationStateStorage, "PR", study.charset)
    b.put("ContentCreatorName", b.draw.name(), Category.STAFF)
    layer, text, shape = Dataset(), Dataset(), Dataset()
    b.text("UnformattedTextValue", text, place="text annotation")
    b.keep("AnchorPoint", [10.5, 20.25], text)
    b.keep("GraphicData", [1.5, 2.5, 3.5, 4.5], shape)
    shape.GraphicType, shape.NumberOfGraphicPoints, shape.GraphicDimensions = "POLYLINE", 2, 2
    layer.GraphicLayer, layer.TextObjectSequence, layer.GraphicObjectSequence = "ONE", [text], [shape]
    b.dataset.GraphicAnnotationSequence = [layer]
    return b.finish(syntax)


def structures(study: Study, syntax: str, name: str) -> Planted:
    """A structure set: names of regions, who drew them, contours."""
    b = study.builder(name, RTStructureSetStorage, "RTSTRUCT", study.charset)
    b.put("StructureSetLabel", b.draw.word("Lab"), Category.REMARK)
    b.day("StructureSetDate")
    roi, contour, outer, seen = Dataset(), Dataset(), Dataset(), Dataset()
    said, words = names(b.person, b.draw.random)
    b.put("ROIName", f"GTV {said}", Category.NAME, *words, inside=roi)
    b.put("ReferencedFrameOfReferenceUID", study.frame, Category.UID, inside=roi)
    b.keep("ROINumber", "1", roi)
    b.keep("ContourData", ["1.5", "-2.25", "3"], contour)
    b.keep("ContourGeometricType", "POINT", contour)
    outer.ReferencedROINumber, outer.ContourSequence = "1", [contour]
    seen.ObservationNumber, seen.ReferencedROINumber = "1", "1"
    b.put("ROIInterpreter", b.draw.name(), Category.STAFF, inside=seen)
    b.put("ROIObservationLabel", b.draw.word("Obs"), Category.REMARK, inside=seen)
    b.dataset.StructureSetROISequence, b.dataset.ROIContourSequence = [roi], [outer]
    b.dataset.RTROIObservationsSequence = [seen]
    return b.finish(syntax)


def ecg(study: Study, syntax: str, name: str) -> Planted:
    """A twelve lead ECG with annotations."""
    b = study.builder(name, TwelveLeadECGWaveformStorage, "ECG", study.charset)
    wave, note, channel = Dataset(), Dataset(), Dataset()
    b.keep((0x54001010, "OW"), bytes(range(64)), wave)
    b.keep("SamplingFrequency", "500", wave)
    b.put("ChannelLabel", b.draw.word("Ch"), Category.REMARK, inside=channel)
    wave.ChannelDefinitionSequence = [channel]
    said, words = names(b.person, b.draw.random)
    b.put("UnformattedTextValue", f"by {said}", Category.NAME, *words, inside=note, place="text annotation")
    b.dataset.WaveformSequence, b.dataset.WaveformAnnotationSequence = [wave], [note]
    return b.finish(syntax)


def encapsulated(study: Study, syntax: str, name: str, *, cda: bool) -> Planted:
    """A document inside an object, PDF or CDA."""
    sop_class, kind = (
        (EncapsulatedCDAStorage, "text/XML") if cda else (EncapsulatedPDFStorage, "application/pdf")
    )
    b = study.builder(name, sop_class, "DOC", "ISO_IR 192")
    p = b.person
    inside = f"%PDF-1.4 /Title ({p.given} {p.family}) /Author ({b.draw.name()}) {p.number} %%EOF"
    raw = inside.encode()
    for category, pattern in ((Category.NAME, p.family), (Category.NAME, p.given), (Category.ID, p.number)):
        b.put((0x00420011, "OB"), raw + b" " * (len(raw) % 2), category, pattern, place="document")
    b.put("DocumentTitle", f"Letter to {p.given}", Category.NAME, p.given)
    b.dataset.MIMETypeOfEncapsulatedDocument = kind
    return b.finish(syntax)


def undrawn(study: Study, syntax: str, name: str) -> Planted:
    """Raw data, a video, a DICOMDIR or a plain text report: whatever has a refusal of its own, by `name`."""
    sop_class = {
        "raw data": RawDataStorage,
        "video": VideoEndoscopicImageStorage,
        "directory": "1.2.840.10008.1.3.10",
        "text report": BasicTextSRStorage,
        "private object": "1.3.12.2.1107.5.9.1",
    }.get(name, CTImageStorage)
    b = study.builder(name, sop_class, "OT", study.charset)
    file = b.draw.word("F").upper()[:8]
    record = Dataset()
    b.put("ReferencedFileID", ["DICOM", file], Category.NAME, file, inside=record, place="file name")
    record.DirectoryRecordType = "IMAGE"
    b.put(
        (0x00420011, "OB"),
        (said := b.draw.word("Raw1")).encode() + b"\0",
        Category.NAME,
        said,
        place="document",
    )
    b.dataset.DirectoryRecordSequence = [record]
    return b.finish(syntax)
