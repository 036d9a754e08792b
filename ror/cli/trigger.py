"""``ror trigger``: jobs of the workflow in this folder, run and brought to their results as in the hospital."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from containers import Runtime
from ror.cli.ancestor_options import no_shared_folder
from ror.cli.common import opened
from ror.cli.trigger_options import Asked, Chosen
from ror.develop import DataIndex, DeveloperProject, sweep, to_be_removed
from ror.develop.trial import Trial, TrialFolder, Tried
from ror.errors import ConfigurationError, RorError
from ror.model import Job
from ror.stopping import unwound

__all__ = ["command"]

_BUILD = "next: ror build makes an image of it and tries that"
_SEND = (
    "next: ror submit sends the workflow to a server; on the server itself: ror workflow add . --project NAME"
)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--job", "number", type=click.IntRange(1), help="The job of that number in ror status --jobs.")
@click.option("--each", is_flag=True, help="All jobs, one after another.")
@click.option("--last", is_flag=True, help="Once more on the data folder that was kept last.")
@click.option("--test", "dry", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--keep", is_flag=True, help="Keep the data folder; outputs are kept in any case.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="The data folder, below .ror/runs where it is one name; outputs go to FOLDER_output.",
)
@click.option("--cont", metavar="IMAGE", help="Run this container image by Docker.")
@click.option("--docker", is_flag=True, help="Build this folder's image, and run it by Docker.")
@click.option("--mem", metavar="2g", help="Memory, instead of what workflow.toml says.")
@click.option("--cpus", type=float, help="Cores, instead of what workflow.toml says.")
@click.option("--gpus", metavar="CARD", help="The card that it may use, by number or UUID.")
@no_shared_folder
@click.option("--delay", metavar="30s", default="0s", help="Wait so long before the first job.")
@click.option("--envs", metavar="JSON", default="{}", help="Options, over those of workflow.toml.")
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="[NAME=]MASK",
    help="Hold the mask (of that name) against this one: Dice for each segment.",
)
@click.option("--working_directory", type=_folder, default=Path(), help="The project's folder.")
@click.pass_context
def command(context: click.Context, /, working_directory: Path, **given: Any) -> None:
    """Run a job of the data that ror config knows, the first one unless told otherwise, and make its results.

    The program runs as a process of this machine, which is no sandbox, or with --docker or --cont in a container. Its
    outputs are checked, DICOM objects are made of them and validated, and what REDCap would get is shown; all of it is
    kept in a folder that ends in _output. The exit code is 1 if anything was wrong with any job.

    Example: ror trigger --job 1 --reference drawn.nii.gz
    """
    project = DeveloperProject.at(working_directory)
    asked = Asked.of(project, given)
    package = asked.limited(project.package())
    with DataIndex.opened(project.data_index) as index, opened(context, make=True) as app:
        trial = Trial(
            package,
            _runtime(*app.runtimes, in_docker=asked.in_docker),
            asked.options_of(package),
            asked.references_of(package),
            click.echo,
        )
        asked = asked.on_cards(package, app.host().gpus)
        if package.manifest.resources.gpu and asked.gpus is None:
            click.echo("without a card: the workflow wants one, and none here is large enough", err=True)
        chosen = list(asked.chosen(project, package, index))
        if asked.dry:
            _tell_dry(chosen, trial)
            return
        for told in sweep(project.runs):
            click.echo(told, err=True)
        if asked.delay_s:
            click.echo(f"waits {asked.delay_s:g} s")
            time.sleep(asked.delay_s)
        with unwound():
            failed = [one for one in chosen if not _tried(one, trial, index, project, asked)]
    if len(chosen) > 1:
        click.echo(f"{len(chosen) - len(failed)} of {len(chosen)} jobs went well")
    if failed:
        again = "--last" if asked.last else f"--job {failed[0].number}"
        click.echo(f"next: mend what was wrong, and say ror trigger {again} once more", err=True)
        context.exit(1)
    if context.find_root().invoked_subcommand == "trigger":  # ror build, which does it too, has other advice
        click.echo(_SEND if asked.in_docker else _BUILD)


def _runtime(docker: Runtime, process: Runtime, *, in_docker: bool) -> Runtime:
    runtime = docker if in_docker else process
    available = runtime.availability()
    if not available.ok:
        advice = (
            "start Docker, or leave --cont and --docker out" if in_docker else "run it in Docker: --docker"
        )
        raise ConfigurationError(
            f"the {runtime.name} runtime cannot work here: {available.reason}", advice=advice
        )
    return runtime


def _tell_dry(chosen: Sequence[Chosen], trial: Trial) -> None:
    resources = trial.package.manifest.resources
    for one in chosen:
        named = ", ".join(f"{series.name} ({series.series_uid})" for series in one.job.series)
        click.echo(f"job {one.number} would run: {named}")
    command = " ".join(trial.package.manifest.command) or "what its image says"
    click.echo(
        f"in {trial.package.docker_image or trial.runtime.name}: {command}, with at most {resources.memory_mib} MiB, "
        f"{resources.cpus:g} cores and {resources.timeout_s:g} s; options {json.dumps(dict(trial.options))}"
    )
    click.echo("next: the same without --test")


def _tried(one: Chosen, trial: Trial, index: DataIndex, project: DeveloperProject, asked: Asked) -> bool:
    """Run one job and tell of it; what is wrong with one of several does not keep the others from running."""
    click.echo(f"job {one.number} ({one.job.id})")
    folder = one.folder or _new_folder(project, one.job)
    kept = asked.keep or asked.folder is not None or one.staged
    if one.folder and not one.staged and folder.root.exists():
        click.echo(f"replaces what an earlier run has left in {folder.root}")
    try:
        # Also on Ctrl-C, when terminated, and at a fault of ours: images of patients are left nowhere without a word.
        with nullcontext() if kept else to_be_removed(folder.data, folder.root, trial.runtime.name):
            return _went_well(one, trial, index, folder)
    except BaseException:
        click.echo("the job did not come to its end", err=True)
        raise
    finally:
        if kept:
            click.echo(f"data: {folder.data}")
            project.remember_run(folder.data, [(series.name, series.series_uid) for series in one.job.series])
        click.echo(f"all of it: {folder.root}")


def _went_well(one: Chosen, trial: Trial, index: DataIndex, folder: TrialFolder) -> bool:
    try:
        # Libraries warn of odd names with the names themselves, which may be somebody's here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not one.staged:
                trial.stage(one.job, folder, index)
            tried = trial.run(one.job, folder)
    except RorError as error:
        lines = [*str(error).splitlines(), *error.advice.splitlines()]
        click.echo("wrong: " + "\n       ".join(lines), err=True)
        return False
    _tell(tried)
    return not tried.faults


def _new_folder(project: DeveloperProject, job: Job) -> TrialFolder:
    return TrialFolder(Path(tempfile.mkdtemp("_output", f"{job.workflow}_", project.make_runs())))


def _tell(tried: Tried) -> None:
    for path in tried.objects:
        click.echo(f"PACS would get: {path.name}")
    if tried.records and tried.names_patients:
        click.echo("these images are not de-identified: what names the patient is not shown")
    for record in tried.records:
        click.echo(f"REDCap would get: {json.dumps(record)}")
    for fault in tried.faults:
        click.echo(f"REDCap would refuse: {fault}")
    for one in tried.agreements:
        click.echo(
            f"agreement: {one.mask}/{one.value} {one.label}: Dice {one.dice:.4f} "
            f"({one.voxels} voxels, {one.reference_voxels} in the reference)"
        )
