"""Options of the tool of old that say nothing here: calls that have them work, and are told so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ror.errors import ConfigurationError

__all__ = ["is_not_here", "no_author", "no_shared_folder", "says_nothing"]


def says_nothing(name: str, why: str, *, is_flag: bool = False) -> Callable[[Any], Any]:
    """A hidden option of a command that is taken, told of with `why` it says nothing, and forgotten."""

    def tell(_context: click.Context, _parameter: click.Parameter, value: object) -> None:
        if value:
            click.echo(f"{name} says nothing here: {why}", err=True)

    return click.option(name, is_flag=is_flag, hidden=True, expose_value=False, callback=tell)


def is_not_here(name: str, why: str, instead: str) -> Callable[[Any], Any]:
    """A hidden option of a command that is refused, with `why` it is not there and what to do `instead`."""

    def refuse(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise ConfigurationError(why, advice=instead)

    return click.option(name, hidden=True, expose_value=False, callback=refuse)


def no_author(command: Any) -> Any:
    """The hidden options ``--author_name`` and ``--author_email``."""
    for name in ("--author_name", "--author_email"):
        command = says_nothing(name, "who has made a workflow is told in its README")(command)
    return command


no_shared_folder = is_not_here(
    "--static",
    "no folder is shared by all workflows: a program writes nowhere but in /output",
    "put what it needs, such as weights, into the folder of the workflow; it becomes part of its image",
)
