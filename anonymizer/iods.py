"""The type (PS3.5 7.4) that an attribute has in an object's IOD, for the rows of Table E.1-1 that ask for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

__all__ = ["REQUIRED", "nested_types", "top_types"]

# Type 2 in the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): never absent.
REQUIRED: Final = frozenset(
    {0x00080020, 0x00080030, 0x00080050, 0x00080090}
    | {0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00200010}
)


def top_types(sop_class_uid: str) -> Mapping[int, str]:
    """Types of attributes at the top of an object (``1``, ``1C``, ``2``, ``2C``, ``3``) by tag, as far as known."""
    document = _document()
    return _by_tag(document["sop_classes"].get(sop_class_uid, ""))


@cache
def nested_types() -> Mapping[tuple[int, int], str]:
    """Types of attributes in the items of a sequence, by the sequence's tag and their own, the same in every IOD."""
    return {
        (int(pair[:8], 16), int(pair[9:], 16)): type_
        for type_, pairs in _document()["nested"].items()
        for pair in pairs
    }


@cache
def _by_tag(iod: str) -> Mapping[int, str]:
    by_type = _document()["iods"].get(iod, {})
    return {int(tag, 16): type_ for type_, tags in by_type.items() for tag in tags}


@cache
def _document() -> dict[str, Any]:
    text = files("anonymizer").joinpath("data", "types.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
