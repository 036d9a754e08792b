"""Scores of many cases as tables with bootstrap intervals, as CSV for others, and as a figure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from labels import REGIONS
from numpy.typing import NDArray

from training.metrics import METRICS, Score

__all__ = ["chances", "interval", "markdown", "write_csv", "write_figure"]

_RESAMPLED = 2000
_HARDER = 10
_DIGITS = {"dice": 3, "hd95_mm": 1, "volume_error_ml": 1}


def interval(values: Sequence[float], seed: int = 1) -> tuple[float, float, float]:
    """Mean, and the 95 % percentile interval of the mean over resampled cases; nan are left out."""
    known = np.asarray([value for value in values if not np.isnan(value)])
    if not known.size:
        return (float("nan"),) * 3
    draw = np.random.default_rng(seed)
    means = known[draw.integers(known.size, size=(_RESAMPLED, known.size))].mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(known.mean()), float(low), float(high)


def markdown(scores: Mapping[str, Sequence[Score]]) -> str:
    """One row for each model, region and metric: mean (interval) and median."""
    lines = [
        "| model | region | cases | Dice | HD95, mm | volume error, mL |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for model, made in scores.items():
        for region in REGIONS:
            of = [score for score in made if score.region == region]
            cells = [_cell([getattr(score, metric) for score in of], _DIGITS[metric]) for metric in METRICS]
            lines.append(f"| {model} | {region.replace('_', ' ')} | {len(of)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_csv(path: Path, scores: Mapping[str, Iterable[Score]]) -> None:
    """Every score on a line, so that others can count their own way."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["model", *Score.__slots__])
        writer.writeheader()
        for model, made in scores.items():
            writer.writerows({"model": model} | score.row() for score in made)


def chances(scores: Path) -> dict[str, float]:
    """How often each case of a ``scores.csv`` is to be shown: a perfect one 1, one that was missed 11 times."""
    dice: dict[str, list[float]] = {}
    with scores.open(newline="") as file:
        for row in csv.DictReader(file):
            dice.setdefault(row["case"], []).append(float(row["dice"]))
    return {case: 1 + _HARDER * (1 - float(np.mean(each))) for case, each in dice.items()}


def write_figure(path: Path, scores: Mapping[str, Sequence[Score]]) -> None:
    """Dice of each region and model as boxes, every case a dot."""
    # Late: tables are wanted where there is no matplotlib, too.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="tight")
    FigureCanvasAgg(figure)
    drawn = figure.add_subplot()
    for place, (model, made) in enumerate(scores.items()):
        boxes = [[score.dice for score in made if score.region == region] for region in REGIONS]
        at: NDArray[np.float64] = np.arange(len(REGIONS)) + 0.35 * (place - (len(scores) - 1) / 2)
        drawn.boxplot(boxes, positions=at, widths=0.28, showfliers=False)
        for x, values in zip(at, boxes, strict=True):
            drawn.plot(np.full(len(values), x), values, ".", color=f"C{place}", markersize=4)
        drawn.plot([], [], ".", color=f"C{place}", label=model)
    drawn.set_xticks(range(len(REGIONS)), [region.replace("_", " ") for region in REGIONS])
    drawn.set_ylabel("Dice")
    drawn.set_ylim(0, 1)
    drawn.legend(loc="lower left")
    figure.savefig(path, dpi=100)


def _cell(values: Sequence[float], digits: int) -> str:
    mean, low, high = interval(values)
    known = [value for value in values if not np.isnan(value)]
    middle = f"{np.median(known):.{digits}f}" if known else "–"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f}), median {middle}"
