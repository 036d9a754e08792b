"""``ror route add | remove | list``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.registry import ANY, Route

__all__ = ["command"]


_from = click.option(
    "--from", "calling", required=True, help="Calling AE title of the sender, or '*' for any."
)
_to = click.option("--to", "called", default=ANY, show_default=True, help="Called AE title, or '*' for any.")


@click.group()
def command() -> None:
    """Add, remove and list routes from senders to projects.

    Example: ror route add lungs --from CT_SCANNER
    """


@command.command()
@click.argument("project")
@_from
@_to
@home_option
@click.pass_context
def add(context: click.Context, project: str, calling: str, called: str) -> None:
    """Let the studies of a sender belong to a project.

    Example: ror route add lungs --from CT_SCANNER --to ROR
    """
    with opened(context) as app:
        app.routes.add(Route(calling, called, app.projects.get(project).name))
    click.echo(f"{calling} → {called}: project {project}")


@command.command()
@click.argument("project")
@_from
@_to
@home_option
@click.pass_context
def remove(context: click.Context, project: str, calling: str, called: str) -> None:
    """Let a sender's studies belong to a project no more; those that came stay in it.

    Example: ror route remove lungs --from CT_SCANNER --to ROR
    """
    with opened(context) as app:
        app.routes.remove(Route(calling, called, project))
    click.echo(f"{calling} → {called}: no more to project {project}")


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List routes in the order in which they are tried.

    Example: ror route list
    """
    with opened(context) as app:
        rows = [(route.calling_ae, route.called_ae, route.project) for route in app.routes.list()]
    print_table(("from", "to", "project"), rows, as_json=as_json)
