"""``ror workflow compare``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ror.app import App
from ror.cli.common import home_and_json, opened, print_table
from ror.comparison import Comparison, compare
from ror.errors import NotFound
from ror.registry import InstalledWorkflow

__all__ = ["command"]


@click.command("compare")
@click.argument("name")
@click.argument("version")
@click.argument("other", required=False)
@click.option("--project", required=True, help="The project in which they run.")
@home_and_json
@click.pass_context
def command(
    context: click.Context, name: str, version: str, other: str | None, project: str, as_json: bool
) -> None:
    """Say how alike the results of a version are to those of another, by default the current one.

    Dice of each segment, with the study where it is worst; differences of each measurement (this version less the
    other), with their 95 % limits of agreement; failures and seconds of both, on what both have run on.

    Example: ror workflow compare lung_mask 2.0.0 --project lungs
    """
    with opened(context) as app:
        project = app.projects.get(project).name
        one = app.workflows.version(project, name, version)
        told = compare(app, one, _other(app, one, other))
    if as_json:
        click.echo(json.dumps(asdict(told), indent=1))
    else:
        _print(name, told)


def _other(app: App, one: InstalledWorkflow, version: str | None) -> InstalledWorkflow:
    if version is not None:
        other = app.workflows.version(one.project, one.name, version)
        if other.digest == one.digest:
            raise NotFound(f"{one.version} and {other.version} are the same package", "name another version")
        return other
    for installed in app.workflows.versions(one.project, one.name):
        if installed.enabled and installed.digest != one.digest:
            return installed
    raise NotFound(
        f"{one.name} {one.version} is the current version of {one.project} itself, or there is none",
        f"name another to compare it with: see `ror workflow versions {one.name} --project {one.project}`",
    )


def _print(name: str, told: Comparison) -> None:
    one, other = told.versions
    click.echo(f"{name} {one.version} and {other.version}: {told.compared} of {one.jobs} matches compared\n")
    rows = [(run.version, run.digest[:12], run.jobs, run.failed, run.median_seconds) for run in told.versions]
    print_table(("version", "digest", "jobs", "failed", "median_s"), rows, as_json=False)
    if told.segments:
        click.echo()
        of_segment = ("mask", "segment", "n", "median_dice", "worst_dice", "worst_patient", "worst_study")
        print_table(of_segment, [_rounded(*asdict(row).values()) for row in told.segments], as_json=False)
    if told.fields:
        click.echo()
        of_field = ("measurement", "unit", "n", "mean_difference", "lower_limit", "upper_limit")
        print_table(of_field, [_rounded(*asdict(row).values()) for row in told.fields], as_json=False)
    for line in told.left_out:
        click.echo(f"left out: {line}")
    if not told.compared:
        click.echo("nothing could be compared, for the reasons above", err=True)


def _rounded(*values: object) -> tuple[object, ...]:
    return tuple(f"{value:.4g}" if isinstance(value, float) else value for value in values)
