"""A job folder as the engine lays it out, and a workflow run in it as a program of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from containers import Package
from ror.archive import geometry
from ror.results import ResultJob, SourceSeries, read_outputs

ROOT = Path(__file__).parents[2]
BRAIN_TUMOR = ROOT / "workflows" / "brain_tumor"


@dataclass(frozen=True)
class Run:
    """What became of a program: exit code, what it wrote to standard error, and its output folder."""

    code: int
    error: str
    output: Path

    @property
    def files(self) -> set[str]:
        return {str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file()}

    @property
    def values(self) -> dict[str, float]:
        return {row["field_name"]: row["value"] for row in self.rows}

    @property
    def rows(self) -> list[dict[str, object]]:
        return json.loads((self.output / "output.json").read_text())

    def labels(self, name: str) -> NDArray[np.uint8]:
        return np.asarray(nib.load(self.output / "mask" / f"{name}.nii.gz").dataobj)


def lay_out(
    name: str, folder: Path, series: Mapping[str, Sequence[Path]], **options: object
) -> tuple[Path, Path]:
    """Lay out ``folder/data`` for ``workflows/<name>``, and an empty output folder; return both."""
    data, output = folder / "data", folder / "output"
    for made in (data / "input", output):
        made.mkdir(parents=True)
    described = [_series(data, *named) for named in series.items()]
    job = {"job_id": "job", "workflow": name, "version": "1.0.0", "options": options}
    (data / "job.json").write_text(json.dumps(job | {"series": [one[0] for one in described]}))
    (data / "descr.json").write_text(json.dumps([one[1] for one in described]))
    return data, output


def run_workflow(
    name: str,
    folder: Path,
    series: Mapping[str, Sequence[Path]],
    python: str = sys.executable,
    packages: str = "",
    **options: object,
) -> Run:
    """Lay out ``folder/data``, run ``workflows/<name>`` in it, and return what came of it.

    `packages` is a PYTHONPATH for what the program needs beside the tests' own environment.
    """
    data, output = lay_out(name, folder, series, **options)
    scratch = folder / "scratch"
    scratch.mkdir()
    package = ROOT / "workflows" / name
    command = tomllib.loads((package / "workflow.toml").read_text())["command"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "MPLBACKEND": "Agg",
    }
    environment |= {"ROR_CONT_OPTIONS": json.dumps(options), "PYTHONDONTWRITEBYTECODE": "1"}
    if packages:
        environment["PYTHONPATH"] = packages
    program = [python, *command[1:], str(data), str(output)]
    done = subprocess.run(program, cwd=package, env=environment, capture_output=True, text=True)
    return Run(done.returncode, done.stderr, output)


def _series(data: Path, name: str, files: Sequence[Path]) -> tuple[dict[str, object], dict[str, object]]:
    headers = [dcmread(path, stop_before_pixels=True) for path in files]
    first = headers[0]
    described, fault, order = None, None, range(len(files))
    try:
        stack = geometry.stack(headers)
    except geometry.GeometryMismatch as mismatch:
        fault = str(mismatch)
    else:
        order = stack.order
        described = {"shape": stack.shape, "spacing_mm": stack.spacing_mm, "affine_ras": stack.affine_ras}
    names = []
    for place in order:
        names.append(f"input/{first.get('Modality', 'OT')}_{len(list((data / 'input').iterdir())):06}.dcm")
        shutil.copyfile(files[place], data / names[-1])
    job = {
        "name": name,
        "series_instance_uid": str(first.SeriesInstanceUID),
        "study_instance_uid": str(first.StudyInstanceUID),
        "modality": str(first.get("Modality", "")),
        "files": names,
        "geometry": described,
        "geometry_fault": fault,
    }
    return job, {
        "PatientID": str(first.PatientID),
        "ReferringPhysician": "EventName:baseline",
        "NameFromSelect": name,
    }


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap of two masks: 1 when they are the same."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def assert_accepted(run: Run, name: str, series: Mapping[str, Sequence[Path]]) -> None:
    """The engine takes the outputs: all of them announced, masks on their grids, numbers complete."""
    package = Package.load(ROOT / "workflows" / name)
    sources = tuple(SourceSeries.read(*named) for named in series.items())
    job = ResultJob("job", name, "1.0.0", package.digest, "", sources, datetime(2026, 3, 4, tzinfo=UTC))
    outputs = read_outputs(run.output, package.manifest, job)
    assert {file.path.suffix for file in outputs.files} <= {".png", ".stl", ".vti", ".json"}
