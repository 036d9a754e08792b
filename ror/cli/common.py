"""What commands share: the opened home, tables for people, JSON for machines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from ror import log
from ror.errors import NotFound

if TYPE_CHECKING:
    from ror.app import App

__all__ = [
    "folded",
    "home_and_json",
    "moment",
    "opened",
    "point_in_time",
    "print_table",
    "require_known",
    "set_up_log",
]

_WIDTH = 1000
_LEAST = 60
_BETWEEN = 2  # blanks, as rich sets columns apart
_F = TypeVar("_F", bound=Callable[..., Any])


def _remember_home(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.obj = value


home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    expose_value=False,
    callback=_remember_home,
    help="As before the command: the folder that holds everything.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def home_and_json(function: _F) -> _F:
    """Give a command ``--home`` and ``--json``."""
    return home_option(json_option(function))


@contextmanager
def opened(
    context: click.Context, *, make: bool = False, overruled: Mapping[str, str] | None = None
) -> Iterator[App]:
    """The home folder of the command line, opened; only what sets one up makes it where there is none.

    `overruled` are settings that options of the command give, as the variables that they stand for.
    """
    # Loaded here, since it takes most of the time of commands that open no home: they share the rest of this module.
    app: App = import_module("ror.app").App(context.obj, make=make, overruled=overruled)
    try:
        yield app
    finally:
        app.close()


def require_known(app: App, project: str | None, workflow: str | None = None) -> None:
    """Let what is asked for exist, or an answer of nothing would look like one."""
    if project is not None:
        app.projects.get(project)
    if workflow is not None and not any(one.name == workflow for one in app.workflows.list(project)):
        within = f"project {project} has" if project is not None else "there is"
        raise NotFound(f"{within} no workflow {workflow}", "see `ror workflow list`")


def set_up_log(app: App, *, shown: bool = True) -> None:
    """Write what happens into the log of the home folder as its settings say."""
    settings = app.settings
    log.set_up(
        app.home.root, shown=shown, json=settings.log.format == "json", host=settings.engine.executor_id
    )


def point_in_time(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """An option's day or time as seconds since the epoch: of this host's time where it names no other."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no time such as 2026-03-01 or 2026-03-01T08:30") from error


def moment(seconds: float | None) -> str:
    """A time of the database in local time with its offset from UTC, or a dash."""
    if seconds is None:
        return "–"
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")


def folded(text: str) -> str:
    """A text of several lines in one."""
    return " ".join(filter(None, map(str.strip, text.splitlines())))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool, cut: bool = False
) -> None:
    """Print rows as a table, or as a JSON list of objects with the columns as keys.

    With `cut` the last column of the table, which another command tells in whole, ends where the terminal does.
    """
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1, default=str))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    texts = [[_text(name, one) for name, one in zip(columns, row, strict=True)] for row in rows]
    if cut:
        last = table.columns[-1]
        last.no_wrap, last.overflow, last.max_width = True, "ellipsis", _room_for_the_last(columns, texts)
    for row_of_texts in texts:
        table.add_row(*row_of_texts)
    # One row a line, whatever the width: UIDs are copied from here, and a terminal wraps by itself.
    # And no markup: a unit such as [hnsf'U] is text.
    Console(width=_WIDTH, markup=False, highlight=False, emoji=False).print(table)


def _room_for_the_last(columns: Sequence[str], texts: Sequence[Sequence[str]]) -> int:
    """What the other columns leave of the terminal, but never so little that nothing can be read."""
    others = (max(map(len, cells)) for cells in list(zip(columns, *texts, strict=True))[:-1])
    taken = sum(width + _BETWEEN for width in others)
    return max(shutil.get_terminal_size().columns - taken, _LEAST)


def _text(column: str, value: object) -> str:
    if value is None or value == "":
        return "–"
    if column.endswith("_at") and isinstance(value, float):
        return moment(value)
    return folded(", ".join(value) if isinstance(value, (list, tuple)) else str(value))
