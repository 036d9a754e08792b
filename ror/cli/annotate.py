"""``ror annotate``: series tagged by hand with terms of an ontology, which are types of them from then on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from ror.cli.common import json_option, print_table
from ror.develop import DataIndex, DeveloperProject
from ror.develop.ontology import Ontology
from ror.errors import NotFound

__all__ = ["command"]

_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--series", "series_uid", metavar="UID", help="Tag this series, without filling the terminal.")
@click.option("--add", multiple=True, metavar="TERM", help="With --series: a term that it is.")
@click.option("--remove", multiple=True, metavar="TERM", help="With --series: a term that it is not.")
@click.option("--search", metavar="WORDS", help="List the terms that have these words.")
@click.option("--list", "listed", is_flag=True, help="List the series that are tagged.")
@click.option(
    "--ontology",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Terms of one's own, in TOML, instead of those that are shipped.",
)
@click.option("--working_directory", type=_folder, default=Path(), help="The project's folder.")
@json_option
def command(
    series_uid: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    search: str | None,
    listed: bool,
    ontology: Path | None,
    working_directory: Path,
    as_json: bool,
) -> None:
    """Tag series of the data with terms: body part, plane, contrast, sequence, quality.

    A tag is one of the ClassifyTypes of a series, in select statements and in descr.json, on this machine only: in the
    hospital, types come from the rules of the project.

    Example: ror annotate --series 1.2.3 --add T1 --add BRAIN
    """
    terms = Ontology.read(ontology)
    if search is not None:
        columns = ("name", "meaning", "group", "code", "scheme")
        rows = [tuple(getattr(one, name) for name in columns) for one in terms.search(search)]
        if not rows and not as_json:
            raise NotFound(f"no term has the words {search}", "say fewer or shorter ones: --search ax")
        print_table(columns, rows, as_json=as_json)
        return
    project = DeveloperProject.at(working_directory)
    if series_uid is None and (add or remove):
        raise click.UsageError("of which series? Say --series UID")
    with DataIndex.opened(project.data_index) as index:
        if series_uid is not None:
            _tag(
                index,
                series_uid,
                {terms.term(one).name for one in add},
                {terms.term(one).name for one in remove},
            )
        if listed or series_uid is not None:
            rows = [(uid, some) for uid, some in index.tags().items() if series_uid in (None, uid)]
            print_table(("series_uid", "tags"), rows, as_json=as_json)
            return
    _in_terminal(project, terms)


def _tag(index: DataIndex, series_uid: str, add: set[str], remove: set[str]) -> None:
    if all(one.uid != series_uid for one in index.series()):
        raise NotFound(f"no series {series_uid} is known", "see ror status --data")
    before = set(index.tags().get(series_uid, ()))
    if missing := sorted(remove - before):
        raise NotFound(f"series {series_uid} has no tag {', '.join(missing)}", "see ror annotate --list")
    index.tag(series_uid, sorted((before | add) - remove))


def _in_terminal(project: DeveloperProject, terms: Ontology) -> None:
    terminal = import_module("ror.cli.terminal")
    package, statement = project.package(), project.statement()
    title = f"{package.manifest.name} {package.manifest.version}"
    terminal.filled_by(
        lambda: terminal.Annotator(title, statement, project.data_index, terms),
        "ror annotate --series UID --add TERM",
    )
