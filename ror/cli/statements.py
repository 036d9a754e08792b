"""What ``ror select`` works on: statements as a file, text or workflow; series as a CSV or a project of the archive."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

import select_lang
from ror import archive
from ror.cli.common import opened
from ror.errors import ConfigurationError, NotFound
from ror.wording import counted
from select_lang import Match, Series, Statement

if TYPE_CHECKING:
    from ror.app import App

__all__ = ["Answer", "Catalogue", "catalogue_of", "statements_of", "text_of"]


class Catalogue(Protocol):
    """The series that statements are asked about; `messages` say what was left out of it."""

    @property
    def messages(self) -> tuple[str, ...]:
        """A sentence for each thing that was left out."""

    def series(self) -> list[Series]:
        """All of them."""

    def around(self, study_uid: str, statement: Statement) -> list[Series]:
        """What decides whether a statement matches a study: its series, or all of its patient. Else `NotFound`."""

    def answer(self, statement: Statement) -> Answer:
        """The jobs that a statement makes of them all, and why not more."""


_EXPLAINED = 20_000
"""So many series are read to say why there are not more jobs; of more, `ror select explain` tells it study by study."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The jobs of a statement, and a sentence about them; `whole`: every study or patient has made a job."""

    matches: tuple[Match, ...]
    sentence: str
    whole: bool

    @classmethod
    def of(cls, statement: Statement, series: Iterable[Series]) -> Answer:
        """What a statement makes of some series."""
        told = select_lang.explain(statement, series)
        whole = bool(told.groups) and all(group.matched for group in told.groups)
        return cls(told.matches, told.sentence, whole)


@dataclass(frozen=True, slots=True)
class CsvCatalogue:
    """The series of a CSV."""

    path: Path
    table: select_lang.Table

    @property
    def messages(self) -> tuple[str, ...]:
        return self.table.left_out

    def series(self) -> list[Series]:
        return list(self.table.series)

    def around(self, study_uid: str, statement: Statement) -> list[Series]:
        of_study = [one for one in self.table.series if one.study_uid == study_uid]
        if not of_study:
            raise NotFound(f"there is no study {study_uid} in {self.path}", "see its column StudyInstanceUID")
        if not statement.across_studies:
            return of_study
        return [one for one in self.table.series if one.patient_id == of_study[0].patient_id]

    def answer(self, statement: Statement) -> Answer:
        return Answer.of(statement, self.table.series)


@dataclass(frozen=True, slots=True)
class ArchiveCatalogue:
    """The series of one project of the archive."""

    index: archive.Index
    catalogue: archive.Catalogue
    project: str

    @property
    def messages(self) -> tuple[str, ...]:
        waiting = self.index.not_catalogued(self.project)
        if not waiting:
            return ()
        what = "study is" if waiting == 1 else "studies are"
        return (f"{waiting} {what} not asked: still receiving, or waiting to be matched",)

    def series(self) -> list[Series]:
        return self.catalogue.series(self.project)

    def around(self, study_uid: str, statement: Statement) -> list[Series]:
        project, patient_id = self.index.study(study_uid)
        if project != self.project:
            raise NotFound(
                f"study {study_uid} is not in project {self.project}, but in {project}",
                f"say --project {project}",
            )
        if statement.across_studies:
            return self.catalogue.series(self.project, patient_id=patient_id)
        return self.catalogue.series(self.project, study_uid=study_uid)

    def answer(self, statement: Statement) -> Answer:
        matches = tuple(self.catalogue.search(statement, self.project))
        held = self.index.catalogued(self.project, at_most=_EXPLAINED)
        if len(held) < _EXPLAINED:
            told = Answer.of(statement, [one for one in self.series() if one.uid in held])
            return Answer(matches, told.sentence, told.whole)
        return Answer(matches, counted(len(matches), "job"), whole=bool(matches))


@contextmanager
def catalogue_of(context: click.Context, project: str | None, csv: Path | None) -> Iterator[Catalogue]:
    """The CSV, which needs no home, or the project; without either, the only project that there is."""
    if csv is not None:
        if project is not None:
            raise click.UsageError("give --project or --catalogue, not both")
        yield CsvCatalogue(csv, _table(csv))
        return
    with opened(context) as app:
        yield ArchiveCatalogue(app.index, app.catalogue, _project(app, project))


def _table(path: Path) -> select_lang.Table:
    try:
        return select_lang.read_table(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", advice="give --catalogue a CSV of series"
        ) from error
    except select_lang.TableError as error:
        raise ConfigurationError(
            f"{path} cannot be used:", tuple(str(error).splitlines()), "correct the table"
        ) from error


def _project(app: App, name: str | None) -> str:
    if name is not None:
        return app.projects.get(name).name
    names = [one.name for one in app.projects.list()]
    if len(names) == 1:
        return names[0]
    there_are = f"there are {len(names)} projects" if names else "there is no project"
    raise NotFound(
        f"{there_are}: {', '.join(names)}" if names else there_are, "say --project NAME or --catalogue FILE"
    )


def statements_of(
    context: click.Context, given: str | None, workflow: str | None, project: str | None
) -> tuple[Statement, ...]:
    """The statements of a file or text, or the one of a workflow of a project: the enabled version, else the last."""
    if (given is None) == (workflow is None):
        raise click.UsageError("give a statement (FILE, TEXT or - for standard input) or --workflow NAME")
    if given is not None:
        return select_lang.read_all(text_of(given))
    with opened(context) as app:
        name = _project(app, project)
        versions = [one for one in app.workflows.list(name) if one.name == workflow]
    if not versions:
        raise NotFound(f"project {name} has no workflow {workflow}", "see `ror workflow list`")
    return select_lang.read_all(sorted(versions, key=lambda one: one.enabled)[-1].select_text)


def text_of(given: str) -> str:
    """The text of standard input (``-``), of the file of that name, or the text itself."""
    if given == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    # Path.is_file would raise for a text longer than a file name may be.
    if os.path.isfile(given):  # noqa: PTH113
        try:
            return _decoded(Path(given).read_bytes(), given)
        except OSError as error:
            raise ConfigurationError(f"{given} cannot be read: {error.strerror}") from error
    if re.fullmatch(r"[\w./~-]+", given):
        raise NotFound(
            f"there is no file {given}, and a statement it is not",
            'a statement is given as "select series where Modality = CT"',
        )
    return given


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{source} is not UTF-8 from byte {error.start} on", advice="save it as UTF-8"
        ) from error
