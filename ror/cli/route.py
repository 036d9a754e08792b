"""``ror route add | remove | list | test``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.cli.route_trial import test
from ror.registry import ANY, Route

__all__ = ["command"]

_F = TypeVar("_F", bound=Callable[..., Any])


def _of_a_route(function: _F) -> _F:
    """Give a command what tells one route from another."""
    for option in (
        click.option(
            "--where", "condition", default="", help="Rules that the object must meet: 'Modality = CT'."
        ),
        click.option(
            "--address", default=ANY, show_default=True, help="Address of a host or network, or '*'."
        ),
        click.option(
            "--to", "called", default=ANY, show_default=True, help="Called AE title, or '*' for any."
        ),
        click.option(
            "--from", "calling", required=True, help="Calling AE title of the sender, or '*' for any."
        ),
    ):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Add, remove, list and test routes from senders to projects.

    Example: ror route add lungs --from CT_SCANNER
    """


@command.command()
@click.argument("project")
@_of_a_route
@click.option("--priority", type=int, default=0, show_default=True, help="Higher ones are tried first.")
@click.option(
    "--settle", "settle_seconds", type=float, help="Quiet for so many seconds, a study is complete."
)
@click.option("--until-release", is_flag=True, help="A study is complete when its association is released.")
@home_option
@click.pass_context
def add(context: click.Context, /, project: str, condition: str, priority: int, **fields: Any) -> None:
    """Let what a sender sends belong to a project.

    Example: ror route add lungs --from CT_SCANNER --to ROR --where "BodyPartExamined = CHEST" --settle 10
    """
    route = _route(project, condition, priority=priority, **fields)
    with opened(context) as app:
        app.projects.get(project)
        kept = app.routes.add(route)
    click.echo(f"{kept.described}: project {project}")


@command.command()
@click.argument("project")
@_of_a_route
@home_option
@click.pass_context
def remove(context: click.Context, /, project: str, condition: str, **fields: Any) -> None:
    """Let what a sender sends belong to a project no more; what came stays in it.

    Example: ror route remove lungs --from CT_SCANNER --to ROR
    """
    with opened(context) as app:
        removed = app.routes.remove(_route(project, condition, **fields))
    click.echo(f"{removed.described}: no more to project {project}")


def _route(project: str, condition: str, *, calling: str, called: str, **fields: Any) -> Route:
    return Route(calling, called, project, condition=condition, **fields)


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List routes in the order in which they are tried.

    Example: ror route list
    """
    with opened(context) as app:
        default = app.settings.listener.settle_seconds
        rows = [
            (
                route.calling_ae,
                route.called_ae,
                route.address,
                route.condition,
                route.project,
                route.priority,
                default if route.settle_seconds is None else route.settle_seconds,
                "yes" if route.until_release else "no",
            )
            for route in app.routes.list()
        ]
    columns = ("from", "to", "address", "where", "project", "priority", "settle_seconds", "until_release")
    print_table(columns, rows, as_json=as_json)


command.add_command(test)
