"""The options of PS3.15 Annex E, each a code of CID 7050, and a column of Table E.1-1 but for Clean Pixel Data.

That one is work on pixels, which `anonymizer.pixels` does, and so is Clean Recognizable Visual Features (113102), which
needs the volume and is none of ours.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["BASIC_CODE", "Option"]

BASIC_CODE: Final = ("113100", "Basic Application Confidentiality Profile")


class Option(StrEnum):
    """An option that a profile switches on; the values are the words of configuration."""

    RETAIN_SAFE_PRIVATE = "retain-safe-private"
    RETAIN_UIDS = "retain-uids"
    RETAIN_DEVICE = "retain-device"
    RETAIN_INSTITUTION = "retain-institution"
    RETAIN_PATIENT_CHARACTERISTICS = "retain-patient-characteristics"
    RETAIN_FULL_DATES = "retain-full-dates"
    RETAIN_MODIFIED_DATES = "retain-modified-dates"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    CLEAN_STRUCTURED_CONTENT = "clean-structured-content"
    CLEAN_GRAPHICS = "clean-graphics"
    CLEAN_PIXEL_DATA = "clean-pixel-data"

    @property
    def column(self) -> str:
        """The option's key in the data file of the table, which has none for Clean Pixel Data."""
        return _COLUMNS.get(self, self.value.replace("-", "_"))

    @property
    def code(self) -> tuple[str, str]:
        """Code value (DCM) and meaning in CID 7050."""
        value, meaning = _CODES[self]
        return value, f"{meaning} Option"


_COLUMNS: Final = {
    Option.RETAIN_DEVICE: "retain_device_identity",
    Option.RETAIN_INSTITUTION: "retain_institution_identity",
    Option.RETAIN_FULL_DATES: "retain_longitudinal_full_dates",
    Option.RETAIN_MODIFIED_DATES: "retain_longitudinal_modified_dates",
}
_CODES: Final = {
    Option.CLEAN_PIXEL_DATA: ("113101", "Clean Pixel Data"),
    Option.CLEAN_GRAPHICS: ("113103", "Clean Graphics"),
    Option.CLEAN_STRUCTURED_CONTENT: ("113104", "Clean Structured Content"),
    Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors"),
    Option.RETAIN_FULL_DATES: ("113106", "Retain Longitudinal Temporal Information Full Dates"),
    Option.RETAIN_MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates"),
    Option.RETAIN_PATIENT_CHARACTERISTICS: ("113108", "Retain Patient Characteristics"),
    Option.RETAIN_DEVICE: ("113109", "Retain Device Identity"),
    Option.RETAIN_UIDS: ("113110", "Retain UIDs"),
    Option.RETAIN_SAFE_PRIVATE: ("113111", "Retain Safe Private"),
    Option.RETAIN_INSTITUTION: ("113112", "Retain Institution Identity"),
}
