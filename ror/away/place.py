"""Where a host without the shared folder works: it pulls, runs, and brings back, with everything in its own home.

Each may happen twice. What a job has run to its end here is noted, so that a broken link lets only the bringing be
repeated; it is forgotten when the gateway's hosts have gone on with the job, or another host has it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from containers import Image, Package
from ror.app import App
from ror.away.copies import Copies
from ror.away.gateway import Gateway
from ror.away.pulled import Pulled
from ror.engine import AwayJobs, Execution, Executor, Hold, Stager, is_staged
from ror.errors import JobFailed, RorError, ServiceUnavailable
from ror.model import Job, JobFolder
from ror.packing import BadArchive, NotPacked, Packed, entries_of, unpack

__all__ = ["AwayPlace"]

_log = logging.getLogger(__name__)
_RAN: Final = "ran.json"
# Of a package that the gateway holds, and whose digest is known.
_MOST_BYTES, _MOST_ENTRIES = 2**37, 10**6


class AwayPlace:
    """Stages jobs from a gateway, and runs them; `ror.service` calls it in the place of the shared folder."""

    def __init__(self, app: App, gateway: Gateway, executor: Executor) -> None:
        self._app = app
        self._gateway = gateway
        self._executor = executor
        self._host = app.settings.engine.executor_id
        self._jobs = AwayJobs(app.database)
        self._copies = Copies(self._jobs, self._host, app.home.jobs)
        self._fetching = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Keep no copies of studies but of this host's jobs, until the block ends; the home is this host's alone."""
        # What a killed process was fetching.
        shutil.rmtree(self._app.home.submissions, ignore_errors=True)
        self._copies.start()
        try:
            yield
        finally:
            self._copies.stop()

    @property
    def told(self) -> str:
        """Which host it was: the job itself tells of the one that goes on with it."""
        return f", on host {self._host}"

    def stage(self, job: Job) -> str:
        """Lay out the job folder from what the gateway holds."""
        with self._copies.in_hand(job.id):
            return self._stage(job)

    def execute(self, job: Job) -> Execution:
        """Run the program, unless it has ended well here already, and bring the gateway what it has written."""
        with self._copies.in_hand(job.id):
            folder = self._app.home.job(job.id)
            execution = _ran(folder)
            if execution is None:
                execution = self._run(job, folder)
                _note_ran(folder, execution)
            self._bring(job, folder)
        return execution

    def require_staged(self, job: Job) -> None:
        """Have the job folder laid out."""
        if not is_staged(self._app.home.job(job.id)):
            self.stage(job)

    def hand_over(self, hold: Hold) -> bool:
        """Let hosts with the folder go on with a job, and forget it here; False if it is held no longer."""
        handed = self._jobs.hand_over(hold)
        if handed:
            self._copies.look()
        return handed

    def _stage(self, job: Job) -> str:
        manifest, folder = self._package(job).manifest, self._app.home.job(job.id)
        (folder.root / _RAN).unlink(missing_ok=True)
        pulled = folder.root / "pulled"
        held = Pulled(self._app.index, self._gateway, pulled, job)
        # Only of this job, and checked, so that it need not be there twice.
        stager = Stager(held, pulled, os.link)
        told = stager.stage(job, folder, manifest.options, sorted(manifest.series_names_needed()))
        shutil.rmtree(pulled)
        return f"{told}, from the gateway"

    def _run(self, job: Job, folder: JobFolder) -> Execution:
        if not is_staged(folder):
            self._stage(job)
        package = self._package(job)
        try:
            return self._executor.execute(job, folder, package, package.manifest.options)
        except JobFailed:
            self._bring_log(job, folder)
            raise

    def _bring(self, job: Job, folder: JobFolder) -> None:
        try:
            packed = Packed([*entries_of(folder.output.resolve(), "output"), *_log_of(folder)])
            self._gateway.bring(job.id, job.attempt, packed)
        except NotPacked as error:
            advice = "let it write files, folders and links to /output"
            raise JobFailed(f"what the program has written cannot be sent: {error}", advice) from error

    def _bring_log(self, job: Job, folder: JobFolder) -> None:
        """Let people read at the gateway why it failed; that it did, they are told in any case."""
        try:
            self._gateway.bring(job.id, job.attempt, Packed(_log_of(folder)))
        except (RorError, NotPacked) as error:
            kept = self._app.home.root / "log" / f"{job.id}.log"
            if folder.log.is_file():
                kept.parent.mkdir(exist_ok=True)
                shutil.copyfile(folder.log, kept)
            _log.warning("job %s: the gateway has not its log, which stays in %s: %s", job.id, kept, error)

    def _package(self, job: Job) -> Package:
        """The package of a job, fetched once."""
        workflows, digest = self._app.workflows, job.package_digest
        with self._fetching:
            if not workflows.holds(job.workflow, digest):
                self._app.home.submissions.mkdir(mode=0o700, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=self._app.home.submissions) as temporary:
                    archive, folder = Path(temporary) / "archive", Path(temporary) / "package"
                    self._gateway.package(job.id, archive)
                    try:
                        unpack(archive, folder, _MOST_BYTES, _MOST_ENTRIES)
                    except BadArchive as error:
                        told = f"{self._gateway} has sent no whole package: {error}"
                        raise ServiceUnavailable(told, "it is fetched again") from error
                    workflows.keep(job.workflow, digest, folder)
        return workflows.package(job.workflow, digest)


def _log_of(folder: JobFolder) -> list[tuple[str, Path]]:
    return [(f"log/{folder.log.name}", folder.log)] if folder.log.is_file() else []


def _note_ran(folder: JobFolder, execution: Execution) -> None:
    new = folder.root / f".{_RAN}.new"
    new.write_text(json.dumps(asdict(execution)), encoding="utf-8")
    new.replace(folder.root / _RAN)


def _ran(folder: JobFolder) -> Execution | None:
    try:
        noted = json.loads((folder.root / _RAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Execution(Image(**noted["image"]), noted["seconds"])
