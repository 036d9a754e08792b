"""One head series again, without the face: ``python deface.py /data /output``.

The brain is found by deepbet (Fisch 2024), the face cut off below it by quickshear (Schimke and Hale 2011), and every
image written anew. Where that cannot be done for certain nothing is written, and the last line says why.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# The root file system is read-only where this runs, and matplotlib wants a place for its font list.
os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

import numpy as np
from derived import Derivation, derived
from figure import write_figure
from head import Head, Unusable, load_head
from numpy.typing import NDArray
from shear import removed_by_shear, tissue_ml

FindBrain = Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.bool_]]


def main(data: Path, output: Path, find_brain: FindBrain) -> None:
    """Read the job, cut the face off, and write everything at the end: a refused series leaves nothing behind.

    Parameters
    ----------
    find_brain
        From volume and affine (index to mm, RAS) to the mask of the brain; all of shape (columns, rows, slices).

    Raises
    ------
    Unusable
        The series is none that can be defaced, or the cut would not be right.
    """
    job = json.loads((data / "job.json").read_text("utf-8"))
    buffer_mm = float(json.loads(os.environ.get("ROR_CONT_OPTIONS") or "{}").get("buffer_mm", 10.0))
    head = load_head(data, job["series"][0])
    brain = find_brain(head.signal, head.affine)
    removed = removed_by_shear(head, brain, buffer_mm)
    print(
        f"brain {head.ml(brain):.0f} mL, untouched; {tissue_ml(head, brain, removed):.0f} mL of tissue removed"
    )
    write_series(output / "dicom", head, removed, Derivation(job["job_id"], job["version"], buffer_mm))
    (output / "figures").mkdir(exist_ok=True)
    write_figure(output / "figures" / "defaced.png", head, brain, removed)


def write_series(folder: Path, head: Head, removed: NDArray[np.bool_], derivation: Derivation) -> None:
    """Write one file per slice, in geometric order."""
    folder.mkdir()
    for index, image in enumerate(head.images):
        made = derived(image, removed[:, :, index].T, derivation)
        made.save_as(folder / f"IM{index + 1:04}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    # Only the program needs the network's libraries; whoever brings a mask of their own does not.
    from brain import find_brain

    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), find_brain)
    except Unusable as reason:
        sys.exit(f"deface: not processed, because {reason}")
