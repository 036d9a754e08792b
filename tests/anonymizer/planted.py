"""Objects with an identity planted wherever a DICOM file has room for one; every planted word occurs nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

from pydicom import Dataset, dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RTStructureSetStorage,
)

ROOT = "1.3.6.1.4.1.99999.77"
PIXELS = bytes(range(256)) * 2


@dataclass
class Planted:
    """A data set under construction and the byte strings that must not come out of it."""

    dataset: Dataset
    secrets: list[bytes] = field(default_factory=list)
    count: int = 0

    def word(self, kind: str = "word") -> str:
        """A new word, noted as a secret; eight letters, so that chance cannot make it."""
        self.count += 1
        letters = "".join(chr(ord("A") + (self.count * 7919 // 17**i) % 17) for i in range(4))
        word = f"Qz{letters}{kind[:2].title()}"
        self.secrets.append(word.encode())
        return word

    def uid(self) -> str:
        """A new UID, noted as a secret."""
        self.count += 1
        uid = f"{ROOT}.{self.count}.{982451653 + self.count}"
        self.secrets.append(uid.encode())
        return uid


def part10(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, preamble: bytes = bytes(128)) -> bytes:
    """A file of a data set, with file meta information that names machines."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = f"{ROOT}.1"
    meta.SourceApplicationEntityTitle = "QZAETITLE"
    dataset.file_meta = meta
    dataset.preamble = preamble
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def minimal(sop_class: str = CTImageStorage, **attributes: object) -> Dataset:
    """The least that is an object of somebody, with `attributes` on top."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"{ROOT}.4.1"
    dataset.StudyInstanceUID = f"{ROOT}.2.1"
    dataset.SeriesInstanceUID = f"{ROOT}.3.1"
    dataset.PatientID = "QZID4711"
    dataset.PatientName = "Qzdoe^Qzjohn"
    dataset.Modality = "CT"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def ct() -> Planted:
    """A CT slice with people, places, numbers, dates, an overlay, a curve, an icon, UN and trailing padding."""
    p = Planted(minimal(CTImageStorage))
    d = p.dataset
    p.secrets += [b"QZID4711", b"Qzjohn", b"QZAETITLE", d.SOPInstanceUID.encode()]
    p.secrets += [d.StudyInstanceUID.encode(), d.SeriesInstanceUID.encode(), f"{ROOT}.1".encode()]
    name, physician, hospital = p.word("name"), p.word("phys"), p.word("hosp")
    d.PatientName = f"{name}^Qzjohn^^Dr"
    d.OtherPatientIDs = ["QZOLD99", p.word("id")]
    d.PatientBirthDate = "19570312"
    d.PatientSex, d.PatientAge = "M", "066Y"
    d.AccessionNumber, d.StudyID = "QZACC1234", "QZSTUDY88"
    p.secrets += [b"QZOLD99", b"QZACC1234", b"QZSTUDY88", b"19570312"]
    d.ReferringPhysicianName = f"{physician}^{p.word('given')}"
    d.OperatorsName = p.word("oper")
    d.InstitutionName, d.InstitutionAddress = (
        f"{hospital} Hospital",
        f"{p.word('street')} 12, {p.word('city')}",
    )
    d.StationName = "QZSTATION"
    d.PatientComments, d.ImageComments = p.word("comment"), p.word("comment")
    d.StudyDate, d.StudyTime = "20130308", "101112"
    d.AcquisitionDateTime = "20130308101113.5+0100"
    p.secrets += [b"20130308", b"QZSTATION"]
    d.StudyDescription = f"CT {name} Thorax 12.03.1957 {hospital}"
    d.SeriesDescription = f"Lung_{name.upper()}_3.0 for {physician.lower()} tel 555-0123"
    d.ProtocolName = f"Thorax {d.AccessionNumber}"
    p.secrets += [name.upper().encode(), physician.lower().encode(), b"12.03.1957", b"555-0123"]
    d.KVP, d.ConvolutionKernel, d.Manufacturer = "120", "B30f", "SIEMENS"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.FrameOfReferenceUID = p.uid()
    _pixels(d)
    d.add_new(0x60003000, "OW", b"Qzoverla" * 2)
    d.add_new(0x60000022, "LO", "QZOVERLAYTEXT")
    d.add_new(0x50002500, "LO", "QZCURVELABEL")
    d.add_new(0x50003000, "OW", b"Qzcurves" * 2)
    p.secrets += [b"Qzoverla", b"QZOVERLAYTEXT", b"QZCURVELABEL", b"Qzcurves"]
    icon = Dataset()
    icon.Rows, icon.Columns = 2, 2
    icon.PixelData = b"QzIcon!!"
    icon["PixelData"].VR = "OB"
    d.IconImageSequence = Sequence([icon])
    d.add(DataElement(0x00189999, "UN", b"QzUnknownTag"))
    d.add_new(0xFFFCFFFC, "OB", b"QzTrailing")
    p.secrets += [b"QzIcon!!", b"QzUnknownTag", b"QzTrailing"]
    return p


def mr() -> Planted:
    """An MR slice with private groups, and sequences four deep with names, UIDs and private attributes at the end."""
    p = Planted(minimal(MRImageStorage, Modality="MR"))
    d = p.dataset
    d.PatientName = f"{p.word('name')}^{p.word('given')}"
    p.secrets += [b"QZID4711"]
    block = d.private_block(0x0029, "QZ PRIVATE CREATOR", create=True)
    block.add_new(0x10, "OB", b"QzCsaName " + p.word("csa").encode())
    block.add_new(0x11, "PN", p.word("private"))
    p.secrets += [b"QZ PRIVATE CREATOR", b"QzCsaName"]
    deepest = Dataset()
    deepest.PersonName = p.word("deep")
    deepest.ReferencedSOPClassUID = MRImageStorage
    deepest.ReferencedSOPInstanceUID = p.uid()
    deepest.TextString = p.word("text")
    deepest.PatientID = p.word("deepid")
    deepest.private_block(0x0011, "QZ DEEP CREATOR", create=True).add_new(1, "LO", p.word("deep"))
    p.secrets += [b"QZ DEEP CREATOR"]
    for keyword in (
        "PurposeOfReferenceCodeSequence",
        "ReferencedInstanceSequence",
        "DerivationImageSequence",
    ):
        outer = Dataset()
        setattr(outer, keyword, Sequence([deepest]))
        outer.InstitutionName = p.word("inst")
        outer.SeriesDescription = f"T1 {d.PatientName.family_name}"
        outer.StudyDate = "20130308"
        deepest = outer
    d.SharedFunctionalGroupsSequence = Sequence([deepest])
    d.RequestAttributesSequence = Sequence([minimal(ScheduledProcedureStepDescription=p.word("step"))])
    d.ReferencedImageSequence = Sequence([_reference(p)])
    d.SequenceName, d.EchoTime = "*tfl3d1_16ns", "2.52"
    d.SeriesDescription = "SAG MPRAGE 220 FOV"
    p.secrets += [b"20130308"]
    _pixels(d)
    return p


def rtstruct() -> Planted:
    """A structure set: ROI names, interpreter, contours, and a reference to the images they were drawn on."""
    p = Planted(minimal(RTStructureSetStorage, Modality="RTSTRUCT"))
    d = p.dataset
    d.PatientName = p.word("name")
    d.StructureSetLabel, d.StructureSetName = p.word("label"), p.word("name")
    d.StructureSetDate, d.StructureSetTime = "20130309", "101010"
    roi, contour, seen = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ROIDescription = "1", p.word("roi"), p.word("roi")
    roi.ReferencedFrameOfReferenceUID = p.uid()
    roi.ROIGenerationAlgorithm = "MANUAL"
    d.StructureSetROISequence = Sequence([roi])
    contour.ContourGeometricType, contour.NumberOfContourPoints = "POINT", "1"
    contour.ContourData = ["1.5", "-2.25", "3"]
    contour.ContourImageSequence = Sequence([_reference(p)])
    outer = Dataset()
    outer.ReferencedROINumber, outer.ContourSequence = "1", Sequence([contour])
    d.ROIContourSequence = Sequence([outer])
    seen.ObservationNumber, seen.ReferencedROINumber, seen.ROIInterpreter = "1", "1", p.word("interp")
    seen.ROIObservationLabel, seen.RTROIInterpretedType = p.word("obs"), "ORGAN"
    d.RTROIObservationsSequence = Sequence([seen])
    p.secrets += [b"QZID4711", b"20130309"]
    return p


def _reference(p: Planted) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = MRImageStorage
    item.ReferencedSOPInstanceUID = p.uid()
    return item


def _pixels(d: Dataset) -> None:
    d.Rows, d.Columns, d.BitsAllocated, d.BitsStored, d.HighBit = 16, 16, 16, 12, 11
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 0
    d.PixelData = PIXELS
    d["PixelData"].VR = "OW"
