"""Profile files: shipped ones by name, others by path, each with what it extends.

::

    name = "lungs"
    description = "Screening; the scanner matters."
    extends = "research"                  # a shipped profile, or a file beside this one; without it: the Basic Profile
    options = ["retain-device"]           # switched on; `without` switches off
    keep = ["PatientSex"]                 # likewise remove, clean

    [attributes]
    "0008,0080" = "keep"                  # or InstitutionName = "keep"
    "0019,xx0C,SIEMENS MR HEADER" = { keep = "IS" }
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from anonymizer import burned_in
from anonymizer.errors import ProfileError, ProfileFault
from anonymizer.inheritance import Changes, extended, faults_anyway
from anonymizer.profile import Profile
from anonymizer.profile_lines import nearest
from anonymizer.profile_text import Document, read_document

__all__ = ["NamedProfile", "load_profile", "read_profile", "shipped_profiles"]

_BASIC: Final = Profile(options=frozenset(), cleaned=frozenset())


@dataclass(frozen=True, slots=True)
class NamedProfile:
    """A profile, with what it is called and what it is for."""

    name: str
    description: str
    profile: Profile


def shipped_profiles() -> tuple[NamedProfile, ...]:
    """The profiles that come with this package, by name."""
    return tuple(load_profile(name) for name in _shipped())


def load_profile(where: str | Path) -> NamedProfile:
    """The shipped profile of a name, or the one of a file, with all that it extends.

    Raises
    ------
    ProfileError
        There is none, or it is wrong; every fault is told, with its place.
    """
    return _load(where, None, ())


def read_profile(text: str) -> NamedProfile:
    """The profile of a text, which may extend shipped profiles but no files.

    Raises
    ------
    ProfileError
        It is wrong; every fault is told, with its place.
    """
    return _resolved("", text, None, ())


@cache
def _shipped() -> dict[str, str]:
    folder = files("anonymizer").joinpath("data", "profiles")
    found = {
        one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".toml")
    }
    return {name.removesuffix(".toml"): text for name, text in sorted(found.items())}


def _load(where: str | Path, folder: Path | None, chain: tuple[str, ...]) -> NamedProfile:
    if where in _shipped():
        return _resolved(str(where), _shipped()[str(where)], None, chain)
    if folder is None and chain:
        raise _error(
            "no_profile", f"there is no shipped profile {str(where)!r}", nearest(str(where), _shipped())
        )
    file = (folder or Path()) / where
    text = _file_text(file)
    # The same file by another path is the same file.
    return _resolved(str(file.resolve()), text, file, chain)


def _resolved(source: str, text: str, file: Path | None, chain: tuple[str, ...]) -> NamedProfile:
    if source in chain:
        told = " extends ".join(Path(one).name for one in (*chain[chain.index(source) :], source))
        raise _error("circle", f"a circle: {told}", "Let one of them extend another profile.")
    document = read_document(text)
    faults = list(document.faults)
    changes: Changes = document.changes
    parent: Profile | None = _BASIC
    if document.extends:
        try:
            parent = _load(document.extends, file.parent if file else None, (*chain, source)).profile
        except ProfileError as error:
            faults.append(ProfileFault(error.reason, "extends", error.text, error.advice))
            parent = None
            faults += [_placed(fault, document) for fault in faults_anyway(changes)]
    if document.pixel_file:
        rules, found = _pixel_rules(document.pixel_file, file)
        changes = replace(changes, pixel_rules=rules)
        faults += found
    made = None
    try:
        made = extended(parent, changes) if parent else None
    except ProfileError as error:
        faults += [_placed(fault, document) for fault in error.faults]
    if made is None or faults:
        raise ProfileError.of(faults, str(file) if file else source or document.name or "the profile")
    name = document.name or (file.stem if file else source)
    return NamedProfile(name, document.description, made)


def _file_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        advice = nearest(str(file.name).removesuffix(".toml"), _shipped())
        raise _error("no_profile", f"there is no shipped profile and no file {str(file)!r}", advice) from None
    except (OSError, UnicodeDecodeError) as error:
        text = f"{file} cannot be read: {type(error).__name__}"
        raise _error("no_profile", text, "Make it a readable file in UTF-8.") from None


def _pixel_rules(name: str, file: Path | None) -> tuple[str, list[ProfileFault]]:
    try:
        if file is None:
            raise _error(
                "pixel_rules", "a text that is no file names no files", "Read the profile from its file."
            )
        rules = _file_text(file.parent / name)
        burned_in.check_rules(rules)
    except ProfileError as error:
        return "", [ProfileFault("pixel_rules", "pixel_rules", error.text, error.advice)]
    return rules, []


def _placed(fault: ProfileFault, document: Document) -> ProfileFault:
    """A fault of the whole profile, by its place in the file; or told as one that came from what it extends."""
    path = {"cleaned": "clean"}.get(fault.path, fault.path)
    if path.startswith("attributes."):
        path = document.written.get(path, f"{path} (of what it extends)")
    return replace(fault, path=path)


def _error(reason: str, text: str, advice: str) -> ProfileError:
    return ProfileError(reason, text, advice)
