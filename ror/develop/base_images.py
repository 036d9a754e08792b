"""What images of workflows are built on, made on this machine: ``ror base build``.

Each is called ``ror-base:KIND``, as Dockerfiles of workflows say. `slim` is the image of `engine.base_image`, or a
Debian of our own where no registry gives that; the others are it with what takes long to install.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from containers import DockerRuntime, Image, ImageError, Manifest, Package, RuntimeUnavailable
from ror.errors import ConfigurationError

__all__ = ["BASES", "base_image"]

Told = Callable[[str], None]

_SLIM = "slim"
_TORCH = (
    "monai==1.6.1",
    "nibabel==5.4.2",
    "numpy==2.4.6",
    "pydicom==3.0.2",
    "pylibjpeg==2.1.0",
    "pylibjpeg-openjpeg==2.6.0",
    "pytorch-ignite==0.5.3",
)
# `===`, since of two builds of a version pip prefers the one with a suffix, whatever it is for.
_PACKAGES = {
    "torch-cpu": ("torch===2.13.0+cpu", *_TORCH),
    "torch-cuda": ("torch===2.13.0", *_TORCH),
}
BASES = (_SLIM, *_PACKAGES)

# The packages are on the path of every environment that is made with --system-site-packages, wherever the Python of
# the base image looks for them; wheels and pip stay behind.
_DOCKERFILE = """\
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS made
LABEL ror.stage=base
COPY wheels /wheels
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /tmp/pip \\
 && /tmp/pip/bin/pip install --no-index --find-links /wheels --no-compile --target /opt/base -r /tmp/requirements.txt

FROM ${BASE}
COPY --from=made /opt/base /opt/base
RUN site=$(python3 -c 'import site; print(site.getsitepackages()[0])') \\
 && mkdir -p "$site" && echo /opt/base > "$site/ror-base.pth"
"""
_STAGE = "ror.stage=base"
_DEBIAN = "bookworm"
_OF_DEBIAN = "python3,python3-venv,ca-certificates"
_LEFT_OUT = ("proc/*", "sys/*", "dev/*", "var/cache/apt/*", "var/lib/apt/lists/*")
_DOCUMENTS = ("doc", "locale", "man")
_NO_CPU_BUILDS = (
    "Builds of torch without CUDA are not on PyPI: let PIP_EXTRA_INDEX_URL name torch's own index of them, "
    "or ROR_WHEELS a folder that has them."
)


@dataclass(frozen=True, slots=True)
class _Made:
    """A runtime that builds on a base image which is there."""

    docker: DockerRuntime
    image: Image


def base_image(kind: str, root: Path, wanted_base: str, told: Told) -> tuple[str, Image, int]:
    """Make a base image, one of `BASES`, by the Docker daemon of this machine.

    Parameters
    ----------
    root
        What the runtime keeps: wheels, locks.
    wanted_base
        What `engine.base_image` says.

    Returns
    -------
    tuple of str, Image, int
        What it is called, and its size in bytes.

    Raises
    ------
    ConfigurationError
        There is no daemon, or no way to a base.
    ImageError
        Its packages cannot be had, or it cannot be built.
    """
    made = _slim(root, wanted_base, told)
    image, docker = made.image, made.docker
    if kind != _SLIM:
        try:
            image = _with_packages(docker, kind, _PACKAGES[kind], told)
        except ImageError:
            if kind == "torch-cpu":
                told(_NO_CPU_BUILDS)
            raise
    name = f"ror-base:{kind}"
    docker.tag(image, name)
    return name, image, docker.size_bytes(image)


def _slim(root: Path, wanted_base: str, told: Told) -> _Made:
    docker = DockerRuntime(root, wanted_base)
    available = docker.availability()
    if not available.ok:
        raise ConfigurationError(f"nothing can be built here: {available.reason}", advice="start Docker")
    try:
        image = docker.base(told)
    except RuntimeUnavailable as error:
        told(error.message)
    else:
        told(f"on {wanted_base}, which is on this machine")
        return _Made(docker, image)
    told(f"making a Debian {_DEBIAN} with Python instead, by debootstrap: a minute or two")
    own = DockerRuntime(root, f"ror-base:{_SLIM}")
    root.mkdir(parents=True, exist_ok=True)
    # Not in a temporary folder, which may be mounted without device files.
    with tempfile.TemporaryDirectory(dir=root) as folder:
        image = own.import_root(_debian(Path(folder)), f"ror-base:{_SLIM}")
    return _Made(own, image)


def _with_packages(docker: DockerRuntime, kind: str, packages: tuple[str, ...], told: Told) -> Image:
    """The base with packages; their wheels are fetched first, and the build has no network."""
    text = "".join(f"{one}\n" for one in packages)
    manifest = Manifest(
        name=f"base_{kind.replace('-', '_')}",
        version="0",
        command=(),
        select="a base image selects nothing",
        announced=False,
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "requirements.txt").write_text(text, encoding="utf-8")
        (folder / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
        digest = hashlib.sha256((_DOCKERFILE + text).encode()).hexdigest()
        image = docker.prepare(Package(folder, manifest, digest), told)
    # With CUDA, 8 GB of wheels and of what is installed, which nothing uses again.
    docker.discard_unnamed(_STAGE)
    return image


def _debian(folder: Path) -> Path:
    """The archive of a small Debian with Python."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or shutil.which("debootstrap", path=path) is None:
        raise ConfigurationError(
            "there is no base image, and making one needs root and debootstrap",
            advice="apt-get install debootstrap, and say it as root; or docker load what engine.base_image names",
        )
    root, archive = folder / "root", folder / "root.tar"
    left_out = [*_LEFT_OUT, *(f"usr/share/{name}/*" for name in _DOCUMENTS)]
    steps: tuple[tuple[str | Path, ...], ...] = (
        ("debootstrap", "--variant=minbase", f"--include={_OF_DEBIAN}", _DEBIAN, root),
        ("tar", "-C", root, *(f"--exclude=./{name}" for name in left_out), "-cf", archive, "."),
    )
    for words in steps:
        done = subprocess.run(
            words,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            last = (done.stdout.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise ConfigurationError(
                f"{words[0]} has failed: {last}",
                advice="it needs Debian's packages: is there a way to a mirror?",
            )
    return archive
