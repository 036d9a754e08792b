"""A strict double of the API of a REDCap project, for there is no REDCap that a test could start.

It follows the published API (record import and export, flat and EAV, as JSON; metadata, event, arm, instrument,
formEventMapping, repeatingFormsEvents, project, version) and its statuses: 403 for a token or a right that is missing,
400 for what is wrong with a request, each with ``{"error": text}``, or XML where no format was asked for. What it takes
and refuses is in `redcap_project`. Words of messages are close to REDCap's, not guaranteed to be them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.support.redcap_project import Field, RedcapProject, Refused

__all__ = ["ALL_RIGHTS", "TOKEN", "Field", "RedcapServer"]

TOKEN = "0123456789ABCDEF" * 2
ALL_RIGHTS = frozenset({"export", "import"})


@dataclass
class RedcapServer(RedcapProject):
    """A project behind a token.

    ``rights`` are those of the token's user to the API. ``down`` is a status to answer instead of anything else, with
    ``retry_after`` as that header; ``redirect`` an address to send callers to.
    """

    token: str = TOKEN
    rights: frozenset[str] = ALL_RIGHTS
    down: int | None = None
    retry_after: str = ""
    redirect: str | None = None
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

    @property
    def imports(self) -> list[dict[str, str]]:
        """The calls that brought records."""
        return [call for call in self.calls if call.get("content") == "record" and "data" in call]

    def answer(self, path: str, body: str) -> tuple[int, dict[str, str], bytes]:
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        self.calls.append(form)
        if self.down is not None:
            headers = {"Content-Type": "text/html"}
            if self.retry_after:
                headers["Retry-After"] = self.retry_after
            return self.down, headers, b"<html><body>REDCap is offline</body></html>"
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
        content, is_import = form.get("content", ""), "data" in form
        self._require("import" if is_import else "export")
        if content == "version":
            return "14.5.0"  # plain text, whatever format is asked for
        if form.get("format") != "json" or form.get("returnFormat", "json") != "json":
            raise Refused('The value of the parameter "format" is not valid')
        if content == "record":
            return (
                self._imported(form) if is_import else self.exported(_parameter(form, "type", "flat", "eav"))
            )
        if is_import:
            raise Refused(f"The double takes no import of {content}")
        exports = self._exports()
        if content not in exports:
            raise Refused('The value of the parameter "content" is not valid')
        return exports[content]()

    def _require(self, right: str) -> None:
        if right not in self.rights:
            name = {"export": "API Export", "import": "API Import/Update"}[right]
            raise Refused(f"You do not have {name} privileges in the project", 403)

    def _exports(self) -> dict[str, Callable[[], object]]:
        return {
            "metadata": self.metadata,
            "event": self._events,
            "arm": self._arms,
            "instrument": lambda: [
                {"instrument_name": form, "instrument_label": form.title()} for form in self.forms
            ],
            "formEventMapping": self._designated,
            "repeatingFormsEvents": self._repeats,
            "project": self._information,
        }

    def _events(self) -> list[dict[str, object]]:
        self._require_longitudinal("events")
        return [
            {"event_name": name, "arm_num": _arm(name), "unique_event_name": name, "event_id": number}
            for number, name in enumerate(self.events, start=1)
        ]

    def _arms(self) -> list[dict[str, object]]:
        self._require_longitudinal("arms")
        return [
            {"arm_num": number, "name": f"Arm {number}"} for number in sorted(set(map(_arm, self.events)))
        ]

    def _designated(self) -> list[dict[str, object]]:
        self._require_longitudinal("form/event mappings")
        return [
            {"arm_num": _arm(event), "unique_event_name": event, "form": form}
            for event, forms in self.events.items()
            for form in forms
        ]

    def _repeats(self) -> list[dict[str, str]]:
        if not self.repeating:
            raise Refused("The project contains no repeating instruments and events")
        rows = []
        for event, form in sorted(self.repeating):
            row = {"form_name": form, "custom_form_label": ""}
            rows.append({"event_name": event} | row if self.events else row)
        return rows

    def _information(self) -> dict[str, object]:
        return {
            "project_id": 1,
            "project_title": "A project",
            "in_production": 0,
            "is_longitudinal": int(bool(self.events)),
            "has_repeating_instruments_or_events": int(bool(self.repeating)),
            "record_autonumbering_enabled": 0,
        }

    def _require_longitudinal(self, what: str) -> None:
        if not self.events:
            raise Refused(f"You cannot export {what} for classic projects")

    def _imported(self, form: Mapping[str, str]) -> object:
        kind = _parameter(form, "type", "flat", "eav")
        overwrite = _parameter(form, "overwriteBehavior", "normal", "overwrite")
        wanted = _parameter(form, "returnContent", "count", "ids")
        if _parameter(form, "forceAutoNumber", "false", "true", "False") == "true":
            raise Refused("The double gives no record names of its own")
        try:
            rows = json.loads(form["data"])
        except ValueError:
            rows = None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Refused(
                "The data being imported is not formatted correctly. The JSON must be an array of objects."
            )
        saved = self.take(rows, kind, overwrite)
        return {"count": len(saved)} if wanted == "count" else saved


def _parameter(form: Mapping[str, str], name: str, *legal: str) -> str:
    """The value of a parameter; the first legal one if it is not given."""
    value = form.get(name, legal[0])
    if value not in legal:
        raise Refused(f'The value of the parameter "{name}" is not valid')
    return value


def _arm(event: str) -> int:
    told = re.search(r"_arm_([0-9]+)", event)
    return int(told[1]) if told else 1
