"""``ror measurements``."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict, fields

import click

from ror.cli.common import home_and_json, opened, print_table
from ror.results import MeasurementRow

__all__ = ["command"]


@click.command()
@click.option("--project", help="Only measurements of this project.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header line.")
@home_and_json
@click.pass_context
def command(context: click.Context, project: str | None, as_csv: bool, as_json: bool) -> None:
    """Show the measurements of finished jobs, without those that were superseded.

    Example: ror measurements --csv > measurements.csv
    """
    if as_csv and as_json:
        raise click.UsageError("give --csv or --json, not both")
    with opened(context) as app:
        if project is not None:
            app.projects.get(project)
        rows = app.measurements.list(project)
    columns = [field.name for field in fields(MeasurementRow)]
    values = [tuple(asdict(row).values()) for row in rows]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(values)
    else:
        print_table(columns, values, as_json=as_json)
