"""Where the brain is: the network of deepbet (Fisch 2024, Computers in Biology and Medicine 179: 108845)."""

import nibabel as nib
import numpy as np
from deepbet.bet import BrainExtraction
from head import Unusable
from numpy.typing import NDArray

__all__ = ["find_brain"]


def find_brain(signal: NDArray[np.float32], affine: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the mask of the brain, on the processor; arrays of shape (columns, rows, slices).

    Raises
    ------
    Unusable
        The network sees no brain.
    """
    extraction = BrainExtraction(no_gpu=True)
    try:
        _, mask, _ = extraction.run(nib.Nifti1Image(signal, affine))
    except (AssertionError, ValueError) as error:
        # So it ends on an empty mask: no foreground for a box, or no largest component.
        raise Unusable("no brain was found") from error
    return np.asarray(mask.dataobj) > 0
