"""What a DICOM conformance statement says in its tables (PS3.2 A), from what the listener and our SCUs really offer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pydicom.uid import UID
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import _STORAGE_CLASSES

from ror.gateway.association import VERIFICATION, Offer
from ror.gateway.services import SERVICES

__all__ = ["SopClassLine", "sop_classes", "storage_syntaxes"]

_COMMITMENT, _STEPS, _AVAILABILITY = SERVICES
_STUDY_ROOT: Final = "1.2.840.10008.5.1.4.1.2.2"
_OF_LISTENER: Final = {
    VERIFICATION: "C-ECHO",
    _COMMITMENT: "N-ACTION, N-EVENT-REPORT",
    _STEPS: "N-CREATE, N-SET",
    _AVAILABILITY: "N-CREATE",
}
_DEFAULT: Final = len(build_context(VERIFICATION).transfer_syntax or ())  # uncompressed ones, and deflate
# What we request of others ourselves, by `orthanc`: SOP class, role, operations, how many transfer syntaxes.
_REQUESTED: Final = (
    (VERIFICATION, "SCU", "C-ECHO", _DEFAULT),
    (f"{_STUDY_ROOT}.1", "SCU", "C-FIND", _DEFAULT),
    (f"{_STUDY_ROOT}.2", "SCU", "C-MOVE", _DEFAULT),
    (f"{_STUDY_ROOT}.3", "SCU", "C-GET", _DEFAULT),
    (_COMMITMENT, "SCP", "N-EVENT-REPORT", 2),
    (_COMMITMENT, "SCU", "N-ACTION, N-EVENT-REPORT", 2),
)
_NEW_NAMES: Final = {
    str(uid): name for name, uid in _STORAGE_CLASSES.items()
}  # those pydicom does not know yet


@dataclass(frozen=True, slots=True)
class SopClassLine:
    """One SOP class: whether we accept or request associations for it, in which role, for which operations."""

    sop_class: str
    uid: str
    association: str
    role: str
    operations: str
    transfer_syntaxes: int


def sop_classes() -> list[SopClassLine]:
    """The listener's classes, then those that we request; objects are sent in the class and syntax that they have."""
    accepted = [
        SopClassLine(_name(uid), uid, "accepted", "SCP", _OF_LISTENER.get(uid, "C-STORE"), len(syntaxes))
        for uid, syntaxes in Offer(SERVICES).transfer_syntaxes.items()
    ]
    requested = [
        SopClassLine(_name(uid), uid, "requested", role, operations, syntaxes)
        for uid, role, operations, syntaxes in _REQUESTED
    ]
    sent = [
        replace(line, association="requested", role="SCU")
        for line in accepted
        if line.operations == "C-STORE"
    ]
    told = SopClassLine(_name(_COMMITMENT), _COMMITMENT, "accepted", "SCU", "N-EVENT-REPORT", 2)
    return [*accepted, told, *requested, *sent]


def _name(uid: str) -> str:
    name = UID(uid).name
    return _NEW_NAMES.get(uid, uid) if name == uid else name


def storage_syntaxes() -> list[tuple[str, str]]:
    """Name and UID of each transfer syntax in which objects are taken, the one that is preferred first."""
    longest = max(Offer(SERVICES).transfer_syntaxes.values(), key=len)
    return [(UID(uid).name, uid) for uid in longest]
