"""``.ror/`` of a project: it names patients and holds their images, so no version control is to take it in."""

from __future__ import annotations

from pathlib import Path

__all__ = ["OWN", "RULES", "make_own_folder"]

OWN = ".ror"
RULES = f"{OWN}/classifyDICOM.json"
"""Rules for the types of series that a project has for itself, where its ancestor looks for them, too."""
# The ancestor's Dockerfiles copy from virt/, which is of the package.
_IGNORED = "*\n!/virt/\n!/virt/**\n"


def make_own_folder(folder: Path) -> None:
    """Make the folder where it is not there; where it is a project's own, git is told to pass it by (`OSError`)."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.name != OWN:
        return
    try:
        with (folder / ".gitignore").open("x", encoding="utf-8") as file:
            file.write(_IGNORED)
    except FileExistsError:
        return  # as somebody has written it
