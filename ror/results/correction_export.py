"""Corrected masks as training data: on the grid of their series, with where they come from."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import IO, Literal

import nibabel
import numpy as np

from ror.errors import NotFound
from ror.results.corrections import Correction
from ror.results.labels import read_labels
from ror.results.model import SourceSeries
from ror.whole_file import write_whole

__all__ = ["PROVENANCE", "export_corrections"]

PROVENANCE = "corrections.csv"
_COLUMNS = (
    "file",
    "project",
    "patient_id",
    "study_uid",
    "series_uid",
    "workflow",
    "workflow_version",
    "job",
    "mask",
    "version",
    "received_at",
    "segment",
    "dice",
)


def export_corrections(
    corrections: Sequence[Correction],
    images: Callable[[str], Sequence[Path]],
    folder: Path,
    form: Literal["nifti", "seg"] = "nifti",
) -> int:
    """Write corrected masks and a table that says of each segment where it comes from, and its Dice.

    Parameters
    ----------
    images
        The files of a series in the archive, by its UID.
    folder
        Made where it is not there; files of the same names are written anew.

    Returns
    -------
    int
        How many masks were written.

    Raises
    ------
    NotFound
        The images of one are no longer in the archive; nothing is written.
    """
    series = {uid: _series(uid, images(uid)) for uid in {one.series_uid for one in corrections}}
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{one.job_id}-{one.mask}-{one.version}" for one in corrections]
    suffix = ".nii.gz" if form == "nifti" else ".seg.dcm"
    for name, one in zip(names, corrections, strict=True):
        target = folder / f"{name}{suffix}"
        if form == "seg":
            copyfile(one.path, target)
        else:
            _write_nifti(one.path, series[one.series_uid], target)
    rows = [
        _row(f"{name}{suffix}", one, label)
        for name, one in zip(names, corrections, strict=True)
        for label in one.agreement
    ]
    write_whole(folder / PROVENANCE, partial(_write_table, rows))
    return len(corrections)


def _series(uid: str, files: Sequence[Path]) -> SourceSeries:
    if not files:
        raise NotFound(
            f"the archive no longer holds the series {uid}", "its corrections have nothing to lie on"
        )
    return SourceSeries.read(uid, files)


def _write_nifti(path: Path, series: SourceSeries, target: Path) -> None:
    assert series.grid is not None  # a mask was made on it
    labels = read_labels(path, series.grid)
    affine = np.array(series.grid.affine_ras)
    image = nibabel.nifti1.Nifti1Image(labels.transpose(2, 1, 0), affine)  # type: ignore[no-untyped-call]
    nibabel.save(image, target)


def _row(file: str, one: Correction, label: str) -> tuple[object, ...]:
    of_study = (one.project, one.patient_id, one.study_uid, one.series_uid)
    of_job = (one.workflow, one.workflow_version, one.job_id, one.mask, one.version)
    return (file, *of_study, *of_job, _when(one.received_at), label, f"{one.agreement[label]:.4f}")


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(round(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_table(rows: Sequence[tuple[object, ...]], file: IO[bytes]) -> None:
    lines = csv.writer(_Text(file))
    lines.writerow(_COLUMNS)
    lines.writerows(rows)


class _Text:
    """What a table is written to, over a file of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8"))
