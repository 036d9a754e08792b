"""``ror reidentify``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from anonymizer import OriginalIdentity
from ror.cli.common import home_and_json, opened, print_table

__all__ = ["command"]


@click.command()
@click.argument("pseudonym")
@click.option("--project", required=True, help="The project in which the patient has it.")
@click.option("--purpose", required=True, help="What for; it goes on record, so name no patient in it.")
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
    """Tell whose studies are held under a pseudonym; that it was asked goes on record (`ror audit`).

    Example: ror reidentify MOBA-0007 --project lungs --purpose "incidental finding, request 12"
    """
    with opened(context) as app:
        found = app.who.identities.open(app.projects.get(project).name, pseudonym, purpose, key_file)
    names = [one.name for one in fields(OriginalIdentity)]
    rows = [(one.study_uid, *(getattr(one.original, name) for name in names)) for one in found]
    print_table(("study_uid", *(f"original_{name}" for name in names)), rows, as_json=as_json)
