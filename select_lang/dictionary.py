"""The data dictionary (PS3.6): which keywords there are, their tags and value representations.

It is pydicom's copy, read from the one file that holds it: ``import pydicom`` would bring numpy and everything that
reads pixels along, and a command that only evaluates a statement would wait 0.2 s for what it never uses.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

__all__ = ["keyword_of", "keywords", "vr_of"]

_FILE = "_dicom_dict.py"
# An entry: value representation, multiplicity, name, "Retired" or nothing, keyword.
_VR, _KEYWORD = 0, 4


@cache
def keywords() -> dict[str, int]:
    """The tag of every keyword; what has none (retired before there were any) is left out."""
    return {entry[_KEYWORD]: tag for tag, entry in _entries().items() if entry[_KEYWORD]}


def keyword_of(tag: int) -> str:
    """The keyword of a tag, empty where there is none."""
    entry = _entries().get(tag)
    return entry[_KEYWORD] if entry else ""


def vr_of(keyword: str) -> str:
    """The value representation, several as ``US or SS``; empty for what is no keyword."""
    tag = keywords().get(keyword)
    return "" if tag is None else _entries()[tag][_VR]


@cache
def _entries() -> dict[int, tuple[str, str, str, str, str]]:
    package = find_spec("pydicom")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("pydicom is not installed", name="pydicom")
    spec = spec_from_file_location(f"{__package__}._dicom_dict", Path(package.origin).with_name(_FILE))
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(
            f"pydicom has no {_FILE}: install the version of requirements.lock", name="pydicom"
        )
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    entries: dict[int, tuple[str, str, str, str, str]] = module.DicomDictionary
    return entries
