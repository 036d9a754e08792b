"""What runs until somebody stops it: the listener, settling and the engine, over the parts of an `App`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import ror.archive
import ror.engine
import ror.gateway
import ror.registry
import ror.results
from containers import Package, Runtime
from ror.app import App
from ror.archive import Cataloguer
from ror.engine import (
    AwaitsReview,
    Engine,
    EngineOptions,
    Executor,
    HeldJobs,
    Stager,
    Worker,
)
from ror.errors import ServiceUnavailable
from ror.gateway import USED, Listener, Settler
from ror.housekeeping import Nightly
from ror.loading import load_whole
from ror.log_json import note
from ror.model import Job
from ror.results import warm_up

__all__ = ["Service"]

_log = logging.getLogger(__name__)
load_whole(ror.archive, ror.registry, ror.gateway, ror.engine, ror.results)


@dataclass(frozen=True, slots=True)
class JobStations:
    """The stations of `ror.engine.pipeline`, over the parts of an `App`."""

    app: App
    stager: Stager
    executor: Executor

    def stage(self, job_id: str) -> str:
        job, package = self._job(job_id)
        folder = self.app.home.job(job_id)
        volumes = sorted(package.manifest.series_names_needed())
        return self.stager.stage(job, folder, package.manifest.options, volumes)

    def execute(self, job_id: str) -> str:
        job, package = self._job(job_id)
        execution = self.executor.execute(job, self.app.home.job(job_id), package, package.manifest.options)
        image = execution.image
        self.app.jobs.set_image(job_id, f"{image.runtime}:{image.reference}", image.digest)
        return f"{image.runtime}, {execution.seconds:.1f} s"

    def collect(self, job_id: str) -> str:
        return self.app.results.collect(self.app.finished_run(job_id))

    def encode(self, job_id: str) -> str:
        run = self.app.finished_run(job_id)
        project = self.app.projects.get(run.job.project)
        if run.job.shadow:
            return self.app.results.rehearse(run, project)
        return self.app.results.encode(run, project, self.app.jobs.replaced_by(run.job))

    def deliver(self, job_id: str) -> str:
        run = self.app.finished_run(job_id)
        if run.job.shadow:
            return "a shadow delivers nothing"
        project, replaced = self.app.projects.get(run.job.project), self.app.jobs.replaced_by(run.job)
        decision = self.app.reviews.decision(run.job.id)
        if project.review and not (decision and decision.accepted):
            raise AwaitsReview(self.app.review_room.show(run, project, replaced))
        made = {one.sop_uid for one in self.app.ledger.made([run.job.id])}
        if not made.issuperset(one.sop_uid for one in run.corrections):
            told = self.app.results.encode(run, project, replaced)
            self.app.jobs.tell_step_anew(job_id, "encode", f"{told}; made again with corrected masks")
        return self.app.results.deliver(run, project, replaced)

    def record(self, job_id: str) -> str:
        run = self.app.finished_run(job_id)
        project = self.app.projects.get(run.job.project)
        if run.job.shadow:
            told = "a shadow records nothing"
        else:
            told = self.app.results.record(run, project, self.app.jobs.replaced_by(run.job))
        with self.app.database.write() as connection:
            self.app.jobs.supersede_finished(connection, run.job)
        return told

    def _job(self, job_id: str) -> tuple[Job, Package]:
        job = self.app.jobs.get(job_id)
        note(study=job.study_uid)
        return job, self.app.workflows.package(job.workflow, job.package_digest)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its listener is None where only jobs are worked on."""

    app: App
    engine: Engine
    listener: Listener | None
    runtime: Runtime

    @classmethod
    @contextmanager
    def serve(cls, app: App) -> Iterator[Service]:
        """Listener, settling and engine in one process, until the block ends."""
        with app.home.exclusively():
            app.require_own_database()
            app.heal()
            with cls.work(app) as worker:
                listener = Listener(
                    app.settings.listener,
                    app.intake,
                    app.services.by_sop_class,
                    USED,
                    app.services.expects,
                )
                settler = Settler(
                    app.index,
                    app.settings.listener.settle_seconds,
                    worker.engine.wake,
                    needed=app.still_needed,
                )
                cataloguer = Cataloguer(app.catalogue, lambda: [one.name for one in app.projects.list()])
                listener.start()
                app.services.start()
                settler.start()
                cataloguer.start()
                nightly = Nightly(app)
                nightly.start()
                try:
                    yield cls(app, worker.engine, listener, worker.runtime)
                finally:
                    listener.stop()
                    app.services.stop()
                    settler.stop()
                    cataloguer.stop()
                    nightly.stop()

    @classmethod
    @contextmanager
    def work(cls, app: App) -> Iterator[Service]:
        """The engine alone, until the block ends."""
        app.require_own_database()
        name = app.settings.engine.executor_id
        with app.home.worked_on_by(name), app.database.worked_on_by(name), cls._work(app) as service:
            yield service

    @classmethod
    @contextmanager
    def _work(cls, app: App) -> Iterator[Service]:
        runtime = app.runtime()
        host = app.host()
        executor = Executor(runtime, host.name)
        held = HeldJobs(app.database)
        stations = JobStations(app, Stager(app.index, app.home.archive), executor)
        options = EngineOptions(
            app.home.root,
            app.checkpoints_url,
            host,
            app.settings.engine.beat_seconds,
        )

        def worker(ready: Callable[[], None]) -> Worker:
            return Worker(stations, app.jobs, held, app.home.root, ready)

        engine = Engine(options, app.matcher, app.hosts, app.placer, executor, worker)
        engine.start()
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        try:
            app.redcap_outlook.log()
            app.who.audit.log_end()
            yield cls(app, engine, None, runtime)
        finally:
            engine.stop()
            _put_down(held, host.name)


def _put_down(held: HeldJobs, host: str) -> None:
    try:
        held.put_down(host)
    except ServiceUnavailable as error:
        _log.warning("jobs in progress will be taken for lost with this host, once: %s", error)
