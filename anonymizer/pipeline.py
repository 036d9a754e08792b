"""The way of one object: check, gather, apply, mark, look again, write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anonymizer import burned_in
from anonymizer.clean import Cleaner
from anonymizer.engine import Engine, Person
from anonymizer.errors import MissingIdentifier
from anonymizer.identity import harvest, is_standard_uid, is_uid
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.key import ProjectKey
from anonymizer.kinds import check_pixels, check_sop_class
from anonymizer.markers import file_meta, mark
from anonymizer.options import Option
from anonymizer.plan import compile_plan
from anonymizer.profile import Profile
from anonymizer.report import Report
from anonymizer.residual import Residual
from anonymizer.subject import Subject
from anonymizer.table import EDITION
from anonymizer.text import Charsets, charsets_of, decode
from anonymizer.unknown import recognised
from anonymizer.wire import Element, tag_path, write

__all__ = ["deidentify"]

_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_PATIENT_ID, _ISSUER = 0x00100020, 0x00100021
_LATIN: Final = ("latin-1",)


def deidentify(
    instance: IdentifiedInstance, profile: Profile, key: ProjectKey, subject: Subject | None = None
) -> tuple[ResearchInstance, Report]:
    """De-identify one object by PS3.15 Annex E.

    Parameters
    ----------
    subject
        Takes the place of the pseudonym derived from the key, and names the event of a longitudinal study.
        Dates are shifted by what the key derives from the original patient, unless it has a shift of its own.

    Raises
    ------
    DeidentificationError
        The object is of a kind that is not handled, is nobody's, may show a name in its pixels that is not masked,
        or would have come out with an identifier left in it. Nothing of an object that raises may be kept outside
        quarantine.
    """
    check_sop_class(instance.sop_class_uid, profile.options)
    masking = None
    if profile.has(Option.CLEAN_PIXEL_DATA):
        instance, masking = burned_in.cleaned(instance, profile.pixel_rules, find_text=profile.find_text)
    elements = recognised(instance.elements, instance.encoding)
    charsets = charsets_of(elements, _LATIN)
    origin = _origin(instance, charsets)
    check_pixels(instance.sop_class_uid, elements)
    person = Person(
        pseudonym=subject.pseudonym if subject else key.pseudonym(origin.patient_id, origin.issuer),
        study_id=key.study_id(origin.study),
        shift_days=_shift_days(origin, key, subject, weekdays=profile.weekdays),
    )
    identity = harvest(elements, charsets)
    engine = Engine(compile_plan(profile, instance.sop_class_uid), key, person, Cleaner.of(identity))
    applied = engine.treat(elements, charsets)
    if masking is not None:
        applied = masking.described(applied)
    done, own = mark(applied, profile, person, subject)
    Residual.of(identity, engine.tally.kept_uids).check(done, charsets, own)
    return _research(instance, engine, origin, done), _report(engine, profile)


@dataclass(frozen=True, slots=True, repr=False)
class _Origin:
    """The original identifiers that the research ones derive from."""

    patient_id: str
    issuer: str
    study: str
    series: str


def _origin(instance: IdentifiedInstance, charsets: Charsets) -> _Origin:
    values = {e.tag: e for e in instance.elements}

    def text(tag: int) -> str:
        element = values.get(tag)
        return "" if element is None else decode(element.value, charsets).strip(" \0")

    for tag, said in ((_SOP_CLASS, instance.sop_class_uid), (_SOP_INSTANCE, instance.sop_instance_uid)):
        _require(text(tag), tag)
        if text(tag) != said:
            raise MissingIdentifier(
                "uid_mismatch",
                "The data set contradicts the message or file meta information it came in",
                "Correct it at the sender.",
                tag_path(tag),
            )
    for tag in (_STUDY, _SERIES, _PATIENT_ID):
        _require(text(tag), tag)
    return _Origin(text(_PATIENT_ID), text(_ISSUER), text(_STUDY), text(_SERIES))


def _shift_days(origin: _Origin, key: ProjectKey, subject: Subject | None, *, weekdays: bool) -> int:
    if subject is not None and subject.shift_days is not None:
        return subject.shift_days
    return key.shift_days(origin.patient_id, origin.issuer, weekdays=weekdays)


def _require(value: str, tag: int) -> None:
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


def _research(
    instance: IdentifiedInstance, engine: Engine, origin: _Origin, done: list[Element]
) -> ResearchInstance:
    sop_instance_uid = engine.uid(instance.sop_instance_uid)
    syntax = instance.transfer_syntax_uid
    return ResearchInstance(
        patient_id=engine.person.pseudonym,
        study_instance_uid=engine.uid(origin.study),
        series_instance_uid=engine.uid(origin.series),
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        transfer_syntax_uid=syntax,
        chunks=(file_meta(instance.sop_class_uid, sop_instance_uid, syntax), *write(done, instance.encoding)),
    )


def _report(engine: Engine, profile: Profile) -> Report:
    actions = tuple(sorted((str(action), count) for action, count in engine.tally.counts.items()))
    return Report(actions, tuple(engine.tally.removed), tuple(engine.tally.cleaned), EDITION, profile.digest)
