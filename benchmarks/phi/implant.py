"""What is planted in an object, what must stay in it, and the object itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Category", "Implant", "Keeper", "Line", "Planted"]


class Category(StrEnum):
    """What an implant says of somebody; rows of the report."""

    NAME = "name of the patient"
    STAFF = "name of staff"
    ID = "patient's number"
    ACCESSION = "accession number"
    PHONE = "telephone number"
    MAIL = "mail address"
    ADDRESS = "address"
    DATE = "date"
    AGE = "age of 90 and more"
    UID = "UID"
    INSTITUTION = "institution"
    DEVICE = "device"
    REMARK = "remark"


@dataclass(frozen=True, slots=True)
class Implant:
    """One piece of identity in one place of one object.

    Attributes
    ----------
    place
        What kind of place it is: ``public attribute``, ``private attribute``, ``preamble`` …
    path
        ``(0008,1140)[0](0008,1155)``; empty for what is outside the data set.
    pattern
        The text as it was written, to be searched for in the bytes that come out.
    concept
        Scheme, code and value type of the content item that it stands in, for Table E.3.4-1.
    stranger
        A name that no attribute of the object gives as a name, and nothing around it tells it is one.
    """

    category: Category
    place: str
    path: str
    pattern: str
    concept: tuple[str, str, str] | None = None
    stranger: bool = False


@dataclass(frozen=True, slots=True)
class Keeper:
    """What says nothing of anybody and must come out: a whole value, or only `words` of a text."""

    path: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in pixels, and its box: left, top, right, bottom, the last two outside."""

    text: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Planted:
    """One object of the corpus."""

    name: str
    patient: str
    data: bytes
    implants: tuple[Implant, ...]
    keepers: tuple[Keeper, ...]
    lines: tuple[Line, ...] = ()
