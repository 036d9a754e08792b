"""The rules between values of a manifest: what refers to what, what may occur once, what fits together."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, time
from typing import Any

from containers.dimensions import fault_of_dimension
from containers.errors import Fault

__all__ = ["cross_faults"]

_PLACEHOLDERS = ("{}", "{input}", "{output}", "{descr}", "{output_json}")
_OF_MESHES = frozenset({"on", "segment", "space", "beyond"})


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
    faults += _reference_faults("outputs.measurements", measurements, masks)
    faults += _file_faults(_tables(_table(raw.get("outputs")).get("files")), masks)
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
        if isinstance(word, str) and re.fullmatch(r"\{[a-z_]*\}", word) and word not in _PLACEHOLDERS:
            near = difflib.get_close_matches(word, _PLACEHOLDERS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {' '.join(_PLACEHOLDERS)}"
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


def _reference_faults(
    path: str, tables: list[dict[str, Any]], masks: list[dict[str, Any]]
) -> Iterator[Fault]:
    known = [
        f"{mask.get('name')}/{segment.get('value')}"
        for mask in masks
        for segment in _tables(mask.get("segments"))
    ]
    for index, table in enumerate(tables):
        reference = table.get("segment")
        if isinstance(reference, str) and reference not in known:
            yield Fault(
                f"{path}[{index}].segment",
                f"{reference!r} is no mask/value of this manifest; there are: {', '.join(known) or 'none'}",
            )


def _file_faults(files: list[dict[str, Any]], masks: list[dict[str, Any]]) -> Iterator[Fault]:
    """What is said of the place of a file is said of a mesh that goes to the PACS."""
    yield from _reference_faults("outputs.files", files, masks)
    lies_on = {str(mask.get("name")): mask.get("on") for mask in masks}
    for index, file in enumerate(files):
        path = f"outputs.files[{index}]"
        for key in _OF_MESHES & file.keys():
            if file.get("kind") != "mesh":
                yield Fault(f"{path}.{key}", "is for meshes only")
            elif "on" not in file:
                yield Fault(
                    f"{path}.{key}", "needs 'on': the series whose frame of reference the mesh lies in"
                )
        series = lies_on.get(str(file.get("segment")).partition("/")[0])
        if series and "on" in file and file["on"] != series:
            yield Fault(f"{path}.on", f"{file['on']!r} is not the series of its segment, which is {series!r}")


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
