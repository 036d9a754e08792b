"""Ultrasound: the regions that hold the image proper, as the device declares them (PS3.3 C.8.5.5).

Region calibration exists for measuring, but what lies outside every region is the frame that the device draws around
the image: the banner with name, number, hospital and date among it. This holds for every manufacturer alike.
"""

from __future__ import annotations

from typing import Final

from anonymizer.pixels.areas import Mask, Rectangle, covered
from anonymizer.pixels.attributes import Attributes

__all__ = ["LARGEST_SHARE", "outside_regions"]

# Regions that leave less than this to be masked leave no room for a banner: it lies inside them.
LARGEST_SHARE: Final = 0.97
# Region Spatial Format (0018,6012): 2D, M-mode, spectral, waveform. 0 is none, 5 graphics: drawn, perhaps written.
_IMAGES: Final = frozenset({1, 2, 3, 4})


_REGIONS, _FORMAT = 0x00186011, 0x00186012
_MIN_X0, _MIN_Y0, _MAX_X1, _MAX_Y1 = 0x00186018, 0x0018601A, 0x0018601C, 0x0018601E


def outside_regions(attributes: Attributes, shape: tuple[int, int]) -> Mask | None:
    """The pixels outside every region, or None where the device declares no regions that could be trusted.

    Raises `ValueError` for corners that are no numbers.
    """
    regions = []
    for item in attributes.items(_REGIONS):
        if item.number(_FORMAT, 0) not in _IMAGES:
            continue
        # The corners are pixels of the region themselves, so the right and bottom one are part of it.
        right, bottom = item.number(_MAX_X1) + 1, item.number(_MAX_Y1) + 1
        one = Rectangle(item.number(_MIN_X0), item.number(_MIN_Y0), right, bottom)
        if not (0 <= one.left < one.right <= shape[1] and 0 <= one.top < one.bottom <= shape[0]):
            return None
        regions.append(one)
    inside = covered(regions, shape)
    return ~inside if 0 < inside.mean() <= LARGEST_SHARE else None
