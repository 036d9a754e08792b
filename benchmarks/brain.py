"""How long the brain-tumour workflow takes, from the start of its program: ``python -m benchmarks.brain [--rounds N]``.

Not in the suite: it needs the workflow's own environment (500 MB), which is made below ``~/.cache/ror-bench``. A raw
study (four series of 240 x 240 x 155 with skull, each tilted and moved) and a prepared one (on one grid, stripped).
With ``--training PYTHON``, of an environment that has what trains the network, its share is held against MONAI's.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread

from benchmarks.environment import environment_with
from benchmarks.figure import Budget, Figure, as_table
from benchmarks.machine import machine
from examples.data import ANATOMIES, GeneratedStudy, make_brain_mr, make_case, write_case
from examples.data.raw_brain import RESEARCH, make_raw_brain_mr
from ror.archive import geometry

__all__ = ["main", "measure"]

_PACKAGE = Path(__file__).parent.parent / "workflows" / "brain_tumor"
_SECONDS = {"raw": 40.0, "prepared": 20.0}
_MEMORY_MIB = 2048
_WINDOWS = Path(__file__).with_name("brain_windows.py")


def main(words: list[str]) -> int:
    """Print one table."""
    from rich.console import Console

    parser = argparse.ArgumentParser(prog="python -m benchmarks.brain", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--training", type=Path, metavar="PYTHON", help="also the network alone, beside MONAI's"
    )
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="ror-bench-brain-") as folder:
        figures = measure(Path(folder), asked.rounds)
        if asked.training:
            figures += against_monai(Path(folder), asked.training)
        Console(width=150).print(as_table(figures))
    print(f"machine: {machine()}")
    return 0


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Wall and processor time and peak memory of the whole program, and its slowest steps; medians of the rounds."""
    pinned = (_PACKAGE / "requirements.txt").read_text().split()
    programs = environment_with(*pinned)
    if programs is None:
        return []
    studies = {
        "raw": make_raw_brain_mr(folder / "raw", ANATOMIES["robex"](), 3002, RESEARCH),
        "prepared": _stripped(make_brain_mr(folder / "prepared", 1)),
    }
    figures = []
    for name, study in studies.items():
        runs = [_run(programs, folder / f"{name}-{number}", study.series) for number in range(rounds)]
        took = statistics.median(one["total"] for one in runs)
        budget = Budget.value(at_most=_SECONDS[name])
        figures.append(Figure(f"{name} study, start to outputs", took, "s", budget=budget))
        for step in ("processor time", "registration", "brain", "network"):
            figures.append(Figure(f"… {step}", statistics.median(one[step] for one in runs), "s"))
        most = max(one["memory"] for one in runs)
        figures.append(Figure("… peak memory", most, "MiB", budget=Budget.value(at_most=_MEMORY_MIB)))
    return figures


def against_monai(folder: Path, python: Path) -> list[Figure]:
    """The network alone on a made brain of the larger template, by the same weights: rates, and Dice of the tumour."""
    write_case(folder / "windows" / "icbm_02001", make_case(ANATOMIES["icbm"](), 2001))
    done = subprocess.run(
        [python, _WINDOWS, folder / "windows"], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    peers = {
        "MONAI's sliding window": (found["monai"], Budget.ratio(at_least=10)),
        "the same, on our crop": (found["monai, cropped"], None),
    }
    ours = found["ours"]
    figures = []
    for peer, (theirs, budget) in peers.items():
        for kind, key in {"the clock": "seconds", "processor time": "processor_seconds"}.items():
            rates = 60 / ours[key], "brains/min", peer, 60 / theirs[key]
            figures.append(Figure(f"network alone, by {kind}", *rates, budget))
        for region in ("tumor_core", "whole_tumor"):
            figures.append(Figure(f"… Dice, {region}", ours[region], "", peer, theirs[region]))
    return figures


def _stripped(study: GeneratedStudy) -> GeneratedStudy:
    """Set to 0 what is noise around the brain in every sequence, in place."""
    for files in zip(*study.series.values(), strict=True):
        images = [dcmread(path) for path in files]
        air = np.logical_and.reduce([image.pixel_array < 120 for image in images])
        for image, path in zip(images, files, strict=True):
            image.PixelData = np.where(air, 0, np.maximum(image.pixel_array, 1)).astype("<u2").tobytes()
            image.save_as(path)
    return study


def _run(programs: Path, job: Path, series: Mapping[str, Sequence[Path]]) -> dict[str, float]:
    data, output = job / "data", job / "output"
    (data / "input").mkdir(parents=True)
    output.mkdir()
    (data / "job.json").write_text(json.dumps({"series": [_described(data, *one) for one in series.items()]}))
    (data / "descr.json").write_text(json.dumps([{"PatientID": "BENCH", "ReferringPhysician": ""}]))
    began, before = time.perf_counter(), _children_s()
    program = [programs / "python", _PACKAGE / "brain_tumor.py", data, output]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    total = time.perf_counter() - began
    told = json.loads((output / "report" / "run.json").read_text())
    processor = _children_s() - before
    return told["seconds"] | {"total": total, "processor time": processor, "memory": told["peak_memory_mib"]}


def _children_s() -> float:
    """Processor seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _described(data: Path, name: str, files: Sequence[Path]) -> dict[str, object]:
    """A series as the engine lays it out for a program."""
    headers = [dcmread(path, stop_before_pixels=True) for path in files]
    stack = geometry.stack(headers)
    names = []
    for place in stack.order:
        names.append(f"input/{name}_{place:04}.dcm")
        (data / names[-1]).symlink_to(files[place])
    return {
        "name": name,
        "series_instance_uid": str(headers[0].SeriesInstanceUID),
        "study_instance_uid": str(headers[0].StudyInstanceUID),
        "files": names,
        "geometry": {"shape": stack.shape, "spacing_mm": stack.spacing_mm, "affine_ras": stack.affine_ras},
        "geometry_fault": None,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
