"""``ror redcap check | dictionary``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

import ror.results
import select_lang
from containers import Manifest, Package
from ror.app import App
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.errors import NotFound, RorError
from ror.registry import Project

__all__ = ["command", "tell_mismatches"]

_QUICKLY_SECONDS = 5.0


@click.group()
def command() -> None:
    """Say what a project's REDCap would refuse, and make the data dictionary that it needs.

    Example: ror redcap check lungs
    """


@command.command()
@click.argument("project")
@home_and_json
@click.pass_context
def check(context: click.Context, project: str, as_json: bool) -> None:
    """Hold what the enabled workflows announce against the REDCap of a project; exit code 1 if it would refuse any.

    It asks for the token's rights, fields and their types, events, and instruments that repeat, and changes nothing.

    Example: ror redcap check lungs
    """
    with opened(context) as app:
        wanted = app.projects.get(project)
        if not wanted.redcap_url:
            raise NotFound(
                f"project {project} has no REDCap",
                f"ror project change {project} --redcap-url https://…/api/",
            )
        found = app.redcap_outlook.mismatches(wanted)
        manifests = app.redcap_outlook.manifests(project)
    if found or as_json:
        print_table(("what", "mend"), [(one.what, one.mend) for one in found], as_json=as_json)
    for note in _notes(wanted, manifests):
        click.echo(f"note: {note}", err=True)
    if found:
        sys.exit(1)
    if not as_json:
        click.echo(f"the REDCap of project {project} takes all that its workflows announce")


@command.command()
@click.argument(
    "workflow", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False, default=None
)
@click.option("--project", help="For all enabled workflows of this project, in place of a folder.")
@click.option(
    "--form",
    default="",
    help="Instrument of all fields; default: the project's repeating one, else one each.",
)
@click.option(
    "--merge", is_flag=True, help="The dictionary that the project's REDCap has, and what it lacks."
)
@home_option
@click.pass_context
def dictionary(
    context: click.Context, workflow: Path | None, project: str | None, form: str, merge: bool
) -> None:
    """Print the CSV that REDCap takes under Data Dictionary, for the measurements that workflows announce.

    An upload replaces the whole dictionary: into a REDCap project with fields of its own goes what --merge prints.

    Example: ror redcap dictionary --project lungs --merge > dictionary.csv
    """
    if (workflow is None) == (project is None):
        raise click.UsageError("give the folder of a workflow, or --project")
    if workflow is not None:
        if merge:
            raise click.UsageError("--merge needs --project, whose REDCap it asks")
        manifests = [Package.load(workflow, older_name=workflow.name).manifest]
        click.echo(ror.results.dictionary_csv(ror.results.dictionary_rows(manifests, form)), nl=False)
        return
    with opened(context) as app:
        wanted = app.projects.get(str(project))
        rows = ror.results.dictionary_rows(
            app.redcap_outlook.manifests(wanted.name), form or wanted.redcap_repeat_instrument
        )
        if merge:
            rows = ror.results.merged_dictionary(app.redcaps.api(wanted).dictionary(), rows)
    click.echo(ror.results.dictionary_csv(rows), nl=False)
    if not merge and wanted.redcap_url:
        click.echo(
            "an upload replaces the whole dictionary: use --merge if its REDCap has other fields", err=True
        )


def _notes(project: Project, manifests: Sequence[Manifest]) -> Iterator[str]:
    """What cannot be known to be wrong."""
    if unchecked := ", ".join(one.name for one in manifests if not one.announced):
        yield f"not checked, as they announce nothing: {unchecked}"
    by_series = [
        one.name for one in manifests if select_lang.read(one.select).level is select_lang.Level.SERIES
    ]
    if by_series and not project.redcap_repeat_instrument:
        yield (
            f"{', '.join(by_series)} may measure several series of a patient, of which a record takes one for "
            f"each event; ror project change {project.name} --redcap-repeat-instrument NAME gives each its instance"
        )


def tell_mismatches(app: App, name: str, workflow: str = "") -> None:
    """Say what a project's REDCap would refuse, where people see it; that it cannot be asked is told, and no fault.

    Of a workflow that is named, only what would be refused of its measurements, and how much there is of others.
    """
    project = app.projects.get(name)
    if not project.redcap_url:
        return
    try:
        found = app.redcap_outlook.mismatches(project, _QUICKLY_SECONDS)
    except RorError as error:
        click.echo(f"REDCap of project {name} could not be asked what it would refuse: {error}", err=True)
        return
    told = [one for one in found if not (workflow and one.workflows) or workflow in one.workflows]
    for one in told:
        click.echo(f"REDCap would refuse: {one.what}\n  {one.mend}", err=True)
    if others := len(found) - len(told):
        click.echo(f"of other workflows it would refuse {others} more: `ror redcap check {name}`", err=True)
