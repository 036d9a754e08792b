"""A result under the patient's own identity, as its clinical study has it. What comes of it is identified.

UIDs of images, series, studies and frames of reference become the original ones. What we have made gets UIDs that
differ from those of the research copy, always the same ones, so that a rerun replaces it there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from anonymizer import OriginalIdentity, Profile, Treatment, rules_of

__all__ = ["NoWayBack", "Uids", "reidentify", "uids_said"]

_OF_THE_STANDARD: Final = "1.2.840.10008."
# What these name must be there, under this name.
_REFERENCES: Final = ("StudyInstanceUID", "SeriesInstanceUID", "ReferencedSOPInstanceUID")
# What says that, and how, a patient was made unknown; and an age that may have been capped.
_OF_RESEARCH: Final = (
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "PatientAge",
    "OtherPatientIDsSequence",
)
_EVENT: Final = "EventName:"  # of a coupling list
# When something was acquired; all other dates of our objects are those of the job.
_ACQUIRED: Final = (
    "AcquisitionDate",
    "AcquisitionDateTime",
    "FrameAcquisitionDateTime",
    "FrameReferenceDateTime",
    "StartAcquisitionDateTime",
    "EndAcquisitionDateTime",
    "RadiopharmaceuticalStartDateTime",
    "ContrastBolusStartDateTime",
)
_DATE_LENGTH: Final = 8


class NoWayBack(Exception):
    """Something that the object refers to has no way back; the text says what, and no value."""


@dataclass(frozen=True, slots=True)
class Uids:
    """What becomes of UIDs.

    Attributes
    ----------
    originals
        Those of the archive, with the UIDs that they came with.
    ours
        Of instances and series that jobs have made.
    of_result
        Gives the clinical UID of anything that was made by us.
    """

    originals: Mapping[str, str]
    ours: Collection[str]
    of_result: Callable[[str], str]

    def translated(self, keyword: str, uid: str) -> str:
        """The clinical UID; `NoWayBack` for a reference to what nobody knows."""
        if not uid or uid.startswith(_OF_THE_STANDARD):
            return uid
        if uid in self.originals:
            return self.originals[uid]
        if keyword in _REFERENCES and uid not in self.ours:
            raise NoWayBack(f"its {keyword} was taken in before original UIDs were kept, or never")
        return self.of_result(uid) if keyword in _naming() else uid


def uids_said(dataset: Dataset) -> set[str]:
    """All UIDs of an object, at any depth, that the standard has not defined."""
    found = {str(one) for element in _elements(dataset) if element.VR == "UI" for one in _values(element)}
    return {uid for uid in found if uid and not uid.startswith(_OF_THE_STANDARD)}


def reidentify(dataset: Dataset, identity: OriginalIdentity, uids: Uids, *, foreign: bool = False) -> None:
    """Give an object, in place, the identity of its study, and all its UIDs their clinical ones.

    Parameters
    ----------
    foreign
        It was made by a program, which may have copied dates of its images into any attribute.

    Raises
    ------
    NoWayBack
        It refers to an image, series or study that has none; the object is not to be used.
    """
    dataset.decode()  # by the character sets that it was written in
    moved = _days_between(str(dataset.get("StudyDate") or ""), identity.study_date)
    studied = str(dataset.get("StudyDate") or "")
    for element in _elements(dataset):
        if element.VR == "UI" and not element.is_empty:
            _translate(element, uids)
        elif element.keyword in _ACQUIRED or (foreign and studied and _says(element, studied)):
            _move(element, moved)
        elif element.keyword == "AccessionNumber" and not element.is_empty:
            element.value = identity.accession_number
        elif element.keyword == "SpecificCharacterSet":
            element.value = "ISO_IR 192"
    _stamp(dataset, identity)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _stamp(dataset: Dataset, identity: OriginalIdentity) -> None:
    """The Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1)."""
    for keyword in (*_OF_RESEARCH, "IssuerOfPatientID"):
        if keyword in dataset:
            delattr(dataset, keyword)
    for tag in [element.tag for element in dataset if element.tag.group == 0x0012]:  # clinical trial
        del dataset[tag]
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID, dataset.PatientName = identity.patient_id, identity.patient_name
    dataset.PatientBirthDate, dataset.PatientSex = identity.birth_date, identity.sex
    if identity.issuer:
        dataset.IssuerOfPatientID = identity.issuer
    dataset.StudyDate, dataset.StudyID = identity.study_date, identity.study_id
    dataset.AccessionNumber = identity.accession_number
    if str(dataset.get("ReferringPhysicianName") or "").startswith(_EVENT):
        dataset.ReferringPhysicianName = None


def _translate(element: DataElement, uids: Uids) -> None:
    translated = [uids.translated(element.keyword, str(one)) for one in _values(element)]
    element.value = translated if len(translated) > 1 else translated[0]


def _days_between(research: str, original: str) -> int | None:
    """By how many days dates of research differ from the true ones; None where nothing tells."""
    try:
        return (datetime.strptime(original, "%Y%m%d") - datetime.strptime(research, "%Y%m%d")).days
    except ValueError:
        return None


def _says(element: DataElement, day: str) -> bool:
    return element.VR in ("DA", "DT") and any(str(one).startswith(day) for one in _values(element))


def _move(element: DataElement, days: int | None) -> None:
    """Move dates, which may have a time; they are taken away where nothing tells by how much."""
    moved = [_moved(str(one), days) for one in _values(element)]
    element.value = moved if len(moved) > 1 else "".join(moved)


def _moved(text: str, days: int | None) -> str:
    try:
        day = datetime.strptime(text[:_DATE_LENGTH], "%Y%m%d")
    except ValueError:
        return ""
    if days is None:
        return ""
    return (day + timedelta(days=days)).strftime("%Y%m%d") + text[_DATE_LENGTH:]


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)


def _values(element: DataElement) -> list[object]:
    if element.is_empty:
        return []
    return list(element.value) if isinstance(element.value, (MultiValue, list)) else [element.value]


@cache
def _naming() -> frozenset[str]:
    """Attributes whose UIDs name a thing, not a kind of things: those that PS3.15 Table E.1-1 has replaced."""
    return frozenset(rule.name for rule in rules_of(Profile()) if rule.action == Treatment.UID)
