"""What a peer says to an object that it is given: by C-STORE (PS3.4 B.2.3) STOW-RS (PS3.18 10.5.3)."""

from __future__ import annotations

from types import MappingProxyType

from pydicom.uid import UID

from orthanc.errors import FileReport, SendReport
from orthanc.part10 import Part10File

__all__ = ["CANNOT_UNDERSTAND", "SUCCESS", "is_later", "refusal", "report_of"]

SUCCESS, CANNOT_UNDERSTAND = 0x0000, 0xC000
# Only these come later to another answer; everything else that is not stored is refused for good.
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_PROCESSING_FAILURE = 0x0110
# The peer has the object already (PS3.7 C.5.8). Whoever sends again under a stable UID has what it wants.
_DUPLICATE_SOP_INSTANCE = 0x0111
_WARNINGS = frozenset({0x0107, 0x0116, 0xB000, 0xB006, 0xB007})

_MEANINGS = MappingProxyType(
    {
        None: "it accepts no presentation context for this SOP class and transfer syntax",
        0x0117: "invalid SOP instance",
        0x0122: "SOP class not supported",
        0x0124: "not authorised",
        0x0210: "duplicate invocation",
        0x0211: "unrecognised operation",
        0x0212: "mistyped argument",
        CANNOT_UNDERSTAND: "it cannot be understood",
        0xC122: "transfer syntax not supported",
    }
)


def is_later(status: int) -> bool:
    """Whether the peer may take the same object at another time."""
    return status in _OUT_OF_RESOURCES or status == _PROCESSING_FAILURE


def report_of(file: Part10File, status: int | None) -> FileReport:
    """What the peer has said to a file, by its status."""
    stored = status in _WARNINGS or status in (SUCCESS, _DUPLICATE_SOP_INSTANCE)
    return FileReport(file.path, file.sop_instance_uid, file.sop_class_uid, status, stored)


def refusal(peer: object, report: SendReport, of: int | None = None) -> str:
    """One sentence about all files that a peer has refused, with its reasons; `of` so many, if not of the report's."""
    reasons = sorted({_meaning(file) for file in report.refused})
    return f"{peer} refused {len(report.refused)} of {of or len(report.files)} files: " + "; ".join(reasons)


def _meaning(file: FileReport) -> str:
    name = UID(file.sop_class_uid).name
    if file.status is None or file.status in _MEANINGS:
        return f"{name}: {_MEANINGS[file.status]}"
    if 0xA900 <= file.status < 0xAA00:
        return f"{name}: data set does not match SOP class (status 0x{file.status:04X})"
    return f"{name}: status 0x{file.status:04X}"
