"""What the index keeps of a research object: its place, and the attributes that a select statement may name."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

__all__ = ["Description", "describe"]

# Binary values and nested data sets cannot be compared by the language.
_NOT_TEXT = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN", "AT"})
_MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Description:
    """An object's place in patient, study and series, and its text and number attributes by keyword."""

    patient_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    attributes: dict[str, list[str]]


def describe(dataset: Dataset) -> Description:
    """Describe a research data set; top-level attributes only, ``(gggg,eeee)`` for those without a keyword."""
    found: dict[str, list[str]] = {}
    for element in dataset:
        if element.VR in _NOT_TEXT or element.is_empty:
            continue
        name = element.keyword or f"({element.tag.group:04x},{element.tag.element:04x})"
        found[name] = [text[:_MAX_TEXT] for text in _texts(element)]
    return Description(
        patient_id=str(dataset.PatientID),
        study_uid=str(dataset.StudyInstanceUID),
        series_uid=str(dataset.SeriesInstanceUID),
        sop_uid=str(dataset.SOPInstanceUID),
        sop_class_uid=str(dataset.SOPClassUID),
        attributes=found,
    )


def _texts(element: DataElement) -> list[str]:
    values = element.value if isinstance(element.value, (MultiValue, list, tuple)) else [element.value]
    return [str(value).strip() for value in values]
