"""What statements are asked about, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from select_lang.tree import Level

__all__ = ["Match", "NamedSeries", "Series", "Tuples", "line_of"]


_PADDING = " \0\t\r\n"


class Tuples(dict[str, tuple[str, ...]]):
    """Attributes whose maker knows that each is a tuple: of ten thousand series, nobody looks at a million of them."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of the catalogue.

    Parameters
    ----------
    uid, study_uid, patient_id
        SeriesInstanceUID, StudyInstanceUID and PatientID; rules find them under these keywords, too.
    attributes
        Values by keyword, as DICOM writes them (``"20240131"``, ``"0.90"``), one string for each of several values. The
        pseudo-attributes NumImages, ClassifyTypes and Path stand among them. An absent attribute has no entry.

    Raises
    ------
    TypeError
        An attribute is a bare string instead of a tuple of strings.
    """

    uid: str
    study_uid: str
    patient_id: str
    attributes: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        """Refuse a bare string, which would otherwise pass for a tuple of its characters."""
        # Of some two hundred attributes each: their few types are looked at, not every one.
        if type(self.attributes) is Tuples:
            return
        if any(issubclass(kind, str) for kind in set(map(type, self.attributes.values()))):
            wrong = next(keyword for keyword, values in self.attributes.items() if isinstance(values, str))
            raise TypeError(f"{wrong} must be a tuple of strings, not a string")

    def values(self, keyword: str) -> tuple[str, ...]:
        """The values of an attribute without padding (PS3.5 6.2) and without empty ones; () when it is absent."""
        held = self.attributes.get(keyword)
        if held is None:
            match keyword:
                case "SeriesInstanceUID":
                    held = (self.uid,)
                case "StudyInstanceUID":
                    held = (self.study_uid,)
                case "PatientID":
                    held = (self.patient_id,)
                case _:
                    return ()
        if len(held) == 1:  # as nearly all are, and asked for ten times a series
            stripped = held[0].strip(_PADDING)
            return (stripped,) if stripped else ()
        return tuple([stripped for value in held if (stripped := value.strip(_PADDING))])


_LINE = (
    ("StudyInstanceUID", "StudyInstanceUID"),
    ("SeriesInstanceUID", "SeriesInstanceUID"),
    ("SeriesDescription", "SeriesDescription"),
    ("NumImages", "NumImages"),
    ("SeriesNumber", "SeriesNumber"),
    ("SequenceName", "SequenceName"),
    ("Modality", "Modality"),
    ("Manufacturer", "Manufacturer"),
    ("ManufacturerModelName", "ManufacturerModelName"),
    ("StudyDescription", "StudyDescription"),
    ("ClassifyType", "ClassifyTypes"),
)
"""What the line of a series says, and the attribute that it says it of."""


def line_of(series: Series) -> str:
    """The one line that says all of a series, which a `tree.LineFilter` looks at."""
    return ", ".join(f"{label}: {','.join(series.values(keyword))}" for label, keyword in _LINE)


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """A series of a job, under the name that the statement gives it."""

    name: str
    series_uid: str
    study_uid: str


@dataclass(frozen=True, slots=True)
class Match:
    """One job: its series in the order of the statement's names, and by date, time and number within a name.

    `key` is the SeriesInstanceUID, StudyInstanceUID or PatientID of what matched, or ``project``.
    """

    level: Level
    key: str
    series: tuple[NamedSeries, ...]
