"""``ror init``: a workflow that works at once, laid out in a folder; what is there stays as it is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ror.errors import ConfigurationError

__all__ = ["TYPES", "Started", "start"]

TYPES = ("python", "bash")
_TEMPLATES = Path(__file__).parent / "templates"
_BOTH = "both"
_SUFFIX = ".template"  # so that nothing takes them for programs of ours
_NAME = "@NAME@"


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a folder; `added` and `kept` are the names of files below it."""

    folder: Path
    name: str
    added: tuple[str, ...]
    kept: tuple[str, ...]


def start(folder: Path, kind: str = TYPES[0]) -> Started:
    """Add what a workflow of a kind (one of `TYPES`) needs and the folder has not; nothing is overwritten.

    The workflow is called as its ``workflow.toml`` says, or as the folder.

    Raises
    ------
    ConfigurationError
        A workflow cannot be called as the folder is, or something that is no folder is in the way.
    """
    name = _name_of(folder)
    added, kept = [], []
    for source, relative in _files(kind, name):
        target = folder / relative
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(source.read_text(encoding="utf-8").replace(_NAME, name))
        except FileExistsError:
            kept.append(relative)
        except OSError as error:
            raise ConfigurationError(
                f"{target} cannot be written: {error.strerror}", advice="name another folder"
            ) from error
        else:
            added.append(relative)
    return Started(folder, name, tuple(added), tuple(kept))


def _files(kind: str, name: str) -> list[tuple[Path, str]]:
    """The templates of a kind, and where each goes."""
    found = []
    for root in (_TEMPLATES / kind, _TEMPLATES / _BOTH):
        for source in sorted(root.rglob(f"*{_SUFFIX}")):
            relative = source.relative_to(root).as_posix().removesuffix(_SUFFIX)
            found.append((source, relative.replace(_NAME, name)))
    return found


def _name_of(folder: Path) -> str:
    manifest = folder / "workflow.toml"
    if manifest.is_file():
        try:
            return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["name"])
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
            raise ConfigurationError(
                f"{manifest} does not say what the workflow is called",
                advice="give it a line `name = ...`, or move it away",
            ) from error
    name = folder.resolve().name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        legal = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        legal = legal if legal[:1].isalpha() else f"workflow_{legal}".rstrip("_")
        raise ConfigurationError(
            f"a workflow cannot be called {name!r}: its name is a-z, 0-9 and _, and begins with a letter",
            advice=f"say ror init {legal}",
        )
    return name
