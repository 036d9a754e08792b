"""A profile's own lines: what becomes of one attribute, whatever the table says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Line", "PrivateLine", "Treatment"]


class Treatment(StrEnum):
    """What a line does to its attribute; the values are the words of profile files."""

    KEEP = "keep"
    REMOVE = "remove"
    EMPTY = "empty"
    DUMMY = "dummy"
    CLEAN = "clean"
    UID = "uid"
    SHIFT = "shift"


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One attribute of the standard, at any depth, and what is done to it."""

    tag: int
    treatment: Treatment

    @property
    def where(self) -> str:
        """The tag as profile files write it, ``0008,0080``."""
        return f"{self.tag >> 16:04X},{self.tag & 0xFFFF:04X}"


@dataclass(frozen=True, slots=True, order=True)
class PrivateLine:
    """One private attribute (PS3.5 7.8.1) that is safe, or that is not although the standard lists it.

    Attributes
    ----------
    creator
        Who reserved its block.
    element
        Last two digits of its element number.
    vr
        What its values are; others are not kept. Empty where the attribute is taken off the standard's list.
    """

    creator: str
    group: int
    element: int
    vr: str

    @property
    def where(self) -> str:
        """The attribute as profile files write it, ``0019,xx0C,SIEMENS MR HEADER``."""
        return f"{self.group:04X},xx{self.element:02X},{self.creator}"
