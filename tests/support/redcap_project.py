"""What a REDCap project holds and takes, for the double of its API: a dictionary, events, records.

It refuses what REDCap refuses, with the shape of its errors: faults of values are lines of CSV (record, field, value,
message), everything else one sentence. And it lets pass what REDCap lets pass, so that a test notices who relies on
it: a value outside of the suggested range, an empty required field, a value for a calculated field (which is not
saved), and a record that names no event, which goes into the first one. An import is saved whole or not at all.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Field", "Key", "RedcapProject", "Refused"]

Key = tuple[str, str, str, int | None]
SYSTEM_FIELDS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
NUMBER = r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?"
VALIDATION = {
    "": r"(?s).*",
    "integer": r"[-+]?[0-9]+",
    "number": NUMBER,
    "number_1dp": r"-?[0-9]+\.[0-9]",
    "number_2dp": r"-?[0-9]+\.[0-9]{2}",
    "number_comma_decimal": NUMBER.replace(r"\.", ","),
    "date_ymd": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "date_dmy": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",  # shown otherwise, imported as all dates
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
}
NOT_A_CATEGORY = "The value is not a valid category for {}"
NOT_VALID = "The value you provided could not be validated because it does not follow the expected format."


@dataclass(frozen=True)
class Field:
    """One row of the data dictionary; `kind` is text, or radio where there are choices, unless it is said."""

    name: str
    form: str = "measurements"
    validation: str = ""
    choices: tuple[str, ...] = ()
    kind: str = ""
    minimum: str = ""
    maximum: str = ""
    required: bool = False

    @property
    def field_type(self) -> str:
        return self.kind or ("radio" if self.choices else "text")

    def importable(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The names under which data comes in, with the codes that are taken; none for any value."""
        if self.field_type == "checkbox":
            for code in self.choices:
                yield f"{self.name}___{code.lower().replace('-', '_')}", ("0", "1")
        else:
            yield self.name, ("1", "0") if self.field_type in ("yesno", "truefalse") else self.choices


class Refused(Exception):
    """What REDCap answers instead of saving."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class RedcapProject:
    """A project: its dictionary, and for a longitudinal one its events.

    ``events`` maps each unique event name to the forms designated to it; empty for a classic project. ``repeating``
    holds (event, form) pairs, event "" in a classic project and form "" for a repeating event.
    """

    fields: Sequence[Field]
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repeating: frozenset[tuple[str, str]] = frozenset()
    records: dict[Key, dict[str, str]] = field(default_factory=dict)

    @property
    def record_field(self) -> str:
        return self.fields[0].name

    @property
    def forms(self) -> list[str]:
        return list(dict.fromkeys(one.form for one in self.fields))

    def importable(self) -> dict[str, tuple[Field, tuple[str, ...]]]:
        """What data can be imported into, with its codes; the status of each form too."""
        named = {name: (one, codes) for one in self.fields for name, codes in one.importable()}
        statuses = {
            f"{form}_complete": (Field("", form, kind="dropdown"), ("0", "1", "2")) for form in self.forms
        }
        return named | statuses

    # -- export -------------------------------------------------------------------------------------------------------

    def metadata(self) -> list[dict[str, str]]:
        return [_dictionary_row(one) for one in self.fields]

    def exported(self, kind: str) -> list[dict[str, Any]]:
        """All records, flat or one row for each value (EAV)."""
        rows: list[dict[str, Any]] = []
        for key, values in self.records.items():
            place = self._place(key)
            if kind == "flat":
                names = [name for name in self.importable() if name != self.record_field]
                rows.append(
                    {self.record_field: key[0]} | place | {name: values.get(name, "") for name in names}
                )
            else:
                given = [(name, value) for name, value in values.items() if value != ""]
                rows += [
                    {"record": key[0]} | place | {"field_name": name, "value": value} for name, value in given
                ]
        return rows

    def _place(self, key: Key) -> dict[str, Any]:
        _record, event, instrument, instance = key
        place: dict[str, Any] = {"redcap_event_name": event} if self.events else {}
        if self.repeating:
            place |= {"redcap_repeat_instrument": instrument, "redcap_repeat_instance": instance or ""}
        return place

    # -- import -------------------------------------------------------------------------------------------------------

    def take(self, rows: Sequence[Mapping[str, Any]], kind: str, overwrite: str) -> list[str]:
        """Save rows, all or none; return the records they are of."""
        flat = list(rows) if kind == "flat" else [_flattened(row, self.record_field) for row in rows]
        known = self.importable()
        unknown = dict.fromkeys(name for row in flat for name in row if name not in known)
        if named := ", ".join(name for name in unknown if name not in SYSTEM_FIELDS):
            raise Refused(f"The following fields were not found in the project as real data fields: {named}")
        self._check_events(flat)
        faults: list[tuple[str, str, str, str]] = []
        checked = [(self._key(row), self._values(row, known, faults)) for row in flat]
        if faults:
            text = io.StringIO()
            csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(faults)
            raise Refused(text.getvalue().strip())
        for key, values in checked:
            saved = self.records.setdefault(key, {})
            # "normal": a blank leaves what is there.
            saved.update(
                {name: value for name, value in values.items() if value != "" or overwrite == "overwrite"}
            )
        return list(dict.fromkeys(key[0] for key, _ in checked))

    def _check_events(self, rows: Sequence[Mapping[str, Any]]) -> None:
        named = dict.fromkeys(str(row.get("redcap_event_name", "")) for row in rows)
        if not self.events and any(named):
            raise Refused(
                "The following fields were not found in the project as real data fields: redcap_event_name"
            )
        if wrong := ", ".join(name for name in named if name and name not in self.events):
            raise Refused(f"The following values of redcap_event_name are invalid: {wrong}")

    def _key(self, row: Mapping[str, Any]) -> Key:
        record = str(row.get(self.record_field, ""))
        if not record:
            raise Refused("The record ID field must be provided for every record")
        event = str(row.get("redcap_event_name", "")) or next(iter(self.events), "")
        instrument, instance = (str(row.get(name, "")) for name in SYSTEM_FIELDS[1:])
        if not instance and not instrument:
            return record, event, "", None
        if (event, instrument) not in self.repeating:
            raise Refused(f'"{instrument}" is not a repeating instrument or event of the project')
        if not re.fullmatch(r"[1-9][0-9]*", instance):
            raise Refused('"redcap_repeat_instance" must be a whole number from 1')
        return record, event, instrument, int(instance)

    def _values(
        self,
        row: Mapping[str, Any],
        known: Mapping[str, tuple[Field, tuple[str, ...]]],
        faults: list[tuple[str, str, str, str]],
    ) -> dict[str, str]:
        key = self._key(row)
        values = {}
        for name, raw in row.items():
            if name in SYSTEM_FIELDS or name == self.record_field:
                continue
            (one, codes), value = known[name], str(raw)
            if told := self._misplaced(key, one) or _misfit(name, value, one, codes):
                faults.append((key[0], name, value, told))
            elif one.field_type != "calc":
                values[name] = value
        return values

    def _misplaced(self, key: Key, one: Field) -> str:
        _record, event, instrument, instance = key
        repeats = (event, one.form) in self.repeating
        if self.events and one.form not in self.events[event]:
            return f"This field's instrument is not designated for the event {event}"
        if instrument and one.form != instrument:
            return f"This field is not on the repeating instrument {instrument}"
        if instance is None and (repeats or (event, "") in self.repeating):
            return "This field repeats, so it needs an instance"
        return ""


def _misfit(name: str, value: str, one: Field, codes: tuple[str, ...]) -> str:
    if value == "":
        return ""
    if one.field_type in ("file", "descriptive"):
        return f"{name} is not a field that data can be imported into"
    if codes:
        return "" if value in codes else NOT_A_CATEGORY.format(name)
    pattern = VALIDATION["integer" if one.field_type == "slider" else one.validation]
    return "" if re.fullmatch(pattern, value) else NOT_VALID


def _flattened(row: Mapping[str, Any], record_field: str) -> dict[str, Any]:
    """``record, field_name, value`` of EAV as a flat row of one field."""
    wanted = {"record", "field_name", "value"}
    if not wanted <= row.keys() or row.keys() - wanted - set(SYSTEM_FIELDS):
        raise Refused("The data being imported is not formatted correctly for EAV")
    place = {name: row[name] for name in SYSTEM_FIELDS if name in row}
    return {record_field: row["record"]} | place | {str(row["field_name"]): row["value"]}


def _dictionary_row(one: Field) -> dict[str, str]:
    """The 18 columns, in their order."""
    return {
        "field_name": one.name,
        "form_name": one.form,
        "section_header": "",
        "field_type": one.field_type,
        "field_label": one.name,
        "select_choices_or_calculations": " | ".join(f"{code}, label of {code}" for code in one.choices),
        "field_note": "",
        "text_validation_type_or_show_slider_number": one.validation,
        "text_validation_min": one.minimum,
        "text_validation_max": one.maximum,
        "identifier": "",
        "branching_logic": "",
        "required_field": "y" if one.required else "",
        "custom_alignment": "",
        "question_number": "",
        "matrix_group_name": "",
        "matrix_ranking": "",
        "field_annotation": "",
    }
