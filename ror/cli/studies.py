"""``ror studies``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, opened, print_table

__all__ = ["command"]


@click.command()
@click.option("--project", help="Only studies of this project.")
@home_and_json
@click.pass_context
def command(context: click.Context, project: str | None, as_json: bool) -> None:
    """List the studies of the archive, the latest first.

    Example: ror studies --project lungs
    """
    with opened(context) as app:
        if project is not None:
            app.projects.get(project)
        rows = [
            (
                one.study_uid,
                one.project,
                one.patient_id,
                one.state.value,
                one.series,
                one.instances,
                one.last_received_at,
            )
            for one in app.index.studies(project)
        ]
    columns = ("study_uid", "project", "patient_id", "state", "series", "instances", "last_received_at")
    print_table(columns, rows, as_json=as_json)
