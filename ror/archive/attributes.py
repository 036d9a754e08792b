"""What the index keeps of a research object: its place, and the attributes that a select statement may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from anonymizer import ResearchInstance

__all__ = ["Description", "describe", "describe_later"]

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
    attributes: Mapping[str, list[str]]


class _ReadWhenAsked(Mapping[str, list[str]]):
    """The attributes of a research object; few are asked, for a series says those of one of its objects."""

    def __init__(self, research: ResearchInstance) -> None:
        self._research = research

    @cached_property
    def _attributes(self) -> Mapping[str, list[str]]:
        return describe(self._research.header()).attributes

    def __getitem__(self, keyword: str) -> list[str]:
        return self._attributes[keyword]

    def __iter__(self) -> Iterator[str]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)


def describe_later(research: ResearchInstance) -> Description:
    """Describe a research object as `describe` does, whose attributes are read when they are asked for."""
    return Description(
        patient_id=research.patient_id,
        study_uid=research.study_instance_uid,
        series_uid=research.series_instance_uid,
        sop_uid=research.sop_instance_uid,
        sop_class_uid=research.sop_class_uid,
        attributes=_ReadWhenAsked(research),
    )


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
