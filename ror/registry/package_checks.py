"""What is wrong with a package that only its folder, its manifest and its select statement together can tell."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import select_lang
from containers import Fault, ManifestError, Package
from ror.errors import ConfigurationError
from ror.series_names import require_names

__all__ = ["checked_package"]

# Instructions that bring no file but those of the package. Another image, or a stage of one, may bring any.
_BRINGS_NOTHING = re.compile(
    r"#|$|(ARG|ENV|WORKDIR|USER|LABEL|SHELL)\s|FROM \$\{?BASE\b|(COPY|ADD)\s(?!--from|.*://)", re.IGNORECASE
)


def checked_package(folder: Path) -> Package:
    """Read a package that may be installed.

    Raises
    ------
    containers.ManifestError, select_lang.SelectError
        It or its select statement has faults.
    ConfigurationError
        Its program is missing, it has links out of it, or a mask lies on the grid of a series that the select
        statement does not name.
    """
    package = _load(folder)
    require_names(package.manifest, select_lang.read(package.manifest.select))
    _check_program(package)
    _check_links(package)
    return package


def _load(folder: Path) -> Package:
    """Read a package; where its manifest has faults, those of its select statement are told with them.

    Raises
    ------
    containers.ManifestError
        With the faults of both. Those of the select statement alone are left to who reads that.
    """
    try:
        return Package.load(folder)
    except ManifestError as error:
        told = [*error.faults, *_select_faults(error.select)]
        raise ManifestError(error.source, told, error.select) from error


def _select_faults(select: str) -> list[Fault]:
    if not select.strip():
        return []  # told as a fault of the manifest
    try:
        select_lang.read(select)
    except select_lang.SelectError as error:
        return [Fault("select", str(fault).replace("\n", "\n  ")) for fault in error.faults]
    return []


def _check_links(package: Package) -> None:
    """Refuse a package with links out of it: where the package is kept, they would lead elsewhere or nowhere."""
    astray = [
        path.relative_to(package.folder).as_posix()
        for path in package.files()
        if path.is_symlink() and not path.resolve().is_relative_to(package.folder)
    ]
    if astray:
        raise ConfigurationError(
            f"workflow {package.manifest.name}: links out of the package: {', '.join(astray)}",
            advice="put the files themselves into the package",
        )


def _check_program(package: Package) -> None:
    """Refuse a package whose command names a program of its own that is not there.

    Only what can be nothing else: a relative path that ends in ``.py`` or ``.sh``, or that the command begins with, and
    that no Dockerfile of the package could make.
    """
    program = _own_program(package.manifest.command)
    if program is None or (package.folder / program).exists():
        return
    if (
        package.docker_image
        or package.image_archive
        or (package.dockerfile and _may_make(package, package.dockerfile, program))
    ):
        return
    raise ConfigurationError(
        f"workflow {package.manifest.name}: its command names {program}, which is not in {package.folder}",
        advice="add the file, or correct `command`; name a program of the image by its absolute path",
    )


def _own_program(command: tuple[str, ...]) -> str | None:
    for place, word in enumerate(command):
        if word in ("-m", "-c"):  # a module or code, and what follows are its arguments
            return None
        if word.endswith((".py", ".sh")) or (place == 0 and "/" in word):
            return None if word.startswith(("/", "-")) or "{" in word or "=" in word else word
    return None


def _may_make(package: Package, dockerfile: Path, program: str) -> bool:
    name = PurePosixPath(program).name
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    elsewhere = any(path.name == name for path in package.files())  # it may be copied from there
    return elsewhere or name in text or not all(_brings_nothing(line.strip()) for line in text.splitlines())


def _brings_nothing(line: str) -> bool:
    if line[:4].upper() == "RUN ":
        return all(re.search(r"\b(pip|venv)\b", part) for part in re.split(r"&&|;", line))
    return _BRINGS_NOTHING.match(line) is not None
