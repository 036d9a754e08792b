"""What can go wrong, and what to do about it.

::

    DeidentificationError
    ├── Unreadable          the bytes are no whole DICOM object: ask for the object again
    ├── Unsupported         the kind of object cannot be de-identified here: keep it in quarantine
    ├── MissingIdentifier   a UID or the PatientID is absent, empty or no UID: correct it at the sender
    ├── BurnedInText        the pixels may show a name: look at the object, or mask it before sending
    ├── UnlistedPatient     a coupling list does not name the patient: add them to it, and take the object in again
    ├── ResidualIdentity    an identifier was found in what would have come out: extend the profile
    ├── ProfileError        the profile contradicts the standard or itself: correct the configuration
    └── WeakKey             the project's secret is too short: make a longer one

No error carries an attribute's value, neither in its text nor in its cause (library errors quote what they
could not read, so they are cut off with ``raise ... from None``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "BurnedInText",
    "DeidentificationError",
    "MissingIdentifier",
    "ProfileError",
    "ProfileFault",
    "ResidualIdentity",
    "UnlistedPatient",
    "Unreadable",
    "Unsupported",
    "WeakKey",
]


class DeidentificationError(Exception):
    """An object, a profile or a key was refused.

    Attributes
    ----------
    reason
        Short code for counters and routing, for example ``"burned_in_annotation"``.
    tag
        Path of the attribute that led to it, ``"(0008,1140)[0](0008,1155)"``, or an empty string.
    advice
        One sentence that says what to do.
    """

    def __init__(self, reason: str, text: str, advice: str, tag: str = "") -> None:
        super().__init__(reason, text, advice, tag)
        self.reason = reason
        self.text = text
        self.advice = advice
        self.tag = tag

    def __str__(self) -> str:
        where = f" at {self.tag}" if self.tag else ""
        return f"{self.text}{where}. {self.advice}"


class Unreadable(DeidentificationError):
    """The bytes are truncated, malformed, or encoded in a way the reader is not sure of."""


class Unsupported(DeidentificationError):
    """The SOP class, transfer syntax or encoding is none that can be de-identified without loss or leak."""


class MissingIdentifier(DeidentificationError):
    """PatientID or one of the three UIDs is absent, empty, malformed or contradicts the message."""


class BurnedInText(DeidentificationError):
    """The pixels carry, or may carry, text or graphics that identify the patient."""


class ResidualIdentity(DeidentificationError):
    """One of the object's own identifiers was still in the header after de-identification."""


class UnlistedPatient(DeidentificationError):
    """Pseudonyms come from a list, and the patient is not on it; raised by whoever keeps the list."""


@dataclass(frozen=True, slots=True)
class ProfileFault:
    """One thing wrong in a profile.

    Attributes
    ----------
    reason
        Short code, as of the errors.
    path
        Where: ``keep``, ``attributes."0008,0080"``; empty where it is about more than one place.
    """

    reason: str
    path: str
    text: str
    advice: str

    def __str__(self) -> str:
        return f"{self.place_and_text}. {self.advice}"

    @property
    def place_and_text(self) -> str:
        """The fault without what to do about it."""
        return f"{self.path}: {self.text}" if self.path else self.text


class ProfileError(DeidentificationError):
    """A profile names an unknown attribute, or wants to keep what may never be kept.

    `faults` has everything that is wrong, in the order in which it was found.
    """

    faults: tuple[ProfileFault, ...] = ()

    @classmethod
    def of(cls, faults: Iterable[ProfileFault], source: str = "") -> ProfileError:
        """The error that tells faults, of which there is at least one, of a profile called `source`."""
        found = tuple(faults)
        first = found[0]
        if len(found) == 1 and not source:
            error = cls(first.reason, first.place_and_text, first.advice)
        else:
            what = f"{source or 'the profile'}: {len(found)} fault{'s' * (len(found) > 1)}"
            text = "\n".join([what, *(f"  {fault}" for fault in found)])
            error = cls(first.reason, text.rstrip("."), "Correct the profile.")
        error.faults = found
        return error


class WeakKey(DeidentificationError):
    """The secret of a project is shorter than 16 bytes."""
