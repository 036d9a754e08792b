"""The original identifiers that the research ones derive from; an object without them is nobody's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from anonymizer.errors import MissingIdentifier
from anonymizer.identity import is_standard_uid, is_uid
from anonymizer.stored import Value
from anonymizer.text import Charsets, decode
from anonymizer.wire import Element, tag_path

__all__ = ["ORIGIN_TAGS", "SERIES", "SOP_INSTANCE", "Origin", "check_instance"]

SOP_INSTANCE: Final = 0x00080018
SERIES: Final = 0x0020000E
_SOP_CLASS, _STUDY = 0x00080016, 0x0020000D
_PATIENT_ID, _ISSUER = 0x00100020, 0x00100021
ORIGIN_TAGS: Final = frozenset({_SOP_CLASS, SOP_INSTANCE, _STUDY, SERIES, _PATIENT_ID, _ISSUER})


@dataclass(frozen=True, slots=True, repr=False)
class Origin:
    """Whose an object is, and which; identified values, never shown."""

    patient_id: str
    issuer: str
    study: str
    series: str

    @classmethod
    def of(
        cls, elements: Iterable[Element], charsets: Charsets, sop_class_uid: str, sop_instance_uid: str
    ) -> Origin:
        """Read it from the elements of an object, or from those of `ORIGIN_TAGS` alone.

        Raises
        ------
        MissingIdentifier
            One is missing or no UID, or the object is another than its message or file meta information says.
        """
        texts = {e.tag: _text(e.value, charsets) for e in elements if e.tag in ORIGIN_TAGS}
        for tag, said in ((_SOP_CLASS, sop_class_uid), (SOP_INSTANCE, sop_instance_uid)):
            _check(tag, texts.get(tag, ""), said)
        study, series, patient_id = (
            _required(tag, texts.get(tag, "")) for tag in (_STUDY, SERIES, _PATIENT_ID)
        )
        return cls(patient_id, texts.get(_ISSUER, ""), study, series)


def check_instance(value: Value, charsets: Charsets, sop_instance_uid: str) -> None:
    """Raise `MissingIdentifier` as `Origin.of` does where the SOP Instance UID of a data set is not what it came as."""
    _check(SOP_INSTANCE, _text(value, charsets), sop_instance_uid)


def _text(value: Value, charsets: Charsets) -> str:
    return decode(value, charsets).strip(" \0")


def _check(tag: int, value: str, said: str) -> None:
    if _required(tag, value) != said:
        raise MissingIdentifier(
            "uid_mismatch",
            "The data set contradicts the message or file meta information it came in",
            "Correct it at the sender.",
            tag_path(tag),
        )


def _required(tag: int, value: str) -> str:
    if not value:
        raise MissingIdentifier(
            "missing_identifier",
            "An attribute that says whose the object is, or which, is missing",
            "Correct it at the sender.",
            tag_path(tag),
        )
    # Below the standard's own root a UID would be kept; nobody may name a study there (PS3.5 9).
    own_root = is_standard_uid(value) and tag != _SOP_CLASS
    if tag != _PATIENT_ID and (own_root or not is_uid(value)):
        raise MissingIdentifier("invalid_uid", "Not a UID", "Correct it at the sender.", tag_path(tag))
    return value
