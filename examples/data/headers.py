"""The headers of a made study: who (planted), when, with what machine; everything but the plane and the
pixels.

Type 1 and type 2 attributes are those of PS3.3 A.3 (CT Image) and A.4 (MR Image).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, MRImageStorage

from examples.data.identity import PlantedIdentity

__all__ = ["SeriesText", "StudyText", "series_header", "uid"]

_NAMESPACE = uuid.UUID("6f9d3c0e-4b0b-5c57-9a55-0d6a5c3a7e10")
_PRIVATE_GROUP = 0x0009
_SOP_CLASS = {"CT": CTImageStorage, "MR": MRImageStorage}


@dataclass(frozen=True, slots=True)
class StudyText:
    """What the headers of all series of one study share.

    Attributes
    ----------
    key
        Every UID of the study derives from it: the same key gives the same UIDs.
    date, time
        StudyDate (YYYYMMDD) and StudyTime (HHMMSS).
    """

    key: str
    identity: PlantedIdentity
    description: str
    date: str = "20150612"
    time: str = "101500"

    @property
    def study_instance_uid(self) -> str:
        """StudyInstanceUID, derived from the key."""
        return uid(self.key, "study")


@dataclass(frozen=True, slots=True)
class SeriesText:
    """What the headers of one series say; `modality` is CT or MR; `technique` is added as it is."""

    modality: str
    number: int
    description: str
    body_part: str
    technique: Mapping[str, object] = field(default_factory=dict)


def uid(*parts: object) -> str:
    """Return the UID of these parts: ``2.25.`` and a name-based UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


def series_header(study: StudyText, series: SeriesText) -> Dataset:
    """Return every attribute that the images of a series have in common."""
    header = Dataset()
    _study(header, study)
    _patient(header, study.identity)
    _people_and_places(header, study.identity)
    _requests(header, study.identity)
    _private_block(header, study.identity)
    header.SOPClassUID = _SOP_CLASS[series.modality]
    header.Modality = series.modality
    header.SeriesInstanceUID = uid(study.key, "series", series.number)
    header.SeriesNumber = series.number
    header.SeriesDescription = series.description
    header.ProtocolName = f"{series.description} {study.identity.family_name.title()}"
    header.BodyPartExamined = series.body_part
    header.FrameOfReferenceUID = uid(study.key, "frame of reference")
    header.PositionReferenceIndicator = ""
    header.PatientPosition = "HFS"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if series.modality == "CT" else "OTHER"]
    for keyword, value in series.technique.items():
        setattr(header, keyword, value)
    return header


def _study(header: Dataset, study: StudyText) -> None:
    header.SpecificCharacterSet = "ISO_IR 192"
    header.StudyInstanceUID = study.study_instance_uid
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(header, f"{kind}Date", study.date)
        setattr(header, f"{kind}Time", study.time)
    header.StudyID = study.identity.study_id
    header.AccessionNumber = study.identity.accession_number
    header.StudyDescription = f"{study.description} {study.identity.family_name}"
    header.AcquisitionNumber = 1
    header.Manufacturer = "ror examples"
    header.ManufacturerModelName = "Phantom"
    header.SoftwareVersions = "1"


def _patient(header: Dataset, who: PlantedIdentity) -> None:
    header.PatientName = who.person_name
    header.PatientID = who.patient_id
    header.IssuerOfPatientID = who.institution
    header.PatientBirthDate = who.birth_date
    header.PatientSex = "O"
    header.PatientAge = "060Y"
    header.OtherPatientNames = f"{who.mother_name}^{who.given_name}"
    header.PatientBirthName = f"{who.mother_name}^{who.given_name}"
    header.PatientMotherBirthName = f"{who.mother_name}^MA"
    header.PatientAddress = who.address
    header.PatientTelephoneNumbers = who.telephone
    header.Occupation = who.comment
    header.AdditionalPatientHistory = (
        f"{who.given_name.title()} {who.family_name.title()} says: {who.comment}"
    )
    header.PatientComments = f"{who.comment}, call {who.telephone} or {who.address}"
    other = Dataset()
    other.PatientID = who.other_id
    other.TypeOfPatientID = "TEXT"
    other.IssuerOfPatientID = who.institution
    header.OtherPatientIDsSequence = Sequence([other])


def _people_and_places(header: Dataset, who: PlantedIdentity) -> None:
    header.ReferringPhysicianName = f"{who.referring_physician}^DR"
    header.ReferringPhysicianAddress = who.institution_address
    header.ReferringPhysicianTelephoneNumbers = who.telephone
    header.PhysiciansOfRecord = f"{who.reading_physician}^DR"
    header.NameOfPhysiciansReadingStudy = f"{who.reading_physician}^DR"
    header.PerformingPhysicianName = f"{who.performing_physician}^DR"
    header.RequestingPhysician = f"{who.referring_physician}^DR"
    header.OperatorsName = f"{who.operator}^DR"
    header.InstitutionName = who.institution
    header.InstitutionAddress = who.institution_address
    header.InstitutionalDepartmentName = who.department
    header.StationName = who.station
    header.DeviceSerialNumber = who.device_serial
    header.ImageComments = f"{who.family_name.title()} moved; {who.comment}"


def _requests(header: Dataset, who: PlantedIdentity) -> None:
    """Two levels of sequences: identity hides deepest where nobody looks."""
    header.RequestedProcedureDescription = f"{who.request_text} for {who.family_name.title()}"
    header.PerformedProcedureStepDescription = f"{who.request_text} {who.operator}"
    header.RequestedProcedureComments = f"{who.comment} {who.person_name}"
    step = Dataset()
    step.RequestedProcedureID = who.study_id
    step.RequestedProcedureDescription = f"{who.request_text} {who.family_name.title()}"
    step.ScheduledProcedureStepID = who.study_id
    step.ScheduledProcedureStepDescription = f"Ask {who.performing_physician}"
    requester = Dataset()
    requester.InstitutionName = who.institution
    requester.InstitutionAddress = who.institution_address
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99ROREX", who.referring_physician
    requester.PersonIdentificationCodeSequence = Sequence([code])
    step.RequestingServiceCodeSequence = Sequence([code])
    header.RequestAttributesSequence = Sequence([step])
    header.ReferringPhysicianIdentificationSequence = Sequence([requester])


def _private_block(header: Dataset, who: PlantedIdentity) -> None:
    block = header.private_block(_PRIVATE_GROUP, "ROR EXAMPLES", create=True)
    block.add_new(0x01, "LO", who.private_text)
    block.add_new(0x02, "PN", who.person_name)
    hidden = Dataset()
    hidden.PatientName = who.person_name
    hidden.add_new(0x00090010, "LO", "ROR EXAMPLES")
    hidden.add_new(0x00091001, "LT", f"{who.private_text} {who.address}")
    block.add_new(0x03, "SQ", Sequence([hidden]))
