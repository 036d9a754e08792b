"""The DICOM JSON Model of instances (PS3.18 F, 10.4.1.1.2), and the large values that are no part of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

from ror.web.elements import tag_of
from ror.web.errors import Refusal
from ror.web.image_file import ImageFile
from ror.web.shelf import Held

__all__ = ["bulk_value", "metadata"]

_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_INLINE_BYTES: Final = 1024
_NOT_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_CHARACTER_SET, _SYNTAXES = "00080005", "00083002"


def metadata(held: Iterable[Held], url: Callable[[Held], str]) -> Iterator[dict[str, Any]]:
    """The instances, one after another."""
    for one in held:
        image = ImageFile.open(one.file)
        told = _told(image.header, f"{url(one)}/bulkdata")
        told[_CHARACTER_SET] = {
            "vr": "CS",
            "Value": ["ISO_IR 192"],
        }  # what is sent is UTF-8, whatever the file is in
        told[_SYNTAXES] = {"vr": "UI", "Value": [str(image.syntax)]}
        if image.pixels:
            tag = tag_of(image.pixels)
            told[tag] = {"vr": "OW", "BulkDataURI": f"{url(one)}/bulkdata/{tag}"}
        yield told


def bulk_value(file: Path, path: str) -> bytes:
    """The value that a BulkDataURI ends in: tags, with the numbers of items (from 1) between them.

    Raises
    ------
    Refusal
        There is no such value, or it is no binary one.
    """
    there: Any = dcmread(file)
    try:
        for step in path.split("/"):
            if isinstance(there, Dataset):
                there = there[BaseTag(int(step, 16))]
            else:
                there = there.value[_item(step)]
    except (KeyError, ValueError, IndexError, TypeError, OverflowError) as error:
        raise _none() from error
    if not isinstance(there, DataElement) or there.VR not in _BINARY or not isinstance(there.value, bytes):
        raise _none()
    return there.value


def _item(step: str) -> int:
    number = int(step) - 1
    if number < 0:
        raise IndexError
    return number


def _told(dataset: Dataset, url: str) -> dict[str, Any]:
    return {f"{tag:08X}": _element(dataset, tag, f"{url}/{tag:08X}") for tag in sorted(dataset.keys())}


def _element(dataset: Dataset, tag: BaseTag, url: str) -> dict[str, Any]:
    try:
        element = dataset[tag]
        if element.VR == "SQ":
            items = [_told(item, f"{url}/{number}") for number, item in enumerate(element.value, start=1)]
            return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        if element.VR in _BINARY and isinstance(element.value, bytes) and len(element.value) > _INLINE_BYTES:
            return {"vr": element.VR, "BulkDataURI": url}
        return _finite(element.to_json_dict(None, 0))
    except (ValueError, TypeError, OverflowError):
        # One value that is not what its VR says must not hide all others; it is shown as it stands.
        raw = dataset.get_item(tag)
        value = raw.value if raw is not None else None
        text = value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else str(value)
        return {"vr": "UN" if raw is None or raw.VR is None else str(raw.VR), "Value": [text]}


def _finite(told: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON has none for are texts (PS3.18 F.2.3)."""
    if not any(isinstance(one, float) and not math.isfinite(one) for one in told.get("Value", ())):
        return told
    values = [
        _NOT_FINITE[str(one)] if isinstance(one, float) and not math.isfinite(one) else one
        for one in told["Value"]
    ]
    return told | {"Value": values}


def _none() -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "there is no such bulk data")
