"""``ror pseudonyms set | list | show | couple | uncouple``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ror.app import App
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.model import PseudonymScheme
from ror.registry import PseudonymRule, read_couplings

__all__ = ["command"]


@click.group()
def command() -> None:
    """Say where the pseudonyms of a project come from.

    Example: ror pseudonyms set lungs --pattern "MOBA-{:04d}"
    """


@command.command("set")
@click.argument("project")
@click.option("--derived", is_flag=True, help="From the project's secret: ROR- and ten characters.")
@click.option("--pattern", help="By number, each patient the next one: MOBA-{:04d}.")
@click.option("--first", type=int, help="The next number; as a rule it begins with 1.")
@click.option("--coupled", is_flag=True, help="From a list; who is not on it waits in quarantine.")
@click.option(
    "--keep-identities/--keep-no-identities",
    default=None,
    help="Whether the way back to the patient is kept, encrypted, from now on.",
)
@home_option
@click.pass_context
def set_(
    context: click.Context,
    project: str,
    derived: bool,
    pattern: str | None,
    first: int | None,
    coupled: bool,
    keep_identities: bool | None,
) -> None:
    """Set where the pseudonyms of a project come from, and whether there is a way back.

    Example: ror pseudonyms set lungs --coupled --keep-identities
    """
    if derived + coupled + bool(pattern) > 1:
        raise click.UsageError("give one of --derived, --pattern and --coupled")
    with opened(context) as app:
        rule = app.who.rules.get(app.projects.get(project).name)
        if derived:
            rule = replace(rule, scheme=PseudonymScheme.DERIVED, pattern="")
        elif coupled:
            rule = replace(rule, scheme=PseudonymScheme.COUPLED, pattern="")
        elif pattern is not None:
            rule = replace(rule, scheme=PseudonymScheme.COUNTED, pattern=pattern)
        if keep_identities is not None:
            rule = replace(rule, keeps_identities=keep_identities)
        if first is not None and rule.scheme is not PseudonymScheme.COUNTED:
            raise click.UsageError("--first needs a --pattern")
        _set(app, rule, first)
    click.echo(f"project {project}: {_told(rule)}")


def _set(app: App, rule: PseudonymRule, first: int | None) -> None:
    made = rule.keeps_identities and app.who.identities.make_key(rule.project)
    app.who.rules.set(rule, first)
    app.who.audit.record("set pseudonyms", rule.project, detail=_told(rule))
    if made:
        file = app.who.identities.key_file(rule.project)
        click.echo(f"keep a copy of {file} in a safe place, apart from copies of the database")


def _told(rule: PseudonymRule) -> str:
    by = f" by {rule.pattern}" if rule.pattern else ""
    return f"pseudonyms are {rule.scheme.value}{by}, identities are {'' if rule.keeps_identities else 'not '}kept"


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List where the pseudonyms of each project come from.

    Example: ror pseudonyms list
    """
    with opened(context) as app:
        rules = [app.who.rules.get(project.name) for project in app.projects.list()]
    rows = [(one.project, one.scheme.value, one.pattern, one.keeps_identities) for one in rules]
    print_table(("project", "scheme", "pattern", "keeps_identities"), rows, as_json=as_json)


@command.command()
@click.option("--project", help="Only this project.")
@home_and_json
@click.pass_context
def show(context: click.Context, project: str | None, as_json: bool) -> None:
    """Show who was counted or coupled, and how many of their studies are in the archive; never an old id.

    Example: ror pseudonyms show --project lungs
    """
    with opened(context) as app:
        if project is not None:
            app.projects.get(project)
        rows = [
            (one.project, one.pseudonym, one.event, one.added_at, one.studies)
            for one in app.who.subjects.list(project)
        ]
    print_table(("project", "pseudonym", "event", "added_at", "studies"), rows, as_json=as_json)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--project", required=True, help="The project whose list it is.")
@click.option("--merge", is_flag=True, help="Several old ids may have one new id: they are one person.")
@home_option
@click.pass_context
def couple(context: click.Context, file: Path, project: str, merge: bool) -> None:
    """Add a CSV of old_id,new_id to the coupling list of a project; only keyed digests of old ids are kept.

    Further columns: event_name, issuer, accession_number (the row is of that study only).

    Example: ror pseudonyms couple list.csv --project lungs
    """
    with opened(context) as app:
        key = app.projects.key(app.projects.get(project).name)
        couplings = read_couplings(
            file, lambda rows: app.who.couplings.contradictions(project, key, rows, merge=merge)
        )
        added = app.who.couplings.add(project, key, couplings, merge=merge)
        app.who.audit.record("couple", project, detail=f"{added} of {len(couplings)} rows were new")
        waiting = sum(
            one.reason == "unlisted_patient" for one in app.quarantine.list() if one.project == project
        )
    click.echo(f"{added} of {len(couplings)} rows added; {file} still holds the old ids: put it away")
    if waiting:
        click.echo(
            f"{waiting} objects wait: ror quarantine release --project {project} --reason unlisted_patient"
        )


@command.command()
@click.argument("new_id")
@click.option("--project", required=True, help="The project whose list it is.")
@home_option
@click.pass_context
def uncouple(context: click.Context, new_id: str, project: str) -> None:
    """Take a new id off the coupling list; not if studies are held under it.

    Example: ror pseudonyms uncouple MOBA-0007 --project lungs
    """
    with opened(context) as app:
        app.who.couplings.remove(app.projects.get(project).name, new_id)
        app.who.audit.record("uncouple", project, new_id)
    click.echo(f"{new_id} is not on the coupling list of project {project} any more")
