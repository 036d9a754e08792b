"""Segmentations as viewers write them after somebody has drawn in them: their voxels, on the planes of a series.

It reads more than the standard allows: OHIF 3.13 (dcmjs, cornerstone's adapters) writes Label Maps without
FrameContentSequence, gives one orientation for all frames and another time for each, and codes that say nothing. Its
bitmaps lie on the wrong slices where it had the images in another order than it thought. Of what such an object says
only references, places, voxels, segment numbers and labels are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from ror.results.errors import CorrectionRefused
from ror.results.model import SourceSeries
from ror.results.pictures import UNDECODABLE

__all__ = ["SentSegment", "read_segments", "referenced_series"]

Plane = NDArray[np.bool_]

# Viewers write positions and directions with fewer digits than they got.
_PLACE_OF_A_VOXEL = 0.1
_DIRECTION = 1e-3
_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")


@dataclass(frozen=True, slots=True)
class SentSegment:
    """One segment, its planes packed to bits: there may be a hundred, in hundreds of slices.

    Attributes
    ----------
    shape
        (rows, columns) of a plane.
    packed : uint8, by slice of the series
        As `numpy.packbits` makes them of planes; slices that hold nothing of it may be missing.
    """

    number: int
    label: str = field(repr=False)
    shape: tuple[int, int]
    packed: Mapping[int, NDArray[np.uint8]] = field(repr=False)

    @classmethod
    def of(cls, number: int, label: str, planes: Mapping[int, Plane]) -> SentSegment:
        """Of planes of one shape, at least one."""
        shapes = {(plane.shape[0], plane.shape[1]) for plane in planes.values()}
        (shape,) = shapes
        return cls(number, label, shape, {k: np.packbits(plane) for k, plane in planes.items()})

    def planes(self) -> Iterator[tuple[int, Plane]]:
        """Slices with their planes."""
        rows, columns = self.shape
        for k, bits in self.packed.items():
            yield k, np.unpackbits(bits, count=rows * columns).astype(bool).reshape(rows, columns)

    @property
    def empty(self) -> bool:
        """Nothing is drawn in it."""
        return not any(bits.any() for bits in self.packed.values())


def referenced_series(seg: Dataset) -> frozenset[str]:
    """SeriesInstanceUIDs of the images that a segmentation says it lies on (PS3.3 C.12.1.1.1.1)."""
    return frozenset(
        str(item.get("SeriesInstanceUID", "")) for item in seg.get("ReferencedSeriesSequence", ())
    )


def read_segments(seg: Dataset, series: SourceSeries) -> tuple[SentSegment, ...]:
    """Read the segments of a segmentation that was drawn on the planes of a series.

    Raises
    ------
    CorrectionRefused
        It lies on another grid, holds probabilities, or cannot be read.
    """
    try:
        _check_plane(seg, series)
        return _segments(seg, series)
    except CorrectionRefused:
        raise
    except UNDECODABLE as error:
        raise CorrectionRefused(
            "unreadable", f"its frames cannot be read ({type(error).__name__})", "save it once more"
        ) from error


def _segments(seg: Dataset, series: SourceSeries) -> tuple[SentSegment, ...]:
    described = {int(item.SegmentNumber): str(item.get("SegmentLabel", "")) for item in seg.SegmentSequence}
    described.pop(0, None)  # the background of a label map (PS3.3 C.8.20.2)
    packed: dict[int, dict[int, NDArray[np.uint8]]] = {number: {} for number in described}
    for number, k, plane in _drawn(seg, series):
        if number not in packed:
            raise CorrectionRefused(
                "unknown_segment", f"frames of a segment {number} that is not described", "save it once more"
            )
        bits = np.packbits(plane)
        packed[number][k] = bits | packed[number][k] if k in packed[number] else bits
    shape = int(seg.Rows), int(seg.Columns)
    return tuple(SentSegment(number, label, shape, packed[number]) for number, label in described.items())


def _drawn(seg: Dataset, series: SourceSeries) -> Iterator[tuple[int, int, Plane]]:
    """What each frame holds: segment number, slice, plane. One frame is unpacked at a time."""
    places = np.array([header.ImagePositionPatient for header in series.headers], float)
    label_map, frames = _type_of(seg) == "LABELMAP", 0
    for index, pixels in enumerate(iter_pixels(seg)):
        frame, frames = np.asarray(pixels), index + 1
        k = _slice_of(seg, index, series, places)
        if label_map:
            yield from ((int(value), k, frame == value) for value in np.unique(frame) if value)
        else:
            of = _group(seg, index, "SegmentIdentificationSequence")
            yield int(of.ReferencedSegmentNumber), k, frame.astype(bool)
    if frames != int(seg.NumberOfFrames):
        raise CorrectionRefused(
            "unreadable", f"it has {frames} of its {seg.NumberOfFrames} frames", "save it once more"
        )


def _check_plane(seg: Dataset, series: SourceSeries) -> None:
    """Before anything is unpacked: size, place and kind of the frames."""
    grid = series.grid
    assert grid is not None  # its mask was read on it
    slices, rows, columns = grid.shape
    if (int(seg.Rows), int(seg.Columns)) != (rows, columns):
        raise _other_grid(f"its frames have {seg.Rows} x {seg.Columns} pixels, the images {rows} x {columns}")
    if str(seg.get("FrameOfReferenceUID", "")) != grid.frame_of_reference_uid:
        raise _other_grid("it has another frame of reference than the images")
    if _type_of(seg) == "FRACTIONAL":
        raise CorrectionRefused(
            "fractional", "it holds probabilities", "save it as a binary segmentation or a label map"
        )
    per_slice = 1 if _type_of(seg) == "LABELMAP" else len(seg.SegmentSequence)
    if int(seg.NumberOfFrames) > slices * per_slice:
        raise _other_grid(f"it has {seg.NumberOfFrames} frames, the series {slices} images")


def _type_of(seg: Dataset) -> str:
    if seg.get("SOPClassUID") == UID("1.2.840.10008.5.1.4.1.1.66.7"):
        return "LABELMAP"
    return str(seg.get("SegmentationType", ""))


def _slice_of(seg: Dataset, index: int, series: SourceSeries, places: NDArray[np.float64]) -> int:
    grid = series.grid
    assert grid is not None  # its mask was read on it
    oriented = _group(seg, index, "PlaneOrientationSequence").ImageOrientationPatient
    if not np.allclose(np.array(oriented, float), grid.orientation, atol=_DIRECTION):
        raise _other_grid(f"frame {index + 1} has another orientation than the images")
    place = np.array(_group(seg, index, "PlanePositionSequence").ImagePositionPatient, float)
    apart_mm = np.linalg.norm(places - place, axis=1)
    k = int(apart_mm.argmin())
    if apart_mm[k] > _PLACE_OF_A_VOXEL * min(grid.spacing_mm):
        raise _other_grid(f"frame {index + 1} lies {apart_mm[k]:.3g} mm off the nearest image")
    drawn_on = _images_of(seg, index)
    if drawn_on and str(series.headers[k].SOPInstanceUID) not in drawn_on:
        raise CorrectionRefused(
            "contradiction",
            f"frame {index + 1} lies on another image than the one that it says it was drawn on",
            "the viewer has mixed slices up: try its other form (label map), or another version of it",
        )
    return k


def _images_of(seg: Dataset, index: int) -> frozenset[str]:
    """The images that a frame says it was drawn on (PS3.3 C.7.6.16.2.6); none if it does not say."""
    frames = seg.get("PerFrameFunctionalGroupsSequence", ())
    derived = frames[index].get("DerivationImageSequence", ()) if index < len(frames) else ()
    return frozenset(
        str(image.ReferencedSOPInstanceUID)
        for item in derived
        for image in item.get("SourceImageSequence", ())
    )


def _group(seg: Dataset, index: int, keyword: str) -> Dataset:
    """A functional group of a frame, which may be that of all frames (PS3.3 C.7.6.16)."""
    for groups in _GROUPS:
        items = seg.get(groups, ())
        at = index if groups == _GROUPS[0] else 0
        if at < len(items) and items[at].get(keyword):
            found: Dataset = items[at][keyword][0]
            return found
    raise CorrectionRefused("unreadable", f"frame {index + 1} has no {keyword}", "save it once more")


def _other_grid(why: str) -> CorrectionRefused:
    return CorrectionRefused(
        "other_grid", why, "draw on the images that the workflow worked on, and save that"
    )
