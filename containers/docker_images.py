"""Images of packages in a Docker daemon: found, built without network, named, saved, pushed and removed."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound
from docker.models.images import Image as DockerImage

from containers.build_context import build_context, takes_base
from containers.docker_daemon import Daemon, gone_told
from containers.docker_loading import (
    base_present_or_pulled,
    full_name,
    give_name,
    lacking,
    loaded,
    present,
    present_or_pulled,
)
from containers.docker_terms import repository
from containers.errors import ImageError, RuntimeUnavailable
from containers.image_archive import MANIFEST_LABEL
from containers.once import exclusive
from containers.package import MANIFEST, Package
from containers.requirements import default_wheels, last_words, wheels_for
from containers.runtime import Availability, Image, Report

__all__ = ["DEFAULT_BASE", "DockerImages", "gone"]

DEFAULT_BASE = "python:3.11-slim-bookworm"
_BASE_LABEL = "ror.base"
_BUILD_SECONDS = 3600
_FAST = 1  # of gzip: an image has gigabytes, and the highest takes ten times as long for a tenth less
_KEPT_LINES = 100
# Lines of a build that no command of its Dockerfile has printed.
_STEP = "Step "
_OF_THE_BUILDER = (" ---> ", _STEP, "Removing intermediate container")


class DockerImages:
    """What `DockerRuntime` does with images; its parameters are described there."""

    name = "docker"

    def __init__(
        self,
        root: Path,
        base_image: str = DEFAULT_BASE,
        host: str | None = None,
        build_network: str = "none",
        wheels: Path | None = None,
    ) -> None:
        self._root = root.resolve()
        self._base = base_image
        self._daemon = Daemon(host)
        self._build_network = build_network
        self._wheels = wheels or default_wheels()

    def availability(self) -> Availability:
        """See `Runtime.availability`."""
        try:
            with gone_told():
                return Availability(True, lacks=lacking(self._daemon.client(), self._base))
        except RuntimeUnavailable as error:
            return Availability(False, str(error))

    def prepare(self, package: Package, report: Report = print) -> Image:
        """See `Runtime.prepare`."""
        with gone_told():
            return self._prepare(package, report, anew=False)

    def build(self, package: Package, report: Report = print) -> Image:
        """As `prepare`, though an image was built before: its base may be another one now.

        What has not changed is not made once more, as Docker knows by itself.
        """
        with gone_told():
            return self._prepare(package, report, anew=True)

    def _prepare(self, package: Package, report: Report, *, anew: bool) -> Image:
        client = self._daemon.client()
        if package.docker_image:
            image = present_or_pulled(client, package.docker_image, report, ImageError)
            return Image(self.name, package.docker_image, str(image.id))
        reference = _reference(package)
        # Two workers may want it at once; the second finds what the first has built.
        with exclusive(self._root / "images" / f"{package.digest}.lock"):
            if package.image_archive:
                made = present(client, reference) or loaded(client, package.image_archive, reference, report)
            else:
                labels = self._labels(package)
                there = None if anew else _built(client, reference, labels)
                made = there or self._build(client, package, reference, labels, report)
        return Image(self.name, reference, str(made.id))

    def named(self, name: str) -> Image:
        """An image that is on this machine, by its name (`ImageError` if there is none)."""
        with gone_told():
            found = present(self._daemon.client(), name)
        if found is None:
            raise ImageError(f"no image on this machine is called {name}", "docker images lists them.")
        return Image(self.name, name, str(found.id))

    def size_bytes(self, image: Image) -> int:
        """How large an image is, with all below it (`ImageError` if it is gone)."""
        with gone_told():
            return int(self._image(image).attrs["Size"])

    def tag(self, image: Image, name: str) -> None:
        """Give an image another name, ``NAME`` or ``NAME:TAG`` (`ImageError` if it can have none such)."""
        with gone_told():
            try:
                give_name(self._image(image), name)
            except APIError as error:
                raise ImageError(
                    f"an image cannot be called {name}: {error.explanation}", "Lower case: model:1.0."
                ) from error

    def save(self, image: Image, name: str, archive: Path) -> None:
        """Write an image under one of its names into a ``.tar.gz``, which `docker load` reads.

        Raises
        ------
        ImageError
            The image is gone.
        OSError
            The archive cannot be written; there is none then.
        """
        new = archive.with_name(f".{archive.name}.new")
        try:
            with gone_told(), gzip.open(new, "wb", compresslevel=_FAST) as file:
                found = self._image(image)
                for chunk in found.save(named=full_name(found, name) or True):
                    file.write(chunk)
            new.replace(archive)
        finally:
            new.unlink(missing_ok=True)

    def discard_unnamed(self, label: str, before: float | None = None) -> None:
        """Remove images that nothing names or is built on, which the stages of a build leave, by a label of them.

        All, or those made before a time (seconds since the epoch).
        """
        filters: dict[str, object] = {"dangling": True, "label": label}
        if before is not None:
            filters["until"] = f"{before:.0f}"
        with gone_told():
            self._daemon.client().images.prune(filters)

    def push(self, image: Image, name: str, report: Report = print) -> str:
        """Send an image to the registry that its name begins with; the digest that it has there.

        Raises
        ------
        ImageError
            It can have no such name, or the registry is not there or refuses it.
        """
        self.tag(image, name)
        digest = ""
        with gone_told():
            for answer in self._daemon.client().api.push(name, stream=True, decode=True):
                if "error" in answer:
                    raise ImageError(
                        f"{name} cannot be pushed: {answer['error']}",
                        f"Is that the registry's name, and do you have access (docker login {name.split('/')[0]})?",
                    )
                if answer.get("status") in ("Pushed", "Layer already exists"):
                    report(f"{answer.get('id', '')}: {answer['status'].lower()}")
                digest = answer.get("aux", {}).get("Digest", digest)
        return digest

    def base(self, report: Report = print) -> Image:
        """The image that others are built on, pulled where it is not on this machine (else `RuntimeUnavailable`)."""
        with gone_told():
            found = base_present_or_pulled(self._daemon.client(), self._base, report)
        return Image(self.name, self._base, str(found.id))

    def import_root(self, archive: Path, name: str) -> Image:
        """Make an image of the root of a system, a tar archive that may be compressed (`ImageError` if it is none)."""
        with gone_told():
            client = self._daemon.client()
            try:
                # As one word, since Podman takes no notice of a tag by itself.
                client.api.import_image_from_file(
                    str(archive), repository=name if ":" in name else f"{name}:latest"
                )
                found = client.images.get(name)
            except APIError as error:
                raise ImageError(
                    f"{archive.name} is no root of a system: {error.explanation}", "Make it again."
                ) from error
        return Image(self.name, name, str(found.id))

    def has_image(self, package: Package) -> bool:
        """Whether an image was built of a package, and is there still."""
        with gone_told():
            found = present(self._daemon.client(), _reference(package))
        return found is not None and not package.docker_image

    def discard(self, package: Package) -> bool:
        """Remove the image that was built of a package; False if there is none, or a container needs it.

        One that the package names itself is not ours to remove. `prepare` builds it anew.
        """
        if package.docker_image:
            return False
        with gone_told(), exclusive(self._root / "images" / f"{package.digest}.lock"):
            client = self._daemon.client()
            if present(client, _reference(package)) is None:  # of none, Podman has another fault than Docker
                return False
            try:
                client.images.remove(_reference(package))
            except ImageNotFound:
                return False
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise RuntimeUnavailable(f"the image stays: {error.explanation}", "") from error
                return False
        return True

    def _image(self, image: Image) -> DockerImage:
        try:
            return self._daemon.client().images.get(image.digest)
        except ImageNotFound as error:
            raise gone(image) from error

    def _labels(self, package: Package) -> dict[str, str]:
        """What an image of ours says of itself: whoever gets it alone finds the manifest in it."""
        labels = {_BASE_LABEL: self._base, "ror.package": package.digest}
        manifest = package.folder / MANIFEST
        if manifest.is_file():
            labels[MANIFEST_LABEL] = manifest.read_text(encoding="utf-8")
        return labels

    def _build(
        self,
        client: docker.DockerClient,
        package: Package,
        reference: str,
        labels: dict[str, str],
        report: Report,
    ) -> DockerImage:
        base = {"BASE": self._base} if takes_base(package) else {}
        if base:
            base_present_or_pulled(client, self._base, report)
        wheels = wheels_for(package, self._root, self._wheels, client.info()["Architecture"], report)
        report(f"building {reference}")
        with build_context(package, wheels) as context:
            answers = client.api.build(
                fileobj=context,
                custom_context=True,
                tag=reference,
                buildargs=base,
                labels=labels,
                network_mode=self._build_network,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=_BUILD_SECONDS,
            )
            _read_build(answers, reference, report)
        return client.images.get(reference)


def gone(image: Image) -> ImageError:
    """What to say of an image that is not there any more."""
    return ImageError(f"the image {image.reference} is gone", "Prepare the package again.")


def _reference(package: Package) -> str:
    """The name of the image that is built of a package."""
    return f"ror/{repository(package.manifest.name)}:{package.digest[:12]}"


def _built(client: docker.DockerClient, reference: str, labels: dict[str, str]) -> DockerImage | None:
    image = present(client, reference)
    return image if image is not None and labels.items() <= image.labels.items() else None


def _read_build(answers: Iterable[dict[str, Any]], reference: str, report: Report) -> None:
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    for answer in answers:
        lines = str(answer.get("stream", "")).rstrip().splitlines()
        if lines and lines[0].startswith(_STEP):
            del lines[1:]  # of the label with the manifest
        for line in lines:
            report(line)
            if not line.startswith(_OF_THE_BUILDER):
                said.append(line)
        if "error" in answer:
            # All lines have been reported.
            raise ImageError(
                f"{reference} cannot be built: {answer['error'].strip()}: {last_words(said)}",
                "Mend the Dockerfile. A build has no network; wheels of requirements.txt are in wheels/.",
            )
