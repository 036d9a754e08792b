"""One job on a laptop, on one page: stage, execute, collect, encode, as `ror.engine.pipeline` does for a hospital.

Each step is done by what does it there: `Stager`, `Executor`, `ror.results`. Nothing is delivered and nothing recorded.

Public by itself: the parts of the engine take a second to load, and `ror status` needs none of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from containers import Manifest, Package, Runtime
from ror.develop.data_index import DataIndex
from ror.develop.live import Live
from ror.engine import Executor, Stager
from ror.errors import JobFailed, NotAllowed, OutOfMemory
from ror.model import Job, JobFolder, JobSeries, JobState, job_id
from ror.results import (
    Agreement,
    FinishedRun,
    Labels,
    Outputs,
    ResultJob,
    Row,
    agreement_with,
    collected_told,
    make_objects,
    outputs_of,
    read_reference,
    result_job_of,
    would_send,
)
from select_lang import Match

__all__ = ["Trial", "TrialFolder", "Tried", "job_of"]

_HOST = "developer"
_PROJECT = "developer"
_DATA_OF = "_output"

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrialFolder(JobFolder):
    """A job folder whose ``root`` is called ``NAME_output``; the program's ``/data`` is ``NAME`` beside it."""

    @property
    def data(self) -> Path:
        return self.root.with_name(self.root.name.removesuffix(_DATA_OF))

    @classmethod
    def beside(cls, data: Path) -> TrialFolder:
        """That of a data folder."""
        return cls(data.with_name(f"{data.name}{_DATA_OF}"))

    @property
    def report(self) -> Path:
        """What became of the job, for machines."""
        return self.root / "report.json"


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a job.

    Attributes
    ----------
    objects
        The DICOM files that a PACS would get.
    records, faults
        What REDCap would get, one record for each event and instance; and what it would not take.
    names_patients
        Whether the images are not de-identified: then records say nothing of what would name a patient.
    left_out
        Why something was not made, a sentence for each.
    """

    job: Job
    image: str
    seconds: float
    outputs: Outputs
    objects: tuple[Path, ...]
    records: tuple[dict[str, Any], ...]
    faults: tuple[str, ...]
    names_patients: bool
    agreements: tuple[Agreement, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """How jobs are tried: which package, in which runtime, with which options; `told` gets every line that is said.

    `references` are masks to hold the results against, by the name of a mask.
    """

    package: Package
    runtime: Runtime
    options: Mapping[str, object]
    references: Mapping[str, Path]
    told: Told

    def stage(self, job: Job, folder: TrialFolder, index: DataIndex) -> None:
        """Lay out ``/data``.

        Raises
        ------
        NotAllowed
            A file has changed, or is gone, since the data were read.
        JobFailed
            See `Stager.stage`.
        """
        for one in job.series:
            _require_unchanged(index, one)
        volumes = sorted(self.package.manifest.series_names_needed())
        staged = Stager(index, Path("/")).stage(job, folder, self.options, volumes)
        self.told(f"staged: {staged}")

    def run(self, job: Job, folder: TrialFolder) -> Tried:
        """Run the program on a staged folder, and make of its outputs what the hospital would.

        Raises
        ------
        JobFailed, ServiceUnavailable
            See `Executor.execute`.
        OutputError, EncodeError, ObjectsInvalid
            Its outputs cannot be used, or no valid objects be made of them.
        ConfigurationError
            A reference cannot be used; then nothing has run.
        """
        manifest = self.package.manifest
        references = self._references(
            result_job_of(FinishedRun(job, folder, manifest, "", datetime.now(UTC)))
        )
        try:
            execution = Executor(Live(self.runtime, self.told), _HOST).execute(
                job, folder, self.package, self.options
            )
        except JobFailed as error:
            if not folder.log.exists():  # nothing has run: there is no image or environment to run it in
                raise
            more = "; give it more by --mem" if isinstance(error, OutOfMemory) else ""
            raise JobFailed(str(error), f"all that it printed is in {folder.log}{more}") from error
        image = execution.image
        self.told(f"ran: in {image.runtime}, {execution.seconds:.1f} s")
        run = FinishedRun(job, folder, manifest, image.digest, datetime.now(UTC))
        result_job = result_job_of(run)
        outputs = outputs_of(run, result_job)
        self.told(f"collected: {collected_told(outputs, result_job)}")
        made = make_objects(outputs, result_job, folder.results)
        self.told(f"made: {made.told}")
        names_patients = _names_patients(result_job)
        rows = _as_of_the_hospital(outputs.rows) if names_patients else outputs.rows
        records, faults = _records(rows, manifest)
        held_against = [one for one in outputs.masks if one.announced.name in references]
        tried = Tried(
            job,
            f"{image.runtime}:{image.reference}",
            execution.seconds,
            outputs,
            made.paths,
            records,
            faults,
            names_patients,
            tuple(
                one for mask in held_against for one in agreement_with(references[mask.announced.name], mask)
            ),
            made.left_out,
        )
        folder.report.write_text(json.dumps(_facts(tried), indent=1), encoding="utf-8")
        return tried

    def _references(self, job: ResultJob) -> dict[str, Labels]:
        return {
            announced.name: read_reference(self.references[announced.name], announced, job)
            for announced in self.package.manifest.outputs.masks
            if announced.name in self.references
        }


def job_of(package: Package, match: Match, index: DataIndex, gpu: str | None = None) -> Job:
    """The job that a match makes, with the id that the same files give again."""
    series = tuple(
        JobSeries(one.name, one.series_uid, one.study_uid, index.content(one.series_uid))
        for one in match.series
    )
    first = match.series[0]
    manifest = package.manifest
    return Job(
        id=job_id(manifest.name, package.digest, match.key, series),
        project=_PROJECT,
        workflow=manifest.name,
        version=manifest.version,
        package_digest=package.digest,
        patient_id=index.patient_id(first.series_uid),
        study_uid=first.study_uid,
        match_key=match.key,
        series=series,
        state=JobState.RUNNING,
        host=_HOST,
        gpu=gpu,
    )


def _require_unchanged(index: DataIndex, series: JobSeries) -> None:
    changed = [one.path for one in index.instances(series.series_uid) if not one.unchanged]
    if changed:
        raise NotAllowed(
            f"{len(changed)} files of series {series.series_uid} have changed or are gone: {changed[0]}",
            "read them again: ror config --data FOLDER",
        )


def _names_patients(job: ResultJob) -> bool:
    return any(one.headers[0].get("PatientIdentityRemoved") != "YES" for one in job.series)


def _as_of_the_hospital(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows without what only the hospital knows: records are pseudonyms there, and events of its coupling list."""
    patients = dict.fromkeys(row.record_id for row in rows if row.record_id)
    pseudonyms = {patient: f"<pseudonym {number}>" for number, patient in enumerate(patients, 1)}
    return tuple(replace(row, record_id=pseudonyms.get(row.record_id, ""), event="") for row in rows)


def _records(rows: Sequence[Row], manifest: Manifest) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """What REDCap would get; of an older package, which announces no fields, nothing can be said."""
    if not rows or not manifest.outputs.measurements:
        return (), ()
    prepared = would_send(rows, manifest)
    return prepared.records, tuple(f"{one.field}: {one.message}" for one in prepared.faults)


def _facts(tried: Tried) -> dict[str, Any]:
    return {
        "job": tried.job.id,
        "workflow": f"{tried.job.workflow} {tried.job.version}",
        "package_digest": tried.job.package_digest,
        "image": tried.image,
        "seconds": round(tried.seconds, 3),
        "objects": [path.name for path in tried.objects],
        "left_out": list(tried.left_out),
        "redcap": list(tried.records),
        "redcap_faults": list(tried.faults),
        "agreement": [{**asdict(one), "dice": one.dice} for one in tried.agreements],
    }
