"""``ror measurements list | export | summary | plot``."""

from __future__ import annotations

from dataclasses import astuple, fields
from pathlib import Path

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.errors import ConfigurationError
from ror.results import (
    COLUMNS,
    FieldSummary,
    MeasurementRow,
    as_csv_table,
    as_json_table,
    as_parquet,
    cells,
    figure,
    plotted,
    summaries,
)

__all__ = ["command"]

_of_project = click.option("--project", help="Only measurements of this project.")
_output = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; default: print it.",
)


@click.group()
def command() -> None:
    """Show, export, summarise and plot the measurements of finished jobs, without those that were superseded.

    Example: ror measurements list --project lungs
    """


@command.command("list")
@_of_project
@home_and_json
@click.pass_context
def list_(context: click.Context, project: str | None, as_json: bool) -> None:
    """List measurements, each with the series that it is of and its place in REDCap.

    Example: ror measurements list --project lungs
    """
    rows = _rows(context, project)
    print_table(COLUMNS, [cells(row) for row in rows], as_json=as_json)


@command.command()
@_of_project
@click.option(
    "--format", "kind", type=click.Choice(("csv", "json", "parquet")), default="csv", show_default=True
)
@_output
@home_option
@click.pass_context
def export(context: click.Context, project: str | None, kind: str, output: Path | None) -> None:
    """Write the table of measurements as CSV, JSON or Parquet (which needs ror-pacs[parquet]).

    Example: ror measurements export --project lungs -o measurements.csv
    """
    if kind == "parquet" and output is None:
        raise click.UsageError("Parquet is no text: give a file with -o")
    rows = _rows(context, project)
    if kind == "parquet":
        _write(output, as_parquet(rows))
    else:
        _write(output, (as_csv_table(rows) if kind == "csv" else as_json_table(rows)).encode())


@command.command()
@_of_project
@home_and_json
@click.pass_context
def summary(context: click.Context, project: str | None, as_json: bool) -> None:
    """Summarise each field of each version of a workflow: n, mean, sd, median, range, and how many jobs lack it.

    Example: ror measurements summary --project lungs
    """
    found = _summaries(context, project)
    columns = [field.name for field in fields(FieldSummary)]
    values = [astuple(one) if as_json else tuple(map(figure, astuple(one))) for one in found]
    print_table(columns, values, as_json=as_json)


@command.command()
@click.argument("project")
@click.argument("field_name", metavar="FIELD")
@_output
@home_option
@click.pass_context
def plot(context: click.Context, project: str, field_name: str, output: Path | None) -> None:
    """Plot a field: a box and every value for each version of its workflows, as .html with the figures, .png or .svg.

    Example: ror measurements plot lungs left_lung_volume -o volumes.html
    """
    kind = output.suffix.lower() if output else ".svg"
    if kind not in (".html", ".png", ".svg"):
        raise click.UsageError(
            f"no {kind or 'file without an ending'}: name a file that ends in .html, .png or .svg"
        )
    drawn = plotted(project, field_name, _rows(context, project))
    if kind == ".html":
        figures = [one for one in _summaries(context, project) if one.field_name == field_name]
        _write(output, drawn.html(figures).encode())
    elif kind == ".png":
        _write(output, drawn.png)
    else:
        _write(output, drawn.svg.encode())


def _rows(context: click.Context, project: str | None) -> list[MeasurementRow]:
    with opened(context) as app:
        if project is not None:
            app.projects.get(project)
        return app.measurements.list(project)


def _summaries(context: click.Context, project: str | None) -> list[FieldSummary]:
    with opened(context) as app:
        if project is not None:
            app.projects.get(project)
        return summaries(app.measurements.list(project), app.measurements.finished(project))


def _write(output: Path | None, content: bytes) -> None:
    if output is None:
        click.echo(content.decode(), nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(
            f"{output} cannot be written: {error.strerror}", advice="name a file that you may write"
        ) from error
