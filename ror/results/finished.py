"""A job whose program has ended well: what its results are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from pydicom.errors import InvalidDicomError

from containers import Manifest
from ror.errors import JobFailed
from ror.model import Job, JobFolder, JobState
from ror.results.corrected import CorrectedMask, with_corrections
from ror.results.model import Outputs, ResultJob, SourceSeries
from ror.results.output import read_outputs
from ror.results.sizes import unlike_their_masks
from ror.wording import counted

__all__ = ["FinishedRun", "changes_told", "collected_told", "outputs_of", "result_job_of"]


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

    @property
    def in_review(self) -> bool:
        """Whether its results wait for a decision."""
        return self.job.state is JobState.REVIEW


# Of a job or two at a time, and not more headers than take some 50 MiB.
_SERIES_KEPT, _MOST_IMAGES = 4, 400
# What reading of input that a program has written over, cut or removed ends in; a disk that fails is none of them.
_NOT_AS_STAGED = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    InvalidDicomError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


def result_job_of(run: FinishedRun) -> ResultJob:
    """The facts about a run that its results carry, with the series as they were staged.

    Raises
    ------
    JobFailed
        The input is not as it was staged: outside a container a program can write there.
    FileNotFoundError
        The job folder is gone.
    """
    try:
        return _as_staged(run)
    except _NOT_AS_STAGED as error:
        if not run.folder.root.is_dir():
            raise  # tidied away, by us
        # Not what they say: it may be a value.
        raise JobFailed(
            "the program has changed or removed its input: job.json or an image in /data cannot be read any more",
            "let it write to /output alone; in a container /data cannot be written",
        ) from error


def _as_staged(run: FinishedRun) -> ResultJob:
    staged = json.loads((run.folder.data / "job.json").read_text(encoding="utf-8"))["series"]
    return ResultJob(
        job_id=run.job.id,
        workflow=run.job.workflow,
        version=run.job.version,
        package_digest=run.job.package_digest,
        image_digest=run.image_digest,
        series=tuple(
            _series(one["name"], tuple(run.folder.data / file for file in one["files"])) for one in staged
        ),
        finished_at=run.finished_at,
    )


def _series(name: str, files: tuple[Path, ...]) -> SourceSeries:
    """A series as it is on disk: the steps of a job read it once, as long as nothing of it is changed."""
    at = [file.stat() for file in files]
    if len(files) > _MOST_IMAGES:
        return SourceSeries.read(name, files)
    return _read(name, files, tuple((one.st_ino, one.st_size, one.st_ctime_ns) for one in at))


@lru_cache(maxsize=_SERIES_KEPT)
def _read(name: str, files: tuple[Path, ...], _state: tuple[tuple[int, int, int], ...]) -> SourceSeries:
    return SourceSeries.read(name, files)


def changes_told(run: FinishedRun) -> tuple[str, ...]:
    """What the corrections of a run change in what it has measured, a line for each."""
    job, told = result_job_of(run), list[str]()
    outputs = read_outputs(run.folder.output, run.manifest, job)
    with_corrections(outputs, run.corrections, run.manifest.outputs.measurements, job, told.append)
    return tuple(told)


def outputs_of(run: FinishedRun, job: ResultJob) -> Outputs:
    """What the program wrote, with the accepted corrections in place of its masks.

    Raises
    ------
    OutputError
        It is not what its manifest announces.
    """
    outputs = read_outputs(run.folder.output, run.manifest, job)
    return with_corrections(outputs, run.corrections, run.manifest.outputs.measurements, job)


def collected_told(outputs: Outputs, job: ResultJob) -> str:
    """How much a program wrote, what it says there is nothing of, and which volumes are unlike their masks."""
    told = [
        counted(len(outputs.masks), "mask"),
        counted(len(outputs.rows), "measurement"),
        counted(len(outputs.files), "file"),
    ]
    told += [f"nothing found for {name}" for name in outputs.nothing_found]
    told += unlike_their_masks(outputs, job)
    return ", ".join(told)
