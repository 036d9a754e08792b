"""A project of the ancestor's, whose ``select.statement`` becomes a ``workflow.toml`` of the same program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import select_lang
from containers import Manifest, Package
from ror.develop.manifest_text import table_text, with_value
from ror.errors import ConfigurationError
from select_lang import SelectError

__all__ = ["FILES", "Ancestor"]

# What a program that is there needs of a template; the others are, or are about, a program of the template's own.
FILES = frozenset({"workflow.toml", "Dockerfile", "requirements.txt", ".gitignore"})
_STUBS = {"stub.py": "python", "stub.sh": "bash"}


@dataclass(frozen=True, slots=True)
class Ancestor:
    """What its ``select.statement`` says, and what starts its program."""

    manifest: Manifest
    command: tuple[str, ...]
    image: str | None

    @classmethod
    def of(cls, folder: Path) -> Ancestor | None:
        """That of a folder with a ``select.statement`` and no ``workflow.toml``; None for others.

        Raises
        ------
        ManifestError
            With all faults of it.
        ConfigurationError
            There is no program in the folder.
        """
        if (folder / "workflow.toml").exists() or not (folder / "select.statement").is_file():
            return None
        package = Package.load(folder)
        stubs = [(by, name) for name, by in _STUBS.items() if (folder / name).is_file()]
        command = package.manifest.command or (stubs[0] if stubs else ())
        if not command:
            raise ConfigurationError(
                f"{folder} has a select.statement, and no program that a workflow.toml could start",
                advice="put it there as stub.py; a program that is in an image alone needs no workflow.toml",
            )
        return cls(package.manifest, command, package.docker_image)

    def manifest_text(self, template: str) -> str:
        """The text of the ``workflow.toml``."""
        faults, names = _read(self.manifest.select)
        about = "".join(f"# It has a fault: {line}\n" for line in faults)
        options, _ = _options(self.manifest.options)
        text = (
            template.replace("@FAULTS@", about)
            .replace("@OPTIONS@", f"\n{table_text('options', options)}" if options else "")
            .replace("@SERIES@", names[0] if names else "the name of a series in the statement")
        )
        return with_value(with_value(text, "command", self.command), "select", self.manifest.select)

    def told(self) -> tuple[str, ...]:
        """What was taken over, and what was not, a sentence for each."""
        faults, _ = _read(self.manifest.select)
        options, unfit = _options(self.manifest.options)
        told = [f"the statement and the program ({' '.join(self.command)}) of select.statement"]
        if options:
            told[0] += f", with the options {', '.join(options)}"
        if faults:
            told.append(f"its statement has faults; correct it in workflow.toml: {'; '.join(faults)}")
        if unfit:
            told.append(f"not its options {', '.join(unfit)}: TOML has no null")
        if self.image:
            told.append("not the image that it names: ror build makes one by the Dockerfile of the folder")
        told.append("announce in workflow.toml what the program writes; its last lines say how")
        return tuple(told)


def _read(select: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of what is wrong with a statement, and the names in one that is right."""
    try:
        return (), tuple(select_lang.read(select).names)
    except SelectError as error:
        return tuple(line for fault in error.faults for line in str(fault).splitlines()), ()


def _options(options: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Those that TOML can hold, and the names of the others."""
    fit = {name: value for name, value in options.items() if not _has_null(value)}
    return fit, tuple(name for name in options if name not in fit)


def _has_null(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None
