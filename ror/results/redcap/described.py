"""What a REDCap project says of itself: its fields with their types, its events, and what of it repeats."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Described", "RedcapField", "described"]

_YES_OR_NO = {"yesno": ("1", "0"), "truefalse": ("1", "0")}
_CHOSEN = ("radio", "dropdown", "checkbox")


@dataclass(frozen=True, slots=True)
class RedcapField:
    """A field that data can be imported into; a checkbox has one for each of its choices.

    Attributes
    ----------
    form
        Unique name of its instrument.
    kind, validation
        Field type and text validation type of the data dictionary.
    choices
        Codes, where only these are taken.
    minimum, maximum
        The range that the dictionary suggests, as it is written there; REDCap takes what is outside of it, too.
    """

    name: str
    form: str
    kind: str = "text"
    validation: str = ""
    choices: tuple[str, ...] = ()
    minimum: str = ""
    maximum: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """A REDCap project, as far as an import depends on it.

    Attributes
    ----------
    record_field
        The project's first field, which names the record.
    fields
        By name, without `record_field`.
    events
        The instruments that are designated to each event, by its unique name; empty in a classic project.
    is_longitudinal
        Whether it has events, even if no instrument is designated to one.
    repeating
        (event, form) that repeat: event "" in a classic project, form "" for a whole event.
    """

    record_field: str
    fields: Mapping[str, RedcapField]
    events: Mapping[str, frozenset[str]]
    is_longitudinal: bool
    repeating: frozenset[tuple[str, str]]

    def repeats(self, form: str) -> bool:
        """Whether an instrument repeats in some event."""
        return any(form == repeating for _event, repeating in self.repeating)

    @property
    def forms(self) -> frozenset[str]:
        """The instruments that have fields."""
        return frozenset(field.form for field in self.fields.values())


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Row(_Answer):
    """One row of the data dictionary."""

    field_name: str
    form_name: str
    field_type: str
    select_choices_or_calculations: str = ""
    text_validation_type_or_show_slider_number: str = ""
    text_validation_min: str = ""
    text_validation_max: str = ""


class Information(_Answer):
    """What is asked of the project at all."""

    is_longitudinal: bool = False
    has_repeating_instruments_or_events: bool = False


class _Designated(_Answer):
    unique_event_name: str
    form: str


class _Repeating(_Answer):
    event_name: str | None = ""
    form_name: str | None = ""


class Exported(_Answer):
    """The answers of the API, checked; the last two are empty where the project has no such thing."""

    project: Information
    metadata: tuple[_Row, ...] = Field(min_length=1)
    formEventMapping: tuple[_Designated, ...] = ()  # noqa: N815 - the API's own word
    repeatingFormsEvents: tuple[_Repeating, ...] = ()  # noqa: N815


def described(exported: Mapping[str, Any]) -> Described:
    """Make sense of what the API has exported, by the names of its contents; pydantic's error if it is none of that."""
    told = Exported.model_validate(exported)
    record, *rows = told.metadata
    fields = {field.name: field for row in rows for field in _fields(row)}
    forms = dict.fromkeys(row.form_name for row in told.metadata)
    for form in forms:
        name = f"{form}_complete"
        fields[name] = RedcapField(name, form, "dropdown", choices=("0", "1", "2"))
    events: defaultdict[str, set[str]] = defaultdict(set)
    for one in told.formEventMapping:
        events[one.unique_event_name].add(one.form)
    return Described(
        record_field=record.field_name,
        fields=fields,
        events={event: frozenset(designated) for event, designated in events.items()},
        is_longitudinal=told.project.is_longitudinal,
        repeating=frozenset((one.event_name or "", one.form_name or "") for one in told.repeatingFormsEvents),
    )


def _fields(row: _Row) -> Iterator[RedcapField]:
    codes = _codes(row)
    if row.field_type == "checkbox":
        for code in codes:
            # Of a code's characters only these are legal in the name of a field.
            name = f"{row.field_name}___{re.sub(r'[^a-z0-9_]', '_', code.lower())}"
            yield RedcapField(name, row.form_name, row.field_type, choices=("0", "1"))
        return
    yield RedcapField(
        row.field_name,
        row.form_name,
        row.field_type,
        row.text_validation_type_or_show_slider_number,
        codes,
        row.text_validation_min,
        row.text_validation_max,
    )


def _codes(row: _Row) -> tuple[str, ...]:
    """``1, Yes | 2, No`` → 1, 2."""
    if row.field_type not in _CHOSEN:
        return _YES_OR_NO.get(row.field_type, ())
    choices = row.select_choices_or_calculations.split("|")
    return tuple(choice.partition(",")[0].strip() for choice in choices if choice.strip())
