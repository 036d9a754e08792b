"""What de-identification writes of its own: markers (PS3.15 E.1.1), required attributes, file meta."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from anonymizer.engine import Person
from anonymizer.plan import REQUIRED
from anonymizer.profile import Profile
from anonymizer.subject import Subject
from anonymizer.table import EDITION, vr_of
from anonymizer.wire import META, Element, encoded, write_head

__all__ = [
    "CONTRIBUTING",
    "ENGINE_VERSION",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION",
    "REQUIRED_EMPTY",
    "contributed",
    "contribution",
    "file_meta",
    "mark",
    "own_elements",
]

# Made once with uuid4 (PS3.5 B.2); says which program wrote a file.
IMPLEMENTATION_CLASS_UID: Final = "2.25.171562349081725016238440591723608114257"
IMPLEMENTATION_VERSION: Final = "ROR_0_1"
ENGINE_VERSION: Final = "0.1"
CONTRIBUTING: Final = 0x0018A001

_PATIENT_NAME, _PATIENT_ID, _REFERRING, _STUDY_ID = 0x00100010, 0x00100020, 0x00080090, 0x00200010
REQUIRED_EMPTY: Final = {tag: Element(tag, vr_of(tag)) for tag in REQUIRED}
# Preamble, prefix, and the head of File Meta Information Group Length.
_BEFORE_LENGTH: Final = bytes(128) + b"DICM" + write_head(0x00020000, "UL", 4, META)
_REMOVED, _METHOD, _METHOD_CODES, _LONGITUDINAL = 0x00120062, 0x00120063, 0x00120064, 0x00280303


def own_elements(profile: Profile, person: Person, subject: Subject | None) -> Mapping[int, Element]:
    """The elements whose values are all ours, by tag: who the object is of now, and that it was de-identified."""
    method = f"DICOM PS3.15 {EDITION} Basic Profile\\ror profile {profile.digest}"
    own = {
        _PATIENT_NAME: _text(_PATIENT_NAME, person.pseudonym),
        _PATIENT_ID: _text(_PATIENT_ID, person.pseudonym),
        _STUDY_ID: _text(_STUDY_ID, person.study_id),
        _REMOVED: _text(_REMOVED, "YES"),
        _METHOD: _text(_METHOD, method),
        _METHOD_CODES: Element(_METHOD_CODES, "SQ", items=tuple(_code(*c) for c in profile.option_codes)),
        _LONGITUDINAL: _text(_LONGITUDINAL, profile.longitudinal),
    }
    if subject is not None and subject.event is not None:
        own[_REFERRING] = _text(_REFERRING, f"EventName:{subject.event}")
    return own


def mark(elements: Iterable[Element], own: Mapping[int, Element]) -> list[Element]:
    """The elements with our own among them, and with what no object may lack; ascending."""
    present = dict(REQUIRED_EMPTY)
    present.update((element.tag, element) for element in elements)
    present.update(own)
    return [present[tag] for tag in sorted(present)]


def contribution(profile_digest: str) -> tuple[Element, ...]:
    """The item of Contributing Equipment Sequence that says what de-identified the object (PS3.3 C.12.1.1.5)."""
    return (
        _text(0x00080070, "ror"),
        _text(0x00081090, "anonymizer"),
        _text(0x00181020, ENGINE_VERSION),
        _text(0x0018A003, f"De-identified by PS3.15 {EDITION}, profile {profile_digest}"),
        Element(0x0040A170, "SQ", items=(_code("109104", "De-identifying Equipment"),)),
    )


def contributed(elements: Iterable[Element], profile_digest: str) -> list[Element]:
    """The elements, which ascend, with our contribution behind those of others."""
    ours, done = contribution(profile_digest), {element.tag: element for element in elements}
    before = done.get(CONTRIBUTING)
    items = (before.items or ()) if before is not None else ()
    done[CONTRIBUTING] = Element(CONTRIBUTING, "SQ", items=(*items, ours))
    return [done[tag] for tag in sorted(done)]


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble and file meta information (PS3.10 7.1), made anew: the old ones name machines."""
    before, after = _around_the_instance(sop_class_uid, transfer_syntax_uid)
    uid = _even(sop_instance_uid.encode(), b"\0")
    body = before + write_head(0x00020003, "UI", len(uid), META) + uid + after
    return _BEFORE_LENGTH + len(body).to_bytes(4, "little") + body


@lru_cache(maxsize=256)
def _around_the_instance(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, bytes]:
    before = [Element(0x00020001, "OB", b"\0\1"), _uid(0x00020002, sop_class_uid)]
    after = [
        _uid(0x00020010, transfer_syntax_uid),
        _uid(0x00020012, IMPLEMENTATION_CLASS_UID),
        Element(0x00020013, "SH", _even(IMPLEMENTATION_VERSION.encode(), b" ")),
    ]
    return encoded(before, META), encoded(after, META)


def _code(value: str, meaning: str) -> tuple[Element, ...]:
    return _text(0x00080100, value), _text(0x00080102, "DCM"), _text(0x00080104, meaning)


def _text(tag: int, value: str) -> Element:
    return Element(tag, vr_of(tag), _even(value.encode(), b" "))


def _uid(tag: int, value: str) -> Element:
    return Element(tag, "UI", _even(value.encode(), b"\0"))


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding * (len(value) % 2)
