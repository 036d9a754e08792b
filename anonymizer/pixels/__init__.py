"""Text that a device drew into its images: where it is, and the image without it (PS3.15 E.3.1, Clean Pixel Data).

::

    instance, masking = pixels.masked(instance, pixels.Rules.shipped())
    instance, masking = pixels.masked(instance, pixels.Rules.shipped(own_toml), pixels.text_found)

Where text is, is told by the regions of an ultrasound image (PS3.3 C.8.5.5), by rules for devices (`Rules`), and by a
search for text (`text_found`, the extra ``ocr``). What none of them tells is refused with `anonymizer.BurnedInText`;
what cannot be decoded, with `Unsupported` or `Unreadable`. Numpy and Pillow are needed here, and, to decode, the
packages that `pixels.compressed` names.
"""

from anonymizer.pixels.areas import Rectangle
from anonymizer.pixels.masking import FindText, Masking, masked
from anonymizer.pixels.ocr import check_text_search, text_found
from anonymizer.pixels.rewriting import declared_clean
from anonymizer.pixels.rules import DeviceRule, Rules

__all__ = [
    "DeviceRule",
    "FindText",
    "Masking",
    "Rectangle",
    "Rules",
    "check_text_search",
    "declared_clean",
    "masked",
    "text_found",
]
