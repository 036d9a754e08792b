"""``ror config``: which data a workflow is tried on, what it selects, and how it is started."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import select_lang
from ror import deid
from ror.cli.ancestor_options import no_author, no_shared_folder, says_nothing
from ror.cli.reasons import jobs_of
from ror.cli.statements import text_of
from ror.develop import DataIndex, DeveloperProject
from ror.develop.scanning import Scanned, scan, sources_of
from ror.errors import ConfigurationError, NotFound
from ror.series_names import require_names
from ror.wording import counted
from select_lang import SelectError, Statement

__all__ = ["command"]

_STOPPED = 130
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--data", multiple=True, metavar="DIR|GLOB", help="Add the DICOM files below.")
@click.argument("more", nargs=-1, metavar="[DIR...]")
@click.option("--clear", is_flag=True, help="Forget the data that was added before.")
@click.option("--select", metavar="TEXT|FILE", help="Let the workflow select by this statement.")
@click.option("--suggest", is_flag=True, help="Propose a statement that splits the data well.")
@click.option("--call", metavar="CMD", help='How the program is started: "python main.py".')
@click.option("--temp_directory", metavar="DIR", help="Lay job folders out below it.")
@click.option("--server", metavar="URL", help="The server that ror submit sends the workflow to.")
@click.option(
    "--token",
    metavar="TOKEN",
    help="The token for it; - asks for it, unseen, or reads it if piped in.",
)
@no_shared_folder
@says_nothing("--project_name", "a workflow is called as its workflow.toml says")
@no_author
@says_nothing("--no_sort_dicom", "the sorted view is of links, which cost nothing", is_flag=True)
@says_nothing("--clip0", "ror status --tui finds the window of each picture")
@says_nothing("--clip1", "ror status --tui finds the window of each picture")
@click.option("--jobs", type=click.IntRange(1), help="So many processes read files. Default: one a core.")
@click.option("--working_directory", type=_folder, default=Path(), help="The project's folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: messages, ast, matches, complains.")
@click.pass_context
def command(
    context: click.Context,
    data: tuple[str, ...],
    more: tuple[str, ...],
    clear: bool,
    select: str | None,
    suggest: bool,
    call: str | None,
    temp_directory: str | None,
    server: str | None,
    token: str | None,
    jobs: int | None,
    working_directory: Path,
    as_json: bool,
) -> None:
    """Say which DICOM files a workflow is tried on, what it selects of them, and how it is started.

    Files that are known and have not changed are not read again: a scan that was stopped goes on.

    Example: ror config --data FOLDER --select "select series where Modality = CT"
    """
    if more and not data:
        raise click.UsageError(f"what is {more[0]}? Say --data {more[0]}")
    project = DeveloperProject.at(working_directory)
    sources = sources_of([*data, *more])
    project.require_apart(sources)
    messages = list(_set(project, temp_directory=temp_directory, server=server, token=token))
    scanned = None
    with DataIndex.opened(project.data_index) as index:
        if clear:
            index.clear()
            messages.append("the data that was added before is forgotten")
        if sources:
            with _shown() as told:
                scanned = scan(index, sources, jobs or deid.default_jobs(_MANY), told, project=project.folder)
            messages.append(_told(scanned))
        if call is not None:
            messages.append(f"the program is started by: {' '.join(project.set_command(call))}")
        answer = _Answer.of(project, index, select, messages)
        if suggest:
            answer.suggest(index)
    answer.print(as_json)
    if scanned is not None and not scanned.complete:
        click.echo("stopped; the same command goes on from here", err=True)
        context.exit(_STOPPED)
    only_set = bool(messages) and not (sources or clear or suggest or select is not None)
    if (answer.statement is None or answer.misfit) and not only_set:
        context.exit(1)


def _set(project: DeveloperProject, **wanted: str | None) -> Iterator[str]:
    """Set what was given, and say so; an empty text takes it back."""
    given = {name: value for name, value in wanted.items() if value is not None}
    if given.get("token") == "-":
        given["token"] = _token_said()
    if not given:
        return
    project.set(**given)
    for name, value in given.items():
        yield f"{name} is set" if value else f"{name} is set no more"


def _token_said() -> str:
    """The token that somebody types unseen, or that is piped in."""
    if sys.stdin.isatty():
        return str(click.prompt("token", hide_input=True, default="", show_default=False))
    return sys.stdin.readline().strip()


_MANY = 1_000_000  # files, so that there are as many processes as cores; where there are few files, `scan` takes fewer


@dataclasses.dataclass(slots=True)
class _Answer:
    """What `--json` prints, and people get as sentences."""

    messages: list[str]
    complains: list[str]
    statement: Statement | None
    matches: tuple[select_lang.Match, ...] = ()
    known: bool = True  # whether there is any series
    misfit: bool = False  # whether workflow.toml needs a series that the statement does not name

    @classmethod
    def of(
        cls, project: DeveloperProject, index: DataIndex, select: str | None, messages: list[str]
    ) -> _Answer:
        """What the workflow selects of the data, by a new statement if there is one."""
        complains = [_counted(files, why) for why, files in index.unused().items()]
        if complains:
            complains.append("ror status --data says which files these are")
        try:
            statement = project.statement() if select is None else project.set_select(text_of(select).strip())
        except SelectError as error:
            return cls(messages, [*complains, *map(str, error.faults)], None)
        misfit = False
        try:
            require_names(project.package().manifest, statement)
        except ConfigurationError as error:
            misfit = True
            complains.append(f"{error}; {error.advice}")
        series = index.series()
        if not series:
            if project.of_the_ancestor.exists():
                complains.append(f"what {project.of_the_ancestor} lists is not read: name the data again")
            messages = [*messages, "there is no data yet"]
            return cls(messages, complains, statement, known=False, misfit=misfit)
        told = select_lang.explain(statement, series)
        studies = len({one.study_uid for one in series})
        patients = counted(len({one.patient_id for one in series}), "patient")
        held = (
            f"known: {len(series)} series of {studies} {'study' if studies == 1 else 'studies'} of {patients}"
        )
        return cls([*messages, held, told.sentence], complains, statement, told.matches, misfit=misfit)

    def suggest(self, index: DataIndex) -> None:
        """Say which statement splits the data well."""
        series = index.series()
        if not series:
            raise NotFound(
                "there is no series to propose a statement for", "add data: ror config --data FOLDER"
            )
        proposed = select_lang.suggest(series)
        self.messages.append(f"proposed, with {counted(len(proposed.jobs), 'job')}:\n{proposed.text}")
        self.messages.append("to take it: ror config --select 'the text above'")

    def print(self, as_json: bool) -> None:
        if as_json:
            told = {
                "messages": self.messages,
                "ast": None if self.statement is None else _node(self.statement),
                "matches": [] if self.statement is None else jobs_of(self.statement, self.matches),
                "complains": self.complains,
            }
            click.echo(json.dumps(told, indent=1))
            return
        for one in (*self.messages, *self.complains):
            click.echo(one)
        if self.statement is None:
            click.echo("correct the statement, and say ror config --select FILE", err=True)
        elif self.misfit:
            click.echo(
                "next: name it in the statement (ror config --select), or another one in workflow.toml",
                err=True,
            )
        elif not self.known:
            click.echo("next: ror config --data FOLDER")
        elif self.matches:
            click.echo("next: ror status --jobs, then ror trigger")
        elif self.messages:
            click.echo("next: ror status --all says for every series why not")


def _node(value: object) -> Any:
    """A part of the tree, for machines: nodes say what they are; where they stood in the text is left out."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {
            one.name: _node(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if one.compare and one.repr
        }
        return {"node": type(value).__name__, **parts}
    if isinstance(value, (tuple, list, frozenset)):
        return [_node(one) for one in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def _told(scanned: Scanned) -> str:
    gone = f", {scanned.gone} are gone" if scanned.gone else ""
    return f"{counted(scanned.files, 'file')}, {scanned.read} of them new or changed{gone}"


def _counted(files: int, why: str) -> str:
    return f"not used: {files} × {why}"


@contextmanager
def _shown() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; where there is none, nothing."""
    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.completed}/{task.total} files"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, total=total, completed=done)

        yield told
