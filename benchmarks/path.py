"""The way of a job: settled → program started, and program ended → result acknowledged by the PACS.

A real `ror serve` and a real Orthanc; the program says by the clock when it began and ended. No peer that runs here
does this; FIONA's cron steps take 15 to 60 s.
"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Budget, Figure
from benchmarks.scale import Scale
from benchmarks.service import serving
from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.identity import PlantedIdentity
from examples.data.volume import Volume
from orthanc import OrthancServer, ServerNotInstalled, send
from tests.support.serving import Serving, eventually

__all__ = ["measure"]

_STEPS = ("stage", "execute", "collect", "encode", "deliver", "record")
_SUCCEEDED = "SELECT id, study_uid FROM jobs WHERE state = 'succeeded'"
_SETTLED = "SELECT settled_at AS at FROM studies WHERE study_uid = '{}'"
_ACKNOWLEDGED = """
SELECT max(delivered_at) AS at FROM deliveries JOIN results ON results.sop_uid = deliveries.sop_uid
WHERE results.job_id = '{}'
"""
_TOOK = "SELECT step, ended_at - started_at AS seconds FROM job_steps WHERE job_id = '{}'"
_SAID = re.compile(r"(began|ended) (\d+\.\d+)")


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Seconds; then those of each step of the same jobs. The PACS gets the images of the study too, as it does by
    default."""
    try:
        server = OrthancServer(folder / "pacs")
    except ServerNotInstalled as error:
        print(f"left out: {error}", file=sys.stderr)
        return []
    runs = []
    with server, serving(folder / "ror", "shells", 1.0, server) as process:
        for number in range(scale.rounds):
            send(process.peer, _brain(folder / f"sent-{number}", number, scale.brain_slices))
            runs.append(_times(process, number + 1))
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    size = f"240×240×{scale.brain_slices}×3"
    return [
        Figure("settled → program started", median["start"], "s", budget=Budget.value(at_most=0.5)),
        Figure(
            f"program ended → SEG of {size} and SR acknowledged",
            median["acknowledge"],
            "s",
            budget=Budget.value(at_most=2.0),
        ),
        *(Figure(f"step {step} of that job", median[step], "s") for step in _STEPS),
    ]


def _times(process: Serving, jobs: int) -> dict[str, float]:
    """Wait until so many jobs have succeeded, and return the seconds of the last one."""

    def done() -> list[Any]:
        rows = process.rows(f"{_SUCCEEDED} ORDER BY ended_at")
        assert "failed" not in process.jobs().values(), process.log.read_text()
        return rows if len(rows) == jobs else []

    job = eventually(done)[-1]
    log = process.installation.home / "jobs" / job.id / "log" / "container.log"
    said = {name: float(at) for name, at in _SAID.findall(log.read_text())}
    (settled,) = process.rows(_SETTLED.format(job.study_uid))
    (acknowledged,) = process.rows(_ACKNOWLEDGED.format(job.id))
    took = {row.step: row.seconds for row in process.rows(_TOOK.format(job.id))}
    return {"start": said["began"] - settled.at, "acknowledge": acknowledged.at - said["ended"], **took}


def _brain(folder: Path, seed: int, slices: int) -> tuple[Path, ...]:
    """An MR series of 240 × 240 pixels at 1 mm."""
    voxels = np.random.default_rng(seed).integers(0, 900, (240, 240, slices), dtype=np.uint16)
    study = StudyText(f"brain {seed}", PlantedIdentity.from_seed(seed), "MR BRAIN")
    series = SeriesText("MR", 2, "T1wCE", "BRAIN")
    return write_series(folder, Volume(voxels, np.diag([-1.0, -1.0, 1.0, 1.0])), study, series)
