"""REDCap's API, asked through PyCap: what a project says of itself, and the import of records."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, Literal, TypeVar

import requests
from pydantic import ValidationError
from redcap.project import Project
from redcap.request import RedcapError

from ror.results.errors import FieldFault, RedcapRefused, RedcapUnavailable
from ror.results.redcap.described import Described, Information, described
from ror.results.redcap.pace import Pace
from ror.results.redcap.target import RedcapTarget

__all__ = ["BATCH", "RedcapApi"]

BATCH = 2000  # 10,000 records in five calls, of less than a megabyte each
_WAITS = "The engine tries again; check the URL, the network and whether REDCap is up."
# A field that no project has: its import is refused for the token's rights, else for this field.
_NO_FIELD = "ror_asks_whether_it_may_import"
_CELLS = 4
_UNREADABLE = (FieldFault("", "", "for a reason that cannot be read"),)
_A = TypeVar("_A")


class RedcapApi:
    """One REDCap project; each question may raise

    `RedcapUnavailable` where it is not reachable, answers 5xx or 429, or not as REDCap does: try again later; and
    `RedcapRefused` where it said no.
    """

    def __init__(self, target: RedcapTarget, pace: Pace) -> None:
        self._target = target
        self._pace = pace
        self._project = Project(
            target.url,
            target.token,
            verify_ssl=target.ca_bundle or True,
            timeout=target.timeout_seconds,
            # A redirect would carry the token to whatever address it names.
            allow_redirects=False,
            hooks={"response": self._raise_for_service},
        )

    def version(self) -> str:
        """The version of REDCap, the cheapest question that needs the token."""
        version = self._ask(self._project.export_version)
        if version is None:
            raise self._not_redcap("no version")
        return str(version)

    def describe(self) -> Described:
        """What the project says of itself, in two calls, or up to four where it has events or something repeats."""
        ask, project = self._ask, self._project
        exported: dict[str, Any] = {"project": ask(project.export_project_info)}
        try:
            about = Information.model_validate(exported["project"])
            exported["metadata"] = ask(project.export_metadata)
            if about.is_longitudinal:
                exported["formEventMapping"] = ask(project.export_instrument_event_mappings)
            if about.has_repeating_instruments_or_events:
                exported["repeatingFormsEvents"] = ask(project.export_repeating_instruments_events)
            return described(exported)
        except ValidationError as error:
            raise self._not_redcap("its metadata are not as the API says") from error

    def dictionary(self) -> list[Mapping[str, str]]:
        """The data dictionary, by the API's names of its columns."""
        rows = self._ask(self._project.export_metadata)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._not_redcap("its metadata are not as the API says")
        return [{name: str(value) for name, value in row.items()} for row in rows]

    def may_import(self, record_field: str) -> str:
        """Why the token may not import, or nothing; asked with a record that is refused in any case."""
        try:
            self._import([{record_field: "ror", _NO_FIELD: ""}])
        except RedcapRefused as refused:
            told = "; ".join(map(str, refused.faults))
            return "" if _NO_FIELD in told else told
        raise self._not_redcap(f"it has taken the field {_NO_FIELD}")

    def import_records(self, records: Sequence[Mapping[str, Any]], *, blanks_empty: bool = False) -> int:
        """Write flat records; doing it twice is harmless, a later value overwrites, a blank leaves what is there.

        With `blanks_empty`, a blank empties the field. REDCap takes a batch of 2000 whole or not at all; the batches
        before a refused one stay.

        Returns
        -------
        int
            Number of records that REDCap says it has saved.
        """
        how: Literal["normal", "overwrite"] = "overwrite" if blanks_empty else "normal"
        return sum(self._import(batch, how) for batch in _batches(records))

    def _import(
        self, batch: Sequence[Mapping[str, Any]], how: Literal["normal", "overwrite"] = "normal"
    ) -> int:
        answer = self._ask(
            lambda: self._project.import_records(list(batch), overwrite=how, return_content="count")
        )
        if not isinstance(answer, dict) or not str(answer.get("count", "")).isdecimal():
            raise self._not_redcap("it does not say how many records it has saved")
        return int(answer["count"])

    def _ask(self, question: Callable[[], _A]) -> _A:
        self._pace.wait()
        try:
            return question()
        except RedcapError as error:
            content = error.args[0] if error.args else ""
            if isinstance(content, dict) and "error" in content:
                raise RedcapRefused(_field_faults(str(content["error"]))) from None
            if told := re.search(r"<error>(.*?)</error>", str(content), re.DOTALL):
                raise RedcapRefused((FieldFault("", "", told[1].strip()),)) from None
            raise self._not_redcap(type(error).__name__) from error

    def _not_redcap(self, what: str) -> RedcapUnavailable:
        return RedcapUnavailable(f"REDCap at {self._target.url} does not answer as REDCap: {what}", _WAITS)

    def _raise_for_service(self, response: requests.Response, *_: object, **__: object) -> None:
        """Tell the state of the service from its opinion on the data, which PyCap does not."""
        if response.status_code >= 500 or response.status_code == 429:
            self._pace.hold(_retry_after(response.headers.get("Retry-After", "")))
            raise RedcapUnavailable(
                f"REDCap answers {response.status_code}",
                "The engine tries again; REDCap may be under maintenance.",
            )
        if response.is_redirect:
            where = response.headers.get("Location", "")
            raise RedcapRefused(
                (FieldFault("", "", f"the URL of its API redirects to {where}; use that URL"),)
            )


def _batches(records: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    rest = iter(records)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _retry_after(told: str) -> float:
    """Seconds of a Retry-After header (RFC 9110 10.2.3): a number of them, or a date; 0 for neither."""
    if told.strip().isdecimal():
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    until = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _field_faults(message: str) -> tuple[FieldFault, ...]:
    """REDCap tells faults of values as CSV, all in quotes: record, field, value, message; others as plain text.

    The value, which may have lines, is left out: an error is logged, and a measurement belongs to the record alone.
    """
    message = message.strip()
    if message.startswith('"'):
        rows = csv.reader(io.StringIO(message, newline=""))
        return tuple(FieldFault(row[0], row[1], row[-1]) for row in rows if len(row) >= _CELLS) or _UNREADABLE
    return tuple(FieldFault("", "", line.strip()) for line in message.splitlines()) or _UNREADABLE
