"""A program's own DICOM Segmentation as a mask: its voxels, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, segread

from ror.archive.geometry import Stack
from ror.results.grid import AnyLabels, Matrix, check_size
from ror.results.pictures import UNDECODABLE

__all__ = ["SegUnfit", "read_seg"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class SegUnfit(ValueError):
    """A segmentation that cannot be the mask; the message says why."""


def read_seg(path: Path, grid: Stack) -> tuple[AnyLabels, Matrix]:
    """Read the planes of a segmentation; number n of its segments is the value n.

    Its codes, colours and algorithm are not taken: those of the manifest hold.

    Returns
    -------
    array
        Labels; of a FRACTIONAL segmentation the probabilities of its only segment.
    affine_ras : float64, shape (4, 4)
        Maps the index of the array to millimetres in RAS.

    Raises
    ------
    SegUnfit
        Unreadable, segments that overlap, another frame of reference than the series, frames that make no volume, or
        several segments with probabilities.
    GridMismatch
        It spans far more than the series.
    """
    with _read_by_others():
        seg: Segmentation = segread(path)
        geometry = seg.get_volume_geometry()
    if str(seg.get("FrameOfReferenceUID", "")) != grid.frame_of_reference_uid:
        raise SegUnfit("lies in another frame of reference than its series")
    if geometry is None:
        raise SegUnfit("is no volume: its frames are not parallel and evenly spaced")
    check_size(geometry.spatial_shape, grid)  # it fills the gaps between its frames
    fractional = seg.segmentation_type == SegmentationTypeValues.FRACTIONAL
    if fractional and seg.number_of_segments != 1:
        raise SegUnfit("holds probabilities of several segments; write a mask for each")
    with _read_by_others():
        volume = seg.get_volume(combine_segments=not fractional)
        array = np.asarray(volume.array).reshape(volume.spatial_shape)
    return array, LPS_TO_RAS @ np.asarray(volume.affine, np.float64)


@contextmanager
def _read_by_others() -> Iterator[None]:
    """What the libraries raise is the file's fault."""
    try:
        yield
    except UNDECODABLE as error:
        raise SegUnfit(f"cannot be read; it is not whole, or of another kind: {error}") from error
