"""Options written with one dash, ``-data`` for ``--data``, as the tool of old has them: for every command alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

__all__ = ["with_two_dashes"]

_ONE_DASH = re.compile(r"-[a-z_]{2,}")


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


class _OneDash(ShellComplete):
    """Completes `-gp` to `-gpus`, and the choices after `-type`: while words are typed, no command is known yet."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        begun = _ONE_DASH.fullmatch(incomplete) is not None
        words = [f"-{word}" if _ONE_DASH.fullmatch(word) else word for word in args]
        found = super().get_completions(words, f"-{incomplete}" if begun else incomplete)
        return [CompletionItem(one.value[1:], one.type, one.help) for one in found] if begun else found


class _Bash(_OneDash, BashComplete):
    pass


class _Zsh(_OneDash, ZshComplete):
    pass


class _Fish(_OneDash, FishComplete):
    pass


for _shell in (_Bash, _Zsh, _Fish):
    add_completion_class(_shell)
