"""The way of a withdrawal: mark → end jobs → take back → forget jobs → remove studies → forget the patient."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from ror.app import App
from ror.archive import Receipt, StudyRemover
from ror.db import in_batches, tables
from ror.engine import JobFolders, forget_checkpoints, forget_jobs, jobs_on
from ror.errors import NotAllowed, NotFound, RorError
from ror.model import Job, JobState
from ror.registry import Project
from ror.results import Outgoing, TakingBack

__all__ = ["Found", "Outcome", "Withdrawing"]

_MAY_SEND = ("deliver", "record")


@dataclass(frozen=True, slots=True)
class Found:
    """What is held of a study or patient (`study_uid` ""), and of the jobs on it; `others` are other studies of these.

    `delivered` says how many objects lie at which destination, `measured` how many values stand in REDCap.
    """

    project: str
    pseudonym: str
    study_uid: str
    studies: tuple[str, ...]
    images: tuple[Outgoing, ...] = field(repr=False)
    jobs: tuple[Job, ...] = field(repr=False)
    others: tuple[str, ...]
    delivered: Mapping[str, int]
    measured: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was removed, in lines for people; `waits` says why it has not ended yet, and is empty when it has."""

    done: tuple[str, ...]
    remains: Mapping[str, Sequence[str]]
    waits: tuple[str, ...]


class Withdrawing:
    """Works on one home folder, beside whatever else does."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._back = TakingBack(app.database, app.ledger, app.results, app.redcaps)
        self._folders = JobFolders(app.database, app.home.jobs)
        self._studies = StudyRemover(app.database, app.home.archive)

    def find(self, of: str, project: str | None = None) -> Found:
        """What is held of a (research) study, or of all studies of a pseudonym.

        Raises
        ------
        NotFound
            There is no such study or pseudonym, nor was one withdrawn; or it is in several projects, and none is said.
        """
        known = {
            (one.project, one.patient_id, one.study_uid)
            for one in self._app.index.studies(project)
            if of in (one.study_uid, one.patient_id)
        }
        begun = {
            (one.project, one.pseudonym)
            for one in self._app.who.withdrawals.list(project)
            if of in (one.study_uid, one.pseudonym)
        }
        whose = {one[:2] for one in known} | begun
        if len(whose) != 1:
            what = "several projects hold" if whose else "there is no study or pseudonym"
            raise NotFound(f"{what} {of}", "say --project" if whose else "see `ror studies`")
        ((name, pseudonym),) = whose
        study_uid = "" if of == pseudonym else of
        return self._found(name, pseudonym, study_uid, sorted(one[2] for one in known))

    def _found(self, project: str, pseudonym: str, study_uid: str, studies: Sequence[str]) -> Found:
        with self._app.database.read() as connection:
            jobs = jobs_on(connection, project, {*studies, study_uid} - {""})
        ids = [job.id for job in jobs]
        images = [
            Outgoing(one.sop_uid, one.series_uid, uid, "IMAGE", Path())
            for uid in studies
            for one in self._app.index.study_instances(uid)
        ]
        lies = self._back.delivered(ids, images)
        others = {one.study_uid for job in jobs for one in job.series} - {*studies, study_uid}
        return Found(
            project,
            pseudonym,
            study_uid,
            tuple(studies),
            tuple(images),
            tuple(jobs),
            tuple(sorted(others)),
            {name: len(objects) for name, objects in lies.items()},
            len(self._back.measured(ids)),
        )

    def withdraw(self, found: Found, *, forget: bool = False) -> Outcome:
        """Withdraw it, on record; with `forget` also who the patient is, if no other study of theirs is held.

        What cannot be done now is told; the same call again does it.
        """
        key = (found.project, found.pseudonym, found.study_uid)
        self._app.who.withdrawals.begin(*key)
        if busy := self._end(found.jobs):
            waits = (
                f"{', '.join(busy)} may be sending results right now, and {'was' if len(busy) == 1 else 'were'} "
                "stopped: run it again in a minute"
            )
            return Outcome((), self._remains(key), (waits,))
        done, left = self._take_back(self._app.projects.get(found.project), found)
        if left:
            return Outcome(tuple(done), self._remains(key), tuple(left))
        self._forget_jobs(found.jobs)
        for study_uid in found.studies:
            self._studies.remove(study_uid, lambda _connection: None)
        self._app.catalogue.forget_unused_terms()
        removed = (
            (len(found.jobs), "job", "jobs"),
            (len(found.studies), "study", "studies"),
            (len(found.images), "image", "images"),
        )
        done += [f"{', '.join(_number(*one) for one in removed)} removed"]
        if forget:
            done += [self._forget_patient(found)]
        if late := self._come_meanwhile(found):
            return Outcome(tuple(done), self._remains(key), (late,))
        self._app.who.withdrawals.end(*key, "; ".join(done))
        done += self._match_others(found)
        return Outcome(tuple(done), self._remains(key), ())

    def _remains(self, key: tuple[str, str, str]) -> Mapping[str, Sequence[str]]:
        """What lies where nothing can be removed, as this and earlier calls have found."""
        store = self._app.who.withdrawals
        return next(one.remains for one in store.list(key[0]) if (one.pseudonym, one.study_uid) == key[1:])

    def _end(self, jobs: Sequence[Job]) -> list[str]:
        """End what has not ended; returns the jobs that may be sending, whose last object is not known yet."""
        busy = []
        for job in jobs:
            steps = self._app.jobs.show(job.id).steps
            try:
                self._app.jobs.cancel(job.id)
            except NotAllowed:  # it has ended
                continue
            if job.state is JobState.RUNNING and steps and steps[-1].step in _MAY_SEND:
                busy.append(job.id)
        return busy

    def _take_back(self, project: Project, found: Found) -> tuple[list[str], list[str]]:
        """Take back what was delivered; what was done, and what is to be waited for."""
        ids, images = [job.id for job in found.jobs], found.images
        back = self._back.from_destinations(project, ids, images)
        done = [
            f"{_number(count, 'object', 'objects')} removed from {name}"
            for name, count in back.removed.items()
        ]
        waits = list(back.waits)
        self._app.who.withdrawals.note_remains(found.project, found.pseudonym, found.study_uid, back.remains)
        self._back.forget(back, ids, images)
        try:
            if count := self._back.from_redcap(project, ids):
                told = _number(count, "record", "records")
                done.append(f"{told} of REDCap emptied of what was measured")
        except RorError as error:
            waits.append(f"REDCap: {error}")
        return done, waits

    def _forget_jobs(self, jobs: Sequence[Job]) -> None:
        forget_checkpoints(self._app.checkpoints_url, jobs)
        with self._app.database.write() as connection:
            forget_jobs(connection, jobs)
            for job in jobs:
                self._folders.set_aside(job.id)
        self._folders.empty()
        for job in jobs:
            corrected = self._app.home.corrections / job.id
            if corrected.is_dir():
                shutil.rmtree(corrected)

    def _forget_patient(self, found: Found) -> str:
        """Delete the sealed identity of these studies, and the patient's pseudonym where no study is left."""
        identities, subjects, studies = tables.identities, tables.subjects, tables.studies.c
        with self._app.database.write() as connection:
            for some in in_batches(found.studies):
                of_study = (identities.c.project == found.project) & identities.c.study_uid.in_(some)
                connection.execute(identities.delete().where(of_study))
            left = sa.select(studies.study_uid).where(
                studies.project == found.project, studies.patient_id == found.pseudonym
            )
            if connection.execute(left.limit(1)).first():
                return "sealed identity removed; the pseudonym has other studies, and stays"
            theirs = (subjects.c.project == found.project) & (subjects.c.pseudonym == found.pseudonym)
            connection.execute(subjects.delete().where(theirs))
        return "sealed identity removed, pseudonym forgotten"

    def _come_meanwhile(self, found: Found) -> str:
        """Why something of it may be there still: it was on its way in when the gate was closed."""
        incoming = self._app.home.archive / ".incoming"
        receipts = (Receipt.of(file.name) for file in incoming.glob("*"))
        if any(one is not None and one[1].project == found.project for one in receipts):
            return "objects of the project are being indexed right now: run it again"
        held = {one.study_uid for one in self._app.index.studies(found.project)}
        return "an object came in meanwhile: run it again" if held & {*found.studies, found.study_uid} else ""

    def _match_others(self, found: Found) -> list[str]:
        """Jobs on several studies go on without the one that is gone."""
        held = {one.study_uid for one in self._app.index.studies(found.project)}
        matched = self._app.matcher.match_again([uid for uid in found.others if uid in held])
        return [f"study {one.study_uid} is matched again without it" for one in matched]


def _number(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
