"""A job whose program has ended well: what its results are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from containers import Manifest
from ror.model import Job, JobFolder
from ror.results.corrected import CorrectedMask, with_corrections
from ror.results.model import Outputs, ResultJob, SourceSeries
from ror.results.output import read_outputs

__all__ = ["FinishedRun", "outputs_of", "result_job_of"]


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A job whose program has ended well, and what is known of that run.

    `corrections` are the masks that a reviewer has accepted in place of the program's own.
    """

    job: Job
    folder: JobFolder
    manifest: Manifest
    image_digest: str
    finished_at: datetime
    corrections: tuple[CorrectedMask, ...] = ()


def result_job_of(run: FinishedRun) -> ResultJob:
    """The facts about a run that its results carry, with the series as they were staged."""
    staged = json.loads((run.folder.data / "job.json").read_text(encoding="utf-8"))["series"]
    return ResultJob(
        job_id=run.job.id,
        workflow=run.job.workflow,
        version=run.job.version,
        package_digest=run.job.package_digest,
        image_digest=run.image_digest,
        series=tuple(
            SourceSeries.read(one["name"], [run.folder.data / file for file in one["files"]])
            for one in staged
        ),
        finished_at=run.finished_at,
    )


def outputs_of(run: FinishedRun, job: ResultJob) -> Outputs:
    """What the program wrote, with the accepted corrections in place of its masks.

    Raises
    ------
    OutputError
        It is not what its manifest announces.
    """
    outputs = read_outputs(run.folder.output, run.manifest, job)
    return with_corrections(outputs, run.corrections, run.manifest.outputs.measurements, job)
