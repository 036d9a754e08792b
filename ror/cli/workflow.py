"""``ror workflow add | enable | disable | list``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from containers import Package, Runtime
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.cli.redcap import tell_mismatches
from ror.registry import InstalledWorkflow

__all__ = ["command"]

_project = click.option("--project", required=True, help="The project whose studies it gets.")


@click.group()
def command() -> None:
    """Install, enable, disable and list workflows.

    Example: ror workflow add workflows/snr --project lungs
    """


@command.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_project
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
        project = app.projects.get(project).name
        build = _building(app.runtime()) if prepare else None
        workflow = app.workflows.add(project, folder, build)
        _tell_enabled(workflow)
        tell_mismatches(app, project, workflow.name)


@command.command()
@click.argument("name")
@_project
@click.option("--version", help="Which version, where there are several.")
@click.option("--digest", default="", help="Which package, by the beginning of its digest.")
@home_option
@click.pass_context
def enable(context: click.Context, name: str, project: str, version: str | None, digest: str) -> None:
    """Enable an installed workflow in a project, in place of its other versions.

    Example: ror workflow enable lung_mask --project lungs --version 1.0.0
    """
    with opened(context) as app:
        workflow = app.workflows.enable(app.projects.get(project).name, name, version, digest)
        _tell_enabled(workflow)
        tell_mismatches(app, project, workflow.name)


@command.command()
@click.argument("name")
@_project
@home_option
@click.pass_context
def disable(context: click.Context, name: str, project: str) -> None:
    """Let a workflow get no more studies of a project; jobs that it has go on.

    Example: ror workflow disable lung_mask --project lungs
    """
    with opened(context) as app:
        workflow = app.workflows.disable(app.projects.get(project).name, name)
    click.echo(f"{workflow.name} {workflow.version} ({workflow.digest[:12]}) is disabled in {project}")


def _building(runtime: Runtime) -> Callable[[Package], None]:
    def build(package: Package) -> None:
        image = runtime.prepare(package, report=click.echo)
        manifest = package.manifest
        click.echo(f"{manifest.name} {manifest.version} runs in {image.runtime} {image.reference}")

    return build


def _tell_enabled(workflow: InstalledWorkflow) -> None:
    digest, project = workflow.digest[:12], workflow.project
    click.echo(f"{workflow.name} {workflow.version} ({digest}) is enabled in {project}")
    click.echo(
        f"for the studies that come; those that are held get it by: ror jobs match --project {project}"
    )


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
                one.select_text,
            )
            for one in app.workflows.list()
        ]
    print_table(("project", "name", "version", "digest", "enabled", "select"), rows, as_json=as_json)
