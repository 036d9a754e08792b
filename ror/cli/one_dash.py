"""Options written with one dash, ``-data`` for ``--data``, as the tool of old has them: for every command alike."""

from __future__ import annotations

from collections.abc import Iterator

import click

__all__ = ["with_two_dashes"]


def with_two_dashes(command: click.Command, context: click.Context, words: list[str]) -> list[str]:
    """The words of a command, or of a group and what follows, each option with the dashes that click knows."""
    known = frozenset(_options(command, context))
    end = words.index("--") if "--" in words else len(words)
    return [_written_out(word, known) for word in words[:end]] + words[end:]


def _written_out(word: str, known: frozenset[str]) -> str:
    is_one = word.startswith("-") and f"-{word.partition('=')[0]}" in known
    return f"-{word}" if is_one else word


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _options(below, context)
