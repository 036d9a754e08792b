"""What series say of themselves, read from the JSON columns: only what is asked of them beside the rules.

A series has a hundred attributes, of which a statement needs six. The database picks these out, so that the others are
neither carried nor read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from select_lang.logic import leaves
from select_lang.tree import Statement

__all__ = ["attributes_of_row", "keywords_beside_rules", "said_columns"]

# What the order of series, `pick largest` and a date with time that has to be put together look at without being told.
_ALWAYS = ("StudyDate", "StudyTime", "SeriesNumber", "NumImages")
_TOGETHER = {"AcquisitionDateTime": ("AcquisitionDate", "AcquisitionTime")}


def keywords_beside_rules(statement: Statement) -> tuple[str, ...]:
    """The attributes that checks, choices, limits and the order of series may ask for."""
    select = statement.select
    named = list(_ALWAYS)
    for check in select.checks:
        named += [side.attribute for join in leaves(check) for side in (join.left, join.right)]
    for where in select.wheres:
        named += [by.by for by in (where.choice.closest, where.choice.pick) if by and by.by]
    if select.limit:
        named.append(select.limit.by)
    named += [part for keyword in named for part in _TOGETHER.get(keyword, ())]
    return tuple(dict.fromkeys(named))


def said_columns(
    dialect: str, columns: Sequence[sa.Column[Any]], keywords: Sequence[str]
) -> list[sa.ColumnElement[Any]]:
    """For each JSON column a text: the list of what it says of each keyword, null where it says nothing."""
    of_column = _extracted if dialect == "sqlite" else _recorded
    return [of_column(column, keywords) for column in columns]


def _extracted(column: sa.Column[Any], keywords: Sequence[str]) -> sa.ColumnElement[Any]:
    # Two paths or more give one list.
    paths = [f'$."{keyword}"' for keyword in keywords]
    return sa.func.json_extract(column, *paths, type_=sa.Text())


def _recorded(column: sa.Column[Any], keywords: Sequence[str]) -> sa.ColumnElement[Any]:
    # A record is read in one go, where each `column -> keyword` would read all of the text anew.
    named = [sa.column(keyword, sa.JSON()) for keyword in keywords]
    record = sa.func.json_to_record(column).table_valued(*named).render_derived(with_types=True)
    listed = sa.func.json_build_array(*record.c, type_=sa.JSON())
    return sa.cast(sa.select(listed).correlate(column.table).scalar_subquery(), sa.Text())


def attributes_of_row(keywords: Sequence[str], said: Sequence[str | None]) -> dict[str, tuple[str, ...]]:
    """The attributes that a row tells by its texts; the later ones count."""
    attributes: dict[str, tuple[str, ...]] = {}
    for text in said:
        if text:
            for keyword, values in zip(keywords, json.loads(text), strict=True):
                if values is not None:
                    attributes[keyword] = tuple(values)
    return attributes
