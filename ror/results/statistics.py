"""What the measurements of many jobs have in common: their distribution by field and version of a workflow."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ror.results.table import Finished, MeasurementRow

__all__ = ["FieldSummary", "figure", "number_of", "quartiles", "summaries"]


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """One field of one version of a workflow in one project.

    Attributes
    ----------
    n
        Numbers; a value that is none is in `texts`.
    mean, sd, median, minimum, maximum
        Of the numbers, in `unit`; None where there is none, `sd` (of the sample, n - 1) where there is only one.
    missing
        Jobs of this version that have ended without a value for the field: the structure was not found, or the
        program says nothing of it.
    """

    project: str
    workflow: str
    version: str
    field_name: str
    unit: str
    n: int
    mean: float | None
    sd: float | None
    median: float | None
    minimum: float | None
    maximum: float | None
    missing: int
    texts: int


def number_of(text: str) -> float | None:
    """The finite number that a value of the table is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def summaries(
    rows: Iterable[MeasurementRow], finished: Mapping[Finished, frozenset[str]]
) -> list[FieldSummary]:
    """Summarise by project, workflow, version, field and unit, in this order.

    Parameters
    ----------
    finished
        The jobs of each version of a workflow that should have measured (`MeasurementStore.finished`).
    """
    groups: defaultdict[tuple[str, str, str, str, str], list[MeasurementRow]] = defaultdict(list)
    for row in rows:
        groups[row.project, row.workflow, row.version, row.field_name, row.unit].append(row)
    return [_summary(key, groups[key], finished) for key in sorted(groups)]


def _summary(
    key: tuple[str, str, str, str, str],
    rows: list[MeasurementRow],
    finished: Mapping[Finished, frozenset[str]],
) -> FieldSummary:
    project, workflow, version, _field, _unit = key
    given = [number_of(row.value) for row in rows]
    numbers = [number for number in given if number is not None]
    jobs = finished.get(Finished(project, workflow, version), frozenset())
    return FieldSummary(
        *key,
        n=len(numbers),
        mean=statistics.fmean(numbers) if numbers else None,
        sd=statistics.stdev(numbers) if len(numbers) > 1 else None,
        median=statistics.median(numbers) if numbers else None,
        minimum=min(numbers, default=None),
        maximum=max(numbers, default=None),
        missing=len(jobs - {row.job_id for row in rows}),
        texts=len(given) - len(numbers),
    )


def quartiles(numbers: list[float]) -> tuple[float, float, float]:
    """The three quartiles of at least one number, interpolated between the numbers (Hyndman and Fan's type 7)."""
    if len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    first, second, third = statistics.quantiles(numbers, n=4, method="inclusive")
    return first, second, third


def figure(value: object) -> str:
    """A figure for people: five digits, a dash for none."""
    if value is None or value == "":
        return "–"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
