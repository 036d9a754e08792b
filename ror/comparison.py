"""Two versions of a workflow on the same series: what each found, how often it failed, how long it took."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ror.engine
import ror.registry
import ror.results
from ror.app import App
from ror.errors import NotFound, RorError
from ror.model import JobSeries, JobState

__all__ = ["Comparison", "VersionRuns", "compare"]

_MADE = (JobState.RUNNING, JobState.REVIEW, JobState.SUCCEEDED, JobState.REJECTED, JobState.SUPERSEDED)
_RUNS_THE_PROGRAM, _CHECKS_IT = "execute", "collect"


@dataclass(frozen=True, slots=True)
class VersionRuns:
    """A version on what both have run on: its jobs, how many failed, and the median time of its program (seconds)."""

    version: str
    digest: str
    jobs: int
    failed: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`compared` is how many matches have results of both; why others have not is in `left_out`."""

    versions: tuple[VersionRuns, VersionRuns]
    compared: int
    segments: Sequence[ror.results.SegmentAgreement]
    fields: Sequence[ror.results.FieldAgreement]
    left_out: tuple[str, ...]


_Match = tuple[str, tuple[JobSeries, ...]]


def compare(
    app: App, one: ror.registry.InstalledWorkflow, other: ror.registry.InstalledWorkflow
) -> Comparison:
    """Hold the results of one version against those of another, wherever both have run; differences are one - other.

    Raises
    ------
    NotFound
        They have not both run on anything yet.
    """
    mine, theirs = _latest(app, one), _latest(app, other)
    both = [match for match in mine if match in theirs]
    if not both:
        number = [f"{each.version} on {len(runs)}" for each, runs in ((one, mine), (other, theirs))]
        raise NotFound(
            f"{one.name}: there is no match that both have run on ({', '.join(number)})",
            _how_to_run(one, other),
        )
    pairs, left_out = list[ror.results.Compared](), list[str]()
    for match in both:
        told = _compared(app, mine[match], theirs[match])
        if isinstance(told, str):
            left_out.append(told)
        else:
            pairs.append(told)
            left_out += told.left_out
    return Comparison(
        (_runs(one, [mine[match] for match in both]), _runs(other, [theirs[match] for match in both])),
        len(pairs),
        ror.results.segments(pairs),
        ror.results.fields(pairs),
        tuple(dict.fromkeys(left_out)),
    )


def _how_to_run(one: ror.registry.InstalledWorkflow, other: ror.registry.InstalledWorkflow) -> str:
    match = f"ror jobs match --project {one.project}"
    idle = next((each for each in (one, other) if not (each.enabled or each.shadow)), None)
    if idle is None:
        return f"let both run on the studies that are held: {match}"
    add = f"ror workflow add FOLDER --project {idle.project} --shadow"
    return f"{idle.version} gets no studies: let it run beside the current version ({add}), then {match}"


def _latest(app: App, workflow: ror.registry.InstalledWorkflow) -> Mapping[_Match, ror.engine.JobRow]:
    """The last job of a version on each match and its content; one that was promoted may have two."""
    rows = app.jobs.of_package(workflow.project, workflow.name, workflow.digest)
    return {
        (row.job.match_key, row.job.series): row for row in rows if row.job.state in (*_MADE, JobState.FAILED)
    }


def _compared(app: App, mine: ror.engine.JobRow, theirs: ror.engine.JobRow) -> ror.results.Compared | str:
    for row in (mine, theirs):
        if not _has_outputs(row):
            return f"{row.job.id} {row.job.state}: {row.reason or 'it is not done'}"
    try:
        runs = [app.finished_run(row.job.id) for row in (mine, theirs)]
        return ror.results.compare_runs(runs[0], runs[1])
    except FileNotFoundError:
        return f"{mine.job.id} or {theirs.job.id}: its folder is gone"
    except RorError as error:
        return f"{mine.job.id} or {theirs.job.id}: {error}"


def _has_outputs(row: ror.engine.JobRow) -> bool:
    """Whether its outputs were checked; it may have failed later, where that of another version would, too."""
    return row.job.state in _MADE and any(
        step.step == _CHECKS_IT and step.ended_at is not None for step in row.steps
    )


def _runs(workflow: ror.registry.InstalledWorkflow, rows: Sequence[ror.engine.JobRow]) -> VersionRuns:
    seconds = [
        step.ended_at - step.started_at
        for row in rows
        for step in row.steps
        if step.step == _RUNS_THE_PROGRAM and step.ended_at is not None and row.job.state in _MADE
    ]
    failed = sum(row.job.state is JobState.FAILED for row in rows)
    median = statistics.median(seconds) if seconds else None
    return VersionRuns(workflow.version, workflow.digest, len(rows), failed, median)
