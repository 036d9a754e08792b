"""The rules of a manifest for single values, and how faults are told; `manifest_cross` has those between values."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from containers.errors import Fault
from containers.ucum import fault_of_unit

__all__ = [
    "field_faults",
    "mask_name",
    "not_blank",
    "ordered",
    "plain_text",
    "redcap_field",
    "relative_glob",
    "ucum_unit",
    "version",
    "workflow_name",
]

# Columns of output.json and of REDCap itself; a measurement of that name would overwrite the record's key.
_RESERVED_FIELDS = frozenset(
    {"record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"}
)
# Set by who reads an older package, never by a text.
_NOT_OF_THE_TEXT = {"announced"}
_PLAIN_WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
}
# Letters that Unicode does not take apart into a Latin letter and its mark.
_LATIN = str.maketrans({"ø": "o", "æ": "ae", "å": "a", "ß": "ss", "œ": "oe", "đ": "d", "ł": "l"})


def _legal_name(text: str, limit: int) -> str:
    """Spell `text` with lower-case ASCII letters, digits and underscores, starting with a letter."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LATIN)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).lstrip("_0123456789").rstrip("_")[:limit]


def _name(text: str, what: str, limit: int) -> str:
    if re.fullmatch(r"[a-z][a-z0-9_]*", text) and len(text) <= limit:
        return text
    proposal = _legal_name(text, limit)
    hint = f"; write {proposal!r}" if proposal else ""
    raise ValueError(
        f"{text!r} is not {what}: lower-case letters, digits and underscores, starting with a letter, "
        f"at most {limit} characters{hint}"
    )


def workflow_name(text: str) -> str:
    """A workflow's name; it becomes the name of the image."""
    return _name(text, "a workflow name", 64)


def redcap_field(text: str) -> str:
    """A REDCap variable name that is not one of the columns which identify the record."""
    if text in _RESERVED_FIELDS:
        raise ValueError(f"{text!r} identifies the record in REDCap and cannot be a measurement")
    return _name(text, "a REDCap field name", 100)


def mask_name(text: str) -> str:
    """A mask's name; it is the file's name before ``.nii.gz``."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text):
        raise ValueError(
            f"{text!r} cannot name a file in mask/: letters, digits, '_' and '-', at most 64 characters"
        )
    return text


def version(text: str) -> str:
    """A version such as ``1.0.0`` or ``2.1.0-rc.1+build5``."""
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}", text):
        raise ValueError(f"{text!r} is not a version: letters, digits and . + _ -, such as '1.0.0'")
    return text


def not_blank(text: str) -> str:
    """A text with something in it."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def plain_text(text: str) -> str:
    """A DICOM short or long text: no backslash, no control characters, no blanks around it (PS3.5 6.2)."""
    if not_blank(text) != text.strip():
        raise ValueError(f"{text!r} has blanks around it; write {text.strip()!r}")
    if "\\" in text or any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError(f"{text!r} has a backslash or a control character, which DICOM does not allow here")
    return text


def ucum_unit(text: str) -> str:
    """A plausible UCUM unit."""
    if fault := fault_of_unit(text):
        raise ValueError(fault)
    return text


def relative_glob(pattern: str) -> str:
    """A glob that stays below /output."""
    path = PurePosixPath(not_blank(pattern))
    if path.is_absolute() or ".." in path.parts or "\\" in pattern:
        raise ValueError(f"{pattern!r} must be a glob below /output, such as 'figures/*.png'")
    return pattern


def field_faults(error: ValidationError, manifest: type[BaseModel]) -> list[Fault]:
    """Faults of single values of a `manifest`, as pydantic found them, each with its path."""
    faults = []
    for found in error.errors(include_url=False, include_context=False):
        message = found["msg"].removeprefix("Value error, ")
        message = _PLAIN_WORDS.get(found["type"], message[0].lower() + message[1:])
        if found["type"] == "extra_forbidden":
            message = _unknown_key(found["loc"], manifest)
        faults.append(Fault(_path(found["loc"]), message))
    return faults


def _unknown_key(location: tuple[int | str, ...], manifest: type[BaseModel]) -> str:
    """Name the key that may stand at that place and is like it, if there is one."""
    *above, key = location
    here: type[BaseModel] | None = manifest
    for step in above:
        if here is not None and isinstance(step, str):
            here = _table_in(here.model_fields[step].annotation)
    near = difflib.get_close_matches(str(key), _keys(here) if here else (), n=1)
    return f"unknown key; did you mean {near[0]!r}?" if near else "unknown key here"


def _keys(table: type[BaseModel]) -> set[str]:
    return set(table.model_fields) - _NOT_OF_THE_TEXT


def _table_in(annotation: object) -> type[BaseModel] | None:
    """The model in the annotation of a field: ``tuple[Segment, ...]`` is a list of tables like `Segment`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def _path(location: Iterable[int | str]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def ordered(faults: Iterable[Fault], raw: dict[str, Any]) -> list[Fault]:
    """Sort faults as their places follow each other in the text, and missing ones after them."""

    def place(fault: Fault) -> list[int]:
        key: list[int] = []
        here: Any = raw
        for step in re.findall(r"[^.\[\]]+", fault.path):
            names: list[Any] = (
                list(range(len(here)))
                if isinstance(here, list)
                else list(here if isinstance(here, dict) else {})
            )
            at = int(step) if isinstance(here, list) else step
            key.append(names.index(at) if at in names else len(names))
            here = here[at] if at in names else None
        return key

    return sorted(dict.fromkeys(faults), key=place)
