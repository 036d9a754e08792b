"""What every object says of its patient, its study and its machine."""

from __future__ import annotations

from typing import Final

from pydicom import Dataset
from pydicom.uid import UID

from benchmarks.phi.builder import Builder
from benchmarks.phi.implant import Category
from benchmarks.phi.person import Draw, Person

__all__ = ["TIME", "Study", "begun", "coded", "pixels"]

# No date is written like it, as there is no thirtieth month.
TIME: Final = "033000"


class Study:
    """A patient's study, whose objects share its UIDs."""

    def __init__(self, draw: Draw, person: Person) -> None:
        self.draw, self.person = draw, person
        # Latin 1 for what is written in Latin letters, switched by escape sequences to the patient's own script.
        self.charset: str | list[str] = (
            ["ISO 2022 IR 100", person.charset] if person.charset else "ISO_IR 100"
        )
        self.uid, self.frame, self.accession = draw.uid(), draw.uid(), draw.number("A", 9)
        self.day, self.station = draw.day(), draw.word("St").upper()
        self.instances: list[tuple[str, str]] = []

    def builder(self, name: str, sop_class: str, modality: str, charset: str | list[str]) -> Builder:
        """A new object of the study, with what every object has."""
        b = Builder(name, self.draw, self.person)
        b.dataset.SpecificCharacterSet = charset
        b.keep("SOPClassUID", UID(sop_class))
        b.uid("SOPInstanceUID")
        b.uid("SeriesInstanceUID")
        b.put("StudyInstanceUID", self.uid, Category.UID)
        b.keep("Modality", modality)
        self.instances.append((sop_class, b.dataset.SOPInstanceUID))
        begun(b, self)
        return b


def begun(b: Builder, study: Study) -> None:
    """Patient, study, people, places and machine, in public attributes at the top."""
    p, draw, d = study.person, study.draw, b.dataset
    name = f"{p.family}^{p.given}" + (f"={p.scripted}" if p.scripted else "")
    b.put("PatientName", name, Category.NAME, *_words(p))
    b.put("PatientID", p.number, Category.ID)
    other = draw.number("X", 7)
    b.put("OtherPatientIDs", [other, draw.number("Y", 7)], Category.ID, other)
    b.put("PatientBirthDate", f"{p.born:%Y%m%d}", Category.DATE)
    b.put("PatientAge", f"{draw.random.randrange(91, 120):03}Y", Category.AGE)
    b.put("PatientTelephoneNumbers", p.phone, Category.PHONE)
    b.put("PatientAddress", f"{p.street}, 5021 {p.town}", Category.ADDRESS, p.street, p.town)
    b.put("AccessionNumber", study.accession, Category.ACCESSION)
    b.put("StudyID", draw.number("S", 7), Category.ID)
    b.put("StudyDate", f"{study.day:%Y%m%d}", Category.DATE)
    b.keep("StudyTime", TIME)
    b.day("AcquisitionDateTime", time=f"{TIME}.5+0100")
    for keyword in ("ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName"):
        family, given = draw.name(), draw.name()
        b.put(keyword, f"{family}^{given}", Category.STAFF, family, given)
    place = draw.name()
    b.put("InstitutionName", f"{place} sykehus", Category.INSTITUTION)
    b.put("InstitutionAddress", f"{draw.name()}vegen 3", Category.INSTITUTION)
    b.put("StationName", study.station, Category.DEVICE)
    b.put("DeviceSerialNumber", draw.number("D", 8), Category.DEVICE)
    b.put("PatientComments", draw.word("Rem"), Category.REMARK)
    b.put("AdditionalPatientHistory", f"mail {p.mail}", Category.MAIL, p.mail)
    for keyword in ("StudyDescription", "SeriesDescription", "ProtocolName"):
        b.text(keyword)
    d.PatientSex = "F"
    b.keep("Manufacturer", "SIEMENS")


def _words(person: Person) -> tuple[str, ...]:
    return person.family, person.given, *filter(None, person.scripted.split("^"))


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def pixels(b: Builder, frames: int = 0, rows: int = 16) -> None:
    """Smooth pixels, which no pattern is found in by chance."""
    d = b.dataset
    d.Rows, d.Columns, d.BitsAllocated, d.BitsStored, d.HighBit = rows, rows, 16, 12, 11
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 0
    if frames:
        b.keep("NumberOfFrames", frames)
    ramp = b"".join((n % 4096).to_bytes(2, "little") for n in range(rows * rows * max(frames, 1)))
    b.keep((0x7FE00010, "OW"), ramp)
