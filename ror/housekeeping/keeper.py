"""Finds what nothing needs, and removes of it what is to go."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from containers import RuntimeUnavailable
from ror.app import App
from ror.archive import StudyRemover
from ror.engine import JobFolders, forget_old_checkpoints, packages_in_use, studies_in_use
from ror.errors import NotFound
from ror.housekeeping.rules import REMOVED, Candidate, Removal, Rules
from ror.model import JobState, StudyState
from ror.registry import add_record

__all__ = ["Housekeeper"]

_log = logging.getLogger(__name__)
_DAY_SECONDS = 86400.0
# A host that is lost and comes back late still finds that its attempt is over.
_CHECKPOINT_DAYS = 7.0
# The steps of a failed job at which it has results that somebody waits for.
_STAGE = "ror.stage=made"  # as Dockerfiles of `ror init` label it
_WITH_RESULTS = ("deliver", "record")


class Housekeeper:
    """Works on one home folder, beside whatever else does; what becomes needed meanwhile stays."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._folders = JobFolders(app.database, app.home.jobs)
        self._studies = StudyRemover(app.database, app.home.archive)

    def due(self, now: float) -> list[Removal]:
        """What is to go at a time (seconds since the epoch); removes nothing."""
        free = shutil.disk_usage(self._app.home.root).free
        rules = Rules(self._app.settings.housekeeping, now, free)
        found = [*self._jobs(), *self._images(now), *self._held()]
        return list(rules.removals(found))

    def lacks_room(self) -> bool:
        """Whether less disk is free than the settings want."""
        free = shutil.disk_usage(self._app.home.root).free
        return free < self._app.settings.housekeeping.free_mib * 2**20

    def run(self, now: float) -> list[Removal]:
        """Remove what is due; returns what was removed.

        Raises
        ------
        OSError
            The disk refuses to delete; the next run tries again.
        """
        self._folders.empty()
        self._studies.empty()
        done = [one for one in self.due(now) if self._remove(one)]
        if any(one.candidate.kind == "study" for one in done):
            self._app.catalogue.forget_unused_terms()
        before = now - _CHECKPOINT_DAYS * _DAY_SECONDS
        if number := forget_old_checkpoints(self._app.database, self._app.checkpoints_url, before):
            _log.info("housekeeping has removed the checkpoints of %d attempts that have ended", number)
        self._discard_stages(now)
        if done:
            _log.info("housekeeping has removed %d job folders, images and studies", len(done))
        return done

    def _remove(self, removal: Removal) -> bool:
        one = removal.candidate

        def note(connection: sa.Connection) -> None:
            detail = f"{one.kind} {one.name}: {removal.why}"
            add_record(connection, REMOVED, one.project, one.pseudonym, detail)

        match one.kind:
            case "image":
                return self._remove_image(one.name, note)
            case "study":
                return self._remove_study(one.name, note)
            case _:
                return self._folders.remove(one.name, note)

    # -- job folders --------------------------------------------------------------------------------------------------

    def _jobs(self) -> Iterator[Candidate]:
        for job in self._folders.ended():
            failed = job.state is JobState.FAILED
            if failed and self._awaited(job.job_id):
                continue
            yield Candidate(
                "dead letter" if failed else "job",
                job.job_id,
                job.project,
                job.pseudonym,
                job.ended_at,
                _size(job.folder.root),
            )

    def _awaited(self, job_id: str) -> bool:
        steps = self._app.jobs.show(job_id).steps
        return bool(steps) and steps[-1].step in _WITH_RESULTS

    # -- images -------------------------------------------------------------------------------------------------------

    def _images(self, now: float) -> Iterator[Candidate]:
        """Of versions that run nowhere, nor are the newest anywhere, and that no job has used for so long."""
        installed = self._app.workflows.list()
        newest = {(one.project, one.name): one.digest for one in installed}  # the last of each is the newest
        kept = {one.digest for one in installed if one.enabled or one.shadow} | set(newest.values())
        since = now - self._app.settings.housekeeping.image_days * _DAY_SECONDS
        with self._app.database.read() as connection:
            kept |= packages_in_use(connection, since)
        for name, digest in sorted({(one.name, one.digest) for one in installed if one.digest not in kept}):
            if self._has_image(name, digest):
                yield Candidate("image", f"{name}:{digest}", "", "", since)

    def _has_image(self, name: str, digest: str) -> bool:
        try:
            return self._app.runtimes[0].has_image(self._app.workflows.package(name, digest))
        except (RuntimeUnavailable, NotFound):  # no Docker here, or its package was taken away
            return False

    def _remove_image(self, reference: str, note: Callable[[sa.Connection], None]) -> bool:
        name, _, digest = reference.partition(":")
        with self._app.database.write() as connection:
            note(connection)
        try:
            return self._app.runtimes[0].discard(self._app.workflows.package(name, digest))
        except RuntimeUnavailable as error:
            _log.warning("the image of %s stays for now: %s", reference, error)
            return False

    def _discard_stages(self, now: float) -> None:
        """What builds have left of stages that no image has: of use only to who builds the same again soon."""
        docker = self._app.runtimes[0]
        if docker.availability().ok:
            docker.discard_unnamed(_STAGE, now - self._app.settings.housekeeping.image_days * _DAY_SECONDS)

    # -- studies ------------------------------------------------------------------------------------------------------

    def _held(self) -> Iterator[Candidate]:
        settings = self._app.settings.housekeeping
        if not settings.archive_days and not any(one.archive_days for one in settings.projects.values()):
            return
        with self._app.database.read() as connection:
            used = studies_in_use(connection)
        for study in self._app.index.studies():
            if study.state is StudyState.MATCHED and study.study_uid not in used:
                folder = self._app.home.archive / study.project / study.study_uid
                yield Candidate(
                    "study",
                    study.study_uid,
                    study.project,
                    study.patient_id,
                    study.last_received_at,
                    _size(folder),
                )

    def _remove_study(self, study_uid: str, note: Callable[[sa.Connection], None]) -> bool:
        def is_done_with(connection: sa.Connection) -> bool:
            return study_uid not in studies_in_use(connection)

        return self._studies.remove(study_uid, note, StudyState.MATCHED, is_done_with) is not None


def _size(folder: Path) -> int:
    """The room that removing a folder gives: what has other names, too, gives none."""
    size = 0
    for parent, _folders, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):  # somebody works beside us
                status = (Path(parent) / name).lstat()
                size += status.st_size if status.st_nlink == 1 else 0
    return size
