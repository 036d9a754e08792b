"""``ror studies``."""

from __future__ import annotations

import time

import click

from ror.app import App
from ror.archive import StillNeeded, StudyRow, settle_reason, waits_for
from ror.cli.common import home_and_json, opened, print_table
from ror.model import StudyState

__all__ = ["command"]

_COLUMNS = (
    "study_uid",
    "project",
    "patient_id",
    "state",
    "since_at",
    "reason",
    "waits_for",
    "series",
    "instances",
    "expected",
    "last_received_at",
)


@click.command()
@click.option("--project", help="Only studies of this project.")
@click.option(
    "--state", type=click.Choice([state.value for state in StudyState]), help="Only studies in this state."
)
@click.option("--needs", is_flag=True, help="What enabled workflows still need of those that receive.")
@home_and_json
@click.pass_context
def command(
    context: click.Context, project: str | None, state: str | None, needs: bool, as_json: bool
) -> None:
    """List the studies of the archive, the latest first: how each stands, why, and what it waits for.

    Example: ror studies --project lungs --state receiving --needs
    """
    with opened(context) as app:
        if project is not None:
            app.projects.get(project)
        seconds, now = app.settings.listener.settle_seconds, time.time()
        studies = [one for one in app.index.studies(project) if state in (None, one.state)]
        rows: list[tuple[object, ...]] = [_row(one, seconds, now, app.still_needed) for one in studies]
        if needs:
            rows = [(*row, _needs(app, one)) for row, one in zip(rows, studies, strict=True)]
    print_table((*_COLUMNS, "needs") if needs else _COLUMNS, rows, as_json=as_json)


def _row(study: StudyRow, settle_seconds: float, now: float, needed: StillNeeded) -> tuple[object, ...]:
    since = {
        StudyState.RECEIVING: study.last_received_at,
        StudyState.SETTLED: study.settled_at,
        StudyState.MATCHED: study.matched_at,
    }
    return (
        study.study_uid,
        study.project,
        study.patient_id,
        study.state.value,
        since[study.state],
        settle_reason(study),
        waits_for(study, settle_seconds, now, needed),
        study.series,
        study.instances,
        study.named or None if study.expected is None else study.expected,
        study.last_received_at,
    )


def _needs(app: App, study: StudyRow) -> list[str]:
    """What each enabled workflow misses, or that it has what it needs."""
    if study.state is not StudyState.RECEIVING:
        return []
    told = {
        f"{verdict.workflow}: {'has what it needs' if verdict.job else verdict.reason}": None
        for verdict in app.matcher.why(study.study_uid)
    }
    return list(told)
