"""Who an object is of, before it is de-identified: for the lists and tables that are kept outside of this package."""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer.instance import IdentifiedInstance
from anonymizer.text import charsets_of, decode

__all__ = ["OriginalIdentity"]

_LATIN = ("latin-1",)
_TAGS = {
    "patient_id": 0x00100020,
    "issuer": 0x00100021,
    "patient_name": 0x00100010,
    "birth_date": 0x00100030,
    "sex": 0x00100040,
    "study_instance_uid": 0x0020000D,
    "accession_number": 0x00080050,
    "study_id": 0x00200010,
    "study_date": 0x00080020,
}


@dataclass(frozen=True, slots=True, repr=False)
class OriginalIdentity:
    """Identified: what a result needs to go back to the patient's own record. Never shown, never logged.

    Values are text without padding, empty where the object has none (PS3.3 C.7.1.1, C.7.2.1).
    """

    patient_id: str
    issuer: str
    patient_name: str
    birth_date: str
    sex: str
    study_instance_uid: str
    accession_number: str
    study_id: str
    study_date: str

    @classmethod
    def of(cls, instance: IdentifiedInstance) -> OriginalIdentity:
        """Read it from an object.

        Raises
        ------
        Unsupported
            The Specific Character Set is none of the standard's.
        """
        elements = {element.tag: element for element in instance.elements}
        charsets = charsets_of(instance.elements, _LATIN)
        values = {
            name: decode(elements[tag].value, charsets).strip(" \0") if tag in elements else ""
            for name, tag in _TAGS.items()
        }
        return cls(**values)

    def __repr__(self) -> str:
        return "OriginalIdentity(<not shown>)"

    def __reduce__(self) -> str:
        raise TypeError("an OriginalIdentity is not pickled: it stays in this process")
