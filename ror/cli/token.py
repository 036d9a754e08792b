"""``ror token add | remove | list``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.registry import Right

__all__ = ["command"]


def _rights(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[Right]:
    try:
        return frozenset(Right(word.strip()) for word in value.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is not store, read or submit, or some of them: store,read"
        ) from error


@click.group()
def command() -> None:
    """Add, remove and list the tokens of those who come by DICOMweb, or submit workflows.

    Example: ror token add viewer --project lungs --may read
    """


@command.command()
@click.argument("name")
@click.option("--project", required=True, help="The project that it opens.")
@click.option(
    "--may",
    "rights",
    callback=_rights,
    required=True,
    metavar="store,read,submit",
    help="What its holder may do.",
)
@home_option
@click.pass_context
def add(context: click.Context, name: str, project: str, rights: frozenset[Right]) -> None:
    """Make a token and print it, this once: no command can tell it again.

    Example: ror token add scanner7 --project lungs --may store
    """
    with opened(context) as app:
        token = app.tokens.add(name, app.projects.get(project).name, rights)
    click.echo(token)


@command.command()
@click.argument("name")
@home_option
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Let a token open nothing any more, from the next request on.

    Example: ror token remove scanner7
    """
    with opened(context) as app:
        app.tokens.remove(name)
    click.echo(f"the token {name} opens nothing any more")


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List who has a token, for which project and what.

    Example: ror token list
    """
    with opened(context) as app:
        rows = [(one.name, one.project, sorted(one.rights), one.added_at) for one in app.tokens.list()]
    print_table(("name", "project", "may", "added_at"), rows, as_json=as_json)
