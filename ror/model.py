"""The product's words: what a study, a series and a job are, and the states that they pass through."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = [
    "JOB_TRANSITIONS",
    "STEPS",
    "STUDY_TRANSITIONS",
    "Job",
    "JobFolder",
    "JobSeries",
    "JobState",
    "PseudonymScheme",
    "StepState",
    "StudyEvent",
    "StudyState",
    "job_id",
    "series_content",
]


class PseudonymScheme(StrEnum):
    """Where the pseudonyms of a project come from."""

    DERIVED = "derived"  # from the project's secret
    COUNTED = "counted"  # by a pattern, from a counter
    COUPLED = "coupled"  # from a list that an administrator has brought


class StudyState(StrEnum):
    """Where a study stands between its first object and its match."""

    RECEIVING = "receiving"
    SETTLED = "settled"
    MATCHED = "matched"


class StudyEvent(StrEnum):
    """What moves a study from one state to another."""

    OBJECT_FILED = "object filed"
    COMPLETE = "taken for complete"
    MATCH_RECORDED = "match recorded"
    MATCH_ASKED = "match asked for"


STUDY_TRANSITIONS: Mapping[tuple[StudyState, StudyEvent], StudyState] = {
    (StudyState.RECEIVING, StudyEvent.OBJECT_FILED): StudyState.RECEIVING,
    (StudyState.RECEIVING, StudyEvent.COMPLETE): StudyState.SETTLED,
    (StudyState.SETTLED, StudyEvent.OBJECT_FILED): StudyState.RECEIVING,
    (StudyState.SETTLED, StudyEvent.MATCH_RECORDED): StudyState.MATCHED,
    (StudyState.MATCHED, StudyEvent.OBJECT_FILED): StudyState.RECEIVING,
    (StudyState.MATCHED, StudyEvent.MATCH_ASKED): StudyState.SETTLED,
}


class StepState(StrEnum):
    """Where a performed procedure step stands, as DICOM writes it (PS3.3 C.4.14)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    REVIEW = "review"  # its results are made, and wait for somebody to look at them
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED, JobState.SUPERSEDED}),
    # Queued again, if its host is lost.
    JobState.RUNNING: frozenset(
        {
            JobState.QUEUED,
            JobState.REVIEW,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.SUPERSEDED,
        }
    ),
    JobState.REVIEW: frozenset({JobState.QUEUED, JobState.REJECTED, JobState.CANCELLED, JobState.SUPERSEDED}),
    JobState.SUCCEEDED: frozenset({JobState.SUPERSEDED}),
    JobState.FAILED: frozenset({JobState.QUEUED, JobState.CANCELLED, JobState.SUPERSEDED}),
    JobState.REJECTED: frozenset({JobState.QUEUED, JobState.SUPERSEDED}),  # people change their minds
    JobState.CANCELLED: frozenset({JobState.QUEUED, JobState.SUPERSEDED}),
    JobState.SUPERSEDED: frozenset(),
}

STEPS = ("stage", "execute", "collect", "encode", "deliver", "record")
"""The steps of a job, in order (`ror.engine.pipeline`)."""


@dataclass(frozen=True, slots=True)
class JobSeries:
    """One matched series: the name that the select statement gives it, and what it held when it matched."""

    name: str
    series_uid: str
    study_uid: str
    content: str


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one workflow on one match; `host` is the worker that has it, `gpu` the card that it was given.

    An attempt goes on from the ones before it, but from none before `first_attempt`: what these have made is gone.
    That of a `shadow` version runs to be compared: nothing of it is delivered or recorded.
    """

    id: str
    project: str
    workflow: str
    version: str
    package_digest: str
    patient_id: str
    study_uid: str
    match_key: str
    series: tuple[JobSeries, ...]
    state: JobState
    attempt: int = 1
    detail: str = ""
    host: str | None = None
    gpu: str | None = None
    first_attempt: int = 1
    shadow: bool = False


def series_content(instances: Sequence[tuple[str, str]]) -> str:
    """Fingerprint of a series: SHA-256 over its sorted (SOPInstanceUID, SHA-256 of the file) pairs."""
    digest = hashlib.sha256()
    for sop_uid, sha256 in sorted(instances):
        digest.update(f"{sop_uid} {sha256}\n".encode())
    return digest.hexdigest()


def job_id(
    workflow: str,
    package_digest: str,
    match_key: str,
    series: Sequence[JobSeries],
    *,
    shadow: bool = False,
    replaced: int = 0,
) -> str:
    """Identity of a job: the same workflow package on the same content is the same job.

    One in the shadow of another version is not: when its version is promoted, a job of it delivers. Nor is one that is
    wanted again after so many of them were `replaced`: what they have made is gone, and their UIDs are used up.
    """
    kind = f"{' shadow' if shadow else ''}{f' after {replaced}' if replaced else ''}"
    digest = hashlib.sha256(f"{workflow} {package_digest} {match_key}{kind}\n".encode())
    for one in series:
        digest.update(f"{one.name} {one.series_uid} {one.content}\n".encode())
    return f"{workflow}-{digest.hexdigest()[:20]}"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Where a job's files are: `data` (read-only input), `output`, `log`, the `results` made of the output.

    `review` holds their copies for reviewers.
    """

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def log(self) -> Path:
        return self.root / "log" / "container.log"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def review(self) -> Path:
        return self.root / "review"
