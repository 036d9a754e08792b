"""What runs until somebody stops it: the listener, settling and the engine, over the parts of an `App`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import containers
import ror.archive
import ror.engine
import ror.gateway
import ror.registry
import ror.results
from containers import Package, Runtime
from ror.app import App
from ror.archive import Cataloguer
from ror.away import AwayPlace, Gateway, gateway_of
from ror.engine import (
    AwaitsReview,
    Engine,
    EngineOptions,
    Execution,
    Executor,
    HeldJobs,
    Stager,
    Worker,
    is_staged,
)
from ror.errors import ConfigurationError, ServiceUnavailable
from ror.gateway import USED, Listener, Settler
from ror.housekeeping import Nightly
from ror.loading import load_whole
from ror.log_json import note
from ror.model import Job
from ror.registry import Project
from ror.results import FinishedRun, warm_up

__all__ = ["Service"]

_log = logging.getLogger(__name__)
load_whole(containers, ror.archive, ror.registry, ror.gateway, ror.engine, ror.results)


class Place(Protocol):
    """Where jobs are staged and run: the folder that hosts share, or `ror.away`; `told` of it with each run."""

    @property
    def told(self) -> str: ...

    def stage(self, job: Job) -> str:
        """Lay out the job folder, and say what is in it."""

    def execute(self, job: Job) -> Execution:
        """Run its program; its output is in the shared folder then."""

    def require_staged(self, job: Job) -> None:
        """Have the job folder laid out: another host may have staged the job elsewhere."""


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """Stages from the archive, and runs in the home folder."""

    app: App
    stager: Stager
    executor: Executor
    told: str = ""

    def stage(self, job: Job) -> str:
        manifest = self._package(job).manifest
        volumes = sorted(manifest.series_names_needed())
        return self.stager.stage(job, self.app.home.job(job.id), manifest.options, volumes)

    def execute(self, job: Job) -> Execution:
        self.require_staged(job)
        package = self._package(job)
        return self.executor.execute(job, self.app.home.job(job.id), package, package.manifest.options)

    def require_staged(self, job: Job) -> None:
        if not is_staged(self.app.home.job(job.id)):
            self.stage(job)

    def _package(self, job: Job) -> Package:
        return self.app.workflows.package(job.workflow, job.package_digest)


@dataclass(frozen=True, slots=True)
class JobStations:
    """The stations of `ror.engine.pipeline`, over the parts of an `App`."""

    app: App
    place: Place

    def stage(self, job_id: str) -> str:
        return self.place.stage(self._job(job_id))

    def execute(self, job_id: str) -> str:
        execution = self.place.execute(self._job(job_id))
        image = execution.image
        self.app.jobs.set_image(job_id, f"{image.runtime}:{image.reference}", image.digest)
        return f"{image.runtime}, {execution.seconds:.1f} s{self.place.told}"

    def collect(self, job_id: str) -> str:
        run = self.app.finished_run(job_id)
        note(study=run.job.study_uid)
        self.place.require_staged(run.job)
        return self.app.results.collect(run)

    def encode(self, job_id: str) -> str:
        run, project, replaced = self._finished(job_id)
        if run.job.shadow:
            return self.app.results.rehearse(run, project)
        return self.app.results.encode(run, project, replaced)

    def deliver(self, job_id: str) -> str:
        run, project, replaced = self._finished(job_id)
        if run.job.shadow:
            return "a shadow delivers nothing"
        if project.review and not self._is_accepted(run.job):
            raise AwaitsReview(self.app.review_room.show(run, project, replaced))
        if run.corrections:
            made = {one.sop_uid for one in self.app.ledger.made([run.job.id])}
            if not made.issuperset(one.sop_uid for one in run.corrections):
                told = self.app.results.encode(run, project, replaced)
                self.app.jobs.tell_step_anew(job_id, "encode", f"{told}; made again with corrected masks")
        return self.app.results.deliver(run, project, replaced)

    def record(self, job_id: str) -> str:
        run, project, replaced = self._finished(job_id)
        if run.job.shadow:
            told = "a shadow records nothing"
        else:
            told = self.app.results.record(run, project, replaced)
        if replaced:
            with self.app.database.write() as connection:
                self.app.jobs.supersede_finished(connection, run.job)
        return told

    def _finished(self, job_id: str) -> tuple[FinishedRun, Project, Sequence[str]]:
        """A job whose program has ended, its project as it is set now, and the jobs whose results it replaces."""
        with self.app.database.one_look():
            run = self.app.finished_run(job_id)
            note(study=run.job.study_uid)
            return run, self.app.projects.get(run.job.project), self.app.jobs.replaced_by(run.job)

    def _is_accepted(self, job: Job) -> bool:
        decision = self.app.reviews.decision(job.id)
        return decision is not None and decision.accepted

    def _job(self, job_id: str) -> Job:
        job = self.app.jobs.get(job_id)
        note(study=job.study_uid)
        return job


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
        if app.settings.engine.gateway:
            raise ConfigurationError(
                "engine.gateway is of a host that only works; this home is to receive",
                advice="take it out of ror.toml, or say `ror work`",
            )
        with app.home.exclusively():
            app.require_own_database()
            ror.engine.require_room(app.home.root)  # healing writes
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
        name = app.settings.engine.executor_id
        with ExitStack() as stack:
            gateway = _gateway(app)
            if gateway is None:
                app.require_own_database()
            else:
                stack.enter_context(app.home.exclusively())
            stack.enter_context(app.home.worked_on_by(name))
            stack.enter_context(app.database.worked_on_by(name))
            yield stack.enter_context(cls._work(app, gateway))

    @classmethod
    @contextmanager
    def _work(cls, app: App, gateway: Gateway | None) -> Iterator[Service]:
        runtime = app.runtime()
        host = app.host()
        executor = Executor(runtime, host.name)
        held = HeldJobs(app.database)
        away = AwayPlace(app, gateway, executor) if gateway is not None else None
        place = away or SharedPlace(app, Stager(app.index, app.home.archive), executor)
        options = EngineOptions(
            app.home.root,
            app.checkpoints_url,
            host,
            app.settings.engine.beat_seconds,
        )

        def worker(ready: Callable[[], None]) -> Worker:
            hand_over = away.hand_over if away is not None else None
            return Worker(JobStations(app, place), app.jobs, held, app.home.root, ready, hand_over)

        here = away is None
        engine = Engine(
            options, app.matcher if here else None, app.hosts, app.placer if here else None, executor, worker
        )
        with nullcontext() if away is None else away.open():
            engine.start()
            try:
                if here:  # others make results, and write to REDCap
                    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
                    app.redcap_outlook.log()
                app.who.audit.log_end()
                yield cls(app, engine, None, runtime)
            finally:
                engine.stop()
                _put_down(held, host.name)


def _gateway(app: App) -> Gateway | None:
    """The gateway of a host without the shared folder, which has said that it knows us; None where there is one."""
    engine = app.settings.engine
    if not engine.gateway:
        return None
    app.home.require_no_studies()
    if not app.settings.database.url:
        raise ConfigurationError(
            "a host with a gateway has its jobs from the database of the gateway, and none is named",
            advice="set database.url, or ROR_DATABASE__URL, to what the gateway has there",
        )
    gateway = gateway_of(engine)
    release = gateway.require(engine.executor_id)
    _log.info("studies come from %s, release %s", gateway, release)
    if gateway.is_overheard:
        _log.warning(
            "without TLS: the token of this host, and studies, can be read on the way from the gateway"
        )
    return gateway


def _put_down(held: HeldJobs, host: str) -> None:
    try:
        held.put_down(host)
    except ServiceUnavailable as error:
        _log.warning("jobs in progress will be taken for lost with this host, once: %s", error)
