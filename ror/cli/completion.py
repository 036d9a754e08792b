"""``ror completion``: what a shell reads to complete commands and options; click's own."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]

_VARIABLE = "_ROR_COMPLETE"  # as click derives it from the program's name


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options and their choices.

    Bash 4.4 and later: put `source <(ror completion bash)` into ~/.bashrc; zsh: the same with zsh into ~/.zshrc; fish:
    `ror completion fish > ~/.config/fish/completions/ror.fish`.

    Example: ror completion bash
    """
    made = get_completion_class(shell)
    assert made is not None  # click has these three
    click.echo(made(context.find_root().command, {}, "ror", _VARIABLE).source())
