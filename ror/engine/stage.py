"""The job folder: what a workflow finds below ``/data`` (ARCHITECTURE.md, Contracts)."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pydicom import Dataset

from ror.archive.geometry import GeometryMismatch, Stack, stack
from ror.engine.pixels import header_and_fault
from ror.engine.staged_input import forget_input, note_input
from ror.errors import JobFailed
from ror.model import Job, JobFolder, JobSeries

__all__ = ["Held", "HeldObject", "Stager"]

_DESCRIBED = (
    "SeriesInstanceUID",
    "SeriesDescription",
    "StudyInstanceUID",
    "Modality",
    "PatientID",
    "PatientName",
    "SequenceName",
    "StudyDate",
    "StudyTime",
    "SeriesTime",
    "SeriesNumber",
)
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


class HeldObject(Protocol):
    """An object of a series; `path` is relative to the archive, unless it is absolute."""

    @property
    def path(self) -> str: ...


class Held(Protocol):
    """What there is of a series: `ror.archive.Index` of an archive, or of files on a laptop."""

    def content(self, series_uid: str) -> str:
        """What it holds, as a digest."""

    def instances(self, series_uid: str) -> Sequence[HeldObject]:
        """Its objects."""

    def types(self, series_uid: str) -> Sequence[str]:
        """Its types."""


@dataclass(frozen=True, slots=True)
class _StagedSeries:
    series: JobSeries
    headers: tuple[Dataset, ...]  # in the order of `files`
    files: tuple[str, ...]  # below /data
    view: str  # below /data
    geometry: Stack | None
    fault: str | None
    types: tuple[str, ...]


class Stager:
    """Lays out job folders from the archive, or from what else holds series."""

    def __init__(
        self, index: Held, archive: Path, put: Callable[[Path, Path], object] = shutil.copyfile
    ) -> None:
        # A copy, not a hard link: a program that writes into /data must not reach the archive through it.
        self._index = index
        self._archive = archive
        self._put = put

    def stage(
        self, job: Job, folder: JobFolder, options: Mapping[str, object], volumes: Sequence[str]
    ) -> str:
        """Lay out ``/data`` for a job, in place of what was there.

        `volumes` are the names whose series must form a regular volume, because a result lies on their grid.

        Raises
        ------
        JobFailed
            A series has changed since it matched, an image of it has no pixels that could be read, or one of
            `volumes` forms no volume.
        """
        forget_input(folder)
        shutil.rmtree(folder.data, ignore_errors=True)
        (folder.data / "input").mkdir(parents=True)
        numbers = itertools.count()  # of the files in /data/input, over all series
        # A series that has two names is there once.
        laid_out: dict[str, _StagedSeries] = {}
        for one in job.series:
            if one.series_uid not in laid_out:
                laid_out[one.series_uid] = self._series(one, folder.data, numbers)
        staged = [replace(laid_out[one.series_uid], series=one) for one in job.series]
        _check_volumes(staged, volumes)
        _write_json(folder.data / "descr.json", [_described(one) for one in staged])
        _write_json(folder.data / "job.json", _job_json(job, options, staged))
        _let_everybody_read(folder.data)
        note_input(folder)
        images = sum(len(one.files) for one in laid_out.values())
        return f"{len(laid_out)} series, {images} images"

    def _series(self, series: JobSeries, data: Path, numbers: Iterator[int]) -> _StagedSeries:
        if self._index.content(series.series_uid) != series.content:
            raise JobFailed(
                f"series {series.series_uid} has changed since it matched", "its study will match again"
            )
        sources = [self._archive / one.path for one in self._index.instances(series.series_uid)]
        headers = _headers(series, sources)
        geometry, fault = _geometry(headers)
        order = (
            geometry.order
            if geometry
            else sorted(range(len(headers)), key=lambda i: _instance_number(headers[i]))
        )
        first = headers[order[0]]
        view = _view_folder(first)
        files = []
        (data / view).mkdir(parents=True, exist_ok=True)
        for index in order:
            name = f"{_safe(first.get('Modality') or 'OT')}_{next(numbers):06d}.dcm"
            self._put(sources[index], data / "input" / name)
            link = data / view / name
            link.symlink_to(os.path.relpath(data / "input" / name, link.parent))
            files.append(f"input/{name}")
        types = tuple(self._index.types(series.series_uid))
        return _StagedSeries(
            series, tuple(headers[i] for i in order), tuple(files), view, geometry, fault, types
        )


def _headers(series: JobSeries, sources: Sequence[Path]) -> list[Dataset]:
    """The headers of the images; a program would end on one without pixels with no word on which it is."""
    read = [header_and_fault(source) for source in sources]
    faulty = [(header.SOPInstanceUID, fault) for header, fault in read if fault]
    if faulty:
        sop_uid, fault = faulty[0]
        more = f", nor can {len(faulty) - 1} more of {len(read)}" if len(faulty) > 1 else ""
        raise JobFailed(
            f"image {sop_uid} of series {series.name} cannot be read: it has {fault}{more}",
            "it is held as it was sent; exclude such series in the select statement",
        )
    return [header for header, _ in read]


def _let_everybody_read(folder: Path) -> None:
    # A container runs as a user of its own, whatever the umask of ours. And nobody is to write there, which holds for
    # whoever is not root.
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o444)


def _geometry(headers: Sequence[Dataset]) -> tuple[Stack | None, str | None]:
    try:
        return stack(headers), None
    except GeometryMismatch as mismatch:
        return None, str(mismatch)


def _check_volumes(staged: Sequence[_StagedSeries], volumes: Sequence[str]) -> None:
    for name in volumes:
        named = [one for one in staged if one.series.name == name]
        if len(named) != 1:
            raise JobFailed(
                f"{len(named)} series are called {name}, but a result must lie on the grid of exactly one",
                "make the select statement more particular",
            )
        if named[0].fault:
            raise JobFailed(
                f"the slices of series {name} make no volume: {named[0].fault}",
                "exclude such series in the select statement, or resample them first",
            )


def _instance_number(header: Dataset) -> tuple[int, str]:
    return int(header.get("InstanceNumber") or 0), str(header.SOPInstanceUID)


def _safe(text: object) -> str:
    return _SAFE.sub("_", str(text or "").strip()).strip(".") or "_"


def _view_folder(header: Dataset) -> str:
    patient = f"{_safe(header.get('PatientID'))}_{_safe(header.get('PatientName'))}"
    moment = f"{_safe(header.get('StudyDate'))}_{_safe(header.get('StudyTime'))}"
    series = f"{_safe(header.get('SeriesNumber'))}_{_safe(header.get('SeriesDescription'))}"
    return f"input_view_dicom_series/{patient}/{moment}/{series}"


def _described(staged: _StagedSeries) -> dict[str, object]:
    first = staged.headers[0]
    return {
        "NameFromSelect": staged.series.name,
        **{keyword: str(first.get(keyword, "") or "") for keyword in _DESCRIBED},
        "NumFiles": len(staged.files),
        "ReferringPhysician": str(first.get("ReferringPhysicianName", "") or ""),
        "ClassifyTypes": list(staged.types),
        "ProcessDataPath": "/data/input",
        "InputViewDICOMSeriesPath": f"/data/{staged.view}",
    }


def _job_json(job: Job, options: Mapping[str, object], staged: Sequence[_StagedSeries]) -> dict[str, object]:
    return {
        "job_id": job.id,
        "workflow": job.workflow,
        "version": job.version,
        "options": dict(options),
        "series": [
            {
                "name": one.series.name,
                "series_instance_uid": one.series.series_uid,
                "study_instance_uid": one.series.study_uid,
                "modality": str(one.headers[0].get("Modality", "") or ""),
                "files": list(one.files),
                "geometry": None if one.geometry is None else _geometry_json(one.geometry),
                "geometry_fault": one.fault,
            }
            for one in staged
        ],
    }


def _geometry_json(geometry: Stack) -> dict[str, object]:
    return {
        "shape": list(geometry.shape),
        "spacing_mm": list(geometry.spacing_mm),
        "affine_ras": [[float(number) for number in row] for row in geometry.affine_ras],
    }


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
