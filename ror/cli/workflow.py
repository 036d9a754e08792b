"""``ror workflow add | enable | disable | promote | versions | list``, and what is in `ror.cli.workflow_compare`."""

from __future__ import annotations

from collections.abc import Callable

import click

from containers import Package, Runtime
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.cli.package_sources import package_at
from ror.cli.redcap import tell_mismatches
from ror.cli.workflow_compare import command as compare
from ror.registry import InstalledWorkflow, checked_package

__all__ = ["command"]

_project = click.option("--project", required=True, help="The project whose studies it gets.")


@click.group()
def command() -> None:
    """Install, compare, promote, disable and list versions of workflows.

    Example: ror workflow add workflows/snr --project lungs
    """


@command.command()
@click.argument("source", metavar="FOLDER|FILE|IMAGE")
@_project
@click.option(
    "--prepare/--no-prepare", default=True, show_default=True, help="Build its image or environment now."
)
@click.option(
    "--shadow", is_flag=True, help="Run it beside the current version, and deliver nothing of what it makes."
)
@home_option
@click.pass_context
def add(context: click.Context, source: str, project: str, prepare: bool, shadow: bool) -> None:
    """Install a workflow package and enable it in a project, in place of its older version.

    A package is a FOLDER, or a .tar.gz of it. The FILE that ror build --save or docker save has written, or an IMAGE
    of this machine's Docker, is one with its image, if it was built by ror build: nothing is built here.

    With --shadow that one stays, and both run on the same studies, until `ror workflow promote` makes the new one the
    current one: see `ror workflow compare`.

    Example: ror workflow add workflows/lung_mask --project lungs
    """
    with opened(context) as app:
        project = app.projects.get(project).name
        build = _building(app.runtime()) if prepare else None
        with package_at(source, app.runtimes[0]) as folder:
            taken = app.workflows.version_taken(project, checked_package(folder))
            workflow = app.workflows.add(project, folder, build, shadow=shadow)
        if taken is not None:
            click.echo(
                f"there was another {taken.name} {taken.version} ({taken.digest[:12]}), and results tell them apart by "
                "the digest alone: raise `version` in workflow.toml",
                err=True,
            )
        _tell_running(workflow)
        tell_mismatches(app, project, workflow.name)


@command.command()
@click.argument("name")
@_project
@home_option
@click.pass_context
def enable(context: click.Context, name: str, project: str) -> None:
    """Enable an installed workflow in a project; of several versions, promote one.

    Example: ror workflow enable lung_mask --project lungs
    """
    with opened(context) as app:
        workflow = app.workflows.enable(app.projects.get(project).name, name)
        _tell_running(workflow)
        tell_mismatches(app, project, workflow.name)


@command.command()
@click.argument("name")
@click.argument("version")
@_project
@home_option
@click.pass_context
def promote(context: click.Context, name: str, version: str, project: str) -> None:
    """Make an installed version the current one, in place of another: its jobs from now on deliver.

    VERSION is a version or the beginning of a digest, also an older one. It is as if it were added now: `ror jobs
    match` lets its jobs replace what other versions have made of the studies that are held.

    Example: ror workflow promote lung_mask 2.0.0 --project lungs
    """
    with opened(context) as app:
        workflow = app.workflows.promote(app.projects.get(project).name, name, version)
        _tell_running(workflow)
        tell_mismatches(app, project, workflow.name)


@command.command()
@click.argument("name")
@_project
@click.option("--shadow", is_flag=True, help="Only what runs in its shadow.")
@home_option
@click.pass_context
def disable(context: click.Context, name: str, project: str, shadow: bool) -> None:
    """Let a workflow get no more studies of a project, nor what runs in its shadow; jobs that it has go on.

    Example: ror workflow disable lung_mask --project lungs
    """
    with opened(context) as app:
        project = app.projects.get(project).name
        for one in app.workflows.disable(project, name, shadows_only=shadow):
            click.echo(f"{one.name} {one.version} ({one.digest[:12]}) is disabled in {project}")


@command.command()
@click.argument("name")
@_project
@home_and_json
@click.pass_context
def versions(context: click.Context, name: str, project: str, as_json: bool) -> None:
    """List the installed versions of a workflow, the first installed first.

    Example: ror workflow versions lung_mask --project lungs
    """
    with opened(context) as app:
        rows = [
            (one.version, one.digest[:12], _state(one))
            for one in app.workflows.versions(app.projects.get(project).name, name)
        ]
    print_table(("version", "digest", "state"), rows, as_json=as_json)


command.add_command(compare)


def _state(workflow: InstalledWorkflow) -> str:
    if workflow.enabled:
        return "current"
    return "shadow" if workflow.shadow else "installed"


def _building(runtime: Runtime) -> Callable[[Package], None]:
    def build(package: Package) -> None:
        image = runtime.prepare(package, report=click.echo)
        manifest = package.manifest
        click.echo(f"{manifest.name} {manifest.version} runs in {image.runtime} {image.reference}")

    return build


def _tell_running(workflow: InstalledWorkflow) -> None:
    digest, project = workflow.digest[:12], workflow.project
    how = "runs in the shadow, and delivers nothing," if workflow.shadow else "is enabled"
    click.echo(f"{workflow.name} {workflow.version} ({digest}) {how} in {project}")
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
                _state(one),
                one.select_text,
            )
            for one in app.workflows.list()
        ]
    print_table(("project", "name", "version", "digest", "state", "select"), rows, as_json=as_json)
