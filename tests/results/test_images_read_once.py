"""What a job's result steps read of its images: once for all of them, and again what was changed since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ror.errors import JobFailed
from ror.model import Job, JobFolder, JobSeries, JobState
from ror.results.finished import FinishedRun, result_job_of
from tests.results.samples import FINISHED, ct_headers, manifest, write_series


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    """A run on one series of two images."""
    headers = ct_headers((2, 4, 4))
    folder = JobFolder(tmp_path / "job")
    files = write_series(headers, folder.data / "input")
    listed = [str(file.relative_to(folder.data)) for file in files]
    (folder.data / "job.json").write_text(json.dumps({"series": [{"name": "CT", "files": listed}]}))
    uid, study = str(headers[0].SeriesInstanceUID), str(headers[0].StudyInstanceUID)
    series = (JobSeries("CT", uid, study, "c"),)
    job = Job("organs-a", "lungs", "organs", "1", "d", "P-1", study, uid, series, JobState.RUNNING)
    return FinishedRun(job, folder, manifest(), "", FINISHED)


def _images(run: FinishedRun) -> list[Path]:
    return sorted((run.folder.data / "input").iterdir())


def test_the_next_step_has_the_headers_that_were_read(run: FinishedRun) -> None:
    (first,), (second,) = result_job_of(run).series, result_job_of(run).series
    assert first is second
    assert first.headers[0].SeriesInstanceUID == run.job.series[0].series_uid


def test_an_image_that_was_written_anew_is_read_again(run: FinishedRun, tmp_path: Path) -> None:
    (before,) = result_job_of(run).series
    new = tmp_path / "new"
    new.write_bytes(_images(run)[0].read_bytes())
    new.replace(_images(run)[0])  # the same bytes, as it happens
    (after,) = result_job_of(run).series
    assert after is not before
    assert [one.SOPInstanceUID for one in after.headers] == [one.SOPInstanceUID for one in before.headers]


def test_an_image_that_was_removed_or_cut_since_it_was_read_fails_the_job(run: FinishedRun) -> None:
    assert result_job_of(run).series
    cut, removed = _images(run)
    cut.write_bytes(cut.read_bytes()[:100])
    with pytest.raises(JobFailed, match="changed or removed its input"):
        result_job_of(run)
    removed.unlink()
    with pytest.raises(JobFailed, match="changed or removed its input"):
        result_job_of(run)
