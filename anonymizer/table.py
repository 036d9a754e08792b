"""PS3.15 Table E.1-1 as data: what the Basic Profile and its options ask of each attribute.

Nobody typed the table: ``data/update.py`` took it from a maintained package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from pydicom.datadict import dictionary_is_retired, dictionary_VR, keyword_for_tag

__all__ = [
    "EDITION",
    "ContentRow",
    "Row",
    "content_rows",
    "is_in_table",
    "is_retired",
    "keyword",
    "rows",
    "vr_of",
]

EDITION = "2026d"
# Bounded: tags come from outside, and the dictionary knows about 5,000.
_DICTIONARY_SIZE = 8192


@dataclass(frozen=True, slots=True)
class Row:
    """One row of Table E.1-1.

    Attributes
    ----------
    tag
        Eight hexadecimal digits; ``50xxxxxx``, ``60xx3000``, ``60xx4000`` for repeating groups; ``PRIVATE``.
    basic
        Code of the Basic Profile: X, Z, D, U, or a choice such as ``X/Z/D``.
    options
        Code per option, by the option's key in the data file.
    """

    tag: str
    name: str
    basic: str
    options: dict[str, str]

    @property
    def number(self) -> int | None:
        """The tag as a number, or None for the rows that stand for many tags."""
        return None if "x" in self.tag or self.tag == "PRIVATE" else int(self.tag, 16)


@dataclass(frozen=True, slots=True)
class ContentRow:
    """One row of Table E.3.4-1: a concept name of structured content, and what becomes of items of that name.

    Attributes
    ----------
    scheme, code, meaning
        The concept name.
    value_type
        Value type of the content item (PS3.3 C.17.3.2.1).
    """

    scheme: str
    code: str
    meaning: str
    value_type: str
    basic: str
    options: dict[str, str]


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the table in its published order."""
    return tuple(Row(r["tag"], r["name"], r["basic"], r["options"]) for r in _document()["rules"])


@cache
def content_rows() -> tuple[ContentRow, ...]:
    """Every row of Table E.3.4-1 in its published order."""
    return tuple(
        ContentRow(r["scheme"], r["code"], r["meaning"], r["value_type"], r["basic"], r["options"])
        for r in _document()["content_items"]
    )


@cache
def _document() -> dict[str, Any]:
    text = files("anonymizer").joinpath("data", f"ps315_{EDITION}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def is_in_table(tag: int) -> bool:
    """Whether a row of the table is about this very tag."""
    return tag in _numbers()


@cache
def _numbers() -> frozenset[int]:
    return frozenset(row.number for row in rows() if row.number is not None)


@lru_cache(_DICTIONARY_SIZE)
def vr_of(tag: int) -> str:
    """Value representation in the data dictionary (PS3.6), or an empty string for what it does not know.

    Of rows that are newer than the dictionary the name tells a sequence and a date with time.
    """
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return _newer().get(tag, "")


@cache
def _newer() -> dict[int, str]:
    endings = {"DateTime": "DT", "Sequence": "SQ"}
    return {
        row.number: vr
        for row in rows()
        for ending, vr in endings.items()
        if row.number is not None and row.name.endswith(ending)
    }


@lru_cache(_DICTIONARY_SIZE)
def is_retired(tag: int) -> bool:
    """Whether PS3.6 has retired the attribute, or does not know it."""
    try:
        return bool(dictionary_is_retired(tag))
    except KeyError:
        return True


@lru_cache(_DICTIONARY_SIZE)
def keyword(tag: int) -> str:
    """Keyword in PS3.6, or an empty string."""
    return str(keyword_for_tag(tag))
