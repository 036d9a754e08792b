"""``ror build``: the container image of the workflow in this folder, built without network and tried once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from shlex import quote

import click

from containers import DockerRuntime, Image, ImageError, Manifest, Package
from ror.cli import trigger
from ror.cli.common import opened
from ror.develop import DataIndex, DeveloperProject
from ror.develop.base_images import BASES
from ror.errors import ConfigurationError, NotFound
from ror.registry import checked_package

__all__ = ["command"]

_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_TAG = re.compile(rf"(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?", re.ASCII)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--tag", metavar="NAME[:TAG]", help="Give the image this name, too.")
@click.option(
    "--save",
    "archive",
    type=click.Path(path_type=Path),
    help="Write it into FILE.tar.gz, for ror submit or docker load.",
)
@click.option(
    "--push-to",
    "registry",
    metavar="URL",
    help="Push it to this registry, under a name of its own or this one.",
)
@click.option("--job", "number", type=click.IntRange(1), default=1, help="The job that it is tried on.")
@click.option("--trial/--no-trial", default=True, show_default=True, help="Run it once on a job of the data.")
@click.option("--working_directory", type=_folder, default=Path(), help="The project's folder.")
@click.pass_context
def command(
    context: click.Context,
    tag: str | None,
    archive: Path | None,
    registry: str | None,
    number: int,
    trial: bool,
    working_directory: Path,
) -> None:
    """Build the image of the workflow in this folder, try it on a job, and say how large it is.

    The wheels of requirements.txt are downloaded first, and the build itself has no network. The image is tried in its
    sandbox, with the limits of workflow.toml, as by ror trigger --docker, on data that ror config knows.

    Example: ror build --tag my_workflow:0.1.0 --save ../my_workflow.tar.gz
    """
    project = DeveloperProject.at(working_directory)
    package = checked_package(project.folder)
    if tag is not None and not _TAG.fullmatch(tag):
        raise ConfigurationError(
            f"an image cannot be called {tag}", advice="lower case, without blanks: model:1.0"
        )
    remote = None if registry is None else _name_there(registry, package.manifest)
    if archive is not None:
        _require_place(archive, project)
    if trial:
        _require_data(project)
    with opened(context, make=True) as app:
        docker, _process = app.runtimes
        available = docker.availability()
        if not available.ok:
            raise ConfigurationError(f"nothing can be built here: {available.reason}", advice="start Docker")
        if tag in {app.settings.engine.base_image, *(f"ror-base:{kind}" for kind in BASES)}:
            raise ConfigurationError(f"--tag {tag}: images are built on that one", advice="name another one")
        _require_base(package, app.home.runtimes / "docker")
        image = _built(docker, package)
    if trial:
        context.invoke(trigger.command, working_directory=working_directory, docker=True, number=number)
    if tag is not None:
        docker.tag(image, tag)
    name = tag or image.reference
    click.echo(f"{name}: {docker.size_bytes(image) / 1e6:.0f} MB, {image.digest}")
    if archive is not None:
        try:
            docker.save(image, name, archive)
        except OSError as error:
            raise ConfigurationError(
                f"{archive} cannot be written: {error.strerror}", advice="name another file"
            ) from error
        click.echo(
            f"{archive}: {archive.stat().st_size / 1e6:.0f} MB; load it with: docker load -i {quote(str(archive))}"
        )
    if remote is not None:
        name = remote
        digest = docker.push(image, remote, click.echo)
        click.echo(f"pushed: {remote}, {digest}")
    submit = "ror submit" if archive is None else f"ror submit {quote(str(archive))}"
    click.echo(
        f"next: ror trigger --cont {name}, {submit} to a server, "
        f"or here ror workflow add {quote(str(archive or project.folder))} --project NAME"
    )


def _built(docker: DockerRuntime, package: Package) -> Image:
    try:
        return docker.build(package, report=click.echo)
    except ImageError as error:
        if not package.docker_image:
            raise
        raise ConfigurationError(
            f"the image {package.docker_image} that select.statement names is neither here nor can it be pulled",
            advice="ror init . makes a workflow.toml, of which ror build makes an image; or docker load that image",
        ) from error


def _name_there(registry: str, manifest: Manifest) -> str:
    """What the image is called in a registry: ``HOST[:PORT]/NAME:TAG``, of which HOST[:PORT]/ or more is given."""
    name = re.sub(r"^https?://", "", registry)
    host = name.partition("/")[0]
    if not re.search(r"[.:]|^localhost$", host):  # by this Docker tells a host from somebody on Docker Hub
        raise ConfigurationError(
            f"--push-to {registry} names no host, so Docker would push it to Docker Hub",
            advice="name the registry: HOST:PORT, or docker.io/USER/ if it is that one",
        )
    if "/" not in name.rstrip("/") or name.endswith("/"):
        name = f"{name.rstrip('/')}/{manifest.name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:{manifest.version}"


def _require_base(package: Package, root: Path) -> None:
    """Before wheels are fetched for an image on a base of ours that was never made."""
    text = package.dockerfile.read_text(encoding="utf-8") if package.dockerfile else ""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for kind in BASES:
        name = f"ror-base:{kind}"
        named = any(line.endswith(name) or f"{name} " in line for line in lines)
        if named and DockerRuntime(root, name).availability().lacks:
            raise ConfigurationError(
                f"the Dockerfile builds on {name}, which is not on this machine",
                advice=f"make it, once for all workflows: ror base build {kind}",
            )


def _require_place(archive: Path, project: DeveloperProject) -> None:
    """Before anything is built, which takes minutes."""
    if not archive.name.endswith((".tar.gz", ".tgz")):
        raise ConfigurationError(f"--save {archive}: the archive is a .tar.gz", advice="name it FILE.tar.gz")
    if not (archive.parent.is_dir() and os.access(archive.parent, os.W_OK | os.X_OK)) or archive.is_dir():
        raise ConfigurationError(f"--save {archive} cannot be written", advice="name another file")
    if project.folder in archive.resolve().parents:
        raise ConfigurationError(
            f"--save {archive}: in the folder of the workflow it would be part of the next image",
            advice=f"name a file elsewhere: --save ../{archive.name}",
        )


def _require_data(project: DeveloperProject) -> None:
    """Before anything is built, which takes minutes."""
    with DataIndex.opened(project.data_index) as index:
        if not index.files():
            raise NotFound(
                "there is no data to try the image on",
                "python phantom.py ../phantom-data, then ror config --data ../phantom-data; or say --no-trial",
            )
