"""What happens to which attributes, and under which options of PS3.15 Annex E.

A `Profile` is a small value made from configuration; `plan.py` compiles it, once, into an action per tag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import tag_for_keyword

from anonymizer.burned_in import check_rules
from anonymizer.errors import ProfileError
from anonymizer.key import ProjectKey
from anonymizer.options import BASIC_CODE, Option
from anonymizer.table import EDITION, vr_of
from anonymizer.vocabulary import listed

__all__ = ["CLEANED_BY_DEFAULT", "Profile"]

# Workflows name series by these (select statements), so they are worth cleaning instead of removing.
# SequenceName is not in the table and is kept by it; naming it here cleans it like the others.
CLEANED_BY_DEFAULT: Final = ("SeriesDescription", "StudyDescription", "ProtocolName", "SequenceName")

_CLEANABLE_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
# Without these an object is no object, or is nobody's.
_NEVER_REMOVED = listed(
    """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID PatientName StudyID
    Modality PixelData SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit
    PixelRepresentation PlanarConfiguration NumberOfFrames
    SpecificCharacterSet PatientIdentityRemoved DeidentificationMethod
    DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified
    """
)
_NEVER_KEPT = listed(
    """
    PatientID OtherPatientIDs OtherPatientIDsSequence IssuerOfPatientID AccessionNumber StudyID
    PatientAddress PatientTelephoneNumbers PatientTelecomInformation MedicalRecordLocator
    MilitaryRank PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar
    IconImageSequence EncapsulatedDocument ContentSequence DigitalSignaturesSequence
    EncryptedAttributesSequence
    """
)


@dataclass(frozen=True, slots=True)
class Profile:
    """The Basic Application Level Confidentiality Profile, its options, and a project's own lines.

    Attributes
    ----------
    options
        What is on (PS3.15 E.3).
    cleaned
        Descriptors that are cleaned even where Clean Descriptors is off; every other row of that option
        then gets its stricter action of the Basic Profile.
    keep, remove
        Keywords that a project keeps or removes against the table. What is kept is still subject to the
        residual check; a kept date is shifted, a kept UID mapped, a kept age capped at 90 years, unless an
        option retains them.
    pixel_rules
        A project's own rules for text in pixels, the text of a TOML document (`anonymizer.pixels.rules`); they, and
        `find_text`, are for Clean Pixel Data.
    find_text
        Whether text is also searched for in the pixels, which needs the extra ``ocr`` where objects are treated.
    """

    options: frozenset[Option] = frozenset({Option.RETAIN_MODIFIED_DATES})
    cleaned: frozenset[str] = frozenset(CLEANED_BY_DEFAULT)
    keep: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    pixel_rules: str = ""
    find_text: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def of(
        cls,
        *,
        options: Iterable[str] = (),
        cleaned: Iterable[str] = CLEANED_BY_DEFAULT,
        keep: Iterable[str] = (),
        remove: Iterable[str] = (),
        modified_dates: bool = True,
        pixel_rules: str = "",
        find_text: bool = False,
    ) -> Profile:
        """Make a profile from plain configuration values.

        Parameters
        ----------
        options
            Values of `Option` that are on.
        modified_dates
            Whether Retain Longitudinal Temporal Information with Modified Dates is on where
            ``retain-full-dates`` is not.

        Raises
        ------
        ProfileError
            An option or a keyword is unknown, a keyword stands in two lists, or names what may never be kept or
            removed; the rules for pixels are none, or nothing is to be done in pixels.
        """
        chosen = {_option(word) for word in options}
        if modified_dates and Option.RETAIN_FULL_DATES not in chosen:
            chosen.add(Option.RETAIN_MODIFIED_DATES)
        lists = frozenset(cleaned), frozenset(keep), frozenset(remove)
        return cls(frozenset(chosen), *lists, pixel_rules, find_text)

    def has(self, option: Option) -> bool:
        """Whether an option is on."""
        return option in self.options

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of the edition and all settings: equal digests treat objects equally."""
        lists = (self.options, self.cleaned, self.keep, self.remove)
        parts = [EDITION, *(",".join(sorted(names)) for names in lists)]
        # Only where they are used: without them a digest is what it was before there were such settings.
        parts += ["find-text"] if self.find_text else []
        parts += [f"pixel-rules={self.pixel_rules}"] if self.pixel_rules else []
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]

    @property
    def option_codes(self) -> tuple[tuple[str, str], ...]:
        """Codes of CID 7050 that an object treated with this profile carries, with their meanings."""
        options = self.options | ({Option.CLEAN_DESCRIPTORS} if self.cleaned else set())
        return (BASIC_CODE, *sorted(option.code for option in options))

    @property
    def longitudinal(self) -> str:
        """Longitudinal Temporal Information Modified (PS3.3 C.12.1.1.9)."""
        if self.has(Option.RETAIN_FULL_DATES):
            return "UNMODIFIED"
        return "MODIFIED" if self.has(Option.RETAIN_MODIFIED_DATES) else "REMOVED"

    def uid(self, key: ProjectKey, old: str) -> str:
        """The research UID for a UID that the standard did not define."""
        return old if self.has(Option.RETAIN_UIDS) else key.uid(old)


def _option(word: str) -> Option:
    try:
        return Option(word)
    except ValueError:
        known = ", ".join(Option)
        raise _fault(
            "unknown_option", f"options: {word!r} is no option of PS3.15", f"Choose from {known}."
        ) from None


def _check(profile: Profile) -> None:
    if profile.options >= {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}:
        raise _fault(
            "contradiction", "Dates cannot be both modified and kept", "Leave one of the two options."
        )
    _check_pixels(profile)
    lists = {"cleaned": profile.cleaned, "keep": profile.keep, "remove": profile.remove}
    for name, words in lists.items():
        for word in sorted(words):
            if tag_for_keyword(word) is None:
                raise _fault(
                    "unknown_keyword", f"{name}: {word!r} is no DICOM keyword", "Look it up in PS3.6."
                )
            others = [other for other, list_ in lists.items() if other != name and word in list_]
            if others:
                raise _fault(
                    "contradiction", f"{word} stands in {name} and in {others[0]}", "Leave it in one of them."
                )
    for word in sorted(profile.cleaned):
        if _vr(word) not in _CLEANABLE_VRS:
            raise _fault(
                "not_cleanable", f"cleaned: {word} is no descriptor text", "Use keep or remove instead."
            )
    for word in sorted(profile.keep):
        if word in _NEVER_KEPT or _vr(word) == "PN":
            raise _fault("never_kept", f"keep: {word} identifies the patient", "Take it out of the list.")
    for word in sorted(profile.remove & _NEVER_REMOVED):
        raise _fault(
            "never_removed", f"remove: no object is valid without {word}", "Take it out of the list."
        )


def _check_pixels(profile: Profile) -> None:
    if (profile.pixel_rules or profile.find_text) and not profile.has(Option.CLEAN_PIXEL_DATA):
        raise _fault(
            "contradiction",
            "Rules for pixels, or a search for text in them, are given, but pixels are not to be cleaned",
            f"Switch the option {Option.CLEAN_PIXEL_DATA} on, or leave them out.",
        )
    if profile.pixel_rules:
        check_rules(profile.pixel_rules)


def _vr(word: str) -> str:
    tag = tag_for_keyword(word)
    return "" if tag is None else vr_of(tag)


def _fault(reason: str, text: str, advice: str) -> ProfileError:
    return ProfileError(reason, text, advice)
