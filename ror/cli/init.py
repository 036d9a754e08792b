"""``ror init NAME``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ror.cli.ancestor_options import no_author
from ror.develop import TYPES, Started, is_address, start

__all__ = ["command"]

# What is to be installed before a program can be tried, where that is more than a few packages.
_HINTS = {
    "webapp": ("python web.py", "the same on a page of this machine"),
    "monai": ("ror base build torch-cpu", "once, before ror build"),
}


def _known(_context: click.Context, _parameter: click.Parameter, kind: str) -> str:
    if kind not in TYPES and not is_address(kind):
        raise click.BadParameter(
            f"{kind!r} is none of {', '.join(TYPES)}, nor the address of a git repository, as https://… is"
        )
    return kind


def _beginning(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in TYPES if kind.startswith(typed)]


def _named(_context: click.Context, _parameter: click.Parameter, name: str) -> Path:
    if not name.strip():
        raise click.BadParameter("what is the workflow to be called?")
    return Path(name)


@click.command()
@click.argument("name", callback=_named)
@click.option(
    "--type",
    "kind",
    metavar="|".join([*TYPES, "GIT-URL"]),
    callback=_known,
    shell_complete=_beginning,
    default=TYPES[0],
    show_default=True,
    help="What the program is, or a repository to begin with a copy of.",
)
@click.option(
    "--input_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder to make it in, instead of this one.",
)
@no_author
def command(name: Path, kind: str, input_dir: Path) -> None:
    """Make a workflow that works at once: program, workflow.toml, Dockerfile, a test with a phantom.

    A folder that is there is completed; no file in it is overwritten. Of a select.statement that is there, and of its
    program, a workflow.toml is made.

    Example: ror init my_workflow --type python
    """
    made = start(input_dir / name, kind)
    for one in made.added:
        click.echo(f"made  {made.folder / one}")
    for one in made.kept:
        click.echo(f"kept  {made.folder / one}, which was there")
    for one in made.taken_over:
        click.echo(f"taken over: {one}")
    _tell_next(made, kind)


def _tell_next(made: Started, kind: str) -> None:
    click.echo(f"{made.name} is a workflow. Next, name DICOM files to try it on, and run it on them:")
    if made.folder.resolve() != Path.cwd():
        click.echo(f"  cd {shlex.quote(str(made.folder))}")
    if "phantom.py" in (*made.added, *made.kept):
        click.echo("  python phantom.py ../phantom-data     # or take a folder of your own")
        click.echo("  ror config --data ../phantom-data")
    else:
        click.echo("  ror config --data FOLDER")
    click.echo("  ror trigger")
    if kind in _HINTS and not made.taken_over:
        words, why = _HINTS[kind]
        click.echo(f"  {words:<37} # {why}")
