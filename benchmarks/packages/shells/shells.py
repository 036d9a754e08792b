"""Marks three nested ellipsoids, with Python's standard library alone; says when it began and ended."""

import time

began = time.time()

import gzip  # noqa: E402  the clock comes first: what is measured is the engine, not these imports
import json  # noqa: E402
import math  # noqa: E402
import struct  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

SHARES = (0.8, 0.5, 0.25)  # of the half axes of the volume

data, output = Path(sys.argv[1]), Path(sys.argv[2])
geometry = json.loads((data / "job.json").read_text())["series"][0]["geometry"]
slices, rows, columns = geometry["shape"]
affine = geometry["affine_ras"]


def row_of_labels(slice_index: int, row: int) -> bytes:
    z = 2 * (slice_index + 0.5) / slices - 1
    y = 2 * (row + 0.5) / rows - 1
    labels = bytearray(columns)
    for value, share in enumerate(SHARES, start=1):
        inside = share**2 - z**2 - y**2
        half = round(math.sqrt(inside) * columns / 2) if inside > 0 else 0
        labels[columns // 2 - half : columns // 2 + half] = bytes([value]) * (2 * half)
    return bytes(labels)


# NIfTI-1 (https://nifti.nimh.nih.gov/nifti-1): 348 bytes of header, 4 of extension flag, then the voxels.
spacing = [math.hypot(*(affine[axis][column] for axis in range(3))) for column in range(3)]
header = bytearray(352)
struct.pack_into("<i", header, 0, 348)
struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
struct.pack_into("<2h", header, 70, 2, 8)
struct.pack_into("<8f", header, 76, 1, *spacing, 0, 0, 0, 0)
struct.pack_into("<f", header, 108, 352)
struct.pack_into("<2h", header, 252, 0, 1)
struct.pack_into("<12f", header, 280, *(affine[axis][column] for axis in range(3) for column in range(4)))
header[344:348] = b"n+1\0"
(output / "mask").mkdir(exist_ok=True)
with gzip.open(output / "mask" / "shells.nii.gz", "wb", compresslevel=1) as file:
    file.write(bytes(header))
    for k in range(slices):
        file.write(b"".join(row_of_labels(k, j) for j in range(rows)))
print(f"began {began}")
print(f"ended {time.time()}")
