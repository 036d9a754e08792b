"""``ror init``: a workflow that works at once, laid out in a folder; what is there stays as it is."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from containers import MANIFESTS
from ror.develop.cloning import cloned_into
from ror.develop.taking_over import FILES, Ancestor
from ror.errors import ConfigurationError

__all__ = ["TYPES", "Started", "start"]

# Folders of templates for each kind; of a file that several have, the first one counts.
_LAYERS = {
    "python": ("python", "series", "phantom", "all"),
    "notebook": ("notebook", "series", "phantom", "all"),
    "bash": ("bash", "phantom", "all"),
    "webapp": ("webapp", "python", "series", "phantom", "all"),
    "monai": ("monai", "series", "phantom", "all"),
}
TYPES = tuple(_LAYERS)
_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".template"  # so that nothing takes them for programs of ours
_NAME = "@NAME@"
_TAKEN = ("job", "phantom", "web", "run_notebook")  # what other files of a project are called
_IMPORTED = (
    "numpy",
    "pydicom",
    "pylibjpeg",
    "openjpeg",
    "torch",
    "monai",
    "nbclient",
    "nbformat",
    "ipykernel",
    "scipy",
)


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a folder; `added` and `kept` are the names of files below it.

    `taken_over` says what became of a `select.statement` that was there, a sentence for each.
    """

    folder: Path
    name: str
    added: tuple[str, ...]
    kept: tuple[str, ...]
    taken_over: tuple[str, ...] = ()


def start(folder: Path, kind: str = TYPES[0]) -> Started:
    """Add what a workflow of a kind needs and the folder has not; nothing is overwritten.

    `kind` is one of `TYPES`, or the address of a git repository. Of a repository that has no workflow in it, one of
    Python is made. The workflow is called as its ``workflow.toml`` says, or as the folder. A ``select.statement``
    without a ``workflow.toml`` becomes one, of the program that is there.

    Raises
    ------
    ConfigurationError
        A workflow cannot be called as the folder is, something that is no folder is in the way, or there is no
        repository at that address; or a ``select.statement`` is there without a program.
    containers.ManifestError
        A ``select.statement`` has faults.
    """
    _require_folder(folder)
    if kind in _LAYERS and (ancestor := Ancestor.of(folder)):
        return _taken_over(folder, ancestor, _LAYERS[kind])
    name = _name_of(folder)
    if kind in _LAYERS:
        return _laid_out(folder, name, _LAYERS[kind])
    cloned, kept = cloned_into(folder, kind)
    has_workflow = any((folder / manifest).is_file() for manifest in MANIFESTS)
    made = _laid_out(folder, _name_of(folder), ("all",) if has_workflow else _LAYERS[TYPES[0]])
    # What was cloned a moment ago was not there before.
    there = [one for one in made.kept if one not in cloned and one not in kept]
    return Started(folder, made.name, (*cloned, *made.added), (*kept, *there))


def _taken_over(folder: Path, ancestor: Ancestor, layers: tuple[str, ...]) -> Started:
    name = ancestor.manifest.name
    texts = _texts(("ancestor", *layers), name)
    texts["workflow.toml"] = ancestor.manifest_text(texts["workflow.toml"])
    made = _written(folder, name, {file: text for file, text in texts.items() if file in FILES})
    return replace(made, taken_over=ancestor.told())


def _laid_out(folder: Path, name: str, layers: tuple[str, ...]) -> Started:
    return _written(folder, name, _texts(layers, name))


def _written(folder: Path, name: str, texts: Mapping[str, str]) -> Started:
    added, kept = [], []
    for relative, text in texts.items():
        target = folder / relative
        try:
            _require_inside(folder, target.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            kept.append(relative)
        except OSError as error:
            raise _unwritable(target, error) from error
        else:
            added.append(relative)
    return Started(folder, name, tuple(added), tuple(kept))


def _texts(layers: tuple[str, ...], name: str) -> dict[str, str]:
    """What each file holds, by where it goes, relative to the folder."""
    found: dict[str, str] = {}
    for layer in layers:
        for source in sorted((_TEMPLATES / layer).rglob(f"*{_SUFFIX}")):
            relative = source.relative_to(_TEMPLATES / layer).as_posix().removesuffix(_SUFFIX)
            text = source.read_text(encoding="utf-8").replace(_NAME, name)
            found.setdefault(relative.replace(_NAME, name), text)
    return found


def _require_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder", advice="name another folder")


def _require_inside(folder: Path, place: Path) -> None:
    """A repository may hold links that lead elsewhere; nothing is to be written there."""
    if not place.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(f"{place} leads out of {folder}", advice="remove that link")


def _unwritable(target: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{target} cannot be written: {error.strerror}", advice="name another folder")


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
    if name in _TAKEN:
        raise ConfigurationError(
            f"a workflow cannot be called {name!r}: another of its files is called so",
            advice=f"say ror init {name}_workflow",
        )
    if name in sys.stdlib_module_names or name in _IMPORTED:
        raise ConfigurationError(
            f"a workflow cannot be called {name!r}: Python would take its program for the library of that name",
            advice=f"say ror init {name}_workflow",
        )
    return name
