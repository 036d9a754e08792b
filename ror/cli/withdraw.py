"""``ror project withdraw | readmit | withdrawn``."""

from __future__ import annotations

import json
import sys

import click

import ror.withdrawal
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.wording import counted

__all__ = ["readmit", "withdraw", "withdrawn"]


@click.command()
@click.argument("of", metavar="STUDY|PSEUDONYM")
@click.option("--project", help="Whose it is, where several projects hold it.")
@click.option("--dry-run", is_flag=True, help="Say what there is and where, and change nothing.")
@click.option("--forget-patient", is_flag=True, help="Also delete the sealed identity, and the pseudonym.")
@home_and_json
@click.pass_context
def withdraw(
    context: click.Context, of: str, project: str | None, dry_run: bool, forget_patient: bool, as_json: bool
) -> None:
    """Take a study, or all studies of a patient, out of a project, and let nothing of it come in again. On record.

    Data, jobs and results go here, at destinations that can remove them, and in REDCap; what lies where nothing can be
    removed is told with its UIDs. What cannot be reached now is told, too: run it again. Exit code 1 until all is done.

    Example: ror project withdraw MOBA-0007 --project lungs --dry-run
    """
    with opened(context) as app:
        withdrawing = ror.withdrawal.Withdrawing(app)
        found = withdrawing.find(of, project)
        if dry_run:
            _tell_found(found, as_json)
            return
        outcome = withdrawing.withdraw(found, forget=forget_patient)
    if as_json:
        told = {"done": outcome.done, "remains": outcome.remains, "waits": outcome.waits}
        click.echo(json.dumps(told, indent=1))
    else:
        for line in outcome.done:
            click.echo(line)
        for name, uids in outcome.remains.items():
            click.echo(
                f"{name} cannot remove, and keeps {counted(len(uids), 'object')}: ask its administrator to delete"
            )
            for uid in uids:
                click.echo(f"  {uid}")
        for line in outcome.waits:
            click.echo(f"not done yet: {line}", err=True)
        if outcome.waits:
            again = f"ror project withdraw {of}{f' --project {project}' if project else ''}"
            forget = " --forget-patient" if forget_patient else ""
            click.echo(
                f"what could be done is done, and nothing of it comes in any more; then: {again}{forget}",
                err=True,
            )
    if outcome.waits:
        sys.exit(1)


def _tell_found(found: ror.withdrawal.Found, as_json: bool) -> None:
    told = {
        "project": found.project,
        "pseudonym": found.pseudonym,
        "studies": found.studies,
        "images": len(found.images),
        "jobs": [job.id for job in found.jobs],
        "delivered": found.delivered,
        "measured": found.measured,
        "matched_again": found.others,
    }
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for name, value in told.items():
        shown = (
            ", ".join(f"{count} at {place}" for place, count in value.items())
            if isinstance(value, dict)
            else value
        )
        shown = ", ".join(shown) if isinstance(shown, (list, tuple)) else shown
        click.echo(f"{name.replace('_', ' '):<14} {shown if shown != '' else '–'}")


@click.command()
@click.argument("of", metavar="STUDY|PSEUDONYM")
@click.option("--project", required=True, help="That it was withdrawn from.")
@home_option
@click.pass_context
def readmit(context: click.Context, of: str, project: str) -> None:
    """Let what was withdrawn come in again when it is sent. On record; nothing that was removed comes back by itself.

    Example: ror project readmit MOBA-0007 --project lungs
    """
    with opened(context) as app:
        for one in app.who.withdrawals.readmit(app.projects.get(project).name, of):
            click.echo(f"{one.study_uid or f'all studies of {one.pseudonym}'} may come in again")


@click.command()
@click.option("--project", help="Only of this project.")
@home_and_json
@click.pass_context
def withdrawn(context: click.Context, project: str | None, as_json: bool) -> None:
    """List what was withdrawn, the latest first, and how many objects remain at which destination.

    Example: ror project withdrawn --project lungs --json
    """
    with opened(context) as app:
        rows = [
            (
                one.project,
                one.pseudonym,
                one.study_uid,
                one.withdrawn_at,
                one.ended_at,
                one.readmitted_at,
                {name: list(uids) for name, uids in one.remains.items()}
                if as_json
                else [f"{len(uids)} at {name}" for name, uids in one.remains.items()],
            )
            for one in app.who.withdrawals.list(project)
        ]
    columns = ("project", "pseudonym", "study_uid", "withdrawn_at", "ended_at", "readmitted_at", "remains")
    print_table(columns, rows, as_json=as_json)
