"""``ror project add | list``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.errors import ConfigurationError
from ror.registry import Project

__all__ = ["command"]


@click.group()
def command() -> None:
    """Add and list projects.

    Example: ror project add lungs --pacs research
    """


@command.command()
@click.argument("name")
@click.option(
    "--pacs", multiple=True, help="A [pacs.NAME] section of ror.toml that results are sent to; repeatable."
)
@click.option(
    "--redcap-url",
    default="",
    help="API address of the REDCap project; its token is in ROR_REDCAP_TOKEN_<NAME>.",
)
@click.option(
    "--clean", multiple=True, help="Keyword of a descriptor that is cleaned instead of removed; repeatable."
)
@click.option("--keep", multiple=True, help="Keyword of an attribute that is kept as it is; repeatable.")
@click.option("--remove", multiple=True, help="Keyword of an attribute that is removed too; repeatable.")
@home_option
@click.pass_context
def add(
    context: click.Context,
    name: str,
    pacs: tuple[str, ...],
    redcap_url: str,
    clean: tuple[str, ...],
    keep: tuple[str, ...],
    remove: tuple[str, ...],
) -> None:
    """Add a project and make its secret.

    Example: ror project add lungs --pacs research --keep PatientSex
    """
    with opened(context) as app:
        unknown = [one for one in pacs if one not in app.settings.pacs]
        if unknown:
            raise ConfigurationError(
                f"ror.toml has no section {', '.join(f'[pacs.{one}]' for one in unknown)}",
                advice="add it with host, port and ae_title, then add the project again",
            )
        app.projects.add(Project(name, pacs, redcap_url, clean or None, keep, remove))
        click.echo(
            f"project {name} added; keep a copy of {app.home.secrets / (name + '.key')} in a safe place"
        )


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List projects.

    Example: ror project list --json
    """
    with opened(context) as app:
        rows = [(one.name, one.pacs, one.redcap_url, one.keep, one.remove) for one in app.projects.list()]
    print_table(("name", "pacs", "redcap_url", "keep", "remove"), rows, as_json=as_json)
