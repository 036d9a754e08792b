"""``ror mcp``: the project in this folder, as an assistant may ask of it by the Model Context Protocol."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from ror.cli.ancestor_options import is_not_here
from ror.develop.assistant import Assistant
from ror.errors import ConfigurationError

__all__ = ["command"]

_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--identities", is_flag=True, help="Withhold nothing: for an assistant that runs on this machine alone."
)
@click.option("--working_directory", type=_folder, default=Path(), help="The project's folder.")
@is_not_here(
    "--http",
    "a project is served on standard input and output alone: an address could be asked by anybody",
    "let the assistant start ror mcp by itself",
)
def command(identities: bool, working_directory: Path) -> None:
    """Serve the project in this folder to an assistant, on standard input and output, until that ends.

    An assistant starts it by itself: give it this command. What names a patient is withheld.

    Example: ror mcp
    """
    if find_spec("mcp") is None:
        raise ConfigurationError("nothing here speaks MCP", advice="pip install 'ror-pacs[mcp]'")
    assistant = Assistant(working_directory.resolve(), identities)
    # Libraries warn of odd values with the values themselves.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("ror.cli.mcp_server").server_of(assistant).run("stdio")
