"""Which series a DICOM file belongs to, read from its bytes: pydicom makes an object of each of a hundred elements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct

__all__ = ["ENOUGH_BYTES", "Identified", "identified"]

ENOUGH_BYTES = 16_384
"""So much of a file usually holds what identifies it."""

_PREFIX = b"DICM"
_META = 132  # where the file meta information begins (PS3.10 7.1)
_META_GROUP = 0x0002
_TRANSFER_SYNTAX = 0x0002_0010
_SOP_CLASS, _SOP_INSTANCE, _PATIENT_ID = 0x0008_0016, 0x0008_0018, 0x0010_0020
_STUDY, _SERIES = 0x0020_000D, 0x0020_000E
_VRS = {_SOP_CLASS: b"UI", _SOP_INSTANCE: b"UI", _PATIENT_ID: b"LO", _STUDY: b"UI", _SERIES: b"UI"}
# Those that compress nothing but pixels; all of them have explicit VR in little endian (PS3.5 A.2, A.4).
_EXPLICIT = re.compile(rb"1\.2\.840\.10008\.1\.2\.(1|5|4\.\d+)")
# Whose lengths have 32 bits (PS3.5 7.1.2), and all others.
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT = frozenset(
    vr.encode()
    for vr in "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905 - as PS3.5 lists them
)
_UNDEFINED = 0xFFFF_FFFF
# What every character set writes alike, and is one value: no backslash, escape or tilde, trimmed at its end alone.
_PLAIN = re.compile(rb"(?:[!-\[\]-}][ -\[\]-}]*)?")
_head = Struct("<HH2sH").unpack_from
_length = Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class Identified:
    """What places an object; empty where it does not say so."""

    sop_class: str
    sop_uid: str
    patient_id: str
    study_uid: str
    series_uid: str


def identified(data: bytes) -> Identified | None:
    """What the beginning of a Part 10 file says of its place; None for whatever is not plain, which pydicom reads.

    Plain is explicit VR in little endian, no sequence of undefined length before the UIDs, and ASCII in PatientID.
    """
    if data[_META - len(_PREFIX) : _META] != _PREFIX:
        return None
    found: dict[int, bytes] = {}
    at, size = _META, len(data)
    transfer_syntax = b""
    while at + 12 <= size:
        group, element, vr, length = _head(data, at)
        tag = group << 16 | element
        if group != _META_GROUP and not _EXPLICIT.fullmatch(transfer_syntax):
            return None
        if tag > _SERIES:
            return _told(found)
        at += 8
        if vr in _LONG:
            (length,) = _length(data, at)
            at += 4
        elif vr not in _SHORT:
            return None
        end = at + length
        if length == _UNDEFINED or end > size:
            return None
        if tag == _TRANSFER_SYNTAX:
            transfer_syntax = data[at:end].rstrip(b"\0")
        elif tag in _VRS:
            if vr != _VRS[tag] or tag in found:
                return None
            found[tag] = data[at:end].rstrip(b" \0")
        at = end
    return None


def _told(found: dict[int, bytes]) -> Identified | None:
    values = [found.get(tag, b"") for tag in _VRS]
    if not all(map(_PLAIN.fullmatch, values)):
        return None
    return Identified(*(value.decode("ascii") for value in values))
