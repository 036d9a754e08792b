"""From a settled study to jobs: every enabled workflow of the project is asked whether it wants the study."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

import select_lang
from ror.archive import Index
from ror.db import Database
from ror.engine.jobs import JobStore
from ror.errors import NotAllowed
from ror.model import Job, JobSeries, JobState, StudyState, job_id
from ror.registry import InstalledWorkflow, WorkflowStore

__all__ = ["Matcher", "Rematch", "Verdict"]

_log = logging.getLogger(__name__)
_STILL_RECEIVES = "the study still receives; it is matched by itself when it has been quiet"
_WHY_NOT_QUEUED = {
    StudyState.RECEIVING: _STILL_RECEIVES,
    StudyState.SETTLED: "the study waits to be matched; `ror serve` and `ror work` do that",
    StudyState.MATCHED: "not wanted yet when the study was matched; `ror jobs match {}` queues it",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one workflow says of a study: one job that it wants, or the sentence why it wants none.

    `state` is None where the job is not there (yet), and `job` is empty where none is wanted. `reason` says why a job
    ended as it did, what it waits for, or what would queue it.
    """

    workflow: str
    version: str
    job: str
    state: JobState | None
    reason: str


@dataclass(frozen=True, slots=True)
class Rematch:
    """What matching a study again has come to: the jobs that are new, or why there are none."""

    study_uid: str
    jobs: tuple[str, ...]
    reason: str


class Matcher:
    """Matches settled studies, each exactly once."""

    def __init__(self, database: Database, index: Index, workflows: WorkflowStore, jobs: JobStore) -> None:
        self._database = database
        self._index = index
        self._workflows = workflows
        self._jobs = jobs

    def match_settled(self) -> list[str]:
        """Match all settled studies; return the ids of the jobs that are new."""
        return [new for study_uid in self._index.settled() for new in self.match(study_uid)]

    def match(self, study_uid: str, *, again: bool = False) -> list[str]:
        """Queue the jobs of one settled study, and end those that they replace, in one transaction.

        With `again`, also of one that was matched: with the workflows that are enabled now. `NotAllowed` while it
        receives. Without, that gives no jobs: it will settle, and is asked for again.
        """
        project, _patient = self._index.study(study_uid)
        received_until = self._index.last_received_at(study_uid)
        wanted = [
            job
            for workflow in self._workflows.list(project, enabled_only=True)
            for job in self._jobs_of(workflow, study_uid)
        ]
        with self._database.write() as connection:
            if again:
                self._index.ask_again(connection, study_uid)
            if not self._index.mark_matched(connection, study_uid, received_until, time.time()):
                if again:
                    raise NotAllowed(_STILL_RECEIVES, "wait until it has been quiet")
                return []
            new = [job.id for job in wanted if self._queue(connection, job)]
        if not wanted:
            _log.info("no workflow wants study %s (`ror jobs why %s` says why)", study_uid, study_uid)
        return new

    def match_again(self, study_uids: Sequence[str]) -> list[Rematch]:
        """Match studies again with the workflows that are enabled now. A job that is there is not made twice."""
        for study_uid in study_uids:
            self._index.study(study_uid)  # all are known, before anything is queued
        return [self._match_again(study_uid) for study_uid in study_uids]

    def _match_again(self, study_uid: str) -> Rematch:
        try:
            new = self.match(study_uid, again=True)
        except NotAllowed as receiving:
            return Rematch(study_uid, (), str(receiving))
        return Rematch(study_uid, tuple(new), "" if new else f"nothing new: see `ror jobs why {study_uid}`")

    def _queue(self, connection: sa.Connection, job: Job) -> bool:
        if not self._jobs.create(connection, job):
            return False
        replaced = self._jobs.supersede_others(connection, job)
        _log.info("job %s is queued%s", job.id, f", superseding {', '.join(replaced)}" if replaced else "")
        return True

    def why(self, study_uid: str) -> list[Verdict]:
        """What every enabled workflow says of a study now: the jobs that it wants, or why it wants none."""
        project, _patient = self._index.study(study_uid)
        workflows = self._workflows.list(project, enabled_only=True)
        return [verdict for workflow in workflows for verdict in self._verdicts(workflow, study_uid)]

    def _verdicts(self, workflow: InstalledWorkflow, study_uid: str) -> Iterator[Verdict]:
        wanted = self._jobs_of(workflow, study_uid)
        there = {row.job.id: row for row in self._jobs.known([job.id for job in wanted])}
        for job in wanted:
            if row := there.get(job.id):
                yield Verdict(workflow.name, workflow.version, job.id, row.job.state, row.reason)
            else:
                reason = _WHY_NOT_QUEUED[self._index.state(study_uid)].format(study_uid)
                yield Verdict(workflow.name, workflow.version, job.id, None, reason)
        if not wanted:
            statement = select_lang.read(workflow.select_text)
            told = select_lang.explain(statement, self._catalogue(statement, study_uid))
            yield Verdict(workflow.name, workflow.version, "", None, told.sentence)

    def _jobs_of(self, workflow: InstalledWorkflow, study_uid: str) -> list[Job]:
        statement = select_lang.read(workflow.select_text)
        matches = select_lang.evaluate(statement, self._catalogue(statement, study_uid))
        return [self._job(workflow, study_uid, match) for match in matches]

    def _catalogue(self, statement: select_lang.Statement, study_uid: str) -> list[select_lang.Series]:
        # A study can only change the matches of its own level: its series, itself, its patient, its project.
        project, patient_id = self._index.study(study_uid)
        match statement.level:
            case select_lang.Level.SERIES | select_lang.Level.STUDY:
                return self._index.catalogue(project, study_uid=study_uid)
            case select_lang.Level.PATIENT:
                return self._index.catalogue(project, patient_id=patient_id)
            case select_lang.Level.PROJECT:
                return self._index.catalogue(project)

    def _job(self, workflow: InstalledWorkflow, study_uid: str, match: select_lang.Match) -> Job:
        _project, patient_id = self._index.study(study_uid)
        series = tuple(
            JobSeries(one.name, one.series_uid, one.study_uid, self._index.content(one.series_uid))
            for one in match.series
        )
        # Results of a patient or project are filed with the study of its first series.
        return Job(
            id=job_id(workflow.name, workflow.digest, match.key, series),
            project=workflow.project,
            workflow=workflow.name,
            version=workflow.version,
            package_digest=workflow.digest,
            patient_id=patient_id,
            study_uid=series[0].study_uid,
            match_key=match.key,
            series=series,
            state=JobState.QUEUED,
        )
