"""The REDCap of each project of a process: asked at its pace, and not again for what it has just told."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ror.config import RedcapSettings
from ror.errors import ConfigurationError
from ror.registry import Project, redcap_token
from ror.results.errors import RedcapRefused
from ror.results.model import Row
from ror.results.redcap.api import RedcapApi
from ror.results.redcap.blanks import Place, blanks
from ror.results.redcap.check import Announced, Mismatch, mismatches
from ror.results.redcap.described import Described
from ror.results.redcap.pace import Pace
from ror.results.redcap.records import prepare
from ror.results.redcap.target import RedcapTarget
from ror.wording import counted

__all__ = ["Redcaps", "with_event"]

_KEPT_SECONDS = 300.0


class Redcaps:
    """May be asked from any thread. Tokens are read anew each time, so a new one needs no restart."""

    def __init__(
        self,
        secrets_folder: Path,
        settings: RedcapSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = secrets_folder
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._paces: defaultdict[str, Pace] = defaultdict(lambda: Pace(settings.requests_per_minute))
        self._described: dict[RedcapTarget, tuple[Described, float]] = {}

    def target(self, project: Project, timeout_seconds: float | None = None) -> RedcapTarget:
        """Where the REDCap of a project is, and what opens it.

        Raises
        ------
        ConfigurationError
            There is no token, or others may read its file, or it or the address cannot be right.
        """
        bundle = self._settings.ca_bundle
        if bundle and not Path(bundle).is_file():
            raise ConfigurationError(
                f"redcap.ca_bundle is no file: {bundle}", advice="correct it in ror.toml: a file of PEM"
            )
        token = redcap_token(project.name, self._secrets)
        seconds = timeout_seconds or self._settings.timeout_seconds
        try:
            return RedcapTarget(project.redcap_url, token, bundle, seconds)
        except ValueError as error:
            raise ConfigurationError(
                f"REDCap of project {project.name}: {error}",
                advice=f"ror project change {project.name} --redcap-url https://redcap.example.org/api/",
            ) from error

    def api(self, project: Project, timeout_seconds: float | None = None) -> RedcapApi:
        """The API of a project's REDCap; `ConfigurationError` as `target`."""
        return self._api(self.target(project, timeout_seconds))

    def write(self, project: Project, rows: Sequence[Row]) -> str:
        """Write measurements into a project's REDCap; doing it twice is harmless, a later value overwrites.

        Returns
        -------
        str
            For people: how many records REDCap says it has saved.

        Raises
        ------
        RedcapUnavailable
            It cannot be asked now: try again later.
        RedcapRefused
            It does not take them, with a fault for each measurement; nothing was sent, unless REDCap says no to what
            it has described itself.
        """
        target = self.target(project)
        described, is_fresh = self._kept(target)
        prepared = prepare(rows, described)
        if prepared.faults and not is_fresh:  # it may have been mended since
            self._forget(target)
            prepared = prepare(rows, self._kept(target)[0])
        if prepared.faults:
            raise RedcapRefused(prepared.faults)
        try:
            saved = self._api(target).import_records(prepared.records)
        except RedcapRefused:
            self._forget(target)
            raise
        told = counted(saved, "REDCap record")
        if prepared.outside:
            told += f" (outside of the suggested range: {', '.join(prepared.outside)})"
        return told

    def empty(self, project: Project, places: Sequence[Place]) -> int:
        """Empty fields of a project's REDCap; doing it twice is harmless. Returns how many records were changed.

        A field or event that it does not have any more is empty. What others have entered stays.

        Raises
        ------
        ConfigurationError, RedcapUnavailable, RedcapRefused
            As `write`.
        """
        target = self.target(project)
        described = self._kept(target)[0]
        return self._api(target).import_records(blanks(places, described), blanks_empty=True)

    def check(
        self,
        project: Project,
        announced: Sequence[Announced],
        events_named: frozenset[str],
        timeout_seconds: float | None = None,
    ) -> list[Mismatch]:
        """What of a project's workflows its REDCap would refuse now, all at once, with what to do; empty if nothing.

        Raises
        ------
        ConfigurationError, RedcapUnavailable
            It cannot be asked.
        """
        target = self.target(project, timeout_seconds)
        api = self._api(target)
        try:
            described = api.describe()
        except RedcapRefused as refused:
            told = "; ".join(map(str, refused.faults))
            mend = "give its user the right API Export (Data Exports may be No Access), and check the token"
            return [Mismatch(f"the token may not read the data dictionary: {told}", mend)]
        with self._lock:
            self._described[target] = described, self._clock()
        found = list(mismatches(project, described, announced, events_named))
        if told := api.may_import(described.record_field):
            mend = "give the user of the token the right API Import/Update"
            found.insert(0, Mismatch(f"the token may not import: {told}", mend))
        return found

    def _api(self, target: RedcapTarget) -> RedcapApi:
        with self._lock:
            pace = self._paces[target.url]
        return RedcapApi(target, pace)

    def _kept(self, target: RedcapTarget) -> tuple[Described, bool]:
        """What the project says of itself, and whether it was asked only now."""
        with self._lock:
            kept = self._described.get(target)
        if kept is not None and self._clock() - kept[1] < _KEPT_SECONDS:
            return kept[0], False
        described = self._api(target).describe()
        with self._lock:
            self._described[target] = described, self._clock()
        return described, True

    def _forget(self, target: RedcapTarget) -> None:
        with self._lock:
            self._described.pop(target, None)


def with_event(rows: Sequence[Row], event: str) -> tuple[Row, ...]:
    """Have measurements that name no event belong to this one."""
    return tuple(row if row.event else replace(row, event=event) for row in rows)
