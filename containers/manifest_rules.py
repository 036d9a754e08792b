"""The rules of a manifest: of single values, of values that refer to each other, and how faults are told."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, time
from pathlib import PurePosixPath
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from containers.dimensions import fault_of_dimension
from containers.errors import Fault
from containers.ucum import fault_of_unit

__all__ = [
    "PLACEHOLDERS",
    "cross_faults",
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

PLACEHOLDERS = ("{}", "{input}", "{output}", "{descr}", "{output_json}")
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


def cross_faults(raw: dict[str, Any]) -> list[Fault]:
    """Faults between values. Looks at the raw text, so that they are found beside faults of single values."""
    faults = list(_command_faults(raw))
    masks = _tables(_table(raw.get("outputs")).get("masks"))
    for index, mask in enumerate(masks):
        if mask.get("segments") == []:
            faults.append(
                Fault(f"outputs.masks[{index}].segments", "is empty; a mask has a segment for each value")
            )
        faults += _segment_faults(f"outputs.masks[{index}].segments", _tables(mask.get("segments")))
        if mask.get("encoding") == "fractional" and len(_tables(mask.get("segments"))) > 1:
            problem = "must be one of a fractional mask; write a mask for each probability"
            faults.append(Fault(f"outputs.masks[{index}].segments", problem))
    faults += _repeated("outputs.masks", "name", masks)
    measurements = _tables(_table(raw.get("outputs")).get("measurements"))
    faults += _repeated("outputs.measurements", "field", measurements)
    faults += _reference_faults(measurements, masks)
    faults += _dimension_faults(measurements)
    return faults + list(_option_faults("options", raw.get("options")))


def _option_faults(path: str, value: object) -> Iterator[Fault]:
    """Options reach the program as JSON, which has no dates, no infinity and no 'not a number'."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _option_faults(f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _option_faults(f"{path}[{index}]", item)
    elif isinstance(value, date | time):
        yield Fault(path, f"JSON has no dates; write it as text: {value.isoformat()!r}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(path, f"JSON has no {value}")


def _command_faults(raw: dict[str, Any]) -> Iterator[Fault]:
    if "announced" in raw:
        yield Fault("announced", "unknown key")
    command = raw.get("command")
    if command == []:
        yield Fault("command", "is empty; write the program and its arguments, such as ['python', 'main.py']")
    for index, word in enumerate(command if isinstance(command, list) else []):
        if isinstance(word, str) and re.fullmatch(r"\{[a-z_]*\}", word) and word not in PLACEHOLDERS:
            near = difflib.get_close_matches(word, PLACEHOLDERS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {' '.join(PLACEHOLDERS)}"
            yield Fault(f"command[{index}]", f"{word!r} is not a placeholder; {hint}")


def _segment_faults(path: str, segments: list[dict[str, Any]]) -> Iterator[Fault]:
    """Values must be 1..n: an encoder numbers segments from 1 without gaps (PS3.3 C.8.20.2.4)."""
    first_with: dict[int, int] = {}
    wanted = range(1, len(segments) + 1)
    values = {segment.get("value") for segment in segments if isinstance(segment.get("value"), int)}
    missing = ", ".join(str(value) for value in wanted if value not in values)
    for index, segment in enumerate(segments):
        value = segment.get("value")
        if not isinstance(value, int):
            continue
        if value in first_with:
            yield Fault(
                f"{path}[{index}].value", f"{value} is already the value of segments[{first_with[value]}]"
            )
        elif value not in wanted and value >= 1:
            yield Fault(
                f"{path}[{index}].value",
                f"{value} leaves a gap: the values must be 1..{len(segments)}, missing: {missing}",
            )
        first_with.setdefault(value, index)


def _repeated(path: str, key: str, tables: list[dict[str, Any]]) -> Iterator[Fault]:
    seen: Counter[str] = Counter()
    for index, table in enumerate(tables):
        name = table.get(key)
        if isinstance(name, str):
            if seen[name]:
                yield Fault(f"{path}[{index}].{key}", f"{name!r} is used twice; names must differ")
            seen[name] += 1


def _reference_faults(measurements: list[dict[str, Any]], masks: list[dict[str, Any]]) -> Iterator[Fault]:
    known = [
        f"{mask.get('name')}/{segment.get('value')}"
        for mask in masks
        for segment in _tables(mask.get("segments"))
    ]
    for index, measurement in enumerate(measurements):
        reference = measurement.get("segment")
        if isinstance(reference, str) and reference not in known:
            yield Fault(
                f"outputs.measurements[{index}].segment",
                f"{reference!r} is no mask/value of this manifest; there are: {', '.join(known) or 'none'}",
            )


def _dimension_faults(measurements: list[dict[str, Any]]) -> Iterator[Fault]:
    for index, measurement in enumerate(measurements):
        code, unit = _table(measurement.get("code")), _table(measurement.get("unit")).get("value")
        scheme, value = code.get("scheme"), code.get("value")
        if isinstance(scheme, str) and isinstance(value, str) and isinstance(unit, str):
            fault = fault_of_dimension(scheme, value, unit)
            if fault:
                yield Fault(f"outputs.measurements[{index}].unit.value", fault)


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[dict[str, Any]]:
    return [_table(item) for item in value] if isinstance(value, list) else []


def ordered(faults: Iterable[Fault], raw: dict[str, Any]) -> list[Fault]:
    """Sort faults as their places follow each other in the text, and missing ones after them."""

    def place(fault: Fault) -> list[int]:
        key: list[int] = []
        here: Any = raw
        for step in re.findall(r"[^.\[\]]+", fault.path):
            names: list[Any] = list(range(len(here))) if isinstance(here, list) else list(_table(here))
            at = int(step) if isinstance(here, list) else step
            key.append(names.index(at) if at in names else len(names))
            here = here[at] if at in names else None
        return key

    return sorted(dict.fromkeys(faults), key=place)
