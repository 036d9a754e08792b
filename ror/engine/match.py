"""From a settled study to jobs: every enabled workflow of the project is asked whether it wants the study."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import sqlalchemy as sa

import select_lang
from ror.archive import Catalogue, Index
from ror.db import Database
from ror.engine.jobs import JobStore
from ror.engine.timings import note_arrival
from ror.errors import NotAllowed, RorError
from ror.log_json import about
from ror.model import Job, JobSeries, JobState, StudyState, job_id
from ror.registry import InstalledWorkflow, WorkflowStore

__all__ = ["Matcher", "Rematch", "Verdict"]

_log = logging.getLogger(__name__)
_STILL_RECEIVES = "the study still receives; it is matched by itself when it has been quiet"
_WHY_NOT_QUEUED = {
    StudyState.RECEIVING: _STILL_RECEIVES,
    StudyState.SETTLED: "the study waits to be matched; `ror serve` and `ror work` do that",
    StudyState.MATCHED: "not wanted when the study was matched; `ror jobs match {}` queues it",
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

    def __init__(
        self,
        database: Database,
        index: Index,
        catalogue: Catalogue,
        workflows: WorkflowStore,
        jobs: JobStore,
    ) -> None:
        self._database = database
        self._index = index
        self._catalogue = catalogue
        self._workflows = workflows
        self._jobs = jobs

    def match_settled(self) -> list[str]:
        """Match all settled studies; return the ids of the jobs that are new."""
        return [job_id for study_uid in self._index.settled() for job_id in self._match_settled(study_uid)]

    def match_some(self, most: int) -> bool:
        """Match the settled studies that have waited longest, so many; whether there are more."""
        settled = self._index.settled()
        for study_uid in settled[:most]:
            self._match_settled(study_uid)
        return len(settled) > most

    def _match_settled(self, study_uid: str) -> list[str]:
        with about(study=study_uid):
            return self.match(study_uid)

    def match(self, study_uid: str, *, again: bool = False) -> list[str]:
        """Queue the jobs of one settled study, and end those that they replace, in one transaction.

        With `again`, also of one that was matched: with the workflows that are enabled now. `NotAllowed` while it
        receives. Without, that gives no jobs: it will settle, and is asked for again.
        """
        with self._database.one_look():
            project, patient_id = self._index.study(study_uid)
            received_until = self._index.last_received_at(study_uid)
            workflows = self._workflows.running(project)
        of_study = self._catalogue.write(project, study_uid)
        asked = _Asked(self._index, self._catalogue, project, patient_id, study_uid, of_study)
        wanted = [job for workflow in workflows for job in self._wanted(workflow, asked)]
        with self._database.write() as connection:
            if again:
                self._index.ask_again(connection, study_uid)
            now = time.time()
            if not self._index.mark_matched(connection, study_uid, received_until, now):
                if again:
                    raise NotAllowed(_STILL_RECEIVES, "wait until it has been quiet")
                return []
            new = [job for one in wanted if (job := self._queue(connection, one))]
            note_arrival(connection, new, study_uid, now)
        if not wanted:
            _log.info("no workflow wants study %s (`ror jobs why %s` says why)", study_uid, study_uid)
        return [job.id for job in new]

    def _wanted(self, workflow: InstalledWorkflow, asked: _Asked) -> list[Job]:
        try:
            return asked.jobs(workflow)
        except RorError:
            raise  # the database, which all need
        except Exception:  # noqa: BLE001 - a fault of ours in one statement must not keep the study from the others
            _log.exception("workflow %s could not be asked about study %s", workflow.name, asked.study_uid)
            return []

    def lacking(self, study_uid: str) -> str:
        """Which series of a study its project's workflows lack that have found others in it; "" where none does.

        ``T1CE of brain-tumor``. Statements that look into other studies are not asked: what they lack may never come.
        """
        with self._database.one_look():
            project, patient_id = self._index.study(study_uid)
            of_study = self._catalogue.series(project, study_uid=study_uid)
            workflows = self._workflows.list(project, enabled_only=True)
        asked = _Asked(self._index, self._catalogue, project, patient_id, study_uid, of_study)
        return "; ".join(told for workflow in workflows if (told := self._lacking(workflow, asked)))

    def _lacking(self, workflow: InstalledWorkflow, asked: _Asked) -> str:
        try:
            names = asked.lacking(workflow)
        except RorError:
            raise
        except Exception:  # noqa: BLE001 - as above; it is told when the study is matched
            return ""
        return f"{', '.join(names)} of {workflow.name}" if names else ""

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

    def _queue(self, connection: sa.Connection, wanted: Job) -> Job | None:
        """Queue a job that is wanted; None if it is there. What becomes of others of its match is one rule.

        Whichever version is the current one, newer or older, its job stands, and replaces what others have made.
        """
        job = self._jobs.as_it_stands(connection, wanted)
        if not self._jobs.create(connection, job):
            return None
        replaced = self._jobs.supersede_others(connection, job)
        _log.info("job %s is queued%s", job.id, f", superseding {', '.join(replaced)}" if replaced else "")
        return job

    def why(self, study_uid: str) -> list[Verdict]:
        """What every enabled workflow says of a study now: the jobs that it wants, or why it wants none."""
        project, patient_id = self._index.study(study_uid)
        of_study = self._catalogue.series(project, study_uid=study_uid)
        asked = _Asked(self._index, self._catalogue, project, patient_id, study_uid, of_study)
        workflows = self._workflows.running(project)
        return [verdict for workflow in workflows for verdict in self._verdicts(workflow, asked)]

    def _verdicts(self, workflow: InstalledWorkflow, asked: _Asked) -> Iterator[Verdict]:
        of_workflow = asked.jobs(workflow)
        with self._database.read() as connection:
            wanted = [self._jobs.as_it_stands(connection, job) for job in of_workflow]
        there = {row.job.id: row for row in self._jobs.known([job.id for job in wanted])}
        for job in wanted:
            if row := there.get(job.id):
                yield Verdict(workflow.name, workflow.told_version, job.id, row.job.state, row.reason)
            else:
                reason = _WHY_NOT_QUEUED[self._index.state(asked.study_uid)].format(asked.study_uid)
                yield Verdict(workflow.name, workflow.told_version, job.id, None, reason)
        if not wanted:
            yield Verdict(workflow.name, workflow.told_version, "", None, asked.why_none(workflow))


@dataclass(frozen=True)
class _Asked:
    """A study about which workflows are asked: what it, its patient and its project hold is read once."""

    index: Index
    catalogue: Catalogue
    project: str
    patient_id: str
    study_uid: str
    of_study: list[select_lang.Series]

    def jobs(self, workflow: InstalledWorkflow) -> list[Job]:
        """The jobs that a workflow wants of the study."""
        statement = _read(workflow.select_text)
        if statement.level is select_lang.Level.PROJECT:
            matches = tuple(self.catalogue.search(statement, self.project))
        else:
            matches = select_lang.evaluate(statement, self._series(statement))
        return [self._job(workflow, match) for match in matches]

    def why_none(self, workflow: InstalledWorkflow) -> str:
        """Why a workflow wants no job of the study, in a sentence."""
        statement = _read(workflow.select_text)
        return select_lang.explain(statement, self._series(statement)).sentence

    def lacking(self, workflow: InstalledWorkflow) -> tuple[str, ...]:
        """The names of a workflow's statement that the study has nothing for yet, where it has something for others."""
        statement = _read(workflow.select_text)
        if statement.across_studies:
            return ()
        explained = select_lang.explain(statement, self.of_study)
        if explained.matches:
            return ()
        return tuple(dict.fromkeys(name for group in explained.groups for name in group.lacking))

    def _series(self, statement: select_lang.Statement) -> list[select_lang.Series]:
        # A study can only change the matches of what it belongs to.
        if statement.level is select_lang.Level.PROJECT:
            return self._of_project
        return self._of_patient if statement.across_studies else self.of_study

    @cached_property
    def _of_patient(self) -> list[select_lang.Series]:
        return self.catalogue.series(self.project, patient_id=self.patient_id)

    @cached_property
    def _of_project(self) -> list[select_lang.Series]:
        return self.catalogue.series(self.project)

    @cached_property
    def _content(self) -> Callable[[str], str]:
        return cache(self.index.content)

    def _job(self, workflow: InstalledWorkflow, match: select_lang.Match) -> Job:
        series = tuple(
            JobSeries(one.name, one.series_uid, one.study_uid, self._content(one.series_uid))
            for one in match.series
        )
        # Results of a patient or project are filed with the study of its first series.
        return Job(
            id=job_id(workflow.name, workflow.digest, match.key, series, shadow=workflow.shadow),
            project=workflow.project,
            workflow=workflow.name,
            version=workflow.version,
            package_digest=workflow.digest,
            patient_id=self.patient_id,
            study_uid=series[0].study_uid,
            match_key=match.key,
            series=series,
            state=JobState.QUEUED,
            shadow=workflow.shadow,
        )


@lru_cache(maxsize=1024)
def _read(text: str) -> select_lang.Statement:
    return select_lang.read(text)
