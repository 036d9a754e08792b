"""Masks from NIfTI, NRRD, NPZ and DICOM SEG files, as integers or probabilities on the grid of their series."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import nibabel
import nrrd
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nrrd.errors import NRRDError
from numpy.typing import NDArray

from ror.archive.geometry import Stack
from ror.results.grid import AnyLabels, GridMismatch, Matrix, check_size, onto_grid
from ror.results.model import Labels
from ror.results.seg_input import SegUnfit, read_seg

__all__ = ["SUFFIXES", "BadMask", "read_fractions", "read_labels"]

SEG_SUFFIX = ".seg.dcm"
SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".npz", SEG_SUFFIX)

UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    zlib.error,
    zipfile.BadZipFile,
    ImageFileError,
    HeaderDataError,
    NRRDError,
)
# Some NRRD readers name the other handedness; both write millimetres.
NRRD_TO_RAS = {
    "left-posterior-superior": np.diag([-1.0, -1.0, 1.0]),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "right-anterior-superior": np.eye(3),
    "RAS": np.eye(3),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0]),
    "LAS": np.diag([-1.0, 1.0, 1.0]),
}


class BadMask(ValueError):
    """A mask file cannot be used; the message says why."""


def read_labels(path: Path, grid: Stack) -> Labels:
    """Read a label map and put it onto the grid of its series.

    Returns
    -------
    labels
        uint8, or uint16 when a label is above 255; shape (slices, rows, columns), C-contiguous.

    Raises
    ------
    BadMask
        Unreadable, on another grid, or not made of the integers 0 to 65535.
    """
    return _integers(_on_grid(path, grid))


def read_fractions(path: Path, grid: Stack) -> NDArray[np.uint8]:
    """Read probabilities and put them onto the grid of their series.

    Returns
    -------
    uint8, shape (slices, rows, columns), C-contiguous
        255 is a probability of 1; the nearest of 256 steps, but never 0 for what is more than 0.

    Raises
    ------
    BadMask
        Unreadable, on another grid, or not made of numbers from 0 to 1.
    """
    array = _on_grid(path, grid)
    if array.dtype.kind not in "buif":
        raise BadMask(f"holds values of type {array.dtype}, not probabilities")
    # A NaN compares to nothing.
    if not (array.min() >= 0 and array.max() <= 1):
        raise BadMask("holds values that are no probabilities from 0 to 1")
    stored = np.empty(array.shape, np.uint8)
    for k, plane in enumerate(array):
        stored[k] = np.maximum(np.rint(plane * 255.0), plane > 0)
    return stored


def _on_grid(path: Path, grid: Stack) -> AnyLabels:
    try:
        array, affine_ras = _read(path, grid)
        return onto_grid(array, affine_ras, grid, part=_is_seg(path))
    except (BadMask, GridMismatch, SegUnfit) as error:
        raise BadMask(str(error)) from error
    except UNREADABLE as error:
        raise BadMask(f"cannot be read; it is not whole, or of another kind: {error}") from error


def _read(path: Path, grid: Stack) -> tuple[AnyLabels, Matrix]:
    if path.name.endswith((".nii", ".nii.gz")):
        return _read_nifti(path, grid)
    if path.name.endswith(".nrrd"):
        return _read_nrrd(path, grid)
    if _is_seg(path):
        return read_seg(path, grid)
    return _read_npz(path, grid)


def _is_seg(path: Path) -> bool:
    """By its name, or by what it begins with (PS3.10 7.1): results are called SEG-UID.dcm."""
    if path.name.endswith(SUFFIXES):
        return path.name.endswith(SEG_SUFFIX)
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _read_nifti(path: Path, grid: Stack) -> tuple[AnyLabels, Matrix]:
    image = nibabel.load(path)
    if not isinstance(image, nibabel.nifti1.Nifti1Image):  # Nifti2Image is one, too
        raise BadMask("is no NIfTI file")
    shape = image.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    _check_size(shape, grid)
    affine = np.asarray(image.affine, dtype=np.float64)
    return np.asanyarray(image.dataobj).reshape(shape, order="F"), affine


def _read_nrrd(path: Path, grid: Stack) -> tuple[AnyLabels, Matrix]:
    header = nrrd.read_header(str(path))
    if {"data file", "datafile"} & set(header):
        # It could name any file of this machine.
        raise BadMask("keeps its data in another file; write one file")
    if header["dimension"] != 3:
        raise BadMask(f"has {header['dimension']} axes (several layers?); write one layer with 3 axes")
    _check_size(tuple(int(size) for size in header["sizes"]), grid)
    space = str(header.get("space", ""))
    if space not in NRRD_TO_RAS or "space directions" not in header or "space origin" not in header:
        raise BadMask("does not say where it lies: 'space', 'space directions' and 'space origin' are needed")
    affine = np.eye(4)
    affine[:3, :3] = NRRD_TO_RAS[space] @ np.array(header["space directions"], dtype=float).T
    affine[:3, 3] = NRRD_TO_RAS[space] @ np.array(header["space origin"], dtype=float)
    return nrrd.read(str(path), index_order="F")[0], affine


def _read_npz(path: Path, grid: Stack) -> tuple[AnyLabels, Matrix]:
    """An array ``labels`` (slices, rows, columns), and ``affine_ras`` as in job.json where it differs."""
    if not zipfile.is_zipfile(path):
        # What numpy says of it advises to trust the file.
        raise BadMask(
            "cannot be read; it is not whole, or of another kind than NIfTI, NRRD, NPZ and DICOM SEG"
        )
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if name != "affine_ras"]
        if len(names) != 1:
            raise BadMask(
                f"must hold one array named labels, and perhaps affine_ras; it holds {arrays.files}"
            )
        affine = np.asarray(
            _array_of(arrays, "affine_ras") if "affine_ras" in arrays.files else grid.affine_ras, float
        )
        if affine.shape != (4, 4):
            raise BadMask(f"affine_ras must be 4 x 4, not {affine.shape}")
        labels = _array_of(arrays, names[0])
    _check_size(labels.shape, grid)
    return labels.transpose(), affine


def _array_of(arrays: Mapping[str, AnyLabels], name: str) -> AnyLabels:
    try:
        return arrays[name]
    except ValueError as error:
        raise BadMask(f"cannot be read; its {name} is not whole, or no array of numbers") from error


def _check_size(shape: tuple[int, ...], grid: Stack) -> None:
    """Refuse before the data are unpacked: a small file may say that it is huge."""
    if len(shape) != 3:
        raise BadMask(f"must have 3 axes, not {len(shape)}")
    check_size(shape, grid)


def _integers(array: AnyLabels) -> Labels:
    if array.dtype.kind not in "buif":
        raise BadMask(f"holds values of type {array.dtype}, not integers")
    if array.dtype.kind == "f":
        for plane in array:
            if not np.isfinite(plane).all():
                raise BadMask("holds NaN or infinite values")
            odd = plane != np.rint(plane)
            if odd.any():
                raise BadMask(f"holds values that are not integers, such as {plane[odd][0]:g}")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise BadMask(f"holds labels from {low:g} to {high:g}; 0 to 65535 are possible")
    return np.ascontiguousarray(array.astype(np.uint8 if high <= 255 else np.uint16, copy=False))
