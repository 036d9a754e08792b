"""``ror jobs dead | retry | cancel``: what gave up, and what becomes of it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from ror.app import App
from ror.cli.common import home_and_json, home_option, moment, opened, require_known
from ror.engine import DeadLetter, JobStep, find_dead_letters
from ror.wording import counted

__all__ = ["cancel", "dead", "retry", "tries_told"]


def tries_told(step: JobStep) -> str:
    """``try 3 after 2 × out of memory, the next at …``; "" for a first try."""
    if step.tries == 1:
        return ""
    setbacks = ", ".join(f"{count} × {kind}" for kind, count in step.setbacks.items())
    waits = step.ended_at is None and step.next_at is not None and step.next_at > time.time()
    return f"try {step.tries} after {setbacks}{f', the next at {moment(step.next_at)}' if waits else ''}"


@click.command()
@click.option("--project", help="Only jobs of this project.")
@click.option("--workflow", help="Only jobs of this workflow.")
@home_and_json
@click.pass_context
def dead(context: click.Context, project: str | None, workflow: str | None, as_json: bool) -> None:
    """List the dead letters, the latest first: jobs that gave up, why, on what, and what their programs said last.

    `ror jobs retry` tries them again, `ror jobs cancel` takes one off the list.

    Example: ror jobs dead --workflow lung_mask
    """
    with opened(context) as app:
        require_known(app, project, workflow)
        letters = find_dead_letters(app.jobs, lambda job_id: app.home.job(job_id).log, project, workflow)
    if as_json:
        click.echo(json.dumps([_for_machines(one) for one in letters], indent=1, default=str))
        return
    for one in letters:
        _print(one)
    again = f": `ror jobs retry` tries {'it' if len(letters) == 1 else 'them'} again" if letters else ""
    click.echo(f"{counted(len(letters), 'dead letter')}{again}")


def _for_machines(letter: DeadLetter) -> dict[str, object]:
    job, step = letter.row.job, letter.step
    return {
        "id": job.id,
        "project": job.project,
        "workflow": job.workflow,
        "version": job.version,
        "patient_id": job.patient_id,
        "study_uid": job.study_uid,
        "series": [asdict(one) for one in job.series],
        "step": step.step if step else "",
        "tries": step.tries if step else 0,
        "setbacks": step.setbacks if step else {},
        "ended_at": letter.row.ended_at,
        "reason": letter.reason,
        "log": letter.log,
    }


def _print(letter: DeadLetter) -> None:
    job, step = letter.row.job, letter.step
    at = f" at {step.step}" if step else ""
    tries = f", {tries_told(step)}" if step and step.tries > 1 else ""
    click.echo(f"{job.id}: gave up{at}, {moment(letter.row.ended_at)}{tries}")
    for line in filter(None, map(str.strip, letter.reason.splitlines())):
        click.echo(f"  reason   {line}")
    click.echo(f"  workflow {job.workflow} {job.version}, project {job.project}")
    click.echo(f"  patient  {job.patient_id}, study {job.study_uid}")
    for one in job.series:
        click.echo(f"  series   {one.name}: {one.series_uid}")
    for line in letter.log:
        click.echo(f"  log      {line}")


@click.command()
@click.argument("job_ids", metavar="[JOB]...", nargs=-1)
@click.option("--workflow", help="All failed jobs of this workflow.")
@click.option("--all", "every", is_flag=True, help="All failed jobs.")
@click.option("--project", help="With --workflow or --all: of this project only.")
@home_option
@click.pass_context
def retry(
    context: click.Context, job_ids: tuple[str, ...], workflow: str | None, every: bool, project: str | None
) -> None:
    """Queue failed or cancelled jobs again, on record; each continues from the step that failed, with all its tries.

    Example: ror jobs retry --workflow lung_mask --project lungs
    """
    if bool(job_ids) + bool(workflow) + every != 1:
        raise click.UsageError("say which: JOB, --workflow NAME or --all")
    if project and job_ids:
        raise click.UsageError("--project is for --workflow and --all")
    with opened(context) as app:
        require_known(app, project)
        queued = _retry_each(app, job_ids) if job_ids else app.jobs.retry_failed(project, workflow)
    for job_id in queued:
        click.echo(f"{job_id} is queued again")
    if not queued:
        click.echo("no such job has failed: see `ror jobs dead`", err=True)


def _retry_each(app: App, job_ids: tuple[str, ...]) -> list[str]:
    known = [app.jobs.get(one).id for one in job_ids]
    for job_id in known:
        app.jobs.retry(job_id)
    return known


@click.command()
@click.argument("job_id", metavar="JOB")
@home_option
@click.pass_context
def cancel(context: click.Context, job_id: str) -> None:
    """Cancel a job that has not ended well, on record; the engine stops its container within a second.

    Example: ror jobs cancel lung_mask-0123
    """
    with opened(context) as app:
        job = app.jobs.get(job_id)
        app.jobs.cancel(job.id)
    click.echo(f"{job.id} is cancelled")
