"""Pictures for viewers without segmentations: secondary captures (PS3.3 A.8.1), and the key images behind them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import SecondaryCaptureImageStorage
from pydicom.valuerep import format_number_as_ds

from ror.results.equipment import MANUFACTURER, RESEARCH_USE, detached, device_observer, stamp
from ror.results.laterality import set_side
from ror.results.legend import legend
from ror.results.letters import FOOTNOTE, any_spelled, legible
from ror.results.model import LabelMap, Outputs, ResultJob, SourceSeries
from ror.results.objects import new_object, reference
from ror.results.pictures import color_of, paint, read_grey
from ror.results.superseded import told_in_words
from ror.results.uids import derive_uid

__all__ = ["encode_captures", "encode_key_images", "key_slices"]

KEY_IMAGES_NUMBER = 9100
FIRST_SERIES_NUMBER = 9101
SOURCE_IMAGE = CodedConcept("121322", "DCM", "Source image for image processing operation")
# Room for words and lines: small matrices are enlarged until their shorter side has so many pixels.
SHORTEST_SIDE = 256


def encode_captures(mask: LabelMap, job: ResultJob, index: int, every_slice: bool) -> Iterator[Dataset]:
    """Draw the outlines of a mask on the slices of its series, one object a slice.

    One object a slice, because every viewer scrolls through a series and keeps it beside the images by its geometry,
    while many show the frames of a multi-frame capture as a film.

    Parameters
    ----------
    index
        Position of the mask in the manifest; decides the series number.
    every_slice
        All from the first to the last that holds something, else only those where a segment is largest.

    Raises
    ------
    CannotDraw
        The source images cannot be read as pictures.
    """
    source = job.series_named(mask.announced.on)
    assert source is not None and source.grid is not None  # the mask was read on it
    slices = _held(mask) if every_slice else key_slices(mask)
    segments = [one for one in mask.announced.segments if one.value in mask.present]
    scale = max(1, -(-SHORTEST_SIDE // min(source.grid.shape[1:])))
    names = [legible(one.label, one.type.meaning) for one in segments]
    footer = f"{job.workflow} {job.version}: {RESEARCH_USE}"
    if any_spelled(names):
        footer += f". {FOOTNOTE}"
    colors = [color_of(one) for one in segments]
    words = legend(list(zip(names, colors, strict=True)), footer, source.grid.shape[2] * scale)
    for number, (k, grey) in enumerate(zip(slices, read_grey(source, slices), strict=True), start=1):
        picture = np.vstack((paint(grey, mask.labels[k], segments, scale), words))
        made = new_object(
            job,
            source,
            SecondaryCaptureImageStorage,
            "OT",
            FIRST_SERIES_NUMBER + index,
            f"capture/{mask.announced.name}",
            number,
            f"capture/{mask.announced.name}/{k}",
        )
        _set_plane(made, source, k, scale)
        set_side(made, source.headers[k])
        made.PatientOrientation = source.headers[k].get("PatientOrientation") or None
        _set_picture(made, picture, told_in_words(job.supersedes, job.version))
        outlines = "outlines, corrected" if mask.corrected else "outlines"
        yield stamp(made, job, f"{job.workflow} {mask.announced.name} {outlines}")


def key_slices(mask: LabelMap) -> list[int]:
    """Where the segments of a mask are largest, ascending along the normal."""
    return sorted({mask.largest_slice(value) for value in mask.present})


def encode_key_images(outputs: Outputs, job: ResultJob) -> Dataset | None:
    """Point at the source images where segments are largest (Key Object Selection, PS3.3 A.35.4).

    Returns
    -------
    Dataset or None
        None when nothing was found.
    """
    chosen: dict[str, Dataset] = {}
    for mask in outputs.masks:
        source = job.series_named(mask.announced.on)
        assert source is not None  # the mask was read on it
        chosen |= {str(source.headers[k].SOPInstanceUID): source.headers[k] for k in key_slices(mask)}
    if not chosen:
        return None
    document = KeyObjectSelectionDocument(
        evidence=detached(list(chosen.values())),
        content=KeyObjectSelection(
            document_title=codes.DCM.OfInterest,
            referenced_objects=list(chosen.values()),
            observer_device_context=device_observer(job),
            description=f"Where {job.workflow} has found most of each segment. {RESEARCH_USE}.",
        ),
        series_instance_uid=derive_uid(job.job_id, "key/series"),
        series_number=KEY_IMAGES_NUMBER,
        sop_instance_uid=derive_uid(job.job_id, "key"),
        instance_number=1,
        manufacturer=MANUFACTURER,
    )
    return stamp(document, job, f"{job.workflow} key images")


def _held(mask: LabelMap) -> list[int]:
    held = np.flatnonzero(mask.voxels[:, 1:].any(axis=1))
    return list(range(int(held[0]), int(held[-1]) + 1)) if len(held) else []


def _set_plane(made: Dataset, source: SourceSeries, k: int, scale: int) -> None:
    """Lay the picture where its slice lies, so that viewers keep them together."""
    header, grid = source.headers[k], source.grid
    assert grid is not None
    row_mm, column_mm = grid.spacing_mm[1] / scale, grid.spacing_mm[2] / scale
    # The first of the enlarged pixels has its centre nearer to the corner.
    inwards = (1 - scale) / 2
    across, down = np.array(grid.orientation[:3]), np.array(grid.orientation[3:])
    first = np.array(header.ImagePositionPatient, float) + inwards * (across * column_mm + down * row_mm)
    made.FrameOfReferenceUID = grid.frame_of_reference_uid
    made.PositionReferenceIndicator = None
    made.ImageOrientationPatient = [format_number_as_ds(value) for value in grid.orientation]
    made.ImagePositionPatient = [format_number_as_ds(value) for value in first.tolist()]
    made.SliceThickness = format_number_as_ds(float(header.get("SliceThickness") or grid.spacing_mm[0]))
    made.PixelSpacing = [format_number_as_ds(row_mm), format_number_as_ds(column_mm)]
    item = reference(header)
    item.PurposeOfReferenceCodeSequence = [deepcopy(SOURCE_IMAGE)]
    made.SourceImageSequence = [item]


def _set_picture(made: Dataset, picture: NDArray[np.uint8], supersedes: str) -> None:
    made.ConversionType = "WSD"
    made.ImageType = ["DERIVED", "SECONDARY"]
    drawn = "Outlines of segments drawn on the source image"
    made.DerivationDescription = "; ".join(filter(None, (drawn, supersedes)))
    made.ImageComments = RESEARCH_USE
    made.BurnedInAnnotation = "NO"
    made.LossyImageCompression = "00"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.Rows, made.Columns = picture.shape[:2]
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    pixels = picture.tobytes()
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
