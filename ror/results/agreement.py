"""How well a mask agrees with another one of the same images, such as what a person has drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from containers import MaskOutput, Segment
from ror.errors import ConfigurationError
from ror.results.labels import BadMask, read_labels
from ror.results.model import LabelMap, Labels, ResultJob

__all__ = ["Agreement", "agreement_between", "agreement_with", "read_reference"]


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


def read_reference(reference: Path, announced: MaskOutput, job: ResultJob) -> Labels:
    """A label map in a file that a mask can be held against, read as an output is; shape as `LabelMap.labels`.

    Raises
    ------
    ConfigurationError
        It cannot be read, or lies elsewhere than the series of the mask.
    """
    series = job.series_named(announced.on)
    try:
        if series is None or series.grid is None:
            raise BadMask("is of a series that is not there, or whose slices make no volume")
        return read_labels(reference, series.grid)
    except BadMask as error:
        raise ConfigurationError(
            f"the reference {reference} cannot be used: it {error}",
            advice=f"give a mask of the series {announced.on}: .nii.gz, .seg.nrrd, .npz or .seg.dcm",
        ) from error


def agreement_with(reference: Labels, mask: LabelMap) -> tuple[Agreement, ...]:
    """Hold a mask against what `read_reference` gives, segment by segment.

    Of a mask of probabilities, what reaches one half counts.
    """
    return tuple(
        _agreement(mask, one, reference == one.value, mask.labels == one.value)
        for one in mask.announced.segments
    )


def agreement_between(mask: LabelMap, reference: LabelMap) -> tuple[Agreement, ...]:
    """Hold a mask against another program's of the same series: the segments that both know by the same label.

    Raises
    ------
    BadMask
        They lie on different grids.
    """
    if mask.announced.on != reference.announced.on or mask.labels.shape != reference.labels.shape:
        raise BadMask(f"{mask.announced.name} lies on another grid")
    values = {one.label: one.value for one in reference.announced.segments}
    return tuple(
        _agreement(mask, one, reference.labels == values[one.label], mask.labels == one.value)
        for one in mask.announced.segments
        if one.label in values
    )


def _agreement(
    mask: LabelMap, segment: Segment, reference: NDArray[np.bool_], here: NDArray[np.bool_]
) -> Agreement:
    return Agreement(
        mask.announced.name,
        segment.value,
        segment.label,
        int(np.count_nonzero(here)),
        int(np.count_nonzero(reference)),
        int(np.count_nonzero(here & reference)),
    )
