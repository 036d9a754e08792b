"""``ror jobs list | show | logs | why | match``, and what is in `ror.cli.jobs_again` and `job_timings`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ror.app import App
from ror.cli.common import folded, home_and_json, home_option, moment, opened, print_table, require_known
from ror.cli.decisions import decisions_told
from ror.cli.job_timings import hops_told, timings
from ror.cli.jobs_again import cancel, dead, retry, tries_told
from ror.engine import JobRow
from ror.errors import NotFound
from ror.housekeeping import REMOVED
from ror.model import Job, JobState
from ror.registry import AuditFilter, AuditRecord

if TYPE_CHECKING:
    from ror.results import DeliveryState

__all__ = ["command"]

_SHADOW = ", in the shadow of another version"


@click.group()
def command() -> None:
    """List, show, match, retry and cancel jobs; say why a study has none.

    Example: ror jobs list --state failed
    """


for one in (cancel, dead, retry, timings):
    command.add_command(one)


@command.command("list")
@click.option("--project", help="Only jobs of this project.")
@click.option(
    "--state", type=click.Choice([state.value for state in JobState]), help="Only jobs in this state."
)
@click.option("--study", help="Only jobs of this StudyInstanceUID.")
@home_and_json
@click.pass_context
def list_(
    context: click.Context, project: str | None, state: str | None, study: str | None, as_json: bool
) -> None:
    """List jobs, the latest first; `ror jobs show` tells the whole of a detail that is cut here.

    Example: ror jobs list --state failed --json
    """
    with opened(context) as app:
        require_known(app, project)
        rows = app.jobs.find(project, JobState(state) if state else None, study)
    columns = (
        "id",
        "project",
        "version",
        "shadow",
        "state",
        "step",
        "study_uid",
        "created_at",
        "ended_at",
        "detail",
    )
    print_table(
        columns,
        [
            (
                row.job.id,
                row.job.project,
                row.job.version,
                row.job.shadow if as_json else "shadow" if row.job.shadow else "",
                row.job.state.value,
                row.steps[-1].step if row.steps else "",
                row.job.study_uid,
                row.created_at,
                row.ended_at,
                row.reason,
            )
            for row in rows
        ],
        as_json=as_json,
        cut=True,
    )


@command.command()
@click.argument("job_id", metavar="JOB")
@home_and_json
@click.pass_context
def show(context: click.Context, job_id: str, as_json: bool) -> None:
    """Show one job: what it works on, its steps and hops with their times, what was decided, and its results.

    Example: ror jobs show lung_mask-0123
    """
    with opened(context) as app:
        row = app.jobs.show(job_id)
        results = app.ledger.made([row.job.id])
        deliveries = app.ledger.states(row.job.id, app.projects.get(row.job.project).pacs)
        hops = app.timings.of(row.job.id)
        decisions, decided = app.reviews.decisions(row.job.id), decisions_told(app, row.job.id)
        folder, log = app.home.job(row.job.id).root, app.home.job(row.job.id).log
        removed = None if folder.exists() else _removal(app, row.job)
    if as_json:
        shown = asdict(row) | {
            "results": [asdict(one) for one in results],
            "decisions": [asdict(one) for one in decisions],
            "deliveries": [asdict(one) for one in deliveries],
            "hops": [asdict(one) for one in hops],
            "folder": str(folder),
            "folder_removed_at": removed.at if removed else None,
        }
        click.echo(json.dumps(shown, indent=1, default=str))
        return
    _print_job(row)
    for line in decided:
        click.echo(f"  {line}")
    for one in results:
        click.echo(f"  {one.kind:<8} {one.sop_uid}{f'  {folder / one.path}' if folder.exists() else ''}")
    for state in deliveries:
        when = f" {moment(state.last_at)}" if state.last_at is not None else ""
        click.echo(f"  → {state.destination}:{when} {_how_far(state)}")
    for line in hops_told(hops):
        click.echo(f"  {line}")
    told = (
        f"removed {moment(removed.at)}, by housekeeping: {removed.detail.partition(': ')[2]}"
        if removed
        else ""
    )
    click.echo(f"  folder   {told or (folder if folder.exists() else 'not there')}")
    if log.exists():
        click.echo(f"  log      {log}")


def _removal(app: App, job: Job) -> AuditRecord | None:
    """The event of the housekeeping that has removed the folder of a job last, with the rule."""
    wanted = AuditFilter(job.project, job.patient_id, REMOVED)
    return next((one for one in app.who.audit.list(wanted) if f" {job.id}: " in f" {one.detail}"), None)


def _how_far(state: DeliveryState) -> str:
    """``confirmed by C-FIND``, ``sent``, or how many of how many results."""
    if state.made == state.confirmed:
        return f"confirmed by {state.confirmed_by}"
    sent = "sent" if state.made == state.delivered else f"{state.delivered} of {state.made} sent"
    of_them = f", {state.confirmed} confirmed by {state.confirmed_by}" if state.confirmed else ""
    return f"{sent}{of_them or ', not confirmed'}"


def _print_job(row: JobRow) -> None:
    job = row.job
    click.echo(f"{job.id}: {job.state.value}{f' ({job.detail})' if job.detail else ''}")
    of_package = f"{job.version} ({job.package_digest[:12]}){_SHADOW if job.shadow else ''}"
    click.echo(f"  workflow {job.workflow} {of_package} in {row.image or '–'}")
    if job.host:
        click.echo(f"  host     {job.host}{f', card {job.gpu}' if job.gpu else ''}")
    click.echo(f"  patient  {job.patient_id}, study {job.study_uid}")
    for one in job.series:
        click.echo(f"  series   {one.name}: {one.series_uid}")
    for step in row.steps:
        seconds = "…" if step.ended_at is None else f"{step.ended_at - step.started_at:.1f} s"
        told = tries_told(step)
        click.echo(
            f"  {step.step:<8} {moment(step.started_at)}  {seconds:>8}  {folded(step.detail)}{told and f' ({told})'}"
        )


@command.command()
@click.argument("job_id", metavar="JOB")
@home_option
@click.pass_context
def logs(context: click.Context, job_id: str) -> None:
    """Print what the job's container has written.

    Example: ror jobs logs lung_mask-0123
    """
    with opened(context) as app:
        file = app.home.job(app.jobs.show(job_id).job.id).log
        if not file.exists():
            advice = (
                "see `ror jobs show`; of a host without this home folder it comes when the program has ended"
            )
            raise NotFound(f"job {job_id} has written no log yet", advice)
        click.echo(file.read_text(encoding="utf-8", errors="replace"), nl=False)


@command.command()
@click.argument("of", metavar="JOB|STUDY")
@home_and_json
@click.pass_context
def why(context: click.Context, of: str, as_json: bool) -> None:
    """Say what a job waits for; or for every enabled workflow which jobs it wants of a study, or why it wants none.

    Example: ror jobs why lung_mask-0123
    """
    with opened(context) as app:
        if not of[:1].isdigit():  # as every UID begins, and no job
            _why_job(app, of, as_json)
            return
        verdicts = app.matcher.why(of)
    rows = [
        (one.workflow, one.version, one.job, one.state or ("not queued" if one.job else ""), one.reason)
        for one in verdicts
    ]
    # Of a job that is there `ror jobs show` tells the whole reason; of one that is not, nothing else does.
    columns = ("workflow", "version", "job", "state", "reason")
    print_table(columns, rows, as_json=as_json, cut=all(one.state for one in verdicts))
    if not rows:
        click.echo("its project has no enabled workflow: see `ror workflow list`", err=True)


def _why_job(app: App, job_id: str, as_json: bool) -> None:
    row = app.jobs.show(job_id)
    job, reason, is_shown = row.job, row.reason, bool(row.reason)
    if reason and row.steps and (told := tries_told(row.steps[-1])):
        reason, is_shown = f"{reason} ({told})", False
    if job.state is JobState.QUEUED and not reason:
        reason = f"host {job.host} begins with it" if job.host else app.why_it_waits(job)
    columns = ("job", "state", "host", "gpu", "reason")
    of_job = (job.id, job.state.value, job.host, job.gpu, reason)
    print_table(columns, [of_job], as_json=as_json, cut=is_shown)


@command.command()
@click.argument("study_uids", metavar="[STUDY]...", nargs=-1)
@click.option("--project", help="All studies of this project; without it and STUDY, all there are.")
@home_and_json
@click.pass_context
def match(context: click.Context, study_uids: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Match studies again, with the workflows that are enabled now; `ror serve` or `ror work` runs the new jobs.

    A job that is there is not made twice; the results of a newer version replace those of the older one.

    Example: ror jobs match --project lungs
    """
    if study_uids and project:
        raise click.UsageError("give studies or a project, not both")
    with opened(context) as app:
        of_project = app.projects.get(project).name if project else None
        # The first that came is the first to be queued.
        wanted = study_uids or tuple(row.study_uid for row in reversed(app.index.studies(of_project)))
        rows = [(one.study_uid, one.jobs, one.reason) for one in app.matcher.match_again(wanted)]
    print_table(("study_uid", "new_jobs", "reason"), rows, as_json=as_json)
