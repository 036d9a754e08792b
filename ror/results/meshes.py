"""Meshes that a manifest lays on a series: read, turned to the axes of the patient, and held against its images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ror.archive.geometry import Stack
from ror.results.errors import OutputFault
from ror.results.model import KeptFile, ResultJob
from ror.results.stl import BadMesh, Mesh, Triangles, read_stl

__all__ = ["is_stl", "read_meshes"]

# Between RAS and LPS, both ways.
_TURNED = np.array([-1, -1, 1], np.float32)
# A smoothed surface may lie a little outside the voxels that it was made of.
_MARGIN_VOXELS = 1.0


def is_stl(file: KeptFile) -> bool:
    """Whether it can go to the PACS; other formats are only kept."""
    return file.name.lower().endswith(".stl")


def read_meshes(files: Iterable[KeptFile], job: ResultJob) -> Iterator[Mesh | OutputFault]:
    """The meshes among the kept files that a manifest lays on a series, or why one cannot be used."""
    for file in files:
        if file.announced is not None and file.announced.on is not None and is_stl(file):
            try:
                yield _read(file, job)
            except BadMesh as error:
                yield OutputFault(file.name, str(error))


def _read(file: KeptFile, job: ResultJob) -> Mesh:
    announced = file.announced
    assert announced is not None and announced.on is not None  # asked for before
    series = job.series_named(announced.on)
    if series is None:
        raise BadMesh(f"lies on the series {announced.on!r}, which this job does not have")
    if series.grid is None:
        raise BadMesh(f"lies on the series {announced.on!r}, which is no volume: {series.geometry_fault}")
    triangles = read_stl(file.path)
    if announced.space == "RAS":
        triangles = triangles * _TURNED
    if not announced.beyond and (outside_mm := _outside_mm(triangles, series.grid)):
        other = "LPS" if announced.space == "RAS" else "RAS"
        hint = "correct its coordinates, or write beyond = true where it is meant to"
        if not _outside_mm(triangles * _TURNED, series.grid):
            hint = f'it would lie within them in {other}: write space = "{other}"'
        raise BadMesh(
            f"reaches {outside_mm:.0f} mm beyond the images of {announced.on!r}, in {announced.space}; {hint}"
        )
    return Mesh(file.name, announced, triangles)


def _outside_mm(triangles: Triangles, grid: Stack) -> float:
    """How far corners reach beyond the voxels of a volume along one of its axes; 0 where they do not."""
    affine_lps: NDArray[np.float64] = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.array(grid.affine_ras)
    to_index = np.linalg.inv(affine_lps)
    size = np.array(grid.shape[::-1])
    places = triangles.reshape(-1, 3) @ to_index[:3, :3].T + to_index[:3, 3]
    beyond = np.maximum(-0.5 - places.min(axis=0), places.max(axis=0) - (size - 0.5))
    spacing = np.array(grid.spacing_mm[::-1])
    return float((beyond * spacing).max()) if (beyond > _MARGIN_VOXELS).any() else 0.0
