"""Measurements → flat records of a REDCap project, each value checked before anything is sent."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from containers import redcap_field
from ror.results.errors import FieldFault
from ror.results.model import Row
from ror.results.redcap.described import Described, RedcapField
from ror.results.redcap.values import is_outside, written

__all__ = ["Prepared", "place_fault", "prepare", "unknown"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be sent, and what would be refused.

    Attributes
    ----------
    records
        One for each record, event and repeat instance, in the order of first appearance.
    faults
        One for each measurement that the project would not take; where there is one, nothing is to be sent.
    outside
        Fields with a value outside of the range that the dictionary suggests.
    """

    records: tuple[dict[str, Any], ...]
    faults: tuple[FieldFault, ...]
    outside: tuple[str, ...]


def prepare(rows: Iterable[Row], described: Described) -> Prepared:
    """Make records of measurements; the later of two values of one place is the one that counts."""
    records: dict[tuple[object, ...], dict[str, Any]] = {}
    faults: list[FieldFault] = []
    outside: dict[str, None] = {}
    for row in rows:
        try:
            field = _field(row, described)
            text = written(row.value, field)
        except ValueError as error:
            faults.append(FieldFault(row.record_id, row.field_name, str(error)))
            continue
        if is_outside(text, field):
            outside[field.name] = None
        key = (row.record_id, row.event, row.repeat_instrument, row.repeat_instance)
        records.setdefault(key, _place(row, described))[row.field_name] = text
    return Prepared(tuple(records.values()), tuple(faults), tuple(outside))


def _place(row: Row, described: Described) -> dict[str, Any]:
    record: dict[str, Any] = {described.record_field: row.record_id}
    if row.event:
        record["redcap_event_name"] = row.event
    if row.repeat_instance is not None:
        # Empty names the event itself as what repeats.
        record["redcap_repeat_instrument"] = row.repeat_instrument
        record["redcap_repeat_instance"] = row.repeat_instance
    return record


def _field(row: Row, described: Described) -> RedcapField:
    """The field of a measurement; ValueError if there is none, or the measurement is in no place of it."""
    if not row.record_id:
        raise ValueError("belongs to no record: the images have no PatientID")
    field = described.fields.get(row.field_name)
    if field is None:
        raise ValueError(unknown(row.field_name, described))
    if fault := event_fault(row.event, field, described) or place_fault(row, field, described):
        raise ValueError(fault)
    return field


def unknown(name: str, described: Described) -> str:
    """What is wrong with the name of a field that the project does not have."""
    if name == described.record_field:
        return "names the record in REDCap, and cannot be a measurement"
    try:
        redcap_field(name)
    except ValueError as error:
        return str(error)
    near = difflib.get_close_matches(name, described.fields, n=1, cutoff=0.8)
    return "is not in the data dictionary" + (f"; did you mean {near[0]}?" if near else "")


def event_fault(event: str, field: RedcapField, described: Described) -> str:
    """Why a field takes nothing in an event, or nothing.

    REDCap itself puts what names no event into its first one; so it is refused here.
    """
    if not described.is_longitudinal:
        return f"the project has no events, but {event} is named" if event else ""
    if not event:
        return "the project is longitudinal, and the measurement names no event"
    if event not in described.events:
        known = ", ".join(sorted(described.events)) or "none"
        return f"{event} is no event with instruments; there are: {known}"
    if field.form not in described.events[event]:
        return f"its instrument {field.form} is not designated for the event {event}"
    return ""


def place_fault(row: Row, field: RedcapField, described: Described) -> str:
    """Why a field takes nothing in a repeat instance, or outside of one, or nothing."""
    if row.repeat_instance is None:
        if (row.event, field.form) in described.repeating:
            return f"its instrument {field.form} repeats, and no instance is named"
        if (row.event, "") in described.repeating:
            return f"the event {row.event} repeats, and no instance is named"
    elif (row.event, row.repeat_instrument) not in described.repeating:
        what = f"the instrument {row.repeat_instrument}" if row.repeat_instrument else "the event"
        return f"{what} does not repeat{f' in {row.event}' if row.event else ''}"
    elif row.repeat_instrument and field.form != row.repeat_instrument:
        return f"is on the instrument {field.form}, not on {row.repeat_instrument}, which repeats"
    return ""
