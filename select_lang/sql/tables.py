"""What a catalogue in a database looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

__all__ = ["CatalogueTables", "term_text", "term_values"]

_SEPARATOR = "\\"
# Stands for a backslash within a value, which texts of one value may have (PS3.5 6.1.3).
_WITHIN = "\x1e"


@dataclass(frozen=True, slots=True)
class CatalogueTables:
    """The tables of a catalogue.

    Attributes
    ----------
    catalogue
        One row a series: `series_uid`, and numbers of terms in `patient` (PatientID), `study` (StudyInstanceUID) and in
        the columns of `attributes`; NULL where the series has no value.
    terms
        `id`, `attribute`, `text`: the values of an attribute, parted by a backslash as DICOM parts them.
    attributes
        Column of `catalogue` by keyword, for the attributes that statements use most.
    described
        Another table with a row for each `series_uid`.
    everything
        JSON columns of `described`, each NULL or an object of lists of text by keyword, that have all attributes
        together. Where two have the same keyword, the later one counts.
    """

    catalogue: sa.Table
    terms: sa.Table
    attributes: Mapping[str, sa.Column[int]]
    described: sa.Table
    everything: tuple[sa.Column[Any], ...]


def term_text(values: tuple[str, ...]) -> str:
    """The text of a term."""
    return _SEPARATOR.join(value.replace(_SEPARATOR, _WITHIN) for value in values)


def term_values(text: str) -> tuple[str, ...]:
    """The values that a term's text has."""
    return tuple(value.replace(_WITHIN, _SEPARATOR) for value in text.split(_SEPARATOR))
