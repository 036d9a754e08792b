"""What the options of ``ror trigger`` say: which jobs, with which limits, options and references."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

import select_lang
from containers import Package, Resources
from ror.develop import DataIndex, DeveloperProject
from ror.develop.trial import TrialFolder, job_of
from ror.engine import Gpu
from ror.errors import ConfigurationError, NotFound
from ror.model import Job
from ror.series_names import require_names
from select_lang import Match

__all__ = ["Asked", "Chosen"]

_MIB = {"m": 1, "g": 1024}
_BY_UUID = ("GPU-", "MIG-")
_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A job to run; `folder` has its data where they are staged already, or names where they shall be."""

    number: int
    job: Job
    folder: TrialFolder | None = None
    staged: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say, checked."""

    number: int | None
    each: bool
    last: bool
    dry: bool
    keep: bool
    folder: Path | None
    cont: str | None
    docker: bool
    gpus: str | None
    delay_s: float
    limits: Mapping[str, object]
    options: Mapping[str, object]
    references: tuple[str, ...]

    @classmethod
    def of(cls, project: DeveloperProject, given: Mapping[str, Any]) -> Asked:
        if sum(map(bool, (given["number"], given["each"], given["last"]))) > 1:
            raise click.UsageError("give one of --job, --each and --last")
        if given["last"] and given["folder"]:
            raise click.UsageError("--last is on the folder that was kept, --folder on a new one")
        if given["each"] and given["folder"]:
            raise click.UsageError("--folder is for one job, --each for all")
        if given["docker"] and given["cont"]:
            raise click.UsageError("--cont names an image, --docker builds one: give one of them")
        if given["cont"] is not None and not given["cont"].strip():
            raise click.UsageError("--cont names no image")
        folder = given["folder"]
        if folder is not None and folder.name in ("", ".."):
            raise ConfigurationError(
                f"--folder {folder} is no new folder", advice="give it a name: --folder mine"
            )
        # As in the tool of old, a bare name is below the folder of all runs.
        named = folder is not None and folder == Path(folder.name)
        if folder is not None and not named and not folder.resolve().is_relative_to(project.own):
            project.require_apart([folder.resolve()])
        return cls(
            **{
                name: given[name]
                for name in ("number", "each", "last", "dry", "keep", "cont", "docker", "gpus")
            },
            folder=project.runs / folder if named else folder and folder.resolve(),
            delay_s=_seconds(given["delay"]),
            limits=_limits(given["mem"], given["cpus"]),
            options=_options(given["envs"]),
            references=given["references"],
        )

    @property
    def in_docker(self) -> bool:
        return self.docker or self.cont is not None

    def limited(self, package: Package) -> Package:
        """The package with other limits, or another image, than its own."""
        manifest = package.manifest
        try:
            resources = Resources.model_validate({**manifest.resources.model_dump(), **self.limits})
        except ValidationError as error:
            faults = tuple(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
            raise ConfigurationError(
                "--mem or --cpus cannot be:", faults, "such as --mem 2g --cpus 1.5"
            ) from error
        changed: dict[str, object] = {"resources": resources}
        if not self.in_docker and not manifest.command and (package.folder / "stub.py").is_file():
            # The ancestor's: its image has a call of its own, and without one this is it.
            changed["command"] = ("python", "stub.py")
        limited = replace(package, manifest=manifest.model_copy(update=changed))
        return limited if self.cont is None else replace(limited, docker_image=self.cont)

    def on_cards(self, package: Package, cards: Sequence[Gpu]) -> Asked:
        """With a card of this machine for a workflow that wants one, as a host would give it one."""
        if self.gpus is None:
            needs = package.manifest.resources
            enough = [one.id for one in cards if needs.gpu and one.memory_mib >= needs.gpu_memory_mib]
            return replace(self, gpus=enough[0] if enough else None)
        if self.gpus.startswith(_BY_UUID) or any(one.id == self.gpus for one in cards):
            return self
        there = ", ".join(one.id for one in cards)
        advice = f"say one of {there}" if there else "leave it out: nvidia-smi tells of no card here at all"
        raise ConfigurationError(f"--gpus {self.gpus}: this machine has no such card", advice=advice)

    def options_of(self, package: Package) -> dict[str, object]:
        """The options of the package, and those that were given over them.

        A package that has no options may take any: it does not say so.
        """
        known = package.manifest.options
        unknown = [name for name in self.options if name not in known] if known else []
        if unknown:
            raise ConfigurationError(
                f"--envs: {', '.join(unknown)} is not among [options] of workflow.toml",
                advice=f"the options there are: {', '.join(known)}",
            )
        return {**known, **self.options}

    def references_of(self, package: Package) -> dict[str, Path]:
        """The references by the name of a mask, which may be left out where there is one."""
        names = [mask.name for mask in package.manifest.outputs.masks]
        found = {}
        for text in self.references:
            name, equals, path = text.rpartition("=")
            if not equals and len(names) == 1:
                name = names[0]
            if name not in names:
                raise ConfigurationError(
                    f"--reference {text}: which mask is it of?",
                    advice=f"say --reference NAME=MASK; the masks are: {', '.join(names) or 'none'}",
                )
            if not Path(path).is_file():
                raise NotFound(
                    f"there is no reference {path}", "name a file: .nii.gz, .seg.nrrd, .npz, .seg.dcm"
                )
            found[name] = Path(path)
        return found

    def chosen(self, project: DeveloperProject, package: Package, index: DataIndex) -> Iterator[Chosen]:
        """The jobs to run."""
        statement = select_lang.read(package.manifest.select)
        require_names(package.manifest, statement)
        matches = select_lang.evaluate(statement, index.series())
        if self.last:
            yield self._last(project, package, index, matches)
            return
        if not index.files():
            raise NotFound("there is no data to try it on", "ror config --data FOLDER says which to take")
        if not matches:
            raise NotFound("the statement makes no job of the data", "ror status --all says why not")
        number = self.number or 1
        if number > len(matches):
            raise NotFound(f"there is no job {number}, but {len(matches)}", "see ror status --jobs")
        for one in range(1, len(matches) + 1) if self.each else [number]:
            job = job_of(package, matches[one - 1], index, self.gpus)
            yield Chosen(one, job, None if self.folder is None else _claimed(self.folder))

    def _last(
        self, project: DeveloperProject, package: Package, index: DataIndex, matches: Sequence[Match]
    ) -> Chosen:
        try:
            kept = json.loads(project.last_run.read_text(encoding="utf-8"))
        except FileNotFoundError:
            kept = {}
        folder = Path(kept.get("data", ""))
        if not kept or not (folder / "job.json").is_file():
            raise NotFound("no data folder is kept", "keep one: ror trigger --keep")
        for number, match in enumerate(matches, 1):
            if [[one.name, one.series_uid] for one in match.series] == kept["series"]:
                job = job_of(package, match, index, self.gpus)
                return Chosen(number, job, TrialFolder.beside(folder), staged=True)
        raise NotFound(f"the statement makes the job of {folder} no more", "see ror status --jobs")


def _claimed(folder: Path) -> TrialFolder:
    """A data folder that was named; it is emptied, so it must be one, or new."""
    if folder.exists() and not (folder / "job.json").is_file():
        raise ConfigurationError(
            f"{folder} is there, and no data folder of ror trigger", advice="name another, or a new one"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be made: {error.strerror}", advice="name a folder of your own"
        ) from error
    if not os.access(folder.parent, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"nothing can be written in {folder.parent}", advice="name a folder of your own"
        )
    return TrialFolder.beside(folder)


def _limits(memory: str | None, cpus: float | None) -> dict[str, object]:
    here = len(os.sched_getaffinity(0))
    if cpus is not None and cpus > here:
        raise ConfigurationError(
            f"--cpus {cpus:g}: this machine has {here}", advice="say fewer, or leave it out"
        )
    limits: dict[str, object] = {} if cpus is None else {"cpus": cpus}
    if memory is not None:
        read = re.fullmatch(r"(\d+(?:\.\d+)?)([mg])(?:i?b)?", memory.lower())
        if read is None:
            raise ConfigurationError(f"--mem {memory} is no amount of memory", advice="such as 2g or 512m")
        limits["memory_mib"] = int(float(read[1]) * _MIB[read[2]])
    return limits


def _seconds(text: str) -> float:
    """A time as the tool of old writes it: ``1m30s``, ``500ms``; or plain seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if parts and "".join(map("".join, parts)) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    raise ConfigurationError(f"--delay {text} is no time", advice="such as 30s or 1m30s")


def _options(text: str) -> dict[str, object]:
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"--envs is not JSON: {error}", advice="""such as --envs '{"level": 3}'"""
        ) from error
    if not isinstance(options, dict):
        raise ConfigurationError("--envs is no JSON object", advice="""such as --envs '{"level": 3}'""")
    return options
