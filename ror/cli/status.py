"""``ror status``: what a developer's project is set to, and which jobs that makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import select_lang
from containers import Package
from ror.cli import uncollected
from ror.cli.reasons import lines_of
from ror.develop import DataIndex, DeveloperProject, DeveloperSettings
from ror.wording import counted
from select_lang import Match, Series, Statement

__all__ = ["command"]

_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_folder, default=Path())
@click.option("--all", "everything", is_flag=True, help="For every series, why it is in a job or not.")
@click.option("--jobs", is_flag=True, help="The jobs, with the numbers that ror trigger --job takes.")
@click.option("--data", is_flag=True, help="The series that are known, and the files that are not used.")
@click.option("--tui", is_flag=True, help="Walk through the data, with pictures and reasons.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.option("--working_directory", type=_folder, help="The same as FOLDER.")
def command(
    folder: Path,
    everything: bool,
    jobs: bool,
    data: bool,
    tui: bool,
    as_json: bool,
    working_directory: Path | None,
) -> None:
    """Say what a project is set to, which jobs its statement makes of the data, and why not more.

    Example: ror status --jobs
    """
    project = DeveloperProject.at(working_directory or folder)
    package = project.package()
    if tui:
        _walk(project, package, select_lang.read(package.manifest.select))
        return
    with uncollected():  # of ten thousand series
        statement = select_lang.read(package.manifest.select)
        _tell(project, package, statement, everything=everything, jobs=jobs, data=data, as_json=as_json)


def _tell(
    project: DeveloperProject,
    package: Package,
    statement: Statement,
    *,
    everything: bool,
    jobs: bool,
    data: bool,
    as_json: bool,
) -> None:
    with DataIndex.opened(project.data_index) as index:
        series, files = index.series(), index.files()
        unused = index.unused_files() if data or everything else []
    if everything:
        explanation = select_lang.explain(statement, series)
        matches, sentence = explanation.matches, explanation.sentence
        reasons = [line for group in explanation.groups for line in lines_of(group, explanation)]
    else:
        matches, reasons = select_lang.evaluate(statement, series), []
        sentence = counted(len(matches), "job")
    if as_json:
        told = {
            **_facts(project, package, statement, series, files),
            "jobs": _jobs(matches, series),
            **({"reasons": reasons} if everything else {}),
            **({"data": [_described(one) for one in series]} if data or everything else {}),
            **({"not_used": dict(unused)} if data or everything else {}),
        }
        click.echo(json.dumps(told, indent=1))
        return
    parts: list[str] = []
    if not (jobs or data) or everything:
        parts += [
            f"{name}: {value}" for name, value in _facts(project, package, statement, series, files).items()
        ]
    if data or everything:
        parts += [_line(one) for one in series]
        parts += [f"not used: {path}: {why}" for path, why in unused]
    if jobs or everything:
        parts += _job_lines(matches, series)
    click.echo("\n".join([*parts, *reasons, sentence, _next(matches, series)]))


def _walk(project: DeveloperProject, package: Package, statement: Statement) -> None:
    # Loaded here: what draws takes longer to load than all else that this command does.
    terminal = import_module("ror.cli.terminal")
    title = f"{package.manifest.name} {package.manifest.version}"
    terminal.filled_by(lambda: terminal.Browser(title, statement, project.data_index), "ror status --all")


def _facts(
    project: DeveloperProject, package: Package, statement: Statement, series: Sequence[Series], files: int
) -> dict[str, Any]:
    manifest, settings = package.manifest, project.settings()
    return {
        "workflow": f"{manifest.name} {manifest.version}",
        "folder": str(package.folder),
        "command": " ".join(manifest.command),
        "select": " ".join(select_lang.write(statement).split()),
        "files": files,
        "series": len(series),
        "studies": len({one.study_uid for one in series}),
        "patients": len({one.patient_id for one in series}),
        "runs": str(project.runs),
        **({"server": f"{settings.server}, {_with_token(settings)}"} if settings.server else {}),
    }


def _with_token(settings: DeveloperSettings) -> str:
    return "with a token" if settings.token else "without a token"


def _jobs(matches: Sequence[Match], series: Sequence[Series]) -> list[list[dict[str, Any]]]:
    by_uid = {one.uid: one for one in series}
    return [
        [
            {
                "JobID": number,
                "NameFromSelect": one.name,
                "SeriesInstanceUID": one.series_uid,
                "StudyInstanceUID": one.study_uid,
                "Info": _info(by_uid[one.series_uid]),
            }
            for one in match.series
        ]
        for number, match in enumerate(matches, 1)
    ]


def _job_lines(matches: Sequence[Match], series: Sequence[Series]) -> Iterator[str]:
    by_uid = {one.uid: one for one in series}
    for number, match in enumerate(matches, 1):
        yield f"job {number}: {match.level} {match.key}"
        for one in match.series:
            yield f"  {one.name}: {one.series_uid} {_info(by_uid[one.series_uid])}"


def _described(one: Series) -> dict[str, Any]:
    return {
        "PatientID": one.patient_id,
        "StudyInstanceUID": one.study_uid,
        "SeriesInstanceUID": one.uid,
        **{name: values for name, values in sorted(one.attributes.items()) if name not in _PLACE},
    }


_PLACE = {"PatientID", "StudyInstanceUID", "SeriesInstanceUID"}


def _line(one: Series) -> str:
    return f"patient {one.patient_id or '–'}, study {one.study_uid}, series {one.uid}: {_info(one)}"


def _info(one: Series) -> str:
    told = [*one.values("Modality"), *one.values("SeriesDescription"), f"{one.values('NumImages')[0]} images"]
    if types := one.values("ClassifyTypes"):
        told.append("/".join(types))
    return ", ".join(told)


def _next(matches: Sequence[Match], series: Sequence[Series]) -> str:
    if not series:
        return "next: ror config --data FOLDER"
    if not matches:
        return "next: ror status --all says for every series why not"
    return "next: ror trigger, or ror trigger --job N"
