"""Marks a box in the middle of the series CT, with Python's standard library alone.

With the option `gate`, a path, it says that it has started by making ``<gate>.started-<pid>``, and goes on when the
path exists: so a test can hold it for as long as it likes.
"""

import gzip
import json
import os
import struct
import sys
import time
from pathlib import Path

data, output = Path(sys.argv[1]), Path(sys.argv[2])
options = json.loads(os.environ.get("ROR_CONT_OPTIONS") or "{}")
if gate := options.get("gate"):
    Path(gate).parent.mkdir(exist_ok=True)
    Path(f"{gate}.started-{os.getpid()}").touch()
    while not Path(gate).exists():
        time.sleep(0.02)

series = json.loads((data / "job.json").read_text())["series"][0]
patient = json.loads((data / "descr.json").read_text())[0]
slices, rows, columns = series["geometry"]["shape"]
affine = series["geometry"]["affine_ras"]


def inside(index: int, size: int) -> bool:
    return size // 4 <= index < size - size // 4


voxels = bytes(
    inside(k, slices) and inside(j, rows) and inside(i, columns)
    for k in range(slices)
    for j in range(rows)
    for i in range(columns)
)
# NIfTI-1 (https://nifti.nimh.nih.gov/nifti-1): 348 bytes of header, 4 of extension flag, then the voxels.
spacing = [sum(affine[r][c] ** 2 for r in range(3)) ** 0.5 for c in range(3)]
header = bytearray(352)
struct.pack_into("<i", header, 0, 348)
struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
struct.pack_into("<2h", header, 70, 2, 8)
struct.pack_into("<8f", header, 76, 1, *spacing, 0, 0, 0, 0)
struct.pack_into("<f", header, 108, 352)
struct.pack_into("<B", header, 123, 2)
struct.pack_into("<2h", header, 252, 0, 1)
struct.pack_into("<12f", header, 280, *(affine[r][c] for r in range(3) for c in range(4)))
header[344:348] = b"n+1\0"
(output / "mask").mkdir(exist_ok=True)
with gzip.open(output / "mask" / "box.nii.gz", "wb") as file:
    file.write(bytes(header) + voxels)

volume = sum(voxels) * spacing[0] * spacing[1] * spacing[2]
row = {
    "record_id": patient["PatientID"],
    "redcap_event_name": "",
    "field_name": "box_volume",
    "value": round(volume, 3),
}
(output / "output.json").write_text(json.dumps([row]))
print(f"a box of {volume:.0f} mm3")
