"""What may be told of an object in quarantine: what kind it is and how large, never a value of it."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import UID

from anonymizer import DeidentificationError, IdentifiedInstance
from ror.gateway.quarantine import Quarantine, QuarantinedObject

__all__ = ["Examined", "examine"]

_UNKNOWN = "none of the standard's"


@dataclass(frozen=True, slots=True)
class Examined:
    """Of one object: its SOP class and transfer syntax by the standard's names, and how long its file is.

    `elements` is how many its data set has (those of items not counted), None where it cannot be read.
    """

    sop_class: str
    transfer_syntax: str
    file_bytes: int
    elements: int | None


def examine(quarantine: Quarantine, held: QuarantinedObject) -> Examined:
    """Look at an object that is held.

    Raises
    ------
    NotFound
        Its file is gone, or is none that was written here.
    """
    received = quarantine.read(held)
    file = received.to_part10()
    try:
        read: IdentifiedInstance | None = IdentifiedInstance.from_part10(file)
    except DeidentificationError:
        read = None
    return Examined(
        _named(received.sop_class_uid),
        _named(received.transfer_syntax_uid),
        len(file),
        None if read is None else len(read.elements),
    )


def _named(uid: str) -> str:
    # A sender can write anything there, also a name of somebody: only the standard's own UIDs are told.
    name = UID(uid).name
    return name if name and name != uid else _UNKNOWN
