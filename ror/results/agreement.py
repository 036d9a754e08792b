"""How well a mask agrees with another one of the same images, such as what a person has drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ror.errors import ConfigurationError
from ror.results.labels import BadMask, read_labels
from ror.results.model import LabelMap, ResultJob

__all__ = ["Agreement", "agreement_with"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one segment: voxels here, in the reference and in both; 0 and 0 is agreement that there is nothing."""

    mask: str
    value: int
    label: str
    voxels: int
    reference_voxels: int
    in_both: int

    @property
    def dice(self) -> float:
        """Dice's coefficient (Ecology 1945; 26: 297-302): 1 where both are the same, 0 where nothing is in both."""
        of_both = self.voxels + self.reference_voxels
        return 2 * self.in_both / of_both if of_both else 1.0


def agreement_with(reference: Path, mask: LabelMap, job: ResultJob) -> tuple[Agreement, ...]:
    """Hold a mask against a label map in a file, which is read as an output is, segment by segment.

    Of a mask of probabilities, what reaches one half counts.

    Raises
    ------
    ConfigurationError
        The reference cannot be read, or lies elsewhere than the mask.
    """
    series = job.series_named(mask.announced.on)
    assert series is not None and series.grid is not None, "or there would be no mask"
    try:
        labels = read_labels(reference, series.grid)
    except BadMask as error:
        raise ConfigurationError(
            f"the reference {reference} cannot be used: it {error}",
            advice=f"give a mask of the series {mask.announced.on}: .nii.gz, .seg.nrrd, .npz or .seg.dcm",
        ) from error
    return tuple(
        Agreement(
            mask.announced.name,
            one.value,
            one.label,
            int(np.count_nonzero(mask.labels == one.value)),
            int(np.count_nonzero(labels == one.value)),
            int(np.count_nonzero((mask.labels == one.value) & (labels == one.value))),
        )
        for one in mask.announced.segments
    )
