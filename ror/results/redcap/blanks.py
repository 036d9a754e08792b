"""Records that empty what was written: the same places, each with nothing in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ror.results.redcap.described import Described

__all__ = ["Place", "blanks"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one measurement stands; empty, or 0, is the event, instrument or instance of a record without."""

    record_id: str
    event: str
    instrument: str
    instance: int
    field: str


def blanks(places: Iterable[Place], described: Described) -> list[dict[str, Any]]:
    """One record for each record, event and instance; without fields and events that the project no longer has."""
    records: dict[tuple[object, ...], dict[str, Any]] = {}
    for place in places:
        gone = described.is_longitudinal and place.event not in described.events
        if gone or place.field not in described.fields:
            continue
        record: dict[str, Any] = {described.record_field: place.record_id}
        if place.event:
            record["redcap_event_name"] = place.event
        if place.instance:
            record["redcap_repeat_instrument"] = place.instrument
            record["redcap_repeat_instance"] = place.instance
        key = (place.record_id, place.event, place.instrument, place.instance)
        records.setdefault(key, record)[place.field] = ""
    return list(records.values())
