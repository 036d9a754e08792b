"""A program's own DICOM Segmentation as a mask: its voxels, and where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, segread
from pydicom.errors import InvalidDicomError

from ror.archive.geometry import Stack
from ror.results.grid import AnyLabels, Matrix, check_size

__all__ = ["SEG_UNREADABLE", "SegUnfit", "read_seg"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# What highdicom and pydicom raise at an object that is no segmentation, or a damaged one.
SEG_UNREADABLE = (
    InvalidDicomError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
)


class SegUnfit(ValueError):
    """A readable segmentation that cannot be the mask; the message says why."""


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
        Another frame of reference than the series, frames that make no volume, or several segments with
        probabilities.
    GridMismatch
        It spans far more than the series.
    """
    seg: Segmentation = segread(path)
    if str(seg.get("FrameOfReferenceUID", "")) != grid.frame_of_reference_uid:
        raise SegUnfit("lies in another frame of reference than its series")
    geometry = seg.get_volume_geometry()
    if geometry is None:
        raise SegUnfit("is no volume: its frames are not parallel and evenly spaced")
    check_size(geometry.spatial_shape, grid)  # it fills the gaps between its frames
    if seg.segmentation_type == SegmentationTypeValues.FRACTIONAL:
        if seg.number_of_segments != 1:
            raise SegUnfit("holds probabilities of several segments; write a mask for each")
        volume = seg.get_volume(segment_numbers=[1])
        array = np.asarray(volume.array).reshape(volume.spatial_shape)
    else:
        volume = seg.get_volume(combine_segments=True)
        array = np.asarray(volume.array)
    return array, LPS_TO_RAS @ np.asarray(volume.affine, np.float64)
