"""The table of measurements as a file: CSV, JSON, or Parquet with types."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from ror.errors import ConfigurationError
from ror.results.table import MeasurementRow

__all__ = ["COLUMNS", "as_csv_table", "as_json_table", "as_parquet", "cells"]

COLUMNS = tuple(field.name for field in fields(MeasurementRow))
cells = attrgetter(*COLUMNS)  # `dataclasses.astuple` copies what it finds, and takes ten times as long
# What is no text in Parquet; `number` is the value where that is one.
_CASTS = {
    "value": "value, TRY_CAST(value AS DOUBLE) AS number",
    "repeat_instance": "repeat_instance::INTEGER AS repeat_instance",
}


def as_csv_table(rows: Sequence[MeasurementRow]) -> str:
    """CSV with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(cells, rows))
    return text.getvalue()


def as_json_table(rows: Sequence[MeasurementRow]) -> str:
    """A list of objects with the columns as keys."""
    return json.dumps([dict(zip(COLUMNS, cells(row), strict=True)) for row in rows], indent=1) + "\n"


def as_parquet(rows: Sequence[MeasurementRow]) -> bytes:
    """Parquet: texts, `repeat_instance` as an integer, and besides `value` as text the column `number` (double).

    What is empty is null.

    Raises
    ------
    ConfigurationError
        What writes Parquet is not installed.
    """
    duckdb = _duckdb()
    with tempfile.TemporaryDirectory() as folder:
        table, made = Path(folder) / "table.csv", Path(folder) / "table.parquet"
        table.write_text(as_csv_table(rows), encoding="utf-8", newline="")
        columns = ", ".join(f"{name}: 'VARCHAR'" for name in COLUMNS)
        wanted = ", ".join(_CASTS.get(name, name) for name in COLUMNS)
        how = f"header=true, auto_detect=false, delim=',', quote='\"', columns={{{columns}}}"
        read = f"read_csv({_quoted(table)}, {how})"
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"COPY (SELECT {wanted} FROM {read}) TO {_quoted(made)} (FORMAT parquet)")
        return made.read_bytes()


def _quoted(path: Path) -> str:
    text = str(path).replace("'", "''")
    return f"'{text}'"


def _duckdb() -> Any:
    try:
        return import_module("duckdb")
    except ImportError as error:
        raise ConfigurationError(
            f"Parquet needs the Python package duckdb: {error}",
            advice="pip install 'ror-pacs[parquet]', or export CSV",
        ) from error
