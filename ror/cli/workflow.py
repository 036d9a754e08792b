"""``ror workflow add | list``."""

from __future__ import annotations

from pathlib import Path

import click

from ror.cli.common import home_and_json, home_option, opened, print_table

__all__ = ["command"]


@click.group()
def command() -> None:
    """Install and list workflows.

    Example: ror workflow add workflows/snr --project lungs
    """


@command.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--project", required=True, help="The project whose studies it gets.")
@click.option(
    "--prepare/--no-prepare", default=True, show_default=True, help="Build its image or environment now."
)
@home_option
@click.pass_context
def add(context: click.Context, folder: Path, project: str, prepare: bool) -> None:
    """Install a workflow package and enable it in a project, in place of its older version.

    Example: ror workflow add workflows/lung_mask --project lungs
    """
    with opened(context) as app:
        workflow = app.workflows.add(app.projects.get(project).name, folder)
        if prepare:
            runtime = app.runtime()
            package = app.workflows.package(workflow.name, workflow.digest)
            image = runtime.prepare(package, report=click.echo)
            click.echo(f"{workflow.name} {workflow.version} runs in {image.runtime} {image.reference}")
    click.echo(f"{workflow.name} {workflow.version} ({workflow.digest[:12]}) is enabled in {project}")


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List installed workflows.

    Example: ror workflow list
    """
    with opened(context) as app:
        rows = [
            (
                one.project,
                one.name,
                one.version,
                one.digest[:12],
                one.enabled,
                " ".join(one.select_text.split()),
            )
            for one in app.workflows.list()
        ]
    print_table(("project", "name", "version", "digest", "enabled", "select"), rows, as_json=as_json)
