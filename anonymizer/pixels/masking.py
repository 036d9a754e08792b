"""One object's way: does it carry text, where, and the object without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import BurnedInText, Unreadable
from anonymizer.instance import IdentifiedInstance
from anonymizer.kinds import check_pixels
from anonymizer.pixels import compressed, native
from anonymizer.pixels.areas import Mask, Rectangle, covered
from anonymizer.pixels.attributes import Attributes
from anonymizer.pixels.header import ImageHeader
from anonymizer.pixels.picture import picture
from anonymizer.pixels.regions import outside_regions
from anonymizer.pixels.rewriting import even, rewritten
from anonymizer.pixels.rules import DeviceRule, Rules, kind_of
from anonymizer.wire import Element, tag_path

__all__ = ["FindText", "Masking", "masked"]

FindText: TypeAlias = Callable[[NDArray[np.uint8]], Iterable[Rectangle]]

_MODALITY, _CONVERSION, _MANUFACTURER, _DESCRIPTION = 0x00080060, 0x00080064, 0x00080070, 0x00082111
_BURNED_IN: Final = 0x00280301
_ULTRASOUND: Final = "US"
# Digitized film, scanned documents and drawings (ConversionType, PS3.3 C.8.6.1): written by hand, which nothing finds.
_BY_HAND: Final = frozenset({"DF", "SD", "DRW"})


@dataclass(frozen=True, slots=True)
class Masking:
    """What was done to the pixels of an object.

    Attributes
    ----------
    by
        What told where text lies: ``regions``, ``text found``, or names of device rules.
    share
        Of the image that was masked, 0 to 1; 0 where text was looked for and none is there.
    """

    by: tuple[str, ...]
    share: float

    def described(self, elements: Iterable[Element]) -> list[Element]:
        """De-identified elements with Derivation Description (PS3.3 C.7.6.1.1.3), which the Basic Profile removes."""
        found = {element.tag: element for element in elements}
        if self.share:
            value = f"Burned-in text masked ({', '.join(self.by)})"
            found[_DESCRIPTION] = Element(_DESCRIPTION, "ST", even(value))
        return [found[tag] for tag in sorted(found)]


def masked(
    instance: IdentifiedInstance, rules: Rules, find_text: FindText | None = None
) -> tuple[IdentifiedInstance, Masking | None]:
    """Mask the text in an object's pixels, if it is an object that has some or may have (PS3.15 E.3.1).

    Masked are images that declare burned-in text, kinds of images that usually have some and do not declare to have
    none (`anonymizer.kinds`), and images a device rule holds for. All others come back as they are, with None.

    Parameters
    ----------
    find_text
        Looks for text in a frame, uint8 of shape (rows, columns, 3); what it finds in any frame is masked in all.
        Without it rules alone tell where text lies.

    Returns
    -------
    The object with its text black in every frame, compressed as it came or without loss, BurnedInAnnotation NO,
    ImageType DERIVED; and what was done.

    Raises
    ------
    BurnedInText
        No rule and no search tells where the text is; the image is written by hand; a rule refuses it.
    Unsupported, Unreadable
        The pixels cannot be masked, or not be decoded.
    """
    attributes = Attributes.of(instance)
    kind = kind_of(attributes)
    holding = [rule for rule in rules.devices if rule.holds(kind)]
    declared = attributes.text(_BURNED_IN).upper()
    suspect = _is_suspect(instance)
    if not suspect and (not holding or declared == "NO"):
        return instance, None
    if attributes.text(_CONVERSION).upper() in _BY_HAND:
        raise _burned_in("written_by_hand", "A scan or drawing may be written on by hand", _CONVERSION)
    if any(not rule.mask for rule in holding):
        raise _burned_in("refused_by_rule", "A device rule refuses images of this kind", _MANUFACTURER)
    header = ImageHeader.of(instance, attributes)
    mask, by = _known(header, attributes, rules, holding)
    if find_text is not None:
        found = _found(instance, header, find_text)
        mask |= found
        by += ["text found"] if found.any() else []
        if not mask.any() and declared not in ("", "NO"):
            raise _burned_in(
                "text_not_found", "The image says that it has text, but none is found", _BURNED_IN
            )
    elif not by:
        raise _burned_in("no_mask_rule", "No rule tells where the text of this image is", _BURNED_IN)
    return rewritten(instance, attributes, header, mask), Masking(tuple(by), float(mask.mean()))


def _is_suspect(instance: IdentifiedInstance) -> bool:
    try:
        check_pixels(instance.sop_class_uid, instance.elements)
    except BurnedInText as refusal:
        if refusal.reason == "overlay_in_pixels":
            raise
        return True
    return False


def _known(
    header: ImageHeader, attributes: Attributes, rules: Rules, holding: list[DeviceRule]
) -> tuple[Mask, list[str]]:
    """What rules and regions cover, and their names; a rule that covers nothing of this image is none."""
    shape = (header.rows, header.columns)
    mask, by = np.zeros(shape, np.bool_), []
    for rule in holding:
        boxes = covered(rule.mask, shape)
        if boxes.any():
            mask |= boxes
            by.append(rule.name)
    if rules.regions and attributes.text(_MODALITY) == _ULTRASOUND:
        try:
            outside = outside_regions(attributes, shape)
        except ValueError:
            raise _unreadable() from None
        if outside is not None:
            mask |= outside
            by.append("regions")
    return mask, by


def _found(instance: IdentifiedInstance, header: ImageHeader, find_text: FindText) -> Mask:
    shape = (header.rows, header.columns)
    mask = np.zeros(shape, np.bool_)
    seen: bytes | None = None
    for frame, photometric in _frames(instance, header):
        shown = picture(frame, photometric, header)
        # Frames of a capture are often the same one again, and looking is a thousand times as slow as comparing.
        if (digest := shown.tobytes()) != seen:
            mask |= covered(find_text(shown), shape)
        seen = digest
    return mask


def _frames(instance: IdentifiedInstance, header: ImageHeader) -> Iterator[tuple[NDArray[np.integer], str]]:
    if header.pixels.encapsulated:
        return compressed.frames(header, instance.transfer_syntax_uid)
    return native.frames(header)


def _unreadable() -> Unreadable:
    return Unreadable("pixel_header", "The header does not describe the pixels", "Ask for it again.")


def _burned_in(reason: str, text: str, tag: int) -> BurnedInText:
    advice = "Look at it; add a device rule, switch the search for text on, or send it masked."
    return BurnedInText(reason, text, advice, tag_path(tag))
