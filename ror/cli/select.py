"""``ror select check | run | explain | suggest``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

import select_lang
from ror.cli.common import home_and_json, json_option, print_table
from ror.cli.reasons import answer_of, jobs_of, lines_of
from ror.cli.statements import catalogue_of, statements_of, text_of
from ror.errors import NotFound
from ror.wording import counted

__all__ = ["command"]

_F = TypeVar("_F", bound=Callable[..., Any])

_from_catalogue = click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    help="A CSV of series instead of the archive: columns are attributes, each row a series.",
)
_from_project = click.option("--project", help="The project whose series are asked about.")


def _asking(function: _F) -> _F:
    """Give a command a statement to ask, and series to ask about."""
    statement = click.argument("statement", metavar="[FILE|TEXT]", required=False)
    workflow = click.option("--workflow", help="Ask what this workflow of the project selects.")
    return statement(workflow(_from_project(_from_catalogue(home_and_json(function)))))


@click.group()
def command() -> None:
    """Check, run and explain select statements, and propose one.

    Example: ror select run "select series where Modality = CT" --catalogue series.csv
    """


@command.command()
@click.argument("statement", metavar="FILE|TEXT")
@json_option
@click.pass_context
def check(context: click.Context, statement: str, as_json: bool) -> None:
    """Read statements from a file, a text or standard input (-), and print them as they are understood, or all faults.

    Example: ror select check "select series where Modality = CT"
    """
    text = text_of(statement)
    try:
        statements = select_lang.read_all(text)
    except select_lang.SelectError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"statements": [], "faults": [asdict(one) for one in error.faults]}, indent=1))
        context.exit(1)
    if as_json:
        read = [
            {"text": select_lang.write(one), "level": one.level, "names": one.names} for one in statements
        ]
        click.echo(json.dumps({"statements": read, "faults": []}, indent=1))
        return
    for one in statements:
        click.echo(f"{select_lang.write(one)}\n-- one job of each {one.level}: {', '.join(one.names)}")


@command.command()
@_asking
@click.pass_context
def run(
    context: click.Context,
    statement: str | None,
    workflow: str | None,
    project: str | None,
    catalogue: Path | None,
    as_json: bool,
) -> None:
    """Say which jobs a statement makes of a project or of a CSV, without starting them.

    Example: ror select run statement.txt --catalogue series.csv --json
    """
    statements = statements_of(context, statement, workflow, project)
    with catalogue_of(context, project, catalogue) as series:
        answers = [series.answer(one) for one in statements]
    jobs = {
        job["id"]: job
        for one, answer in zip(statements, answers, strict=True)
        for job in jobs_of(one, answer.matches)
    }
    why = [
        answer.sentence if len(answers) == 1 else f"statement {number}: {answer.sentence}"
        for number, answer in enumerate(answers, 1)
        if not as_json or not answer.whole
    ]
    if as_json:
        click.echo(json.dumps({"jobs": list(jobs.values()), "messages": [*series.messages, *why]}, indent=1))
        return
    if jobs:
        rows = [(job["id"], name, uids) for job in jobs.values() for name, uids in job["series"].items()]
        print_table(("job", "name", "series"), rows, as_json=False)
    for sentence in (*series.messages, *why):
        click.echo(sentence)


@command.command()
@_asking
@click.option("--study", "study_uid", required=True, help="The StudyInstanceUID that is asked about.")
@click.pass_context
def explain(
    context: click.Context,
    statement: str | None,
    workflow: str | None,
    project: str | None,
    catalogue: Path | None,
    study_uid: str,
    as_json: bool,
) -> None:
    """Say for every name, series and rule what held for a study and what did not, with the values seen.

    A statement that looks across studies is asked about all series of the study's patient.

    Example: ror select explain --workflow lung_mask --project lungs --study 2.25.1234
    """
    statements = statements_of(context, statement, workflow, project)
    with catalogue_of(context, project, catalogue) as series:
        told = [(one, select_lang.explain(one, series.around(study_uid, one))) for one in statements]
    if as_json:
        answers = [answer_of(one, explanation) for one, explanation in told]
        found = {"study": study_uid, "statements": answers, "messages": series.messages}
        click.echo(json.dumps(found, indent=1))
        return
    for one, explanation in told:
        click.echo(select_lang.write(one))
        for group in explanation.groups:
            click.echo("\n".join(lines_of(group, explanation)))
    for message in series.messages:
        click.echo(message)


@command.command()
@_from_project
@_from_catalogue
@home_and_json
@click.pass_context
def suggest(context: click.Context, project: str | None, catalogue: Path | None, as_json: bool) -> None:
    """Propose a statement that splits the series well, with its score (select_lang/README.md says how it is made).

    Example: ror select suggest --catalogue series.csv
    """
    with catalogue_of(context, project, catalogue) as series:
        found = series.series()
    if not found:
        raise NotFound("there is no series to propose a statement for", "send studies, or fill the table")
    proposed = select_lang.suggest(found)
    if as_json:
        jobs = jobs_of(proposed.statement, proposed.jobs)
        told = {
            "statement": proposed.text,
            "score": proposed.score,
            "jobs": jobs,
            "messages": series.messages,
        }
        click.echo(json.dumps(told, indent=1))
        return
    studies = len({one.study_uid for one in found})
    click.echo(
        f"{proposed.text}\n-- score {proposed.score:.2f}: {counted(len(proposed.jobs), 'job')} of {studies} studies"
    )
    for message in series.messages:
        click.echo(message, err=True)
