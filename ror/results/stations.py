"""The four result steps of a job: collect → encode → deliver → record. Each may run twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ror.archive import Index, OwnSeries
from ror.config import PacsSettings
from ror.errors import ConfigurationError, ServiceUnavailable
from ror.model import Job, JobFolder
from ror.registry import CommitmentStore, Project, WayBack
from ror.results.deliver import Deliverer, Shipment
from ror.results.destinations import (
    Archive,
    Destination,
    NotAuthorised,
    Outgoing,
    UnderOriginalIdentity,
    destinations_of,
)
from ror.results.finished import FinishedRun, collected_told, outputs_of, result_job_of
from ror.results.ledger import Ledger, MadeObject
from ror.results.making import make_objects
from ror.results.model import ResultObject
from ror.results.places import RedcapPlaces
from ror.results.redcap import Redcaps, with_event
from ror.results.sent import as_sent
from ror.results.table import MeasurementStore
from ror.wording import counted

__all__ = ["ResultStations"]


class ResultStations:
    """Works on the folders of jobs; what was made and who has acknowledged it is in the `Ledger`.

    `pacs` gives the PACS as they are set now: it is asked again for every delivery. `way_back` gives that of a project.
    """

    def __init__(
        self,
        index: Index,
        archive: Path,
        ledger: Ledger,
        measurements: MeasurementStore,
        places: RedcapPlaces,
        redcaps: Redcaps,
        pacs: Callable[[], Mapping[str, PacsSettings]],
        our_ae_title: str,
        way_back: Callable[[str], WayBack],
        own: OwnSeries,
        commitments: CommitmentStore,
    ) -> None:
        self._index = index
        self._archive = archive
        self._ledger = ledger
        self._measurements = measurements
        self._places = places
        self._redcaps = redcaps
        self._pacs = pacs
        self._deliverer = Deliverer(ledger)
        self._our_ae_title = our_ae_title
        self._way_back = way_back
        self._own = own
        self._commitments = commitments

    def collect(self, run: FinishedRun) -> str:
        """Check what the program has written against its manifest (`OutputError` with all faults)."""
        result_job = result_job_of(run)
        return collected_told(outputs_of(run, result_job), result_job)

    def encode(self, run: FinishedRun, project: Project, replaced_jobs: Sequence[str]) -> str:
        """Make the DICOM objects of it that the project sends, in place of those that an earlier attempt has made."""
        result_job = replace(result_job_of(run), supersedes=self._ledger.superseded(replaced_jobs))
        outputs = as_sent(outputs_of(run, result_job), project.sending)
        made = make_objects(outputs, result_job, run.folder.results)
        written = zip(made.objects, made.paths, strict=True)
        self._ledger.set_made(run.job.id, [_made(one, path, run.folder) for one, path in written])
        return made.told

    def rehearse(self, run: FinishedRun, project: Project) -> str:
        """Make the DICOM objects of a run in the shadow of another version; nobody is told of them."""
        result_job = result_job_of(run)
        return make_objects(
            as_sent(outputs_of(run, result_job), project.sending), result_job, run.folder.results
        ).told

    def deliver(self, run: FinishedRun, project: Project, replaced_jobs: Sequence[str]) -> str:
        """Bring images (once) and results to every PACS of the project; then remove there what they replace."""
        destinations = self.destinations(project, project.pacs, run.job.id)
        shipment = Shipment(
            run.job,
            self._images(run.job) if any(one.images for one in destinations) else (),
            [_outgoing(one, run.folder.root / one.path) for one in self._ledger.made([run.job.id])],
            [_outgoing(one, Path()) for one in self._ledger.made(replaced_jobs)],
        )
        return self._deliverer.deliver(shipment, destinations)

    def record(self, run: FinishedRun, project: Project, replaced_jobs: Sequence[str]) -> str:
        """Write the measurements into the table, in place of those they supersede, and into REDCap."""
        rows = outputs_of(run, result_job_of(run)).rows
        self._measurements.replace(run.job, rows, replaced_jobs)  # kept, whatever REDCap says
        told = counted(len(rows), "measurement")
        if project.redcap_url and rows:
            self._redcaps.target(project)  # without a token no place is taken
            rows = with_event(rows, project.redcap_event)
            placed = self._places.place(run.job, rows, project.redcap_repeat_instrument)
            self._measurements.replace(run.job, placed, replaced_jobs)
            self._places.require_own_instances(run.job, placed)
            told += f", {self._redcaps.write(project, placed)}"
        return told

    def destinations(self, project: Project, names: Sequence[str], job_id: str) -> list[Destination]:
        """The destinations of these names, as they are set now, for the results of a job.

        Raises
        ------
        ConfigurationError
            The settings do not name all of them, or not where they are.
        ServiceUnavailable
            The settings cannot be read now.
        """
        try:
            known = self._pacs() if names else {}
        except ConfigurationError as error:  # somebody writes it now: this job is not at fault
            raise ServiceUnavailable(str(error), f"it is read again; {error.advice}") from error

        def here(name: str) -> Destination:
            return Archive(name, self._own, project.name, job_id)

        return [
            self._under_original_identity(one, project, job_id)
            if known[one.name].identity == "original"
            else one
            for one in destinations_of(names, known, self._our_ae_title, here, self._commitments)
        ]

    def _under_original_identity(
        self, destination: Destination, project: Project, job_id: str
    ) -> Destination:
        if not project.original_identity:
            return NotAuthorised(destination.name, project.name)
        way_back = self._way_back(project.name)
        return UnderOriginalIdentity(destination, way_back, self._ledger.named, job_id)

    def _images(self, job: Job) -> list[Outgoing]:
        """The images of the job's studies."""
        return [
            Outgoing(one.sop_uid, one.series_uid, study_uid, "IMAGE", self._archive / one.path)
            for study_uid in dict.fromkeys(series.study_uid for series in job.series)
            for one in self._index.study_instances(study_uid)
        ]


def _made(one: ResultObject, path: Path, folder: JobFolder) -> MadeObject:
    return MadeObject(
        sop_uid=one.sop_instance_uid,
        kind=one.kind,
        sop_class_uid=str(one.dataset.SOPClassUID),
        series_uid=one.series_instance_uid,
        study_uid=one.study_instance_uid,
        path=str(path.relative_to(folder.root)),
    )


def _outgoing(one: MadeObject, path: Path) -> Outgoing:
    return Outgoing(one.sop_uid, one.series_uid, one.study_uid, one.kind, path)
