"""``ror import FOLDER|ZIP --project NAME``."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from ror.cli.common import home_and_json, opened, set_up_log
from ror.errors import ConfigurationError
from ror.gateway import Done, Imported, Outcome, import_objects

__all__ = ["command"]

_NOT_DONE, _STOPPED = 1, 130
_NOT_IN = (Outcome.QUARANTINED, Outcome.REFUSED, Outcome.SKIPPED)
_ADVICE = {
    "damaged": "ask for the ZIP again, a member of it is cut short or was changed",
    "encrypted": "unpack the ZIP with its password, and import the folder",
    "file_meta": "repair their file meta information with dcmtk's dcmconv or dcmodify",
    "link": "no link is followed: import what it points to",
    "media_directory_damaged": "look whether all files of the medium are there: its DICOMDIR does not say",
    "missing": "copy the medium again: its DICOMDIR names them",
    "not_part10": "convert them with dcmtk's dcmconv",
    "not_readable": "run as a user who may read them, or copy them again from a sound medium",
    "too_large": "an object of more than 4 GiB is not taken in",
    "unknown_compression": "unpack the ZIP with another program, and import the folder",
    "zip_in_it": "import it by itself",
}


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--project", required=True, help="Whose the studies are.")
@click.option(
    "--list",
    "list_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write which files did not come in, and why; their names may name patients.",
)
@home_and_json
@click.pass_context
def command(
    context: click.Context, source: Path, project: str, list_file: Path | None, as_json: bool
) -> None:
    """Take in all DICOM objects of SOURCE: a folder with all that is below it, a ZIP, or a file.

    They take the way in of objects that are sent. The same command once more goes on where it stopped.
    Exit code 1 if not every object is in the archive.

    Example: ror import /media/cdrom --project lungs
    """
    with opened(context) as app:
        app.projects.get(project)
        app.projects.key(project)
        # Which objects went into quarantine is told once, with numbers; each of them is in the log.
        set_up_log(app, shown=False)
        with _listed(list_file) as listed, _shown() as shown:

            def told(done: Done, imported: Imported) -> None:
                listed(done)
                shown(imported)

            imported = import_objects(source, project, app.intake, app.completeness, told)
    if as_json:
        click.echo(json.dumps(_summary(imported), indent=1))
    else:
        _tell(imported, list_file)
    if not imported.complete:
        click.echo("stopped; the same command goes on from here", err=True)
        context.exit(_STOPPED)
    if not imported.all_in:
        context.exit(_NOT_DONE)


@contextmanager
def _listed(file: Path | None) -> Iterator[Callable[[Done], None]]:
    """Writes what did not come in into a file that only its owner may read."""
    if file is None:
        yield lambda _done: None
        return
    try:
        file.unlink(missing_ok=True)  # whoever may read an older one has it open at most
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}", advice="name another file with --list"
        ) from error
    # Names of files need not be text; they come out as the bytes they are.
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(("file", "outcome", "reason"))

        def listed(done: Done) -> None:
            if done.outcome in _NOT_IN:
                table.writerow((done.name, done.outcome, done.reason))

        yield listed


@contextmanager
def _shown() -> Iterator[Callable[[Imported], None]]:
    """A line on the terminal; where there is none, nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn(
            "{task.completed} files, {task.fields[taken]} taken in, {task.fields[quarantined]} quarantined"
        ),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=None, taken=0, quarantined=0)

        def shown(imported: Imported) -> None:
            progress.update(
                task,
                completed=imported.files,
                taken=imported.count(Outcome.TAKEN_IN),
                quarantined=imported.count(Outcome.QUARANTINED),
            )

        yield shown


def _summary(imported: Imported) -> dict[str, Any]:
    summary: dict[str, Any] = {"files": imported.files, "complete": imported.complete}
    for outcome in Outcome:
        is_there = outcome in (Outcome.TAKEN_IN, Outcome.HELD)
        summary[outcome] = imported.count(outcome) if is_there else imported.reasons(outcome)
    return summary


def _tell(imported: Imported, list_file: Path | None) -> None:
    taken, held = imported.count(Outcome.TAKEN_IN), imported.count(Outcome.HELD)
    click.echo(f"{taken} objects taken in, {held} were there before")
    for outcome in _NOT_IN:
        for reason, number in imported.reasons(outcome).items():
            advice = "ror quarantine list" if outcome is Outcome.QUARANTINED else _ADVICE.get(reason, "")
            click.echo(f"{number} {outcome}: {reason}{f' ({advice})' if advice else ''}")
    if not imported.objects:
        click.echo("there is no DICOM object in it")
    if list_file is not None:
        click.echo(f"which files did not come in: {list_file} (it may name patients)")
    elif any(map(imported.count, _NOT_IN[:2])):
        click.echo("which files did not come in: --list FILE writes it")
