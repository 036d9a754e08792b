"""The surface of a lung as STL and its voxels as VTI, both in millimetres of the DICOM patient system
(LPS)."""

import base64
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes

__all__ = ["write_stl", "write_vti"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MESH_MM = 2.0
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])


def write_stl(path: Path, mask: NDArray[np.bool_], affine_ras: NDArray[np.float64], spacing_mm: float) -> int:
    """Write the surface of `mask` as binary STL, normals outwards; return the number of triangles."""
    step = max(1, round(_MESH_MM / spacing_mm))
    box, affine = _cropped(mask, affine_ras)
    solid = np.pad(mask[box], 2 * step).astype(np.float32)
    soft = ndimage.gaussian_filter(solid, 0.6 * step)[::step, ::step, ::step]
    corners, triangles, *_ = marching_cubes(soft, 0.5, gradient_direction="ascent")
    points = (corners - 2) * step @ affine[:3, :3].T + affine[:3, 3]
    faces = points[triangles]
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    records = np.zeros(len(faces), _TRIANGLE)
    records["corners"] = faces
    records["normal"] = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    header = b"lung surface, mm, LPS".ljust(80)
    path.write_bytes(header + struct.pack("<I", len(records)) + records.tobytes())
    return len(records)


def write_vti(path: Path, mask: NDArray[np.bool_], affine_ras: NDArray[np.float64]) -> None:
    """Write the part of the grid that holds `mask` as VTK image data (XML, zlib): 1 inside, 0 outside."""
    box, affine = _cropped(mask, affine_ras)
    voxels = np.pad(mask[box], 1).astype(np.uint8)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    origin = affine[:3, 3] - affine[:3, :3].sum(1)
    extent = " ".join(f"0 {size - 1}" for size in voxels.shape)
    placed = (
        f'Origin="{_numbers(origin)}" Spacing="{_numbers(spacing)}" '
        f'Direction="{_numbers((affine[:3, :3] / spacing).ravel())}"'
    )
    path.write_text(
        '<?xml version="1.0"?>\n'
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt32" '
        'compressor="vtkZLibDataCompressor">\n'
        f'<ImageData WholeExtent="{extent}" {placed}>\n'
        f'<Piece Extent="{extent}"><PointData Scalars="label">\n'
        '<DataArray type="UInt8" Name="label" format="binary">\n'
        f"{_compressed(voxels.tobytes(order='F'))}\n"
        "</DataArray></PointData></Piece></ImageData></VTKFile>\n"
    )


def _cropped(
    mask: NDArray[np.bool_], affine_ras: NDArray[np.float64]
) -> tuple[tuple[slice, ...], NDArray[np.float64]]:
    """The smallest box around `mask`, and the affine of its first voxel in LPS."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    shift = np.eye(4)
    shift[:3, 3] = [part.start for part in box]
    return box, _RAS_TO_LPS @ affine_ras @ shift


def _compressed(data: bytes) -> str:
    """One zlib block with VTK's header: blocks, block size, size of the last partial block, compressed
    size."""
    packed = zlib.compress(data, 6)
    header = struct.pack("<4I", 1, len(data), 0, len(packed))
    return (base64.b64encode(header) + base64.b64encode(packed)).decode()


def _numbers(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value + 0.0:.9g}" for value in values)
