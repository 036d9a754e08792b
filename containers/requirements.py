"""The Python packages a workflow needs: as a virtual environment on this machine, or as wheels for an
image."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from containers.errors import ImageError
from containers.launch import LAUNCH
from containers.once import make_once
from containers.package import Package
from containers.runtime import Report

__all__ = ["IMAGE_PYTHON", "default_wheels", "environment_for", "last_words", "wheels_for"]

IMAGE_PYTHON = (3, 11)
_KEPT_LINES = 100
# Lines that point at other files: then requirements.txt alone does not say what gets installed.
_REFERS_TO_FILES = re.compile(
    r"^\s*(-[rce]\b|--(requirement|constraint|editable)|[./]|.*@\s*file:)", re.MULTILINE
)


def environment_for(package: Package, root: Path, wheels: Path | None, report: Report) -> Path:
    """The virtual environment of `package` below ``root/envs``, made if it is not there.

    Parameters
    ----------
    wheels
        A folder of wheels to install from, without any network; None for pip's own configuration.

    Raises
    ------
    ImageError
        pip cannot install the requirements; the message has the line that says why.
    """
    folder = root / "envs" / _digest(package, sys.version, sys.base_prefix)

    def make(folder: Path) -> None:
        report(f"making the environment of {package.manifest.name} {package.manifest.version}")
        # Without requirements nobody needs pip in there, and ensurepip takes most of the time.
        own_pip = package.requirements is not None and importlib.util.find_spec("pip") is None
        venv = [sys.executable, "-m", "venv", *([] if own_pip else ["--without-pip"]), str(folder)]
        _run(venv, package, report, "the virtual environment cannot be made", "Is python3-venv installed?")
        if package.requirements:
            python = folder / "bin" / "python"
            pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python]
            if own_pip:
                pip = [python, "-m", "pip"]
            words = [*pip, "install", "--no-compile", *_from(wheels), "-r", package.requirements]
            _pip(words, package, report)

    return make_once(folder, make)


def wheels_for(
    package: Package, root: Path, source: Path | None, architecture: str, report: Report
) -> Path | None:
    """A folder below ``root/wheels`` with the wheels of `package` for an image; None when it needs none.

    Parameters
    ----------
    source
        A folder of wheels to take them from, without any network; None for pip's own configuration.
    architecture
        Of the container, as ``uname -m`` says it.

    Raises
    ------
    ImageError
        pip cannot get the wheels.
    """
    if package.requirements is None:
        return None
    folder = root / "wheels" / _digest(package, str(IMAGE_PYTHON), architecture)
    same = (sys.version_info[:2], sys.platform, platform.machine()) == (IMAGE_PYTHON, "linux", architecture)

    def make(folder: Path) -> None:
        report(f"fetching the wheels of {package.manifest.name} {package.manifest.version}")
        target: list[str | Path]
        if same:
            # `pip wheel` also builds what its authors publish as source only, for which an image has no
            # compiler.
            target = ["wheel", "--wheel-dir", folder]
        else:
            python = ".".join(str(number) for number in IMAGE_PYTHON)
            target = ["download", "--only-binary=:all:", "--python-version", python, "--dest", folder]
            for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"):
                target += ["--platform", f"{tag}_{architecture}"]
        words = [sys.executable, "-m", "pip", *target, *_from(source), "-r", str(package.requirements)]
        _pip(words, package, report)

    return make_once(folder, make)


def default_wheels() -> Path | None:
    """The folder that ROR_WHEELS names."""
    named = os.environ.get("ROR_WHEELS")
    return Path(named) if named else None


def _from(wheels: Path | None) -> list[str | Path]:
    return ["--no-index", "--find-links", wheels.resolve()] if wheels else []


def _digest(package: Package, *circumstances: str) -> str:
    whole = hashlib.sha256()
    text = package.requirements.read_bytes() if package.requirements else b""
    refers = _REFERS_TO_FILES.search(text.decode("utf-8", "replace"))
    for part in (
        text,
        package.digest.encode() if refers else b"",
        *(item.encode() for item in circumstances),
    ):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:32]


def _pip(command: Sequence[str | Path], package: Package, report: Report) -> None:
    _run(
        [*command, "--no-input", "--disable-pip-version-check", "--progress-bar", "off"],
        package,
        report,
        f"the requirements of {package.manifest.name} cannot be installed",
        "Look at its requirements.txt; without internet, set ROR_WHEELS to a folder that has the wheels.",
    )


def _run(command: Sequence[str | Path], package: Package, report: Report, fault: str, advice: str) -> None:
    """Run a command in the package's folder, reporting each line; it ends when we do."""
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        [*LAUNCH, *map(str, command)],
        cwd=package.folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            report(line.rstrip())
            said.append(line)
    if process.returncode != 0:
        # One line, since all have been reported.
        raise ImageError(f"{fault}: {last_words(said) or f'exit code {process.returncode}'}", advice)


def last_words(said: Iterable[str]) -> str:
    """The line of a command that failed which says why: pip and others tell more behind it. Empty without a line."""
    lines = [line.strip() for line in said if line.strip()]
    errors = [line[6:].strip() for line in lines if line.lower().startswith("error:")]
    return (errors or lines or [""])[-1]
