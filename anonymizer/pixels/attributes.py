"""Texts and numbers of a few attributes, decoded without a library that would warn of a value by showing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anonymizer.instance import IdentifiedInstance
from anonymizer.unknown import recognised
from anonymizer.wire import Element

__all__ = ["Attributes"]

_BINARY: Final = frozenset({"US", "UL", "SS", "SL"})


@dataclass(frozen=True, slots=True, repr=False)
class Attributes:
    """Elements of a data set or an item, by tag."""

    elements: dict[int, Element]
    little: bool

    @classmethod
    def of(cls, instance: IdentifiedInstance) -> Attributes:
        """The elements of an object, also those that an archive stored as unknown."""
        known = recognised(instance.elements, instance.encoding)
        return cls({element.tag: element for element in known}, instance.encoding.little)

    def text(self, tag: int) -> str:
        """The values as they are, joined by backslashes; empty where there is none."""
        element = self.elements.get(tag)
        if element is None or element.items is not None:
            return ""
        return "\\".join(part.strip(" \0") for part in bytes(element.value).decode("latin-1").split("\\"))

    def numbers(self, tag: int) -> tuple[float, ...]:
        """All values as numbers; `ValueError` where one is none."""
        element = self.elements.get(tag)
        if element is None or element.items is not None:
            return ()
        if element.vr not in _BINARY:
            return tuple(float(part) for part in self.text(tag).split("\\") if part)
        size = 2 if element.vr in ("US", "SS") else 4
        value, order = bytes(element.value), "little" if self.little else "big"
        if len(value) % size:
            raise ValueError("a value of another length than its kind has")
        parts = (value[at : at + size] for at in range(0, len(value), size))
        return tuple(int.from_bytes(p, order, signed=element.vr[0] == "S") for p in parts)  # type: ignore[arg-type]

    def number(self, tag: int, otherwise: int | None = None) -> int:
        """The one value as an integer, or `otherwise`; `ValueError` where it is none or several."""
        numbers = self.numbers(tag)
        if not numbers and otherwise is not None:
            return otherwise
        (one,) = numbers
        if one != int(one):
            raise ValueError("not a whole number")
        return int(one)

    def items(self, tag: int) -> tuple[Attributes, ...]:
        """The items of a sequence."""
        element = self.elements.get(tag)
        items = () if element is None or element.items is None else element.items
        return tuple(Attributes({e.tag: e for e in item}, self.little) for item in items)
