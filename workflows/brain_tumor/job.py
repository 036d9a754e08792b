"""What a workflow finds below /data: the job, its images in geometric order, and where its numbers belong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

__all__ = ["Unusable", "load_volume", "read_job", "record_key"]


class Unusable(Exception):
    """The images are not what this workflow is for; the message is shown to the person who sent them."""


def read_job(data: Path) -> dict[str, Any]:
    """Return ``job.json``."""
    job: dict[str, Any] = json.loads((data / "job.json").read_text("utf-8"))
    return job


def record_key(data: Path) -> dict[str, str]:
    """Return the REDCap record and event of the first series: PatientID and ReferringPhysician of
    ``descr.json``."""
    first = json.loads((data / "descr.json").read_text("utf-8"))[0]
    event = first["ReferringPhysician"].removeprefix("EventName:").strip()
    return {"record_id": first["PatientID"], "redcap_event_name": event}


def load_volume(data: Path, series: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the rescaled volume, shape (columns, rows, slices), and its affine (index to mm, RAS).

    Raises
    ------
    Unusable
        The slices make no volume.
    """
    if series["geometry"] is None:
        raise Unusable(f"the images of {series['name']} make no volume: {series['geometry_fault']}")
    slices, rows, columns = series["geometry"]["shape"]
    voxels = np.empty((columns, rows, slices), np.float32)
    for index, name in enumerate(series["files"]):
        image = pydicom.dcmread(data / name)
        slope, intercept = float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))
        voxels[:, :, index] = image.pixel_array.T * slope + intercept
    return voxels, np.asarray(series["geometry"]["affine_ras"], np.float64)
