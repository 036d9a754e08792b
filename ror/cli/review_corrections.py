"""``ror review corrections list | export``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.results import export_corrections

__all__ = ["corrections"]


@click.group()
def corrections() -> None:
    """Masks that were corrected in a viewer and came back: list them, or export them as training data.

    Example: ror review corrections list --project lungs
    """


@corrections.command("list")
@click.option("--project", help="Only of jobs of this project.")
@home_and_json
@click.pass_context
def list_(context: click.Context, project: str | None, as_json: bool) -> None:
    """List corrected masks, the latest version of each first, and how much of the workflow's mask they keep (Dice).

    Example: ror review corrections list --project lungs
    """
    with opened(context) as app:
        found = app.corrections.of_project(project)
    columns = ("job", "project", "mask", "version", "series_uid", "sender", "received_at", "dice")
    rows = [
        (
            one.job_id,
            one.project,
            one.mask,
            one.version,
            one.series_uid,
            one.sender,
            one.received_at,
            [f"{label} {dice:.3f}" for label, dice in one.agreement.items()],
        )
        for one in found
    ]
    print_table(columns, rows, as_json=as_json)


@corrections.command()
@click.option("--project", required=True, help="Of whose jobs.")
@click.option(
    "--out", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to fill."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["nifti", "seg"]),
    default="nifti",
    show_default=True,
    help="Of masks.",
)
@click.option("--all", "every", is_flag=True, help="All versions, not only the latest of each mask.")
@home_option
@click.pass_context
def export(
    context: click.Context, project: str, folder: Path, form: Literal["nifti", "seg"], every: bool
) -> None:
    """Write corrected masks on the grid of their series, and corrections.csv: where each comes from, and its Dice.

    Example: ror review corrections export --project lungs --out training
    """
    with opened(context) as app:
        found = app.corrections.of_project(app.projects.get(project).name)
        if not every:
            found = list({(one.job_id, one.mask): one for one in reversed(found)}.values())
        archive = app.home.archive

        def images(series_uid: str) -> list[Path]:
            return [archive / one.path for one in app.index.instances(series_uid)]

        written = export_corrections(found, images, folder, form)
    click.echo(f"{written} masks in {folder}")
