"""The values of a file by their paths, read by pydicom."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Final

from pydicom import Dataset, dcmread

__all__ = ["plain", "values_at"]

_INDEX: Final = re.compile(r"\[\d+\]")


def plain(path: str) -> str:
    """A path without the numbers of items."""
    return _INDEX.sub("", path)


def values_at(data: bytes) -> Mapping[str, tuple[str, ...]]:
    """Every value of a file, as Python would write it, by its path without numbers of items: where one is removed,
    others move up.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    with warnings.catch_warnings():
        # Of bytes that are none in the character set that they say they are in.
        warnings.simplefilter("ignore")
        for path, value in _walk(dcmread(BytesIO(data))):
            found[path].append(value)
    return {path: tuple(values) for path, values in found.items()}


def _walk(dataset: Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    for element in dataset:
        here = f"{path}({element.tag.group:04X},{element.tag.elem:04X})"
        if element.VR == "SQ":
            for item in element.value:
                yield from _walk(item, here)
        else:
            yield here, repr(element.value)
