"""``ror pull --from PACS --query ... --project NAME``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from orthanc import OrthancRest, Query
from ror.app import App
from ror.cli.common import home_and_json, opened, print_table, set_up_log
from ror.errors import ConfigurationError
from ror.gateway import (
    ALWAYS,
    Journal,
    Move,
    Order,
    Outcome,
    Pulled,
    StudySource,
    Window,
    follow,
    pull,
    source_of,
)
from ror.pacs import rest_of
from ror.registry import Sender

__all__ = ["command"]

_NOT_DONE, _STOPPED = 1, 130


@click.command()
@click.option("--from", "pacs", required=True, metavar="PACS", help="A [pacs.NAME] of ror.toml.")
@click.option("--project", required=True, help="Whose the studies are.")
@click.option("--query", help="Which studies: 'PatientID=4711 StudyDate=20240101-20240131'.")
@click.option(
    "--by",
    type=click.Choice(["auto", "get", "move", "dicomweb"]),
    default="auto",
    help="C-GET, C-MOVE to our listener, or DICOMweb; as a rule what the section says.",
)
@click.option("--between", help="Only at this time of day: 22:00-06:00.")
@click.option("--limit", type=click.IntRange(1), help="At most so many studies.")
@click.option("--dry-run", is_flag=True, help="Say what there is to fetch, and fetch nothing.")
@click.option(
    "--follow", "following", is_flag=True, help="Fetch what becomes stable in an Orthanc, from now on."
)
@click.option("--once", is_flag=True, help="With --follow: end at the newest change.")
@home_and_json
@click.pass_context
def command(
    context: click.Context,
    pacs: str,
    project: str,
    query: str | None,
    by: str,
    between: str | None,
    limit: int | None,
    dry_run: bool,
    following: bool,
    once: bool,
    as_json: bool,
) -> None:
    """Fetch studies from a PACS; they take the way in of studies that are sent.

    The same command again goes on where it stopped. Exit code 1 if a study did not come as a whole.

    Example: ror pull --from research --project lungs --query 'StudyDate=20240101-20240131 ModalitiesInStudy=MR'
    """
    if following == (query is not None) or (once and not following):
        raise click.UsageError("say --query, or --follow (with or without --once)")
    if following and (dry_run or limit or by != "auto"):
        raise click.UsageError("--follow takes no --dry-run, --limit or --by")
    window = Window.parse(between) if between else ALWAYS
    asked = Query.parse(query) if query is not None else None
    with opened(context) as app, ExitStack() as stack:
        app.projects.get(project)
        journal = Journal(app.home.pulls, project, pacs, app.projects.key(project))
        settings = app.pacs(pacs)
        set_up_log(app, shown=False)
        if asked is None:
            rest = stack.enter_context(_rest_of(app, pacs))
            stack.enter_context(journal.opened())
            told = stack.enter_context(_shown())
            pulled = follow(rest, project, app.intake, journal, told, once=once, window=window)
        else:
            source = source_of(pacs, settings, by, app.settings.listener.ae_title)
            if isinstance(source, Move):
                _require_route(app, source, project)
            stack.enter_context(journal.opened())
            if dry_run:
                _tell_found(source, asked, journal, as_json=as_json)
                return
            if isinstance(source, Move):
                stack.enter_context(app.listening())
            order = Order(asked, project, window, limit or 0)
            told = stack.enter_context(_shown())
            pulled = pull(order, source, app.intake, journal, app.completeness, told)
    _tell(pulled, as_json=as_json)
    if pulled.failed:
        context.exit(_NOT_DONE)
    if not pulled.complete and not limit:
        click.echo("stopped; the same command goes on from here", err=True)
        context.exit(_STOPPED)


@contextmanager
def _rest_of(app: App, pacs: str) -> Iterator[OrthancRest]:
    settings = app.pacs(pacs)
    if not settings.orthanc_url:
        raise ConfigurationError(
            f"[pacs.{pacs}] of ror.toml does not say orthanc_url", advice="only an Orthanc has a change feed"
        )
    with rest_of(settings) as rest:
        yield rest


def _require_route(app: App, source: Move, project: str) -> None:
    """By C-MOVE objects come to the listener, whose routes say whose they are."""
    title, ours = source.peer.ae_title, source.peer.calling_ae_title
    routes = [one for one in app.routes.list() if not one.misfits(Sender(title, ours))]
    if project not in (one.project for one in routes):
        goes = ", ".join(dict.fromkeys(one.project for one in routes)) or "no project"
        raise ConfigurationError(
            f"what {title} sends to {ours} goes to {goes}, not to {project}",
            advice=f"ror route add {project} --from {title}; or fetch it by C-GET or DICOMweb",
        )


def _tell_found(source: StudySource, query: Query, journal: Journal, *, as_json: bool) -> None:
    rows = [
        (journal.key.uid(study.study_instance_uid), study.instances, study.modalities, journal.has(study))
        for study in source.find(query)
    ]
    print_table(("study_uid", "objects", "modalities", "pulled"), rows, as_json=as_json)


@contextmanager
def _shown() -> Iterator[Callable[[Pulled], None]]:
    """A line on the terminal; where there is none, nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("asking", total=None)

        def told(pulled: Pulled) -> None:
            now = f", {pulled.waiting}" if pulled.waiting else ""
            progress.update(task, description=_sentence(pulled) + now)

        yield told


def _sentence(pulled: Pulled) -> str:
    return (
        f"{pulled.found} studies found, {pulled.before} pulled before, {pulled.done} pulled now, "
        f"{len(pulled.failed)} failed"
    )


def _tell(pulled: Pulled, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_summary(pulled), indent=1))
        return
    click.echo(_sentence(pulled))
    counts = {outcome: pulled.count(outcome) for outcome in Outcome}
    if pulled.objects:
        click.echo(
            f"{counts[Outcome.TAKEN_IN]} objects taken in, {counts[Outcome.HELD]} were there before, "
            f"{counts[Outcome.QUARANTINED]} are in quarantine, {counts[Outcome.REFUSED]} could not be read"
        )
    for one in pulled.failed:
        click.echo(f"study {one.study_uid}: {one.what} ({one.advice})")


def _summary(pulled: Pulled) -> dict[str, Any]:
    return {
        "found": pulled.found,
        "pulled_before": pulled.before,
        "pulled": pulled.done,
        "complete": pulled.complete,
        "objects": {
            outcome.value: pulled.count(outcome) for outcome in Outcome if outcome is not Outcome.SKIPPED
        },
        "failed": [
            {"study_uid": one.study_uid, "what": one.what, "advice": one.advice} for one in pulled.failed
        ],
    }
