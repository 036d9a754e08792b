"""Options with one dash, as in the tool of old, for every option of every command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ror.cli import cli
from tests.cli.test_commands import Home

COMMANDS = cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_may_be_written_with_one_dash(name: str) -> None:
    context = click.Context(cli)
    _name, command, _words = cli.resolve_command(context, [name])
    assert command is not None
    for words, option in _options(command, context, [name]):
        for value in ("", "=a value"):
            _name, _command, resolved = cli.resolve_command(context, [*words, f"{option[1:]}{value}"])
            assert resolved == [*words[1:], f"{option}{value}"]


def _options(
    command: click.Command, context: click.Context, words: list[str]
) -> Iterator[tuple[list[str], str]]:
    """Each option of a command, and of those below a group, with the words that lead to it."""
    named = [name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)]
    assert "--help" in named
    yield from ((words, name) for name in named if name.startswith("--"))
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _options(below, context, [*words, name])


@pytest.mark.parametrize(
    "words",
    [
        ["submit", "-nothing", "-", "-h", "a-file", "--", "-image"],
        ["config", "--data", "data", "token"],
        ["workflow", "add", "project", "--", "-project"],
    ],
)
def test_what_is_no_option_stays_as_it_is(words: list[str]) -> None:
    assert cli.resolve_command(click.Context(cli), words)[2] == words[1:]


def test_commands_do_with_one_dash_what_they_do_with_two(tmp_path: Path, folder: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.good("status", "-json") == home.good("status", "--json")
    assert home.good("trigger", "-help") == home.good("trigger", "--help")
    for own in ("version", "help"):
        assert home.good(f"-{own}") == home.good(f"--{own}")
    home.good("-home", str(tmp_path / "other"), "project", "add", "lung", "-report", "yes")
    assert "lung" in home.good("-home", str(tmp_path / "other"), "project", "list")
