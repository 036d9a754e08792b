"""A workflow package: a folder with a manifest, a program and what it needs."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contents import digest_of, files_of, odd_entries
from containers.errors import Fault, ManifestError
from containers.manifest import Manifest, read_manifest

__all__ = ["IMAGE_ARCHIVE", "MANIFEST", "MANIFESTS", "OLDER_MANIFEST", "Package"]

MANIFEST = "workflow.toml"
OLDER_MANIFEST = "select.statement"
MANIFESTS = (MANIFEST, OLDER_MANIFEST)
"""A folder with one of these is a package."""
IMAGE_ARCHIVE = "image.tar.gz"
"""What a package brings in place of a Dockerfile if its image was built elsewhere."""
_HOW_TO_START = (
    "no workflow.toml here; copy workflows/snr, the smallest package, and see containers/README.md"
)


@dataclass(frozen=True, slots=True)
class Package:
    """A workflow as it lies on disk, read and checked once.

    `digest` is the SHA-256 (hex) of the manifest and every file, in order of their relative paths; caches,
    compiled Python and version control do not count. Two folders with the same digest are the same workflow.
    `docker_image` is set only for an older package, which names an image instead of bringing a Dockerfile.
    """

    folder: Path
    manifest: Manifest
    digest: str
    docker_image: str | None = None

    @classmethod
    def load(cls, folder: Path | str, older_name: str = "") -> Package:
        """Read ``workflow.toml``, or an older package's ``select.statement`` where there is none.

        An older package does not say its name: it is `older_name`, or that of its folder.

        Raises
        ------
        ManifestError
            With every fault found in the manifest, or saying that there is none; or with every entry of the
            folder that no package can hold.
        """
        folder = Path(folder).resolve()
        manifest_path, older_path = folder / MANIFEST, folder / OLDER_MANIFEST
        docker_image = None
        if manifest_path.is_file():
            manifest = read_manifest(_text(manifest_path), str(manifest_path))
        elif older_path.is_file():
            manifest, docker_image = _read_older(older_path, older_name or older_path.parent.name)
        else:
            raise ManifestError(str(folder), [Fault("", _HOW_TO_START)])
        if odd := odd_entries(folder):
            raise ManifestError(str(folder), odd)
        return cls(folder, manifest, digest_of(folder), docker_image)

    @property
    def dockerfile(self) -> Path | None:
        """The package's Dockerfile, if it brings one."""
        return _file(self.folder / "Dockerfile")

    @property
    def image_archive(self) -> Path | None:
        """The image that the package brings as ``docker save`` writes it; a Dockerfile goes before it."""
        return None if self.dockerfile else _file(self.folder / IMAGE_ARCHIVE)

    @property
    def requirements(self) -> Path | None:
        """The package's requirements.txt, if it brings one."""
        return _file(self.folder / "requirements.txt")

    def files(self) -> tuple[Path, ...]:
        """The files that make up the package, as absolute paths in the order of the digest."""
        return files_of(self.folder)


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ManifestError(
            str(path), [Fault("", f"not UTF-8: {error.reason} at byte {error.start}")]
        ) from error
    except OSError as error:
        raise ManifestError(str(path), [Fault("", f"cannot be read: {error.strerror}")]) from error


def _read_older(path: Path, called: str) -> tuple[Manifest, str | None]:
    """An older package: JSON with `select`, `ROR_CONT_OPTIONS`, `docker_image`, and optionally `call`."""
    try:
        raw = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise ManifestError(str(path), [Fault("", f"not JSON: {error}")]) from error
    if not isinstance(raw, dict):
        raise ManifestError(
            str(path), [Fault("", "must be a JSON object with select, ROR_CONT_OPTIONS, docker_image")]
        )
    faults: list[Fault] = []
    select = _string(raw, "select", faults)
    image = _string(raw, "docker_image", faults)
    call = _string(raw, "call", faults)
    if not select.strip():
        faults.append(Fault("select", "is missing or empty"))
    brings_image = (path.parent / IMAGE_ARCHIVE).is_file()
    if not (image or brings_image or (path.parent / "Dockerfile").is_file()):
        if (path.parent / "stub.py").is_file():
            # A project of the ancestor's, of which no image was built.
            call = call or "python stub.py"
        else:
            fault = "names no image, and there is no Dockerfile to build one from"
            faults.append(Fault("docker_image", fault))
    options = _older_options(raw.get("ROR_CONT_OPTIONS"), faults)
    if faults:
        raise ManifestError(str(path), faults, select)
    name = re.sub(r"[^a-z0-9]+", "_", called.lower()).strip("_")
    manifest = Manifest(
        name=name if name[:1].isalpha() else f"workflow_{name}".rstrip("_"),
        version="0",
        description="older package without announced outputs",
        command=tuple(shlex.split(call)),
        select=select,
        options=options,
        announced=False,
    )
    # The image that it names is the one that it brings.
    return manifest, None if brings_image else image or None


def _string(raw: dict[str, Any], key: str, faults: list[Fault]) -> str:
    value = raw.get(key)
    if isinstance(value, str):
        return value
    if value is not None:
        faults.append(Fault(key, f"must be text, not {type(value).__name__}"))
    return ""


def _older_options(value: object, faults: list[Fault]) -> dict[str, Any]:
    """Options were written as an object, or as JSON inside a text; empty text meant none."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except json.JSONDecodeError as error:
            faults.append(Fault("ROR_CONT_OPTIONS", f"not JSON: {error}"))
            return {}
    if value is None or isinstance(value, dict):
        return value or {}
    faults.append(Fault("ROR_CONT_OPTIONS", "must be a JSON object"))
    return {}
