"""Checked outputs → DICOM objects → files: segmentations, reports, pictures, models, and the program's own objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from ror.results.capture import encode_captures, encode_key_images
from ror.results.encapsulated_stl import encode_meshes
from ror.results.meshes import is_stl
from ror.results.model import Outputs, ResultJob, ResultObject
from ror.results.pdf import encode_pdf
from ror.results.pictures import CannotDraw
from ror.results.rtstruct import encode_rtstruct
from ror.results.seg import encode_seg
from ror.results.sr import encode_sr
from ror.whole_file import write_whole

__all__ = ["encode", "write"]


def encode(
    outputs: Outputs, job: ResultJob, left_out: Callable[[str], None] = lambda reason: None
) -> tuple[ResultObject, ...]:
    """Make the objects that go back to the PACS.

    All UIDs derive from the job, and all times are the job's: encoding again gives the same bytes, so that
    the PACS replaces what it has. An empty mask gives no SEG, but the SR says that nothing was found.

    Parameters
    ----------
    left_out
        Told why there are no pictures of a series whose pixels cannot be read here, and which meshes are only kept.

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
    objects += [ResultObject("SR", job.workflow, sr) for sr in encode_sr(outputs, segs, job)]
    objects += _structure_sets(outputs, segs, job)
    if outputs.captures != "none":
        objects += _captures(outputs, job, left_out)
    if outputs.report:
        objects.append(ResultObject("PDF", job.workflow, encode_pdf(outputs, job, left_out)))
    objects += [ResultObject("STL", name, model) for name, model in encode_meshes(outputs, segs, job)]
    for file in outputs.files:
        if file.announced is not None and file.announced.on is not None and not is_stl(file):
            left_out(f"{file.name} is kept and not sent: there is DICOM for STL only")
    objects += [ResultObject("DICOM", path.name, dcmread(path)) for path in outputs.dicom_files]
    return tuple(objects)


def _structure_sets(outputs: Outputs, segs: Mapping[str, Dataset], job: ResultJob) -> Iterator[ResultObject]:
    for index, mask in enumerate(outputs.masks):
        name = mask.announced.name
        if (
            mask.announced.rtstruct
            and (made := encode_rtstruct(mask, segs.get(name), job, index)) is not None
        ):
            yield ResultObject("RTSTRUCT", name, made)


def _captures(outputs: Outputs, job: ResultJob, left_out: Callable[[str], None]) -> Iterator[ResultObject]:
    for index, mask in enumerate(outputs.masks):
        try:
            drawn = list(encode_captures(mask, job, index, every_slice=outputs.captures == "all"))
        except CannotDraw as reason:
            left_out(f"no pictures of {mask.announced.name}: {reason}")
        else:
            yield from (ResultObject("SC", mask.announced.name, capture) for capture in drawn)
    key_images = encode_key_images(outputs, job)
    if key_images is not None:
        yield ResultObject("KO", job.workflow, key_images)


def write(objects: Sequence[ResultObject], folder: Path) -> list[Path]:
    """Write objects as Part 10 files named by kind and UID; a file is there whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(one, folder / one.file_name) for one in objects]


def _write(one: ResultObject, path: Path) -> Path:
    return write_whole(path, partial(one.dataset.save_as, enforce_file_format=True))
