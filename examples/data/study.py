"""What a generator leaves behind, and the files that say the truth about it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from examples.data.identity import PlantedIdentity
from examples.data.volume import Volume

__all__ = ["GeneratedStudy", "record_truth"]


@dataclass(frozen=True, slots=True)
class GeneratedStudy:
    """A made study on disk.

    Attributes
    ----------
    study_instance_uid
        As sent; the archive's differs.
    series
        DICOM files of each series by SeriesDescription, in the order of the truth's slices.
    identity
        What was planted in the headers.
    truth : Path
        Label map (NIfTI) on the grid of the DICOM series.
    volumes_mm3
        Volume of each label of the truth, counted in voxels.
    """

    folder: Path
    study_instance_uid: str
    series: Mapping[str, tuple[Path, ...]]
    identity: PlantedIdentity
    truth: Path
    volumes_mm3: Mapping[str, float]

    @property
    def files(self) -> tuple[Path, ...]:
        """All DICOM files, series by series."""
        return tuple(path for paths in self.series.values() for path in paths)


def record_truth(
    out: Path, name: str, truth: Volume, labels: Mapping[str, int], identity: PlantedIdentity
) -> tuple[Path, dict[str, float]]:
    """Write ``truth/<name>.nii.gz``, ``truth.json`` and ``identity.json``; return the label map's path and
    volumes."""
    volumes = {
        label: float((truth.voxels == value).sum() * truth.voxel_mm3) for label, value in labels.items()
    }
    path = out / "truth" / f"{name}.nii.gz"
    truth.write(path)
    said = {"labels": dict(labels), "volumes_mm3": volumes}
    (path.parent / "truth.json").write_text(json.dumps(said, indent=1) + "\n")
    (path.parent / "identity.json").write_text(json.dumps(asdict(identity), indent=1) + "\n")
    return path, volumes
