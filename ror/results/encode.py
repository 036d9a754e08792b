"""Checked outputs → DICOM objects → files: a SEG per mask, one SR, and the program's own objects."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from ror.results.model import Outputs, ResultJob, ResultObject
from ror.results.seg import encode_seg
from ror.results.sr import encode_sr

__all__ = ["encode", "write"]


def encode(outputs: Outputs, job: ResultJob) -> tuple[ResultObject, ...]:
    """Make the objects that go back to the PACS.

    All UIDs derive from the job, and all times are the job's: encoding again gives the same bytes, so that
    the PACS replaces what it has. An empty mask gives no SEG, but the SR says that nothing was found.

    Raises
    ------
    EncodeError
        The source images cannot carry results.
    """
    segs: dict[str, Dataset] = {}
    for index, mask in enumerate(outputs.masks):
        seg = encode_seg(mask, job, index)
        if seg is not None:
            segs[mask.announced.name] = seg
    objects = [ResultObject("SEG", name, seg) for name, seg in segs.items()]
    sr = encode_sr(outputs, segs, job)
    if sr is not None:
        objects.append(ResultObject("SR", job.workflow, sr))
    objects += [ResultObject("DICOM", path.name, dcmread(path)) for path in outputs.dicom_files]
    return tuple(objects)


def write(objects: Sequence[ResultObject], folder: Path) -> list[Path]:
    """Write objects as Part 10 files named by kind and UID; a file is there whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(one, folder / one.file_name) for one in objects]


def _write(one: ResultObject, path: Path) -> Path:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            one.dataset.save_as(file, enforce_file_format=True)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
