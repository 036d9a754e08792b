"""Expected errors become two lines (what, and what to do) and exit code 1; real bugs keep their traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ror.errors import RorError

__all__ = ["told_in_two_lines"]


@contextmanager
def told_in_two_lines() -> Iterator[None]:
    """Tell a `RorError`, a fault of a package or of a select statement to people, and exit."""
    try:
        yield
    except RorError as error:
        _tell(str(error), error.advice)
        sys.exit(1)
    except Exception as error:
        if not _is_of_a_package(error):
            raise
        _tell(str(error), str(getattr(error, "advice", "") or ""))
        sys.exit(1)


def _is_of_a_package(error: Exception) -> bool:
    # The leaf packages have error trees of their own; importing them here would slow every command down.
    roots = {"SelectError", "ContainersError", "DeidentificationError", "OrthancError"}
    return any(base.__name__ in roots for base in type(error).__mro__)


def _tell(what: str, advice: str) -> None:
    # Some texts end in their advice; it is given once, on a line of its own.
    click.echo(f"ror: {what.removesuffix(advice).rstrip()}", err=True)
    if advice:
        click.echo(f"     {advice}", err=True)
