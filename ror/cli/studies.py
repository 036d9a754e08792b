"""``ror studies``, ``ror studies settle``."""

from __future__ import annotations

import time

import click

from ror.app import App
from ror.archive import StillNeeded, StudyRow, settle_reason, waits_for
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.errors import NotAllowed, NotFound
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
    "results",
    "last_received_at",
)


@click.group(invoke_without_command=True)
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
    if context.invoked_subcommand is None:
        _list(context, project, state, needs, as_json)
    elif project or state or needs or as_json:
        raise click.UsageError(f"these options are for the list, not for {context.invoked_subcommand}")


@command.command()
@click.argument("study_uids", metavar="STUDY...", nargs=-1, required=True)
@home_option
@click.pass_context
def settle(context: click.Context, study_uids: tuple[str, ...]) -> None:
    """Wait no longer for a study: take it for complete with what it has. It goes on record.

    For a procedure step that its modality never ends, or instances that will not come; `ror serve` settles it at once.
    An object that comes later makes it receive again.

    Example: ror studies settle 2.25.1234
    """
    with opened(context) as app:
        known = {one.study_uid: one for one in app.index.studies()}
        for study_uid in study_uids:
            if study_uid not in known:
                raise NotFound(f"there is no study {study_uid}", "see `ror studies`")
            if (state := known[study_uid].state) is not StudyState.RECEIVING:
                raise NotAllowed(f"study {study_uid} is {state.value}", "nothing is waited for any more")
        for study_uid in study_uids:
            study = known[study_uid]
            app.who.audit.record("settle by hand", study.project, study.patient_id, study_uid)
            app.index.sent_whole([study_uid], "ended by hand")
            click.echo(f"study {study_uid} is waited for no longer: `ror serve` settles it")


def _list(context: click.Context, project: str | None, state: str | None, needs: bool, as_json: bool) -> None:
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
        # When the object came that has made it receive again is not kept.
        StudyState.RECEIVING: study.first_received_at if study.settled_at is None else study.last_received_at,
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
        study.results,
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
