"""``ror token add | remove | list``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.registry import Right

__all__ = ["command"]


_OF_A_PROJECT = (Right.STORE, Right.READ, Right.SUBMIT)


def _rights(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[Right]:
    words = {word.strip() for word in value.split(",") if word.strip()}
    if not words <= set(_OF_A_PROJECT):
        raise click.BadParameter(f"{value!r} is not store, read or submit, or some of them: store,read")
    return frozenset(map(Right, words))


@click.group()
def command() -> None:
    """Add, remove and list the tokens of those who come by DICOMweb, submit workflows, or are hosts.

    Example: ror token add viewer --project lungs --may read
    """


@command.command()
@click.argument("name")
@click.option("--project", help="The project that it opens.")
@click.option(
    "--may",
    "rights",
    callback=_rights,
    default="",
    metavar="store,read,submit",
    help="What its holder may do there.",
)
@click.option("--host", help="Instead: the name of a host that works without the shared folder.")
@home_option
@click.pass_context
def add(
    context: click.Context, name: str, project: str | None, rights: frozenset[Right], host: str | None
) -> None:
    """Make a token and print it, this once: no command can tell it again.

    Example: ror token add scanner7 --project lungs --may store
    """
    if (host is None) == (project is None) or (host is not None and rights):
        raise click.UsageError("say --project and --may, or --host alone")
    with opened(context) as app:
        if host is not None:
            token = app.tokens.add_host(name, host)
        else:
            assert project is not None
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
    """List who has a token, for which project and what, or as which host.

    Example: ror token list
    """
    with opened(context) as app:
        rows = [
            (one.name, one.project, sorted(one.rights), one.host, one.added_at) for one in app.tokens.list()
        ]
    print_table(("name", "project", "may", "host", "added_at"), rows, as_json=as_json)
