"""Pay the price of the first segmentation before the first job."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from containers import Code, MaskOutput, Segment
from ror.archive.geometry import stack
from ror.results.model import TYPE_2, LabelMap, ResultJob, SourceSeries
from ror.results.seg import encode_seg
from ror.results.uids import derive_uid

__all__ = ["warm_up"]

NAME = "warm_up"


def warm_up() -> None:
    """Load highdicom's attribute tables (half a second, once a process) by encoding eight made-up voxels."""
    headers = (_header(0), _header(1))
    code = Code(value="85756007", scheme="SCT", meaning="Tissue")
    segment = Segment(value=1, label=NAME, category=code, type=code)
    mask = LabelMap.of(MaskOutput(name=NAME, on=NAME, segments=(segment,)), np.ones((2, 2, 2), np.uint8))
    series = SourceSeries(NAME, headers, stack(headers))
    encode_seg(mask, ResultJob(NAME, NAME, "1", "", "", (series,), datetime.now(UTC)))


def _header(index: int) -> Dataset:
    header = Dataset()
    for keyword in TYPE_2:
        setattr(header, keyword, None)
    header.SOPClassUID = CTImageStorage
    header.SOPInstanceUID = derive_uid(NAME, str(index))
    header.StudyInstanceUID = header.SeriesInstanceUID = header.FrameOfReferenceUID = derive_uid(NAME, "")
    header.Modality = "CT"
    header.Rows = header.Columns = 2
    header.PixelSpacing = [1, 1]
    header.SliceThickness = 1
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = [0, 0, index]
    return header
