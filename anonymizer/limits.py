"""What no profile may ask for: to keep who the patient is, to take away what makes an object, to contradict itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from pydicom.datadict import tag_for_keyword

from anonymizer.errors import ProfileFault
from anonymizer.iods import REQUIRED
from anonymizer.lines import Line, PrivateLine, Treatment
from anonymizer.options import Option
from anonymizer.private import PRIVATE_VRS, safe_private
from anonymizer.table import is_in_table, keyword, vr_of
from anonymizer.vocabulary import DEVICE_TAGS, IDENTIFIER_TAGS, listed

__all__ = ["line_faults", "list_faults", "private_faults"]

_CLEANABLE_VRS: Final = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
# Without these an object is no object, or is nobody's.
_NEVER_REMOVED: Final = listed(
    """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID PatientName StudyID
    Modality PixelData SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit
    PixelRepresentation PlanarConfiguration NumberOfFrames
    SpecificCharacterSet PatientIdentityRemoved DeidentificationMethod
    DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified
    """
)
# With what the residual check takes for an identifier: an object that keeps one would be refused.
_NEVER_KEPT: Final = frozenset(map(keyword, IDENTIFIER_TAGS - DEVICE_TAGS)) | listed(
    """
    OtherPatientIDsSequence IssuerOfPatientID PatientAddress MilitaryRank
    PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar
    IconImageSequence EncapsulatedDocument ContentSequence DigitalSignaturesSequence
    EncryptedAttributesSequence
    """
)
# Text about the patient, in which anything may stand.
_FREE_TEXT: Final = listed("PatientComments AdditionalPatientHistory VisitComments")
# De-identification writes them itself, whatever stood there.
_WRITTEN: Final = listed(
    """
    PatientID PatientName StudyID PatientIdentityRemoved DeidentificationMethod
    DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified
    """
)
_OF_THE_OBJECT: Final = listed("SOPInstanceUID StudyInstanceUID SeriesInstanceUID")
_OUTSIDE_A_DATA_SET: Final = frozenset({0x0000, 0x0002, 0x0004, 0xFFFC, 0xFFFE})
_LOSING: Final = frozenset({Treatment.REMOVE, Treatment.EMPTY, Treatment.DUMMY})
_LEAVING: Final = frozenset({Treatment.KEEP, Treatment.CLEAN})
_LONGEST_CREATOR: Final = 64
_ABOUT: Final = "free text about the patient, who may be named in it"


def list_faults(lists: Mapping[str, Collection[str]]) -> Iterator[ProfileFault]:
    """What is wrong with the lists of keywords `cleaned`, `keep` and `remove`."""
    for name, words in lists.items():
        for word in sorted(words):
            if tag_for_keyword(word) is None:
                yield ProfileFault(
                    "unknown_keyword", name, f"{word!r} is no DICOM keyword", "Look it up in PS3.6."
                )
            others = [other for other, list_ in lists.items() if other < name and word in list_]
            if others:
                text = f"{word} stands in {name} and in {others[0]}"
                yield ProfileFault("contradiction", "", text, "Leave it in one of them.")
    for word in sorted(lists["cleaned"]):
        if (vr := _vr(word)) and vr not in _CLEANABLE_VRS:
            yield ProfileFault(
                "not_cleanable", "cleaned", f"{word} is no descriptor text", "Use keep or remove instead."
            )
    for word in sorted(lists["keep"]):
        if word in _NEVER_KEPT or _vr(word) == "PN":
            text = f"{word} identifies the patient"
            yield ProfileFault("never_kept", "keep", text, "Take it out of the list.")
        if word in _FREE_TEXT:
            yield ProfileFault("never_kept", "keep", f"{word} is {_ABOUT}", "Put it in clean instead.")
    for word in sorted(_NEVER_REMOVED.intersection(lists["remove"])):
        text = f"no object is valid without {word}"
        yield ProfileFault("never_removed", "remove", text, "Take it out of the list.")


def line_faults(
    lines: Collection[Line], options: Collection[Option], lists: Mapping[str, Collection[str]]
) -> Iterator[ProfileFault]:
    """What is wrong with the own lines of a profile that has these options and lists."""
    seen: set[int] = set()
    for line in sorted(lines):
        path, word = f'attributes."{line.where}"', keyword(line.tag)
        if line.tag in seen:
            yield ProfileFault("contradiction", path, "two lines for one attribute", "Leave one of them.")
        seen.add(line.tag)
        for name, words in lists.items():
            if word and word in words:
                text = f"{word} stands in {name} too"
                yield ProfileFault("contradiction", path, text, "Leave it in one of them.")
        found = _no_attribute(line.tag) or _not_allowed(line.tag, word, line.treatment, options)
        if found is not None:
            yield ProfileFault(found[0], path, *found[1:])


def _no_attribute(tag: int) -> tuple[str, str, str] | None:
    """Reason, text and advice where no line can be about a tag."""
    group = tag >> 16
    if group & 1:
        advice = 'Write its creator and VR: "0019,xx0C,SIEMENS MR HEADER" = { keep = "IS" }.'
        return "private", "a private attribute is known by its creator", advice
    if group >> 8 in (0x50, 0x60):
        text = "curves and overlays are drawings that nobody here can read, and always go"
        return "never_kept", text, "Take the line out."
    if group in _OUTSIDE_A_DATA_SET or not tag & 0xFFFF:
        return "no_attribute", "stands in no data set, or is written anew", "Take the line out."
    if not vr_of(tag) and not is_in_table(tag):
        return "unknown_keyword", "no attribute of PS3.6", "Look it up in PS3.6."
    return None


def _not_allowed(
    tag: int, word: str, treatment: Treatment, options: Collection[Option]
) -> tuple[str, str, str] | None:
    """Reason, text and advice where this cannot be done to an attribute."""
    if word in _WRITTEN:
        text = "is written by de-identification itself, whatever stood there"
        return "never_kept", text, "Take the line out."
    if treatment in _LOSING and word in _NEVER_REMOVED:
        return "never_removed", f"no object is valid without {word}", "Take the line out."
    if treatment in _LEAVING and (word in _NEVER_KEPT or vr_of(tag) == "PN"):
        return "never_kept", f"{word} identifies the patient", "Write remove, empty or dummy."
    if treatment is Treatment.KEEP and word in _FREE_TEXT:
        return "never_kept", f"{word} is {_ABOUT}", "Write clean instead."
    if treatment is Treatment.REMOVE and tag in REQUIRED:
        return "never_removed", f"{word} may be empty, but not absent", "Write empty."
    allowed = _words(vr_of(tag), word, options)
    if treatment in allowed:
        return None
    advice = f"Write {' or '.join(sorted(allowed))}."
    if treatment is Treatment.KEEP and vr_of(tag) in ("DA", "DT"):
        return (
            "contradiction",
            "the date would stay as it was",
            f"{advice} {Option.RETAIN_FULL_DATES} keeps it.",
        )
    if treatment in (Treatment.KEEP, Treatment.UID, Treatment.SHIFT) and vr_of(tag) in ("UI", "DA", "DT"):
        text = f"{treatment} does not go with the options of the profile"
        return "contradiction", text, advice
    return "wrong_vr", f"{treatment} is nothing for a value of VR {vr_of(tag) or 'that is not known'}", advice


def _words(vr: str, word: str, options: Collection[Option]) -> frozenset[Treatment]:
    """What can be done to an attribute of a VR under options."""
    if vr == "UI":
        retained = Option.RETAIN_UIDS in options
        own = {Treatment.KEEP} if retained else {Treatment.UID}
        if word in _OF_THE_OBJECT:
            return frozenset(own)
        return frozenset(own | {Treatment.UID, Treatment.REMOVE, Treatment.EMPTY})
    if vr in ("DA", "DT"):
        return _LOSING | {Treatment.KEEP if Option.RETAIN_FULL_DATES in options else Treatment.SHIFT}
    if vr in ("PN", ""):
        return _LOSING
    kept = {Treatment.KEEP} if word in _NEVER_REMOVED else _LOSING | {Treatment.KEEP}
    return frozenset(kept | {Treatment.CLEAN} if vr in _CLEANABLE_VRS else kept)


def private_faults(private: Collection[PrivateLine], options: Collection[Option]) -> Iterator[ProfileFault]:
    """What is wrong with the own lines about private attributes."""
    seen: set[str] = set()
    for line in sorted(private):
        path = f'attributes."{line.where}"'
        if line.where in seen:
            yield ProfileFault("contradiction", path, "two lines for one attribute", "Leave one of them.")
        seen.add(line.where)
        if not line.group & 1 or line.group < 9 or not 0 <= line.element <= 0xFF:
            yield ProfileFault(
                "private", path, "no private attribute", "Private groups are odd, from 0009 on."
            )
        if not line.creator.strip() or "\\" in line.creator or len(line.creator) > _LONGEST_CREATOR:
            yield ProfileFault("private", path, "no creator of a private block", "Copy it from an object.")
        if line.vr and line.vr not in PRIVATE_VRS:
            known = ", ".join(sorted(PRIVATE_VRS))
            text = f"private attributes of VR {line.vr!r} cannot be kept"
            yield ProfileFault("wrong_vr", path, text, f"Known are {known}.")
        if not line.vr and (line.creator, line.group, line.element) not in safe_private():
            text = "not on the standard's list of safe ones, so it goes anyway"
            yield ProfileFault("private", path, text, "Take the line out.")
        if Option.RETAIN_SAFE_PRIVATE not in options:
            text = "without an option all private attributes go"
            yield ProfileFault("contradiction", path, text, f"Add {Option.RETAIN_SAFE_PRIVATE} to options.")


def _vr(word: str) -> str:
    tag = tag_for_keyword(word)
    return "" if tag is None else vr_of(tag)
