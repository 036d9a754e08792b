"""The object with its pixels masked, and what its header then has to say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from anonymizer.data_set import DataSet
from anonymizer.instance import IdentifiedInstance
from anonymizer.pixels import compressed, native
from anonymizer.pixels.areas import Mask
from anonymizer.pixels.attributes import Attributes
from anonymizer.pixels.header import PIXEL_DATA, ImageHeader
from anonymizer.wire import Element

__all__ = ["declared_clean", "even", "rewritten"]

_IMAGE_TYPE, _PHOTOMETRIC, _PLANAR, _BURNED_IN = 0x00080008, 0x00280004, 0x00280006, 0x00280301
_FUNCTIONAL_GROUPS: Final = (0x52009229, 0x52009230)
_FRAME_TYPE: Final = 0x00089007
_LOSSY, _RATIO, _METHOD = 0x00282110, 0x00282112, 0x00282114
# Smallest and largest values that may have been masked, and offsets of frames that are no more.
_STALE: Final = frozenset({0x00280106, 0x00280107, 0x7FE00001, 0x7FE00002})


def rewritten(
    instance: IdentifiedInstance, attributes: Attributes, header: ImageHeader, mask: Mask
) -> IdentifiedInstance:
    """The object with `mask` black in every frame; where the mask is empty, only with BurnedInAnnotation NO.

    Raises as `native.masked` and `compressed.masked` do.
    """
    found = {element.tag: element for element in instance.elements}
    found[_BURNED_IN] = Element(_BURNED_IN, "CS", b"NO")
    known, syntax = attributes.elements, instance.transfer_syntax_uid
    if mask.any():
        found = {tag: element for tag, element in found.items() if tag not in _STALE}
        found[_IMAGE_TYPE] = Element(_IMAGE_TYPE, "CS", _derived(attributes.text(_IMAGE_TYPE)))
        found |= {tag: _of_derived_frames(known[tag]) for tag in _FUNCTIONAL_GROUPS if tag in known}
        if header.pixels.encapsulated:
            done = compressed.masked(header, mask, syntax)
            found |= _lossy(header, attributes, syntax) | _recompressed(header, done)
            syntax = done.transfer_syntax_uid
        else:
            found[PIXEL_DATA] = Element(PIXEL_DATA, header.pixels.vr, memoryview(native.masked(header, mask)))
    elements = tuple(found[tag] for tag in sorted(found))
    return IdentifiedInstance(
        DataSet.of(elements), instance.encoding, instance.sop_class_uid, instance.sop_instance_uid, syntax
    )


def declared_clean(instance: IdentifiedInstance) -> IdentifiedInstance:
    """An image that nobody suspects, with BurnedInAnnotation NO, as Clean Pixel Data wants it (PS3.15 E.3.1)."""
    found = {element.tag: element for element in instance.elements}
    if PIXEL_DATA not in found:
        return instance
    found[_BURNED_IN] = Element(_BURNED_IN, "CS", b"NO")
    return replace(instance, data_set=DataSet.of(tuple(found[tag] for tag in sorted(found))))


def _recompressed(header: ImageHeader, done: compressed.Compressed) -> dict[int, Element]:
    # A view, for `ResearchInstance.header` knows the pixels by it.
    said = {
        PIXEL_DATA: Element(PIXEL_DATA, "OB", memoryview(done.value), encapsulated=True),
        _PHOTOMETRIC: Element(_PHOTOMETRIC, "CS", even(done.photometric)),
    }
    if header.samples > 1:
        said[_PLANAR] = Element(_PLANAR, "US", b"\0\0")
    return said


def _derived(image_type: str) -> bytes:
    """Value 1 of ImageType becomes DERIVED: pixel values were changed (PS3.3 C.7.6.1.1.2)."""
    _, _, rest = image_type.partition("\\")
    return even(f"DERIVED\\{rest or 'SECONDARY'}")


def _of_derived_frames(element: Element) -> Element:
    """Functional groups in which every frame is of a type that is derived, as the image is (PS3.3 C.8.16.1)."""
    if element.tag == _FRAME_TYPE:
        return replace(element, value=_derived(bytes(element.value).decode("latin-1").strip(" \0")))
    if element.items is None:
        return element
    return replace(element, items=tuple(tuple(map(_of_derived_frames, item)) for item in element.items))


def _lossy(header: ImageHeader, attributes: Attributes, syntax: str) -> dict[int, Element]:
    """What once was compressed with loss says so for ever (PS3.3 C.7.6.1.1.5)."""
    if not compressed.is_lossy(header, syntax):
        return {}
    ratio = max(header.bytes / len(header.pixels.value), 1.0)
    said = {
        _LOSSY: Element(_LOSSY, "CS", b"01"),
        _RATIO: Element(_RATIO, "DS", even(f"{ratio:.2f}")),
        _METHOD: Element(_METHOD, "CS", even(compressed.codec_of(syntax).method)),
    }
    absent = {tag: value for tag, value in said.items() if not attributes.text(tag)}
    return {_LOSSY: said[_LOSSY], **absent}


def even(text: str) -> bytes:
    """A text value padded to an even length."""
    value = text.encode("ascii", "replace")
    return value + b" " * (len(value) % 2)
