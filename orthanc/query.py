"""Which studies are asked for: attributes and what they have to match (PS3.4 C.2.2.2), for C-FIND and QIDO-RS."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from orthanc.errors import QueryError

__all__ = ["FoundStudy", "Query"]

_RANGES = ("DA",)
# How a peer matches names, times and numbers differs too much to be checked.
_CHECKED = ("AE", "CS", "DA", "LO", "SH", "UI")
_NO_TEXT = (
    "SQ",
    "OB",
    "OW",
    "OD",
    "OF",
    "OL",
    "OV",
    "UN",
    "AT",
    "FL",
    "FD",
    "SL",
    "SS",
    "UL",
    "US",
    "SV",
    "UV",
)
_DATE = re.compile(r"\d{8}|\d{8}-(\d{8})?|-\d{8}")


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study that a peer has.

    Attributes
    ----------
    instances
        How many objects it says there are; None if it does not say.
    modalities, sop_classes
        Of its series; empty if it does not say.
    """

    study_instance_uid: str = field(repr=False)
    instances: int | None = None
    modalities: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """Attributes by keyword, and what they have to match."""

    keys: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Query:
        """``PatientID=4711 StudyDate=20240101-20240131 StudyDescription='CT thorax'``.

        Raises
        ------
        QueryError
            No attribute, an unknown one, or a value that it cannot have.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise QueryError("a quotation mark is not closed") from error
        keys: dict[str, str] = {}
        for word in words:
            keyword, equals, value = word.partition("=")
            fault = _fault(keyword, value) if equals else "is no KEYWORD=VALUE"
            if fault or keyword in keys:
                raise QueryError(f"{keyword[:64]} {fault or 'is given twice'}")
            keys[keyword] = value
        if not keys:
            raise QueryError("it names no attribute: that would be all studies")
        return cls(MappingProxyType(keys))

    def fits(self, answer: Mapping[str, Sequence[str]]) -> bool:
        """Whether what the peer says of a study matches: it may ignore keys that it does not know (PS3.4 C.2.2.1)."""
        return all(_matches(key, wanted, answer[key]) for key, wanted in self.keys.items() if key in answer)

    def unanswered(self, answer: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """The keys that the peer says nothing of, so that nobody knows whether it has looked at them."""
        return (key for key in self.keys if key not in answer)


def _fault(keyword: str, value: str) -> str:
    if tag_for_keyword(keyword) is None or dictionary_VR(keyword).split(" or ")[0] in _NO_TEXT:
        return "is no attribute that can be asked for (such as PatientID, StudyDate, ModalitiesInStudy)"
    if not value:
        return "has no value to match"
    if not value.isprintable() or (
        "\\" in value and dictionary_VM(keyword) == "1" and dictionary_VR(keyword) != "UI"
    ):
        return "has a value that it cannot have"
    if dictionary_VR(keyword) in _RANGES and value != "*" and not _DATE.fullmatch(value):
        return "is no date YYYYMMDD, nor a range YYYYMMDD-YYYYMMDD"
    return ""


def _matches(keyword: str, wanted: str, values: Sequence[str]) -> bool:
    vr = dictionary_VR(keyword)
    if vr not in _CHECKED:
        return True
    if vr in _RANGES and "-" in wanted:
        first, _, last = wanted.partition("-")
        return any((first or "0") <= value <= (last or "9") for value in values if value)
    alternatives = [_pattern(one) for one in wanted.split("\\")]
    return any(pattern.fullmatch(value.strip()) for pattern in alternatives for value in values or ("",))


def _pattern(wanted: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in wanted.strip())
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
