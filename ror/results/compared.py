"""How alike the results of two versions of a workflow are, where both ran on the same series.

Masks are compared by Dice's coefficient; measurements as two methods that measure one thing (Bland and Altman, Lancet
1986; 327: 307-310): the mean of their differences, and the limits within which 95 % of them would lie.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ror.results.agreement import Agreement, agreement_between
from ror.results.finished import FinishedRun, outputs_of, result_job_of
from ror.results.labels import BadMask
from ror.results.model import Outputs

__all__ = [
    "Compared",
    "Difference",
    "FieldAgreement",
    "SegmentAgreement",
    "compare_runs",
    "fields",
    "segments",
]

_WITHIN_95_PERCENT = 1.96  # standard deviations, of a normal distribution


@dataclass(frozen=True, slots=True)
class Difference:
    """A measurement of one version less that of the other, in `unit`."""

    field: str
    unit: str
    difference: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The results of two versions on the series of one study; `left_out` are masks that cannot be compared."""

    patient_id: str
    study_uid: str
    agreements: tuple[Agreement, ...]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentAgreement:
    """Dice's coefficients of one segment, and whose study has the least."""

    mask: str
    segment: str
    n: int
    median_dice: float
    worst_dice: float
    worst_patient: str
    worst_study: str


@dataclass(frozen=True, slots=True)
class FieldAgreement:
    """Differences of one measurement, in `unit`; there are no limits of agreement of a single one."""

    field: str
    unit: str
    n: int
    mean: float
    lower: float | None
    upper: float | None


def compare_runs(one: FinishedRun, other: FinishedRun) -> Compared:
    """Hold what one program made against what another made of the same series; what people corrected does not count.

    Raises
    ------
    OutputError
        The output of one is not what its manifest announces.
    FileNotFoundError
        The folder of one is gone.
    """
    mine, theirs = (_outputs(replace(run, corrections=())) for run in (one, other))
    masks = {mask.announced.name: mask for mask in theirs.masks}
    agreements, left_out = list[Agreement](), list[str]()
    for mask in mine.masks:
        if mask.announced.name in masks:
            try:
                agreements += agreement_between(mask, masks[mask.announced.name])
            except BadMask as error:
                left_out.append(str(error))
    return Compared(
        one.job.patient_id,
        one.job.study_uid,
        tuple(agreements),
        tuple(_differences(mine, theirs)),
        tuple(left_out),
    )


def segments(pairs: Iterable[Compared]) -> list[SegmentAgreement]:
    """By mask and segment, in the order of the first pair that has them."""
    found: defaultdict[tuple[str, str], list[tuple[float, Compared]]] = defaultdict(list)
    for pair in pairs:
        for one in pair.agreements:
            found[one.mask, one.label].append((one.dice, pair))
    told = []
    for (mask, label), those in found.items():
        worst, where = min(those, key=lambda dice_and_pair: dice_and_pair[0])
        median = statistics.median(dice for dice, _pair in those)
        told.append(
            SegmentAgreement(mask, label, len(those), median, worst, where.patient_id, where.study_uid)
        )
    return told


def fields(pairs: Iterable[Compared]) -> list[FieldAgreement]:
    """By field and unit, in the order of the first pair that has them."""
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for pair in pairs:
        for one in pair.differences:
            found[one.field, one.unit].append(one.difference)
    return [_field(*key, numbers) for key, numbers in found.items()]


def _field(field: str, unit: str, numbers: list[float]) -> FieldAgreement:
    mean = statistics.fmean(numbers)
    if len(numbers) < 2:
        return FieldAgreement(field, unit, len(numbers), mean, None, None)
    reach = _WITHIN_95_PERCENT * statistics.stdev(numbers)
    return FieldAgreement(field, unit, len(numbers), mean, mean - reach, mean + reach)


def _outputs(run: FinishedRun) -> Outputs:
    return outputs_of(run, result_job_of(run))


def _differences(mine: Outputs, theirs: Outputs) -> Iterable[Difference]:
    """Of the numbers that both have measured, in the same unit, of the same record and instance."""
    values = dict(_numbers(theirs))
    for key, value in _numbers(mine):
        if key in values:
            yield Difference(key[0], key[1], value - values[key])


def _numbers(outputs: Outputs) -> Iterable[tuple[tuple[str, str, str, str, str, int | None], float]]:
    for row in outputs.rows:
        if isinstance(row.value, int | float):
            unit = row.announced.unit.value if row.announced is not None else ""
            of_what = row.record_id, row.event, row.repeat_instrument, row.repeat_instance
            yield (row.field_name, unit, *of_what), float(row.value)
