"""Images that are there already: in a Docker daemon, in a registry, or in the archive that a package brings."""

from __future__ import annotations

from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageLoadError, ImageNotFound
from docker.models.images import Image as DockerImage
from requests.exceptions import RequestException

from containers.docker_daemon import innermost
from containers.errors import AdvisedError, ImageError, RuntimeUnavailable
from containers.image_archive import ImageArchive
from containers.runtime import Report

__all__ = [
    "base_present_or_pulled",
    "full_name",
    "give_name",
    "lacking",
    "loaded",
    "present",
    "present_or_pulled",
]

_SLIM = "ror-base:slim"  # as `ror base build slim` calls it


def present(client: docker.DockerClient, name: str) -> DockerImage | None:
    """The image of a name or id, if the daemon has it."""
    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def give_name(image: DockerImage, name: str) -> None:
    """Give an image another name, ``NAME`` or ``NAME:TAG``, the two of which Podman takes apart only."""
    repository, tag = _parted(name)
    image.tag(repository, tag)


def full_name(image: DockerImage, name: str) -> str | None:
    """That of the names of an image which is meant: with its tag, and in Podman with a registry in front of it."""
    wanted = ":".join(_parted(name))
    return next((one for one in image.tags if one == wanted or one.endswith(f"/{wanted}")), None)


def _parted(name: str) -> tuple[str, str]:
    repository, _, tag = name.rpartition(":")
    return (repository, tag) if repository and "/" not in tag else (name, "latest")


def lacking(client: docker.DockerClient, base: str) -> str:
    """What to say where the image that others are built on is not there; empty where it is."""
    if present(client, base) is not None:
        return ""
    return f"the base image {base} is not on this machine: docker pull {base}, or docker load a copy of it"


def present_or_pulled(
    client: docker.DockerClient, reference: str, report: Report, fault: type[AdvisedError], advice: str = ""
) -> DockerImage:
    """The image, got from its registry where it is not on this machine; `fault` where it cannot be."""
    if (found := present(client, reference)) is not None:
        return found
    report(f"pulling {reference}")
    try:
        return client.images.pull(reference)
    except (DockerException, RequestException) as error:
        raise fault(
            f"the image {reference} is not on this machine and cannot be pulled: {innermost(error)}",
            f"Get it where there is internet (docker pull, docker save) and docker load it here. {advice}".rstrip(),
        ) from error


def base_present_or_pulled(client: docker.DockerClient, base: str, report: Report) -> DockerImage:
    """The image that others are built on, as `present_or_pulled`."""
    # Nothing is wrong with a package: it can be prepared as soon as the operator has got the image.
    advice = (
        f'Or take the one that is here: base_image = "{_SLIM}" in section [engine] of ror.toml.'
        if base != _SLIM and present(client, _SLIM)
        else "Or make one by `ror base build slim`, or set engine.base_image to one with Python 3.11 and venv."
    )
    return present_or_pulled(client, base, report, RuntimeUnavailable, advice)


def loaded(client: docker.DockerClient, archive_path: Path, reference: str, report: Report) -> DockerImage:
    """Load the image that a package brings, and call it `reference` alone (`ImageError` where that cannot be)."""
    archive = ImageArchive.read(archive_path)
    machine = str(client.version()["Arch"])
    if archive.architecture != machine:
        raise ImageError(
            f"{reference} is an image for {archive.architecture}, and this machine is {machine}",
            f"Build it with docker build --platform linux/{machine}, or on such a machine.",
        )
    report(f"loading {reference}: {archive.size_bytes / 1e6:.0f} MB")
    try:
        # Made while it is sent: requests takes any iterator.
        (image,) = client.images.load(archive.pieces())  # type: ignore[arg-type]
        give_name(image, reference)
    except (APIError, ImageLoadError, ValueError) as error:
        told = error.explanation if isinstance(error, APIError) else str(error)
        raise ImageError(f"{reference} cannot be loaded: {told}", "Save the image once more.") from error
    return image
