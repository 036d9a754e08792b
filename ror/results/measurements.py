"""``output.json``: three dialects in, one form out.

- today's list has ``redcap_event_name``, ``redcap_repeat_instrument`` and ``redcap_repeat_instance``;
- the older list has ``event_name`` (or ``redcap_event_name``) and ``instance_number``;
- the oldest is a dictionary of dictionaries, whose key is the field name where ``field_name`` is missing; an older
  package may have single values beside them, which are no measurements.

All have ``record_id``, ``field_name`` and ``value``; a missing ``record_id`` means the job's patient.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from containers import Manifest, Measurement
from ror.results.errors import OutputFault
from ror.results.model import Row
from ror.results.sizes import why_impossible

__all__ = ["MAX_BYTES", "check_rows", "check_sizes", "read_rows"]

MAX_BYTES = 10_000_000
MAX_FAULTS = 20
NAME = "output.json"
OLDER_KEYS = (("event_name", "redcap_event_name"), ("instance_number", "redcap_repeat_instance"))


class _Entry(BaseModel):
    """One entry of the list, after the older keys were renamed."""

    model_config = ConfigDict(extra="allow", frozen=True)

    record_id: str = Field(default="", coerce_numbers_to_str=True)
    redcap_event_name: str | None = ""
    field_name: str = Field(min_length=1)
    value: Any
    redcap_repeat_instrument: str | None = ""
    redcap_repeat_instance: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _rename_older_keys(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        entry = dict(raw)
        for older, today in OLDER_KEYS:
            if older in entry and today not in entry:
                entry[today] = entry.pop(older)
        if entry.get("redcap_repeat_instance") == "":
            del entry["redcap_repeat_instance"]
        return entry


def read_rows(
    path: Path, patient_ids: frozenset[str], faults: list[OutputFault], strict: bool
) -> tuple[Row, ...]:
    """Read the measurements of one job; what cannot be read is added to `faults`.

    Parameters
    ----------
    patient_ids
        Of the job's series. An entry of another record is refused: it would reach another patient.
    strict
        Refuse keys that none of the dialects has; older packages may have further ones.
    """
    raw = _load(path, faults)
    entries: list[tuple[str, Any]] = []
    if isinstance(raw, list):
        entries = [(f"{NAME}[{index}]", entry) for index, entry in enumerate(raw)]
    elif isinstance(raw, dict):
        # The ancestor's templates write theirs into the description of the series, whose own values stay beside them.
        given = {key: entry for key, entry in raw.items() if strict or isinstance(entry, dict)}
        entries = [(f"{NAME}.{key}", _named(key, entry)) for key, entry in given.items()]
    elif raw is not None:
        faults.append(OutputFault(NAME, "must be a list of measurements"))
    found: list[OutputFault] = []
    rows = tuple(row for place, entry in entries if (row := _row(place, entry, patient_ids, found, strict)))
    faults += found[:MAX_FAULTS]
    if len(found) > MAX_FAULTS:
        faults.append(OutputFault(NAME, f"and {len(found) - MAX_FAULTS} further faults"))
    return rows


def _load(path: Path, faults: list[OutputFault]) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            faults.append(OutputFault(NAME, f"is larger than {MAX_BYTES // 1_000_000} MB"))
            return None
        return json.loads(path.read_text("utf-8"), parse_constant=_not_json)
    except RecursionError:
        faults.append(OutputFault(NAME, "is nested too deeply"))
    except json.JSONDecodeError as error:
        faults.append(OutputFault(NAME, f"{_how_wrong(error)}: {error}"))
    except OSError as error:
        faults.append(OutputFault(NAME, f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        faults.append(OutputFault(NAME, f"is not in UTF-8, from byte {error.start} on"))
    except ValueError as error:
        faults.append(OutputFault(NAME, f"is no JSON: {error}"))
    return None


def _how_wrong(error: json.JSONDecodeError) -> str:
    is_cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
    return "ends before its JSON does (half written?)" if is_cut else "is no JSON"


def _not_json(constant: str) -> float:
    raise ValueError(f"{constant} is not a number that JSON, REDCap or DICOM know; leave the measurement out")


def _named(key: str, entry: Any) -> Any:
    return {"field_name": key} | entry if isinstance(entry, dict) else entry


def _row(
    place: str, raw: Any, patient_ids: frozenset[str], faults: list[OutputFault], strict: bool
) -> Row | None:
    try:
        entry = _Entry.model_validate(raw)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            where = "".join(f".{step}" for step in one["loc"])
            faults.append(OutputFault(place + where, one["msg"][0].lower() + one["msg"][1:]))
        return None
    if strict and entry.model_extra:
        faults.append(OutputFault(place, f"has unknown keys: {', '.join(sorted(entry.model_extra))}"))
        return None
    if entry.record_id and entry.record_id not in patient_ids:
        faults.append(OutputFault(f"{place}.record_id", "is not the PatientID of the images of this job"))
        return None
    if not entry.record_id and len(patient_ids) > 1:
        faults.append(OutputFault(f"{place}.record_id", "is missing, and the job has several patients"))
        return None
    return Row(
        record_id=entry.record_id or next(iter(patient_ids), ""),
        event=_event(entry.redcap_event_name or ""),
        field_name=entry.field_name,
        value=_plain(entry.value),
        repeat_instrument=entry.redcap_repeat_instrument or "",
        repeat_instance=entry.redcap_repeat_instance,
    )


def _event(name: str) -> str:
    """As the coupling list has it: an older package may pass ReferringPhysicianName on as it stands there."""
    return name.removeprefix("EventName:").strip()


def _plain(value: Any) -> int | float | str:
    if value is None:
        return ""
    # Older packages may pass whole objects on; as text they reach REDCap without loss.
    return value if isinstance(value, int | float | str) else json.dumps(value)


def check_rows(
    rows: tuple[Row, ...], manifest: Manifest, absent: frozenset[str]
) -> Iterator[Row | OutputFault]:
    """Hold the rows against the manifest: announced, numbers, possible, once each, none missing.

    Parameters
    ----------
    absent
        Segments (``mask/value``) of which nothing was found; a number of one of them may be missing.
    """
    announced = {measurement.field: measurement for measurement in manifest.outputs.measurements}
    seen: dict[tuple[object, ...], Row] = {}
    for row in rows:
        key = (row.record_id, row.event, row.field_name, row.repeat_instrument, row.repeat_instance)
        problem = _problem(row, announced)
        if problem:
            yield OutputFault(f"{NAME} {row.field_name}", problem)
        elif key in seen and seen[key].value != row.value:
            yield OutputFault(f"{NAME} {row.field_name}", "is given twice with different values")
        elif key not in seen:
            seen[key] = row
            yield _attach(row, announced[row.field_name])
    given = {row.field_name for row in rows}
    for name, measurement in announced.items():
        if name not in given and measurement.segment not in absent:
            yield OutputFault(f"{NAME} {name}", "is announced but missing")


def check_sizes(rows: Iterable[Row], nothing: Mapping[str, str]) -> Iterator[OutputFault]:
    """A length, an area or a volume of what is not there can only be 0.

    Parameters
    ----------
    nothing
        Labels of the segments (``mask/value``) of which the masks hold nothing.
    """
    for row in rows:
        measured = row.announced
        if measured is None or not measured.is_extent or row.value == 0:
            continue
        if label := nothing.get(measured.segment or ""):
            yield OutputFault(
                f"{NAME} {row.field_name}",
                f"is {row.value:g} {measured.unit.value}, but its mask holds nothing of {measured.segment} "
                f"({label}); write 0 or leave it out, or correct the mask",
            )


def _problem(row: Row, announced: Mapping[str, Measurement]) -> str:
    if row.field_name not in announced:
        known = ", ".join(sorted(announced)) or "none"
        return f"is not announced in workflow.toml (announced: {known})"
    if isinstance(row.value, str | bool):
        return f"must be a number, not {str(row.value)[:40]!r}"
    if not math.isfinite(row.value):
        return "must be finite"
    return why_impossible(row.value, announced[row.field_name])


def _attach(row: Row, measurement: Measurement) -> Row:
    return Row(
        row.record_id,
        row.event,
        row.field_name,
        row.value,
        row.repeat_instrument,
        row.repeat_instance,
        measurement,
    )
