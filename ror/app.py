"""Builds everything that opens a file or a socket, and ties gateway, engine and results together."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import cached_property
from pathlib import Path

import containers
import ror.archive
import ror.engine
import ror.gateway
import ror.registry
import ror.results
from ror import config
from ror.config import PacsSettings, Settings
from ror.db import Database
from ror.errors import ConfigurationError, HomeInUse, NotFound, ServiceUnavailable
from ror.home import Home
from ror.loading import load_whole
from ror.model import Job, JobState

__all__ = ["App"]

_log = logging.getLogger(__name__)
_PRIORITIES = {
    "urgent": ror.engine.Priority.URGENT,
    "normal": ror.engine.Priority.NORMAL,
    "off-peak": ror.engine.Priority.OFF_PEAK,
}
_WITH_RESULTS = (JobState.REVIEW, JobState.RUNNING, JobState.SUCCEEDED, JobState.REJECTED)


class App:
    """One home folder, opened: its settings, its database, and what works on them, each built when first asked for.

    A folder that is no home yet is made one, unless `make` is False: then it is a `ConfigurationError`.
    """

    def __init__(self, root: Path, *, make: bool = True, overruled: Mapping[str, str] | None = None) -> None:
        self.home = Home(root.absolute())
        if not make:
            self.home.require()
        self.settings: Settings = config.read(self.home.root, {**os.environ, **(overruled or {})})
        self.home.make()
        self._held = ExitStack()

    @cached_property
    def database(self) -> Database:
        """Its tables, of the newest revision."""
        database = Database(self.settings.database.url or self.home.database_url)
        database.migrate()
        return database

    @cached_property
    def projects(self) -> ror.registry.ProjectStore:
        return ror.registry.ProjectStore(self.database, self.home.secrets)

    @cached_property
    def routes(self) -> ror.registry.RouteStore:
        return ror.registry.RouteStore(self.database)

    @cached_property
    def tokens(self) -> ror.registry.TokenStore:
        return ror.registry.TokenStore(self.database)

    @cached_property
    def who(self) -> ror.registry.WhoIsWho:
        return ror.registry.WhoIsWho.of(self.database, self.home.secrets)

    @cached_property
    def workflows(self) -> ror.registry.WorkflowStore:
        return ror.registry.WorkflowStore(self.database, self.home.packages)

    @cached_property
    def index(self) -> ror.archive.Index:
        return ror.archive.Index(self.database)

    @cached_property
    def catalogue(self) -> ror.archive.Catalogue:
        return ror.archive.Catalogue(self.database, lambda project: self.projects.get(project).classifier())

    @cached_property
    def quarantine(self) -> ror.gateway.Quarantine:
        return ror.gateway.Quarantine(self.database, self.home.quarantine)

    @cached_property
    def files(self) -> ror.archive.FileStore:
        return ror.archive.FileStore(self.home.archive)

    @cached_property
    def intake(self) -> ror.gateway.Intake:
        load_whole(ror.archive, ror.registry, ror.gateway, ror.results)  # threads come with it
        reserve_mib = self.settings.listener.reserve_mib
        self._held.enter_context(self.home.taking_in())
        return ror.gateway.Intake(
            self.projects,
            self.routes,
            self.files,
            self.index,
            self.quarantine,
            self.who,
            reserve_mib,
            SentBack(self),
        )

    @cached_property
    def completeness(self) -> ror.gateway.Completeness:
        return ror.gateway.Completeness(self.projects, self.index)

    @cached_property
    def commitments(self) -> ror.registry.CommitmentStore:
        return ror.registry.CommitmentStore(self.database)

    @cached_property
    def services(self) -> ror.gateway.Services:
        return ror.gateway.Services(
            self.projects,
            self.routes,
            self.index,
            ror.archive.Announcements(self.database),
            self.home.archive,
            self.quarantine,
            lambda: config.read_pacs(self.home.root),
            self.settings.listener.ae_title,
            self.commitments.told,
        )

    @property
    def checkpoints_url(self) -> str:
        """Where the durable engine keeps its checkpoints."""
        return self.settings.database.url or self.home.checkpoints_url

    @cached_property
    def jobs(self) -> ror.engine.JobStore:
        return ror.engine.JobStore(self.database)

    @cached_property
    def timings(self) -> ror.engine.Timings:
        return ror.engine.Timings(self.database)

    @cached_property
    def hosts(self) -> ror.engine.HostStore:
        return ror.engine.HostStore(self.database)

    @cached_property
    def placer(self) -> ror.engine.Placer:
        return ror.engine.Placer(self.database, self.hosts, self.workflows.package, self.order)

    def why_it_waits(self, job: Job) -> str:
        """What a job that no host has is waiting for, in a sentence."""
        needs = self.placer.needs(job.workflow, job.package_digest)
        return ror.engine.why_it_waits(job, needs, self.placer.seen(), self.order)

    @cached_property
    def order(self) -> ror.engine.Order:
        """Which jobs come first, as the settings say."""
        engine = self.settings.engine
        begin, end = map(time.fromisoformat, engine.off_peak.split("-"))
        return ror.engine.Order(
            (begin, end),
            {name: _PRIORITIES[one.priority] for name, one in engine.workflows.items()},
            {name: one.at_most for name, one in engine.workflows.items() if one.at_most},
            engine.shares,
        )

    def host(self) -> ror.engine.Host:
        """This host, as its settings and its machine say; `ConfigurationError` where they do not agree."""
        engine = self.settings.engine
        return ror.engine.this_host(
            ror.engine.Declared(
                engine.executor_id,
                engine.slots,
                engine.in_flight,
                engine.cpus,
                engine.memory_mib,
                engine.gpus,
                engine.labels,
                folder=not engine.gateway,
            )
        )

    @cached_property
    def matcher(self) -> ror.engine.Matcher:
        return ror.engine.Matcher(self.database, self.index, self.catalogue, self.workflows, self.jobs)

    @cached_property
    def still_needed(self) -> ror.archive.StillNeeded:
        """What the enabled workflows of its project need of a study that they have found something in."""
        return ror.archive.StillNeeded(
            lambda study_uid, _received_until: self.matcher.lacking(study_uid),
            self.settings.listener.needed_patience,
        )

    @cached_property
    def measurements(self) -> ror.results.MeasurementStore:
        return ror.results.MeasurementStore(self.database)

    @cached_property
    def ledger(self) -> ror.results.Ledger:
        return ror.results.Ledger(self.database)

    @cached_property
    def redcaps(self) -> ror.results.Redcaps:
        return ror.results.Redcaps(self.home.secrets, self.settings.redcap)

    @cached_property
    def redcap_outlook(self) -> ror.results.RedcapOutlook:
        return ror.results.RedcapOutlook(self.redcaps, self.projects, self.workflows, self.who)

    @cached_property
    def reviews(self) -> ror.results.ReviewStore:
        return ror.results.ReviewStore(self.database, self.jobs)

    @cached_property
    def corrections(self) -> ror.results.CorrectionStore:
        return ror.results.CorrectionStore(self.database, self.home.corrections)

    @cached_property
    def correction_desk(self) -> ror.results.CorrectionDesk:
        return ror.results.CorrectionDesk(self.corrections, self.ledger, self.runs_with_results)

    def runs_with_results(self, project: str, study_uid: str) -> list[ror.results.FinishedRun]:
        """The runs on a study whose results are made and were not superseded, as far as they are still here."""
        runs = []
        for row in self.jobs.find(project, study_uid=study_uid):
            if row.job.state in _WITH_RESULTS and self.ledger.made([row.job.id]):
                try:
                    runs.append(self.finished_run(row.job.id))
                except NotFound:  # its package was taken away
                    _log.info("job %s can take no corrections: its package is gone", row.job.id)
        return runs

    def finished_run(self, job_id: str) -> ror.results.FinishedRun:
        """A job whose program has ended well, with the corrections that were accepted in place of its masks."""
        with self.database.one_look():
            run = self.jobs.executed(job_id)
            job = run.job
            decision = self.reviews.decision(job.id)
            accepted = decision.corrections if decision and decision.accepted else ()
            corrections = self.corrections.those(accepted)
        return ror.results.FinishedRun(
            job,
            self.home.job(job.id),
            self.workflows.package(job.workflow, job.package_digest).manifest,
            run.image_digest,
            datetime.fromtimestamp(run.executed_at, UTC),
            tuple(one.as_mask for one in corrections),
        )

    def changes_by(self, corrections: Sequence[ror.results.Correction]) -> tuple[str, ...]:
        """What corrections of the masks of a job change in its measurements, a line for each that changes."""
        if not corrections:
            return ()
        run = self.finished_run(corrections[0].job_id)
        return ror.results.changes_told(replace(run, corrections=tuple(one.as_mask for one in corrections)))

    @cached_property
    def review_room(self) -> ror.results.ReviewRoom:
        return ror.results.ReviewRoom(
            self.index,
            self.home.archive,
            self.ledger,
            lambda: config.read_pacs(self.home.root),
            self.settings.listener.ae_title,
            ror.archive.OwnSeries(self.database, self.home.archive),
        )

    @cached_property
    def results(self) -> ror.results.ResultStations:
        return ror.results.ResultStations(
            self.index,
            self.home.archive,
            self.ledger,
            self.measurements,
            ror.results.RedcapPlaces(self.database),
            self.redcaps,
            lambda: config.read_pacs(self.home.root),
            self.settings.listener.ae_title,
            self.who.identities.way_back,
            ror.archive.OwnSeries(self.database, self.home.archive),
            self.commitments,
        )

    @cached_property
    def runtimes(self) -> tuple[containers.DockerRuntime, containers.ProcessRuntime]:
        """The container runtimes there are, best first, whether they work here or not."""
        root = self.home.runtimes
        docker = containers.DockerRuntime(root / "docker", self.settings.engine.base_image)
        return docker, containers.ProcessRuntime(root / "process", host=self.settings.engine.executor_id)

    def runtime(self) -> containers.Runtime:
        """The runtime of the settings; ``auto`` is the first that works."""
        wanted, reasons = self.settings.engine.runtime, []
        for runtime in self.runtimes:
            if wanted in ("auto", runtime.name):
                available = runtime.availability()
                if available.ok:
                    return runtime
                reasons.append(f"{runtime.name}: {available.reason}")
        raise ConfigurationError(
            "no container runtime works here:",
            tuple(reasons),
            'start Docker, or set engine.runtime = "process"',
        )

    def pacs(self, name: str) -> PacsSettings:
        """The ``[pacs.NAME]`` of that name; `NotFound` if there is none."""
        if name not in self.settings.pacs:
            known = ", ".join(self.settings.pacs) or "none"
            raise NotFound(f"ror.toml has no section [pacs.{name}]", f"add it; there is: {known}")
        return self.settings.pacs[name]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Have a listener for a block: that of ``ror serve`` if it runs, else one of our own."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self.home.exclusively())
            except HomeInUse:
                yield
                return
            listener = ror.gateway.Listener(self.settings.listener, self.intake)
            listener.start()
            stack.callback(listener.stop)
            yield

    def require_own_database(self) -> None:
        """Refuse a database whose projects and workflows are in another home folder: their jobs would fail here.

        Raises
        ------
        ConfigurationError
            A project's secret or an enabled workflow's package is not in this home folder; all are told.
        """
        missing = [f"the secret of project {name}" for name in self._without_secret()]
        missing += [f"the package of workflow {name}" for name in self._without_package()]
        if missing:
            raise ConfigurationError(
                f"the database {self.database.shown} knows what is not in the home folder {self.home.root}:",
                tuple(missing),
                "a database has one home folder, which all its workers share: correct --home or database.url, "
                "or restore what is lost (`ror doctor`)",
            )

    def _without_secret(self) -> Iterator[str]:
        for project in self.projects.list():
            try:
                self.projects.key(project.name)
            except ConfigurationError as error:
                # One that is damaged stops its own project at the gate, not the others.
                if isinstance(error.__cause__, FileNotFoundError):
                    yield project.name

    def _without_package(self) -> Iterator[str]:
        for one in self.workflows.list(enabled_only=True):
            if not self.workflows.holds(one.name, one.digest):
                yield f"{one.name} {one.version} ({one.digest[:12]})"

    def heal(self) -> None:
        """Remove what a killed process has not finished, and index what it had filed; before anything comes in."""
        unfinished = 0
        with self.home.nobody_taking_in() as alone:
            if alone:  # else it may be what `ror import` is writing now; the next start looks again
                unfinished = self.files.discard_unfinished() + self.quarantine.discard_unfinished()
        healed = self.index.heal(self.home.archive, [project.name for project in self.projects.list()])
        if unfinished or healed:
            _log.warning(
                "after a crash: %d unfinished files removed, %d filed objects indexed", unfinished, healed
            )

    def close(self) -> None:
        """Index what was taken in, and close the database, if it was opened."""
        if "index" in self.__dict__:
            try:
                self.index.flush()
            except ServiceUnavailable as error:  # it is found by the next `ror serve`
                _log.warning("what was taken in last is indexed at the next start: %s", error)
        if "database" in self.__dict__:
            self.database.close()
        self._held.close()


@dataclass(frozen=True, slots=True)
class SentBack:
    """Segmentations that come back through the gateway, on the desk where corrections are taken."""

    app: App

    def take(self, part10: bytes, project: str, sender: str) -> ror.gateway.Verdict:
        """See `ror.gateway.Corrections`."""
        try:
            return ror.gateway.Verdict(held=not self.app.correction_desk.take(part10, project, sender))
        except ror.results.CorrectionRefused as refused:
            return ror.gateway.Verdict(reason=refused.reason, what=f"{refused}; {refused.advice}")
