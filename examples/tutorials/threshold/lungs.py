"""Both lungs in a chest CT by a threshold: ``python lungs.py /data /output``."""

import sys
from pathlib import Path

import job
import numpy as np
from scipy import ndimage

LEFT, RIGHT = 1, 2  # the values that workflow.toml gives names to
MOST_WORN = 10  # times that a voxel is taken off all around


def main(data: Path, output: Path) -> None:
    """Read the series called `CT`, write the mask of its lungs and their volumes."""
    series = job.read_series(data, "CT")
    lungs = find_lungs(series, job.options().get("air_hu", -320))
    volumes = {
        "left_lung_volume": job.millilitres(lungs == LEFT, series),
        "right_lung_volume": job.millilitres(lungs == RIGHT, series),
    }
    for field, millilitres in volumes.items():
        print(f"{field}: {millilitres:.0f} mL")
    job.write_mask(output, "lungs", lungs)
    job.write_measurements(data, output, volumes)


def find_lungs(series: job.Series, air_hu: float) -> np.ndarray:
    """Mark the air inside of the body, which does not reach the edges of a slice as that around it does."""
    parts, _ = ndimage.label(series.volume < air_hu)
    edges = np.concatenate([parts[:, [0, -1], :].ravel(), parts[:, :, [0, -1]].ravel()])
    inside = ~np.isin(parts, np.unique(edges[edges > 0])) & (parts > 0)
    found = np.zeros(series.volume.shape, np.uint8)
    for lung in two_largest(inside):
        # Vessels are holes in each slice; a closing fills those that touch the wall.
        whole = ndimage.binary_closing(lung, iterations=2)
        whole = np.stack([ndimage.binary_fill_holes(one) for one in whole])
        found[whole & (found == 0)] = LEFT if is_left(lung, series) else RIGHT
    return found


def two_largest(inside: np.ndarray) -> list[np.ndarray]:
    """Take apart what the windpipe holds together: two cores remain of it when worn down; the rest is next to one."""
    for times in range(1, MOST_WORN):
        cores, _ = ndimage.label(ndimage.binary_erosion(inside, iterations=times))
        sizes = np.bincount(cores.ravel(), minlength=3)
        sizes[0] = 0
        second, first = np.argsort(sizes)[-2:]
        if sizes[second] > sizes[first] / 4:
            kept = np.where(np.isin(cores, (first, second)), cores, 0)
            nearest = ndimage.distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
            return [inside & (kept[tuple(nearest)] == core) for core in (first, second)]
    raise SystemExit("there are no two lungs in this series")


def is_left(lung: np.ndarray, series: job.Series) -> bool:
    """Tell whether a part lies on the patient's left: by the place of the patient, not of the picture."""
    middle = np.array([*ndimage.center_of_mass(lung)[::-1], 1])
    centre = np.array([*(np.array(lung.shape)[::-1] - 1) / 2, 1])
    return (series.affine_ras @ middle)[0] < (series.affine_ras @ centre)[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
