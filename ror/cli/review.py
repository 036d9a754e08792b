"""``ror review list | show | accept | reject | summary | corrections``."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple

import click

from ror.app import App
from ror.cli.common import home_and_json, home_option, moment, opened, print_table
from ror.cli.decisions import decisions_told
from ror.cli.review_corrections import corrections
from ror.engine import JobRow
from ror.errors import RorError
from ror.model import Job, JobState

__all__ = ["command"]

_MOST_NOTED = 500
_MOST_NAMED = 64


@click.group()
def command() -> None:
    """Look at the results that wait for a decision; accept or reject them.

    Example: ror review list
    """


def _short(_context: click.Context, parameter: click.Parameter, text: str) -> str:
    most = _MOST_NAMED if parameter.name == "by" else _MOST_NOTED
    if len(text) > most or not text.isprintable():
        raise click.BadParameter(f"must be one line of at most {most} characters")
    return text.strip()


command.add_command(corrections)
_by = click.option("--by", default="", callback=_short, help="In whose name, if not your own.")
_note = click.option(
    "--note", default="", callback=_short, help="Why; it is kept and shown, so name no patient."
)


@command.command("list")
@click.option("--project", help="Only jobs of this project.")
@home_and_json
@click.pass_context
def list_(context: click.Context, project: str | None, as_json: bool) -> None:
    """List the jobs whose results wait for a decision, the longest waiting first.

    Example: ror review list --project lungs
    """
    with opened(context) as app:
        rows = app.jobs.find(project, JobState.REVIEW)
    columns = ("job", "project", "workflow", "version", "patient_id", "study_uid", "waits_since_at", "shown")
    waiting: list[tuple[object, ...]] = [
        (
            row.job.id,
            row.job.project,
            row.job.workflow,
            row.job.version,
            row.job.patient_id,
            row.job.study_uid,
            _since(row),
            row.reason,
        )
        for row in sorted(rows, key=_since)
    ]
    print_table(columns, waiting, as_json=as_json)


def _since(row: JobRow) -> float:
    return row.steps[-1].started_at if row.steps else row.created_at


@command.command()
@click.argument("job_id", metavar="JOB")
@home_and_json
@click.pass_context
def show(context: click.Context, job_id: str, as_json: bool) -> None:
    """Show what a job has made and measured, where it can be looked at, and what was decided.

    Example: ror review show lung_mask-0123
    """
    with opened(context) as app:
        row = app.jobs.show(job_id)
        decisions, decided = app.reviews.decisions(row.job.id), decisions_told(app, row.job.id)
        results = app.ledger.made([row.job.id])
        versions = app.corrections.of_job(row.job.id)
        undecided = row.job.state in (JobState.REVIEW, JobState.REJECTED)
        changes = app.changes_by(app.corrections.latest(row.job.id)) if undecided else ()
        folder = app.home.job(row.job.id).root
    if as_json:
        told = {
            "job": row.job.id,
            "state": row.job.state,
            "shown": row.reason,
            "results": [asdict(one) | {"path": str(folder / one.path)} for one in results],
            "corrections": [asdict(one) for one in versions],
            "changes": changes,
            "decisions": [asdict(one) for one in decisions],
        }
        click.echo(json.dumps(told, indent=1, default=str))
        return
    click.echo(f"{row.job.id}: {row.job.state.value}{f' ({row.reason})' if row.reason else ''}")
    click.echo(f"  patient  {row.job.patient_id}, study {row.job.study_uid}")
    for one in results:
        click.echo(f"  {one.kind:<8} {folder / one.path}")
    for version in versions:
        agreed = ", ".join(f"{label} {dice:.3f}" for label, dice in version.agreement.items())
        click.echo(
            f"  corrected {version.mask}, version {version.version} of {moment(version.received_at)} (Dice {agreed})"
        )
    for change in changes:
        click.echo(f"  with the latest corrections: {change}")
    for line in decided:
        click.echo(f"  {line}")


@command.command()
@click.argument("job_id", metavar="JOB")
@click.option(
    "--as-made", is_flag=True, help="Leave the masks as the workflow made them, though some were corrected."
)
@_by
@_note
@home_option
@click.pass_context
def accept(context: click.Context, job_id: str, as_made: bool, by: str, note: str) -> None:
    """Let the results of a job be delivered and recorded, with the latest correction of each mask in its place.

    Example: ror review accept lung_mask-0123 --by "Dr. Roe"
    """
    with opened(context) as app:
        job = app.jobs.get(job_id)
        latest = [] if as_made else app.corrections.latest(job.id)
        changes = app.changes_by(latest)
        app.reviews.accept(job, by, note, [one.sop_uid for one in latest])
        click.echo(f"{job.id} is accepted: its results are delivered")
        for change in changes:
            click.echo(change)
        _take_back(app, job)


@command.command()
@click.argument("job_id", metavar="JOB")
@_by
@_note
@home_option
@click.pass_context
def reject(context: click.Context, job_id: str, by: str, note: str) -> None:
    """End a job whose results are not to be delivered; they stay in its folder, and nothing is recorded.

    Example: ror review reject lung_mask-0123 --note "the left lung is missing"
    """
    with opened(context) as app:
        job = app.jobs.get(job_id)
        app.reviews.reject(job, by, note)
        click.echo(f"{job.id} is rejected: nothing of it is delivered or recorded")
        _take_back(app, job)


def _take_back(app: App, job: Job) -> None:
    """Remove what reviewers were shown. The decision stands, also where that cannot be done now."""
    try:
        told = app.review_room.take_back(job, app.projects.get(job.project))
    except RorError as error:
        told = f"what was shown to reviewers is still there: {error}"
    if told:
        click.echo(told)


@command.command()
@click.option("--project", help="Only jobs of this project.")
@home_and_json
@click.pass_context
def summary(context: click.Context, project: str | None, as_json: bool) -> None:
    """Count for each version of a workflow how many results wait, were accepted, corrected and rejected.

    Example: ror review summary --project lungs
    """
    with opened(context) as app:
        rows = [astuple(one) for one in app.reviews.tallies(project)]
    columns = ("project", "workflow", "version", "waiting", "accepted", "corrected", "rejected")
    print_table(columns, rows, as_json=as_json)
