"""The way of one object: check, gather, apply, mark, look again, write."""

from __future__ import annotations

from anonymizer import burned_in
from anonymizer.case import LATIN, Case
from anonymizer.engine import Engine
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.key import ProjectKey
from anonymizer.kinds import check_sop_class
from anonymizer.markers import contributed, file_meta, mark
from anonymizer.options import Option
from anonymizer.origin import Origin
from anonymizer.profile import Profile
from anonymizer.report import Report
from anonymizer.residual import Residual
from anonymizer.stored import Value
from anonymizer.subject import Subject
from anonymizer.text import charsets_of
from anonymizer.unknown import recognised
from anonymizer.wire import write

__all__ = ["deidentify", "research_instance"]


def deidentify(
    instance: IdentifiedInstance,
    profile: Profile,
    key: ProjectKey,
    subject: Subject | None = None,
    *,
    verify: bool = True,
) -> tuple[ResearchInstance, Report]:
    """De-identify one object by PS3.15 Annex E, and remember nothing of it.

    Parameters
    ----------
    subject
        Takes the place of the pseudonym derived from the key, and names the event of a longitudinal study.
        Dates are shifted by what the key derives from the original patient, unless it has a shift of its own.
    verify
        Whether the finished object is searched for what it said about its people (`residual`).

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
    charsets = charsets_of(elements, LATIN)
    origin = Origin.of(instance.elements, charsets, instance.sop_class_uid, instance.sop_instance_uid)
    case = Case.of(elements, instance.sop_class_uid, origin, profile, key, subject)
    applied = case.engine.treat(elements, charsets)
    if masking is not None:
        applied = masking.described(applied)
    done = mark(applied, case.own)
    tally = case.engine.tally
    if verify:
        Residual.of(case.identity, tally.kept_uids).check(done, charsets, case.own.keys())
    chunks = tuple(write(contributed(done, profile.digest), instance.encoding))
    return research_instance(instance, case.engine, origin, chunks), Report(lambda: tally, profile.digest)


def research_instance(
    instance: IdentifiedInstance, engine: Engine, origin: Origin, chunks: tuple[Value, ...]
) -> ResearchInstance:
    """The finished object of a data set that was written in `chunks`."""
    sop_instance_uid = engine.uid(instance.sop_instance_uid)
    syntax = instance.transfer_syntax_uid
    return ResearchInstance(
        patient_id=engine.person.pseudonym,
        study_instance_uid=engine.uid(origin.study),
        series_instance_uid=engine.uid(origin.series),
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        transfer_syntax_uid=syntax,
        chunks=(file_meta(instance.sop_class_uid, sop_instance_uid, syntax), *chunks),
    )
