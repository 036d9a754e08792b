"""From a settled study to jobs: every enabled workflow of the project is asked whether it wants the study."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import select_lang
from ror.archive import Index
from ror.db import Database
from ror.engine.jobs import JobStore
from ror.model import Job, JobSeries, JobState, job_id
from ror.registry import InstalledWorkflow, WorkflowStore

__all__ = ["Matcher", "WhyNot"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WhyNot:
    """What one workflow says of a study: the ids of its jobs, or the sentence why there is none."""

    workflow: str
    version: str
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

    def match(self, study_uid: str) -> list[str]:
        """Queue the jobs of one settled study, and end those that they replace, in one transaction."""
        project, _patient = self._index.study(study_uid)
        received_until = self._index.last_received_at(study_uid)
        wanted = [
            job
            for workflow in self._workflows.list(project, enabled_only=True)
            for job in self._jobs_of(workflow, study_uid)
        ]
        new = []
        with self._database.write() as connection:
            if not self._index.mark_matched(connection, study_uid, received_until, time.time()):
                return []  # it received something meanwhile, and will settle again
            for job in wanted:
                if self._jobs.create(connection, job):
                    replaced = self._jobs.supersede_others(connection, job)
                    new.append(job.id)
                    _log.info(
                        "job %s is queued%s",
                        job.id,
                        f", superseding {', '.join(replaced)}" if replaced else "",
                    )
        if not wanted:
            _log.info("no workflow wants study %s (`ror jobs why %s` says why)", study_uid, study_uid)
        return new

    def why(self, study_uid: str) -> list[WhyNot]:
        """What every enabled workflow says of a study now."""
        project, _patient = self._index.study(study_uid)
        answers = []
        for workflow in self._workflows.list(project, enabled_only=True):
            ids = tuple(job.id for job in self._jobs_of(workflow, study_uid))
            statement = select_lang.read(workflow.select_text)
            reason = (
                "" if ids else select_lang.explain(statement, self._catalogue(statement, study_uid)).sentence
            )
            answers.append(WhyNot(workflow.name, workflow.version, ids, reason))
        return answers

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
