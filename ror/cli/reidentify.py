"""``ror reidentify``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from anonymizer import OriginalIdentity
from ror.cli.common import home_and_json, opened, print_table
from ror.registry import Role

__all__ = ["command"]


def _said(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("is empty; say what the identity is for")
    return value


@click.command()
@click.argument("pseudonym")
@click.option("--project", required=True, help="The project in which the patient has it.")
@click.option(
    "--purpose",
    required=True,
    callback=_said,
    help="What for; it goes on record, so name no patient in it.",
)
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    help="The key of the project's identities, where it does not lie in secrets/.",
)
@home_and_json
@click.pass_context
def command(
    context: click.Context, pseudonym: str, project: str, purpose: str, key_file: Path | None, as_json: bool
) -> None:
    """Tell whose studies are held under a pseudonym, to those whom [reidentify] of ror.toml names.

    That it was asked goes on record (`ror audit list`), also if it was refused or there is no such pseudonym.

    Example: ror reidentify MOBA-0007 --project lungs --purpose "incidental finding, request 12"
    """
    with opened(context) as app:
        role = Role(tuple(app.settings.reidentify.users))
        found = app.who.identities.open(project, pseudonym, purpose, role, key_file)
    names = [one.name for one in fields(OriginalIdentity)]
    rows = [(one.study_uid, *(getattr(one.original, name) for name in names)) for one in found]
    print_table(("study_uid", *(f"original_{name}" for name in names)), rows, as_json=as_json)
