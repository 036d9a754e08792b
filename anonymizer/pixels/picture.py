"""A frame as somebody who looks for text in it wants to see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from anonymizer.errors import Unreadable
from anonymizer.pixels.header import ImageHeader

__all__ = ["picture"]


def picture(frame: NDArray[np.integer], photometric: str, header: ImageHeader) -> NDArray[np.uint8]:
    """A frame as uint8 of shape (rows, columns, 3), stretched from its darkest to its brightest value.

    Of YBR images the brightness is shown: text is not drawn by colour alone.

    Raises
    ------
    Unreadable
        The palette cannot be applied.
    """
    if photometric == "PALETTE COLOR":
        try:
            frame = apply_color_lut(frame, header.dataset())
        except (ValueError, TypeError, AttributeError, LookupError, NotImplementedError):
            raise Unreadable(
                "pixel_header", "The palette cannot be applied", "Ask for it again.", "(0028,1101)"
            ) from None
    elif photometric.startswith("YBR"):
        frame = frame[..., 0]
    low, high = int(frame.min()), int(frame.max())
    scaled = (frame.astype(np.float32) - low) * (255 / max(high - low, 1))
    shown = scaled.astype(np.uint8)
    return np.stack([shown] * 3, axis=-1) if shown.ndim == 2 else shown
