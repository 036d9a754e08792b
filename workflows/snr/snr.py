"""Signal-to-noise ratio of one series: ``python snr.py /data /output``.

Signal is the mean of the foreground (Otsu's threshold), CT counted from air (-1000 HU). Noise comes from the same
voxels: Immerkaer's mask cancels everything that changes linearly in a slice, so what is left of tissue is noise
(Computer Vision and Image Understanding 1996; 64: 300-302). The median keeps edges from counting as noise.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
AIR_HU = -1000


def main(data: Path, output: Path) -> None:
    """Read the only series of the job and write its one number."""
    series = json.loads((data / "job.json").read_text("utf-8"))["series"][0]
    slices = [one for name in series["files"] for one in read_slices(data / name)]
    value = signal_to_noise(slices)
    print(f"{len(slices)} slices, signal to noise {value:.2f}")
    described = json.loads((data / "descr.json").read_text("utf-8"))[0]
    row = {
        "record_id": described["PatientID"],
        "redcap_event_name": described["ReferringPhysician"].removeprefix("EventName:").strip(),
        "field_name": "signal_to_noise",
        "value": round(value, 3),
    }
    (output / "output.json").write_text(json.dumps([row], indent=1))


def read_slices(path: Path) -> Iterator[NDArray[np.float32]]:
    """Yield the slices of one object, rescaled, so that no signal is 0: one, or the frames of a multi-frame object."""
    image = pydicom.dcmread(path)
    slope, intercept = float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))
    offset = AIR_HU if image.Modality == "CT" else 0
    for pixels in image.pixel_array.reshape(-1, image.Rows, image.Columns):
        yield pixels.astype(np.float32) * slope + (intercept - offset)


def signal_to_noise(slices: list[NDArray[np.float32]]) -> float:
    """Return mean foreground over the standard deviation of the noise in it."""
    threshold = threshold_otsu(np.concatenate([one.ravel()[::7] for one in slices]))
    signal, residue = [], []
    for one in slices:
        tissue = ndimage.binary_erosion(one > threshold, iterations=2)
        signal.append(one[tissue])
        residue.append(np.abs(ndimage.convolve(one, IMMERKAER)[tissue]))
    # The squares of the mask's weights sum to 36; 0.6745 is the median of |x| of the standard normal distribution.
    noise = np.median(np.concatenate(residue)) / (6 * 0.6745)
    if not noise > 0:
        sys.exit("snr: these images have no noise to measure; are they a mask or a drawing?")
    return float(np.concatenate(signal).mean(dtype=np.float64) / noise)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
