"""``ror deid profile list | show | diff``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from anonymizer import (
    NamedProfile,
    Profile,
    differences,
    load_profile,
    rules_of,
    shipped_profiles,
    standard_of,
    write_profile,
)
from ror.cli.common import home_option, json_option, opened, print_table

__all__ = ["profile"]

_DEFAULT = "research"


@click.group()
def profile() -> None:
    """List, show and compare de-identification profiles.

    Example: ror deid profile list
    """


@profile.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the profiles that come with ror.

    Example: ror deid profile list
    """
    rows = [
        (one.name, one.profile.digest, sorted(one.profile.options), one.description)
        for one in shipped_profiles()
    ]
    print_table(("name", "digest", "options", "description"), rows, as_json=as_json)


@profile.command()
@click.argument("name", required=False)
@click.option("--project", help="The profile of this project, instead of a name or file.")
@click.option("--all", "everything", is_flag=True, help="All 657 rows of the table, also what is kept.")
@click.option("--toml", "as_toml", is_flag=True, help="Print a profile file that extends none.")
@json_option
@home_option
@click.pass_context
def show(
    context: click.Context,
    name: str | None,
    project: str | None,
    everything: bool,
    as_toml: bool,
    as_json: bool,
) -> None:
    """Show what a shipped profile, or one in a file, does to which attributes; "research" unless named.

    Listed is what is not plainly kept. Of a choice of the standard (X/Z/D) the rule is told that holds where an
    attribute's type is not known.

    Example: ror deid profile show quantitative
    """
    if name and project:
        raise click.UsageError("give a profile or --project, not both")
    named = _of_project(context, project) if project else load_profile(name or _DEFAULT)
    if as_toml:
        click.echo(write_profile(named.profile, named.name, named.description), nl=False)
        return
    rules = [one for one in rules_of(named.profile) if everything or one.action != "keep"]
    if as_json:
        told = _settings(named) | {"attributes": [asdict(one) for one in rules]}
        click.echo(json.dumps(told, indent=1))
        return
    for key, value in _settings(named).items():
        line = ", ".join(value) if isinstance(value, list) else str(value)
        click.echo(f"{key}: {line or '–'}")
    click.echo()
    rows = [(one.tag, one.name, one.standard, one.action) for one in rules]
    print_table(("tag", "name", "standard", "action"), rows, as_json=False)


@profile.command()
@click.argument("name", default=_DEFAULT)
@click.argument("other", required=False)
@json_option
def diff(name: str, other: str | None, as_json: bool) -> None:
    """Tell where a profile differs from another, or from the standard's own with the same options.

    Example: ror deid profile diff quantitative research
    """
    one = load_profile(name)
    beside = load_profile(other).profile if other else standard_of(one.profile)
    rows = [
        (each.tag, each.name, each.standard, each.one, each.other)
        for each in differences(one.profile, beside)
    ]
    print_table(("tag", "name", "standard", "this", "other"), rows, as_json=as_json)


def _of_project(context: click.Context, project: str) -> NamedProfile:
    with opened(context) as app:
        return NamedProfile(
            project, f"The profile of project {project}.", app.projects.get(project).profile()
        )


def _settings(named: NamedProfile) -> dict[str, object]:
    one: Profile = named.profile
    return {
        "name": named.name,
        "description": named.description,
        "digest": one.digest,
        "options": sorted(one.options),
        "weekdays": one.weekdays,
        "find_text": one.find_text,
        "pixel_rules": bool(one.pixel_rules),
    }
