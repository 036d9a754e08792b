"""What earlier jobs have made of the same match, and how the objects of this one say that they take its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from ror.results.uids import derive_uid

__all__ = ["Earlier", "EarlierObject", "earlier_objects", "predecessor_documents", "told_in_words"]

# PS3.16 CID 7009, for the Predecessor Documents Sequence (PS3.3 C.17.2, C.24.2).
REPLACED_REPORT = CodedConcept("121360", "DCM", "Replaced report")


@dataclass(frozen=True, slots=True)
class EarlierObject:
    """An object that an earlier job has made."""

    sop_class_uid: str
    sop_uid: str
    series_uid: str
    study_uid: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """A job on the same match whose results those of a later one replace: an older version, or fewer images."""

    job_id: str
    version: str
    objects: tuple[EarlierObject, ...] = field(repr=False)


def earlier_objects(superseded: Sequence[Earlier], role: str) -> list[EarlierObject]:
    """What earlier jobs have made in the same role: UIDs derive from job and role (`derive_uid`)."""
    return [one for job in superseded for one in job.objects if one.sop_uid == derive_uid(job.job_id, role)]


def told_in_words(superseded: Sequence[Earlier], version: str) -> str:
    """``supersedes 1.1.0``, for people; the latest first, since what is too long is cut. "" where it is nothing."""
    told = ["an older result" if job.version == version else job.version for job in reversed(superseded)]
    return f"supersedes {', '.join(dict.fromkeys(told))}" if told else ""


def predecessor_documents(superseded: Sequence[Earlier], role: str, *, report: bool = True) -> list[Dataset]:
    """Items of a Predecessor Documents Sequence, one a study (PS3.3 Table C.17-3).

    Parameters
    ----------
    report
        Whether they are reports, for which there is a code that says *replaced*; of models there is none (CID 7062).
    """
    return list(_by_study(earlier_objects(superseded, role), report))


def _by_study(objects: Sequence[EarlierObject], report: bool) -> Iterator[Dataset]:
    for study_uid in dict.fromkeys(one.study_uid for one in objects):
        study = Dataset()
        study.StudyInstanceUID = study_uid
        study.ReferencedSeriesSequence = [
            _series(one, report) for one in objects if one.study_uid == study_uid
        ]
        yield study


def _series(one: EarlierObject, report: bool) -> Dataset:
    """Each job has a series of its own for such an object."""
    instance, series = Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = one.sop_class_uid, one.sop_uid
    if report:
        instance.PurposeOfReferenceCodeSequence = [deepcopy(REPLACED_REPORT)]
    series.SeriesInstanceUID = one.series_uid
    series.ReferencedSOPSequence = [instance]
    return series
