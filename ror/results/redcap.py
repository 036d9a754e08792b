"""Measurements → REDCap, through its API's record import (PyCap)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Any

import requests
from redcap.project import Project
from redcap.request import RedcapError

from ror.registry import redcap_url_fault
from ror.results.errors import FieldFault, RedcapRefused, RedcapUnavailable
from ror.results.model import Row

__all__ = ["RedcapTarget", "ask_version", "flat_records", "import_measurements"]

BATCH = 1000


@dataclass(frozen=True, slots=True)
class RedcapTarget:
    """A REDCap project.

    Attributes
    ----------
    url
        Of its API, ending in ``/api/``; https, as the token travels in each request.
    token
        Of a user with import rights; 32 hexadecimal digits. Shown nowhere.
    record_field
        The project's first field.
    event
        For rows whose program named none, in a longitudinal project.
    repeat_instrument
        For rows that have an instance but name no instrument.
    ca_bundle
        File with the hospital's certificate authority, where the system does not know it. Certificates are
        always verified.

    Raises
    ------
    ValueError
        The URL or the token cannot be right.
    """

    url: str
    token: str = field(repr=False)
    record_field: str = "record_id"
    event: str = ""
    repeat_instrument: str = ""
    ca_bundle: str | None = None
    timeout_seconds: float = 60.0

    def __post_init__(self) -> None:
        if fault := redcap_url_fault(self.url):
            raise ValueError(fault)
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", self.token):
            raise ValueError("the REDCap token must be 32 hexadecimal digits")


def flat_records(rows: Iterable[Row], target: RedcapTarget) -> list[dict[str, Any]]:
    """One flat record per record, event and repeat instance, in the order of first appearance."""
    records: dict[tuple[object, ...], dict[str, Any]] = {}
    for row in rows:
        event = row.event or target.event
        instrument = row.repeat_instrument
        if row.repeat_instance is not None and not instrument:
            instrument = target.repeat_instrument
        key = (row.record_id, event, instrument, row.repeat_instance)
        record = records.setdefault(key, {target.record_field: row.record_id})
        if event:
            record["redcap_event_name"] = event
        if row.repeat_instance is not None:
            # Empty names the event itself as what repeats.
            record["redcap_repeat_instrument"] = instrument
            record["redcap_repeat_instance"] = row.repeat_instance
        record[row.field_name] = _text(row.value)
    return list(records.values())


def _text(value: float | str) -> str:
    """As REDCap's validation wants numbers: decimal, no exponent, 1 and 0 for yes and no."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(int(value))
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def import_measurements(rows: Iterable[Row], target: RedcapTarget) -> int:
    """Write measurements into REDCap; doing it twice is harmless, a later value overwrites.

    Returns
    -------
    int
        Number of records that REDCap says it has saved.

    Raises
    ------
    RedcapUnavailable
        Not reachable, 5xx, 429, or an answer that is not REDCap's: try again later.
    RedcapRefused
        Refused, with REDCap's words for each field.
    """
    records = flat_records(rows, target)
    project = _project(target)
    return sum(_import(project, batch, target) for batch in _batches(records))


def ask_version(target: RedcapTarget, timeout_seconds: float = 5.0) -> str:
    """Ask REDCap for its version, the cheapest question that needs the token.

    Raises
    ------
    RedcapUnavailable
        Not reachable within the time, or an answer that is not REDCap's.
    RedcapRefused
        The token is not one of a project, or has no right to use the API.
    """
    try:
        version = _project(replace(target, timeout_seconds=timeout_seconds)).export_version()
    except RedcapError as error:
        told = re.search(r"<error>(.*?)</error>", str(error), re.DOTALL)
        if told is None:
            raise _not_redcap(target, type(error).__name__) from error
        raise RedcapRefused((FieldFault("", "", told[1].strip()),)) from None
    if version is None:
        raise _not_redcap(target, "no version")
    return str(version)


def _project(target: RedcapTarget) -> Project:
    return Project(
        target.url,
        target.token,
        verify_ssl=target.ca_bundle or True,
        timeout=target.timeout_seconds,
        # A redirect would carry the token to whatever address it names.
        allow_redirects=False,
        hooks={"response": _raise_for_service},
    )


def _batches(records: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(records)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _import(project: Project, batch: list[dict[str, Any]], target: RedcapTarget) -> int:
    try:
        # "normal" leaves what we do not name as it is; "overwrite" would empty it.
        answer = project.import_records(batch, overwrite="normal", return_content="count")
    except RedcapError as error:
        content = error.args[0] if error.args else ""
        if isinstance(content, dict) and "error" in content:
            raise RedcapRefused(_field_faults(str(content["error"]))) from None
        raise _not_redcap(target, type(error).__name__) from error
    return int(answer["count"]) if isinstance(answer, dict) else len(batch)


def _not_redcap(target: RedcapTarget, what: str) -> RedcapUnavailable:
    return RedcapUnavailable(
        f"REDCap at {target.url} does not answer as REDCap: {what}",
        "The engine tries again; check the URL, the network and whether REDCap is up.",
    )


def _raise_for_service(response: requests.Response, *_: object, **__: object) -> None:
    """Tell the state of the service from its opinion on the data, which PyCap does not."""
    if response.status_code >= 500 or response.status_code == 429:
        raise RedcapUnavailable(
            f"REDCap answers {response.status_code}",
            "The engine tries again; REDCap may be under maintenance.",
        )
    if response.is_redirect:
        where = response.headers.get("Location", "")
        raise RedcapRefused((FieldFault("", "", f"the URL of its API redirects to {where}; use that URL"),))


def _field_faults(message: str) -> tuple[FieldFault, ...]:
    """REDCap tells faults of values as lines of CSV: record, field, value, message; others as plain text.

    The value is left out: an error is logged, and a measurement belongs to the record alone.
    """
    faults = []
    for line in message.strip().splitlines():
        cells = next(csv.reader([line]), [])
        if len(cells) == 4:
            faults.append(FieldFault(cells[0], cells[1], cells[3]))
        elif line.strip():
            faults.append(FieldFault("", "", line.strip()))
    return tuple(faults) or (FieldFault("", "", "without a reason"),)
