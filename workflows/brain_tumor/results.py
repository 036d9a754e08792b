"""Everything that a run leaves behind: label map, numbers, picture, and how it went."""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from figure import write_figure
from labels import ENHANCING, NECROTIC_CORE
from measure import agreement, diameters_mm, entropy, volumes_mm3
from numpy.typing import NDArray
from prepare import Prepared, on_grid_of
from seen import Seen
from steps import Steps
from study import Sequence
from wanted import Wanted

__all__ = ["Result", "write_results"]

Volume = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Result:
    """A label map on a series' own grid, what is measured on it, and where it came from."""

    labels: NDArray[np.uint8]
    target: Sequence
    values: dict[str, float]
    seen: Seen
    prepared: Prepared

    @classmethod
    def of(cls, seen: Seen, native: list[Volume], target: Sequence, prepared: Prepared) -> Result:
        """Decide each voxel by its likeliest class, and measure; `native` are the tumour's three probabilities."""
        chances = np.stack([1 - sum(native), *native])
        labels = chances.argmax(0).astype(np.uint8)
        spacing_mm = np.linalg.norm(target.affine_ras[:3, :3], axis=0)
        volumes = volumes_mm3(labels, float(np.prod(spacing_mm)))
        values = {f"{name}_volume": value for name, value in volumes.items()}
        core = np.isin(labels, (NECROTIC_CORE, ENHANCING))
        values["longest_diameter"], values["perpendicular_diameter"] = diameters_mm(core, spacing_mm)
        sure = agreement(seen.each, seen.probabilities.argmax(0).astype(np.uint8))
        values |= {f"{name}_confidence": sure[name] for name in ("enhancing", "tumor_core", "whole_tumor")}
        return cls(labels, target, values, seen, prepared)

    @property
    def title(self) -> str:
        """Volumes in mL and the diameters, for people."""
        parts = ("necrotic_core", "edema", "enhancing", "whole_tumor")
        said = [f"{name.replace('_', ' ')} {self.values[f'{name}_volume'] / 1000:.1f} mL" for name in parts]
        across = f"{self.values['longest_diameter']:.0f} x {self.values['perpendicular_diameter']:.0f} mm"
        return "   ".join([*said, across])


def write_results(output: Path, result: Result, key: dict[str, str], wanted: Wanted, steps: Steps) -> None:
    """Write ``mask/``, ``figures/``, ``report/`` and last ``output.json``."""
    for folder in ("mask", "figures", "report"):
        (output / folder).mkdir(exist_ok=True)
    affine = result.target.affine_ras
    nib.save(nib.Nifti1Image(result.labels, affine), output / "mask" / "tumor.nii.gz")
    prepared = result.prepared
    if wanted.entropy:
        undecided = on_grid_of(result.target, prepared, entropy(result.seen.probabilities))
        nib.save(nib.Nifti1Image(undecided, affine), output / "mask" / "entropy.nii.gz")
    with steps.timed("picture"):
        labels = result.seen.probabilities.argmax(0).astype(np.uint8)
        write_figure(output / "figures" / "tumor.png", prepared.sequences, labels, result.title)
    told = {
        "model": result.seen.model,
        "seconds": steps.seconds,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    (output / "report" / "run.json").write_text(json.dumps(told, indent=1))
    rows = [key | {"field_name": name, "value": value} for name, value in result.values.items()]
    (output / "output.json").write_text(json.dumps(rows, indent=1))
