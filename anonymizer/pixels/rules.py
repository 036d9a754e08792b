"""Which devices draw where: rules as data, shipped (`data/devices.toml`) and a project's own.

::

    [[device]]
    name = "Ultrasound in room 4"                          # told in the object, so no person's name
    source = "seen on 2026-11-20"
    when = { Modality = "US", Manufacturer = ["GE", "General Electric"], Rows = 614 }   # all must hold
    mask = [[0, 0, 1150, 75]]                              # left, top, width, height in pixels; or: refuse = true

A text holds if one of its alternatives begins a word of the value, in any case; Modality must be equal; numbers must be
equal.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from anonymizer.errors import ProfileError
from anonymizer.pixels.areas import Rectangle
from anonymizer.pixels.attributes import Attributes

__all__ = ["CRITERIA", "DeviceRule", "Kind", "Rules", "kind_of"]

_TEXTS: Final = {
    "BurnedInAnnotation": 0x00280301,
    "CommentsOnRadiationDose": 0x00400310,
    "ImageType": 0x00080008,
    "Manufacturer": 0x00080070,
    "ManufacturerModelName": 0x00081090,
    "Modality": 0x00080060,
    "SeriesDescription": 0x0008103E,
}
_NUMBERS: Final = {"Columns": 0x00280011, "Rows": 0x00280010, "WindowWidth": 0x00281051}
CRITERIA: Final = _TEXTS.keys() | _NUMBERS.keys()
# What an image is: its texts, values joined by backslashes, and its numbers.
Kind: TypeAlias = Mapping[str, str | frozenset[float]]
_KEYS: Final = frozenset({"name", "source", "when", "mask", "refuse"})


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """Where one kind of device draws text.

    Attributes
    ----------
    when
        Keyword and alternatives, all of which must hold.
    mask
        Rectangles to mask; empty where images of this kind are refused.
    """

    name: str
    source: str
    when: tuple[tuple[str, tuple[str | int, ...]], ...]
    mask: tuple[Rectangle, ...]

    def holds(self, kind: Kind) -> bool:
        """Whether an image is of this kind."""
        return all(_holds(keyword, kind[keyword], values) for keyword, values in self.when)


@dataclass(frozen=True, slots=True)
class Rules:
    """All that is known about where text lies.

    Attributes
    ----------
    devices
        A project's own rules, then the shipped ones; every one that holds is applied.
    regions
        Whether what an ultrasound image shows outside its regions is masked (PS3.3 C.8.5.5).
    """

    devices: tuple[DeviceRule, ...]
    regions: bool = True

    @classmethod
    def shipped(cls, own: str = "") -> Rules:
        """The shipped rules after a project's `own`, which are the text of a TOML document.

        Raises
        ------
        ProfileError
            The text is no TOML, or a rule is none; all faults are told at once.
        """
        return cls((*(_devices(own) if own else ()), *_shipped()))


def kind_of(attributes: Attributes) -> Kind:
    """What rules ask of an image; a number that is none is as good as absent."""
    kind: dict[str, str | frozenset[float]] = {k: attributes.text(tag) for k, tag in _TEXTS.items()}
    for keyword, tag in _NUMBERS.items():
        try:
            kind[keyword] = frozenset(attributes.numbers(tag))
        except ValueError:
            kind[keyword] = frozenset()
    return kind


@cache
def _shipped() -> tuple[DeviceRule, ...]:
    return _devices(files("anonymizer.pixels").joinpath("data", "devices.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=64)  # projects' own, asked for with every object
def _devices(text: str) -> tuple[DeviceRule, ...]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _fault([f"not TOML: {error}"]) from None
    tables = document.get("device", [])
    faults = [f"{key}: only [[device]] tables are known" for key in document if key != "device"]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _fault(["device: write [[device]] before each rule"])
    for number, table in enumerate(tables):
        faults += [f"device[{number}].{fault}" for fault in _faults(table)]
    if faults:
        raise _fault(faults)
    return tuple(_rule(table) for table in tables)


def _faults(table: dict[str, Any]) -> list[str]:
    faults = [f"{key}: unknown; known are {', '.join(sorted(_KEYS))}" for key in table.keys() - _KEYS]
    faults += [
        f"{key}: a text is needed" for key in ("name", "source") if not isinstance(table.get(key), str)
    ]
    when = table.get("when")
    if not isinstance(when, dict) or not when:
        return [*faults, "when: at least one attribute is needed"]
    for keyword, value in when.items():
        kind = str if keyword in _TEXTS else int
        if keyword not in CRITERIA:
            faults.append(f"when.{keyword}: unknown; known are {', '.join(sorted(CRITERIA))}")
        elif not _listed(value) or not all(type(one) is kind and one for one in _listed(value)):
            faults.append(f"when.{keyword}: a {'text' if kind is str else 'number'} is needed, or several")
    mask = table.get("mask", [])
    if (table.get("refuse") is True) == bool(mask):
        faults.append("mask: give rectangles, or refuse = true")
    if not isinstance(mask, list) or not all(_is_box(box) for box in mask):
        faults.append("mask: each rectangle is [left, top, width, height] in pixels")
    return faults


def _is_box(box: object) -> bool:
    if not isinstance(box, list) or len(box) != 4 or not all(type(n) is int for n in box):
        return False
    left, top, width, height = box
    return bool(left >= 0 and top >= 0 and width > 0 and height > 0)


def _rule(table: dict[str, Any]) -> DeviceRule:
    # Modality first: most rules fail there, and most objects fail all rules.
    inside = sorted(table["when"].items(), key=lambda item: item[0] != "Modality")
    when = tuple((keyword, tuple(_listed(value))) for keyword, value in inside)
    boxes = tuple(Rectangle(x, y, x + width, y + height) for x, y, width, height in table.get("mask", []))
    return DeviceRule(table["name"], table["source"], when, boxes)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(keyword: str, value: str | frozenset[float], alternatives: tuple[str | int, ...]) -> bool:
    if isinstance(value, frozenset):
        return not value.isdisjoint(alternatives)
    if keyword == "Modality":
        return value in alternatives
    return any(_begins(str(one)).search(value) for one in alternatives)


@lru_cache(maxsize=1024)
def _begins(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(text)}", re.IGNORECASE)


def _fault(faults: list[str]) -> ProfileError:
    return ProfileError("pixel_rules", "The rules for pixels: " + "; ".join(faults), "Correct the file")
