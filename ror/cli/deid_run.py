"""``ror deid FOLDER --out DIR``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import ror.deid
from anonymizer import NamedProfile, check_text_search, load_profile
from ror.cli.common import home_and_json, opened
from ror.deid import (
    Order,
    Outcome,
    OwnSecret,
    Result,
    Secret,
    Tally,
    deidentify_folder,
    new_key,
    read_key,
    write_key,
)
from ror.errors import ConfigurationError

__all__ = ["run"]

_DEFAULT = "research"
_NOT_DONE, _STOPPED = 1, 130


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the research objects go.")
@click.option(
    "--profile", help='A shipped profile (ror deid profile list), or a file of one; as a rule "research".'
)
@click.option("--project", help="Take key, profile and pseudonyms of this project.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the secret; made if it is not there.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes; as a rule one for each core.")
@home_and_json
@click.pass_context
def run(
    context: click.Context,
    folder: Path,
    out: Path,
    profile: str | None,
    project: str | None,
    key_file: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """De-identify all DICOM files below FOLDER into another folder, with a report.

    With --key or --project, the same command once more goes on where it stopped; without, the secret is thrown away.
    Exit code 1 if not every object came out.

    Example: ror deid run /data/trial --out /data/trial-research --key trial.key
    """
    if project and (key_file or profile):
        raise click.UsageError(
            "a project has its key and its profile: leave --key and --profile, or --project"
        )
    if project:
        named, secret = _of_project(context, project)
        ready = _nothing
    else:
        named = load_profile(profile or _DEFAULT)
        secret, ready = _own(key_file, out)
    if named.profile.find_text:
        check_text_search()
    with _shown() as told:
        result = deidentify_folder(Order(folder, out, named.profile, secret, jobs, named.name, ready), told)
    if as_json:
        click.echo(json.dumps(_summary(result, out), indent=1, ensure_ascii=False))
    else:
        _tell(result, out)
    if not result.complete:
        _tell_stopped(secret)
        context.exit(_STOPPED)
    if result.tally.count(Outcome.REFUSED) or not result.tally.sop_classes:
        context.exit(_NOT_DONE)


def _of_project(context: click.Context, name: str) -> tuple[NamedProfile, Secret]:
    with opened(context) as app:
        project = app.projects.get(name)
        app.projects.key(name)
        named = NamedProfile("of a project", "", project.profile())
        return named, ror.deid.ProjectSecret(name, app.database.url, app.home.secrets)


def _nothing() -> None:
    """All that is needed is kept."""


def _own(key_file: Path | None, out: Path) -> tuple[Secret, Callable[[], None]]:
    """The secret, and what keeps it once the run is sure to begin: one that is refused leaves no key behind."""
    if key_file is None:
        click.echo(
            "the secret of this run is thrown away: another run gives other pseudonyms; --key FILE keeps it",
            err=True,
        )
        return OwnSecret(new_key(), kept=False), _nothing
    if out.resolve() in key_file.resolve().parents:
        raise ConfigurationError(
            f"the key {key_file} would lie in {out}, with what it can undo",
            advice="name a file elsewhere, that stays with you",
        )
    if key_file.exists():
        return OwnSecret(read_key(key_file)), _nothing
    secret = new_key()

    def keep() -> None:
        write_key(key_file, secret)
        click.echo(
            f"{key_file} made: keep it, and keep it secret; it gives the same pseudonyms again", err=True
        )

    return OwnSecret(secret), keep


@contextmanager
def _shown() -> Iterator[Callable[[int, Tally], None]]:
    """A bar on the terminal; where there is none, nothing."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total} files"),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TextColumn("{task.fields[refused]} refused"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=None, rate=0.0, refused=0)

        def told(total: int, tally: Tally) -> None:
            elapsed = progress.tasks[0].elapsed or 0.0
            progress.update(
                task,
                total=total,
                completed=tally.files,
                rate=tally.files / elapsed if elapsed else 0.0,
                refused=tally.count(Outcome.REFUSED),
            )

        yield told


def _summary(result: Result, out: Path) -> dict[str, object]:
    undone = None if result.undone is None else str(result.undone)
    return {"out": str(out.resolve()), "undone": undone, **result.report}


def _tell(result: Result, out: Path) -> None:
    tally, speed = result.tally, result.report["speed"]
    click.echo(
        f"{tally.written} objects written, {tally.present} were there; {len(tally.patients)} patients, "
        f"{len(tally.studies)} studies, {len(tally.series)} series; {speed['files_per_second']} files/s"
    )
    for name in Outcome:
        for one in result.report[name]:
            click.echo(f"{one['files']} {name}: {one['what']}. {one['advice']}")
    click.echo(f"report: {out / 'report.html'}")
    if result.undone is not None:
        click.echo(f"which files did not come out, and why: {result.undone} (it may name patients)")


def _tell_stopped(secret: Secret) -> None:
    if secret.kind == "thrown away":
        told = "stopped, and the secret is gone: begin again in another folder, with --key FILE to be able to go on"
    else:
        told = "stopped; every file that is there is whole. The same command goes on from here"
    click.echo(told, err=True)
