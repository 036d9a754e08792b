"""The developer's commands: reading headers of many files, and listing the jobs of many series."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from pydicom import dcmread

from benchmarks.figure import Budget, Figure
from benchmarks.objects import CtObjects
from benchmarks.rounds import medians, processor_seconds, seconds
from benchmarks.scale import Scale
from ror.archive import describe
from ror.develop import DataIndex, DeveloperProject, start
from ror.develop.data_index import FileState, Seen, SeriesFound

__all__ = ["measure"]

_ROR = str(Path(sys.executable).parent / "ror")
_PYDICOM = "pydicom's dcmread in a loop"
_OF_A_SERIES = 100  # files
_OF_A_STUDY, _IMAGES = 4, 5  # series; of each
_AT_ONCE = 500  # series in a transaction, as a scan writes a handful


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Files in a second, read for the first time and known already; seconds of ``ror status --jobs``."""
    return [*_scanning(scale, folder), _listing(scale, folder / "listed")]


def _scanning(scale: Scale, folder: Path) -> list[Figure]:
    objects = CtObjects(rows=16)
    for number in range(max(1, scale.scanned // _OF_A_SERIES)):
        objects.write_study(folder / "data" / f"{number:04}", min(_OF_A_SERIES, scale.scanned))
    files = sorted((folder / "data").glob("*/*"))
    project = DeveloperProject.at(start(folder / "scanned").folder)

    def scan(*words: str, anew: bool = True) -> None:
        if anew:
            shutil.rmtree(project.data_index.parent, ignore_errors=True)
        command = [_ROR, "config", "--data", str(folder / "data"), *words]
        subprocess.run(command, cwd=project.folder, check=True, stdout=subprocess.DEVNULL)

    def read() -> None:
        for file in files:
            dcmread(file, stop_before_pixels=True)

    scan("--jobs", "1")  # all files are in the memory of the system from here on
    one_core = medians(
        {
            "ours": lambda _: processor_seconds(lambda: scan("--jobs", "1")),
            "again": lambda _: processor_seconds(lambda: scan("--jobs", "1", anew=False)),
            _PYDICOM: lambda _: processor_seconds(read),
        },
        scale.rounds,
    )
    wall = medians({"ours": lambda _: seconds(scan), _PYDICOM: lambda _: seconds(read)}, scale.rounds)
    rate = {name: len(files) / one for name, one in one_core.items()}
    many = f"ror config --data, {len(files):,} files"
    least = Budget.value(at_least=1000)
    return [
        Figure(f"{many}, one core", rate["ours"], "files/s", _PYDICOM, rate[_PYDICOM], least),
        Figure(
            f"{many}, all cores, wall time",
            len(files) / wall["ours"],
            "files/s",
            _PYDICOM,
            len(files) / wall[_PYDICOM],
        ),
        Figure(f"{many}, known and unchanged", rate["again"], "files/s", _PYDICOM, rate[_PYDICOM], least),
    ]


def _listing(scale: Scale, folder: Path) -> Figure:
    project = DeveloperProject.at(start(folder).folder)
    with DataIndex.opened(project.data_index) as index:
        for first in range(0, scale.catalogue, _AT_ONCE):
            _add(index, range(first, min(first + _AT_ONCE, scale.catalogue)), _attributes(folder))

    def jobs() -> None:
        words = [_ROR, "status", "--jobs"]
        subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    jobs()
    took = medians({"ours": lambda _: seconds(jobs)}, 3 * scale.rounds)["ours"]
    what = f"ror status --jobs, {scale.catalogue:,} series, each a job"
    return Figure(what, took, "s", budget=Budget.value(at_most=1))


def _attributes(folder: Path) -> dict[str, tuple[str, ...]]:
    """What is known of a CT series."""
    file = folder.with_name("one.dcm")
    file.write_bytes(next(CtObjects(rows=16).study(1)))
    return {keyword: tuple(values) for keyword, values in describe(dcmread(file)).attributes.items()}


def _add(index: DataIndex, numbers: range, attributes: dict[str, tuple[str, ...]]) -> None:
    """Write series as a scan does, each with texts and times of its own."""
    seen, found = [], []
    for number in numbers:
        uid, study_uid, patient_id = (
            f"2.25.9{number:06}",
            f"2.25.8{number // _OF_A_STUDY:06}",
            f"P{number // 8:05}",
        )
        own = {
            "SeriesInstanceUID": uid,
            "StudyInstanceUID": study_uid,
            "PatientID": patient_id,
            "SeriesDescription": f"series {number % 40}",
            "SeriesTime": f"{number % 86400:06}",
        }
        told = attributes | {keyword: (value,) for keyword, value in own.items()}
        found.append(SeriesFound(uid, study_uid, patient_id, f"{uid}.0", told))
        seen += [
            Seen(
                f"/data/{number}/{image}.dcm", FileState(1, 1), uid, f"{uid}.{image}", (study_uid, patient_id)
            )
            for image in range(_IMAGES)
        ]
    index.add(seen, found)
