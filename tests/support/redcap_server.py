"""A strict double of a REDCap project's API, for there is no REDCap that a test could start.

It follows the published API (record import and export flat as JSON, metadata, event, project, version,
formEventMapping, repeatingFormsEvents) and refuses what REDCap refuses, with its status and the shape of its error:
403 for the token, 400 with ``{"error": text}`` for the rest, where faults of values are lines of CSV (record, field,
value, message). Words of messages are close to REDCap's, not guaranteed to be them. An import is saved whole or not.
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

__all__ = ["TOKEN", "Field", "RedcapServer"]

TOKEN = "0123456789ABCDEF" * 2
SYSTEM_FIELDS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
VALIDATION = {
    "": r".*",
    "integer": r"[-+]?[0-9]+",
    "number": r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?",
    "date_ymd": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
}


@dataclass(frozen=True)
class Field:
    """One row of the data dictionary."""

    name: str
    form: str = "measurements"
    validation: str = ""
    choices: tuple[str, ...] = ()


class Refused(Exception):
    """What REDCap answers instead of saving."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class RedcapServer:
    """A project: its dictionary, and for a longitudinal one its events.

    ``events`` maps each unique event name to the forms designated to it; empty for a classic project. ``repeating``
    holds (event, form) pairs, event "" in a classic project and form "" for a repeating event. ``down`` is a status to
    answer instead of anything else, ``redirect`` an address to send callers to.
    """

    fields: Sequence[Field]
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repeating: frozenset[tuple[str, str]] = frozenset()
    token: str = TOKEN
    down: int | None = None
    redirect: str | None = None
    records: dict[tuple[str, str, str, int | None], dict[str, str]] = field(default_factory=dict)
    calls: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> RedcapServer:
        project = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, headers, content = project.answer(self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/api/"

    def answer(self, path: str, body: str) -> tuple[int, dict[str, str], bytes]:
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        self.calls.append(form)
        if self.down is not None:
            return self.down, {"Content-Type": "text/html"}, b"<html><body>REDCap is offline</body></html>"
        if self.redirect is not None:
            return 308, {"Location": self.redirect}, b""
        kind = {"Content-Type": "application/json; charset=utf-8"}
        try:
            if path != "/api/":
                raise Refused("Not found", 404)
            content = self._content(form)
            if isinstance(content, str):
                return 200, {"Content-Type": "text/html; charset=utf-8"}, content.encode()
            return 200, kind, json.dumps(content).encode()
        except Refused as refused:
            if "format" not in form and "returnFormat" not in form:  # XML is REDCap's own choice
                told = f'<?xml version="1.0" encoding="UTF-8" ?><hash><error>{escape(str(refused))}</error></hash>'
                return refused.status, {"Content-Type": "text/xml; charset=utf-8"}, told.encode()
            return refused.status, kind, json.dumps({"error": str(refused)}).encode()

    def _content(self, form: Mapping[str, str]) -> object:
        if form.get("token") != self.token:
            raise Refused("You do not have permissions to use the API", 403)
        if form.get("content") == "version":
            return "14.5.0"  # plain text, whatever format is asked for
        if form.get("format") != "json" or form.get("returnFormat", "json") != "json":
            raise Refused('The value of the parameter "format" is not valid')
        content = form.get("content")
        if content == "record":
            return self._import(form) if "data" in form else self._export()
        if content == "metadata":
            return [self._dictionary_row(one) for one in self.fields]
        if content == "event":
            if not self.events:
                raise Refused("You cannot export events for classic projects")
            return [{"unique_event_name": name, "event_name": name, "arm_num": 1} for name in self.events]
        if content == "formEventMapping":
            return [
                {"unique_event_name": e, "form": f, "arm_num": 1} for e, fs in self.events.items() for f in fs
            ]
        if content == "repeatingFormsEvents":
            return [{"event_name": event, "form_name": form} for event, form in sorted(self.repeating)]
        if content == "project":
            return {
                "project_id": 1,
                "is_longitudinal": int(bool(self.events)),
                "record_autonumbering_enabled": 0,
            }
        raise Refused('The value of the parameter "content" is not valid')

    @staticmethod
    def _dictionary_row(one: Field) -> dict[str, str]:
        return {
            "field_name": one.name,
            "form_name": one.form,
            "field_type": "radio" if one.choices else "text",
            "select_choices_or_calculations": " | ".join(f"{choice}, {choice}" for choice in one.choices),
            "text_validation_type_or_show_slider_number": one.validation,
        }

    def _export(self) -> list[dict[str, Any]]:
        exported = []
        for (record, event, instrument, instance), values in self.records.items():
            row: dict[str, Any] = {self.fields[0].name: record}
            if self.events:
                row["redcap_event_name"] = event
            if self.repeating:
                row |= {"redcap_repeat_instrument": instrument, "redcap_repeat_instance": instance or ""}
            exported.append(row | {one.name: values.get(one.name, "") for one in self.fields[1:]})
        return exported

    def _import(self, form: Mapping[str, str]) -> dict[str, int]:
        if (
            form.get("overwriteBehavior", "normal") not in ("normal", "overwrite")
            or form.get("type", "flat") != "flat"
        ):
            raise Refused("The value of a parameter is not valid")
        try:
            rows = json.loads(form["data"])
        except ValueError:
            rows = None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Refused(
                "The data being imported is not formatted correctly. The JSON must be an array of objects."
            )
        known = {one.name: one for one in self.fields}
        unknown = sorted({name for row in rows for name in row} - known.keys() - set(SYSTEM_FIELDS))
        if unknown:
            raise Refused(
                f"The following fields were not found in the project as real data fields: {', '.join(unknown)}"
            )
        faults: list[tuple[str, str, str, str]] = []
        checked = [(self._key(row), self._values(row, known, faults)) for row in rows]
        if faults:
            text = io.StringIO()
            csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(faults)
            raise Refused(text.getvalue().strip())
        for key, values in checked:
            saved = self.records.setdefault(key, {})
            # "normal": a blank leaves what is there.
            saved.update(
                {n: v for n, v in values.items() if v != "" or form["overwriteBehavior"] == "overwrite"}
            )
        return {"count": len({key[0] for key, _ in checked})}

    def _key(self, row: Mapping[str, Any]) -> tuple[str, str, str, int | None]:
        record = str(row.get(self.fields[0].name, ""))
        if not record:
            raise Refused("The record ID field must be provided for every record")
        event = str(row.get("redcap_event_name", ""))
        if self.events and event not in self.events:
            raise Refused(
                f'The following values of "redcap_event_name" are not valid event names: {event or "(blank)"}'
            )
        if event and not self.events:
            raise Refused('The field "redcap_event_name" is not allowed: the project is not longitudinal')
        instrument, instance = (
            str(row.get("redcap_repeat_instrument", "")),
            row.get("redcap_repeat_instance", ""),
        )
        if instance == "" and not instrument:
            return record, event, "", None
        if (event, instrument) not in self.repeating:
            raise Refused(f'"{instrument}" is not a repeating instrument or event of the project')
        if not re.fullmatch(r"[1-9][0-9]*|new", str(instance)):
            raise Refused('"redcap_repeat_instance" must be a whole number from 1, or new')
        return record, event, instrument, int(instance)

    def _values(
        self, row: Mapping[str, Any], known: Mapping[str, Field], faults: list[tuple[str, str, str, str]]
    ) -> dict[str, str]:
        record, event, instrument, instance = self._key(row)
        values = {}
        for name, raw in row.items():
            if name in SYSTEM_FIELDS or name == self.fields[0].name:
                continue
            one, value = known[name], str(raw)
            repeats = (event, one.form) in self.repeating
            if self.events and one.form not in self.events[event]:
                faults.append(
                    (record, name, value, f"This field's instrument is not designated for the event {event}")
                )
            elif repeats != (instance is not None and instrument == one.form) and instrument:
                faults.append(
                    (record, name, value, f"This field is not on the repeating instrument {instrument}")
                )
            elif repeats and instance is None:
                faults.append(
                    (record, name, value, "This field is on a repeating instrument, so it needs an instance")
                )
            elif value and one.choices and value not in one.choices:
                faults.append((record, name, value, "The value is not a valid category for the field"))
            elif value and not re.fullmatch(VALIDATION[one.validation], value):
                faults.append(
                    (
                        record,
                        name,
                        value,
                        "The value you provided could not be validated because it does not follow "
                        "the expected format. Please try again.",
                    )
                )
            values[name] = value
        return values
