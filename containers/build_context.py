"""What Docker gets to build an image from: the package's files, its wheels, and a Dockerfile."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from containers.package import Package

__all__ = ["DOCKERFILE", "build_context", "takes_base"]

# Used when a package brings none; README.md explains it line by line.
DOCKERFILE = """\
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS environment
COPY wheels /wheels
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/venv \\
 && /opt/venv/bin/pip install --no-index --find-links /wheels -r /tmp/requirements.txt

FROM ${BASE}
COPY --from=environment /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY app /app
WORKDIR /app
"""


def build_context(package: Package, wheels: Path | None) -> IO[bytes]:
    """A tar archive, open for reading, that is deleted when closed.

    It has the package's files at its top, as `docker build .` in the folder would have them, the wheels in
    ``wheels/`` (empty without requirements), and a `requirements.txt` (empty if the package has none). For a
    package without a Dockerfile its files are in ``app/`` instead, so that the wheels stay out of the image.
    Owners and times are left out, so that the same package makes the same layers wherever it was checked out.
    """
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    own = package.dockerfile is not None
    with tarfile.open(fileobj=spool, mode="w") as tar:
        for path, name in _members(package, wheels, "" if own else "app/"):
            tar.add(path, name, recursive=False, filter=_plain)
        if package.requirements is None or not own:
            text = package.requirements.read_bytes() if package.requirements else b""
            _add_text(tar, "requirements.txt", text)
        if not own:
            _add_text(tar, "Dockerfile", DOCKERFILE.encode())
        folder = tarfile.TarInfo("wheels")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
    spool.seek(0)
    return spool


def takes_base(package: Package) -> bool:
    """Does the Dockerfile build on the base image that the runtime gives as build argument BASE?"""
    text = package.dockerfile.read_text(encoding="utf-8") if package.dockerfile else DOCKERFILE
    return any(
        line.split()[1].startswith("BASE") for line in text.splitlines() if line.upper().startswith("ARG ")
    )


def _members(package: Package, wheels: Path | None, prefix: str) -> Iterator[tuple[Path, str]]:
    for path in package.files():
        yield path, prefix + path.relative_to(package.folder).as_posix()
    for wheel in sorted(wheels.glob("*.whl")) if wheels else ():
        yield wheel, f"wheels/{wheel.name}"


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    # The program runs as a user that owns nothing in the image: all must be readable, and nothing set-uid.
    member.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
    return member


def _add_text(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))
