"""Taking back what was delivered: from every destination that can remove it, and from REDCap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from ror.db import Database, in_batches, tables
from ror.errors import ConfigurationError, ServiceUnavailable
from ror.registry import Project
from ror.results.destinations import Outgoing
from ror.results.errors import DeliveryRefused
from ror.results.ledger import Ledger, MadeObject
from ror.results.redcap import Place, Redcaps
from ror.results.review_copies import copies_of
from ror.results.stations import ResultStations

__all__ = ["TakenBack", "TakingBack"]

_deliveries, _measurements = tables.deliveries.c, tables.measurements.c


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many objects each destination has removed, which lie where nothing can be, and what is to be waited for."""

    removed: Mapping[str, int] = field(default_factory=dict)
    remains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    waits: Sequence[str] = ()


class TakingBack:
    """Each step twice is harmless: what has no receipt any more was taken back."""

    def __init__(
        self, database: Database, ledger: Ledger, stations: ResultStations, redcaps: Redcaps
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._stations = stations
        self._redcaps = redcaps

    def delivered(self, job_ids: Sequence[str], images: Sequence[Outgoing]) -> dict[str, list[Outgoing]]:
        """What lies at which destination: of images, and of what jobs have made, with the copies for reviewers."""
        made = self._ledger.made(job_ids)
        objects = {one.sop_uid: one for one in (*images, *map(_outgoing, made), *copies_of(made, Path()))}
        query = sa.select(_deliveries.destination, _deliveries.sop_uid).order_by(*_deliveries)
        lies: dict[str, list[Outgoing]] = {}
        with self._database.read() as connection:
            for some in in_batches(objects):
                for row in connection.execute(query.where(_deliveries.sop_uid.in_(some))):
                    lies.setdefault(row.destination, []).append(objects[row.sop_uid])
        return lies

    def from_destinations(
        self, project: Project, job_ids: Sequence[str], images: Sequence[Outgoing]
    ) -> TakenBack:
        """Remove it where it lies; a destination that cannot keeps its own, with their UIDs told."""
        removed: dict[str, int] = {}
        remains: dict[str, list[str]] = {}
        waits: list[str] = []
        for name, objects in self.delivered(job_ids, images).items():
            uids = [one.sop_uid for one in objects]
            try:
                (destination,) = self._stations.destinations(project, (name,), "")
                done = destination.remove(objects)
            except ServiceUnavailable as missing:
                waits.append(f"{name}: {missing}")
                continue
            except (
                ConfigurationError,
                DeliveryRefused,
            ):  # no section any more, or no way back to what it calls them
                done = None
            if done is None:
                remains[name] = uids
            else:
                removed[name] = done
        return TakenBack(removed, remains, waits)

    def forget(self, taken_back: TakenBack, job_ids: Sequence[str], images: Sequence[Outgoing]) -> None:
        """The receipts of what was removed, or told to remain, lead nowhere any more."""
        for name, objects in self.delivered(job_ids, images).items():
            if name in taken_back.removed or name in taken_back.remains:
                self._ledger.forget_delivered(name, [one.sop_uid for one in objects])

    def measured(self, job_ids: Sequence[str]) -> list[Place]:
        """Where the measurements of jobs stand."""
        query = sa.select(tables.measurements).order_by(*_measurements)
        with self._database.read() as connection:
            return [
                Place(
                    row.record_id, row.event_name, row.repeat_instrument, row.repeat_instance, row.field_name
                )
                for some in in_batches(job_ids)
                for row in connection.execute(query.where(_measurements.job_id.in_(some)))
            ]

    def from_redcap(self, project: Project, job_ids: Sequence[str]) -> int:
        """Empty the fields that jobs have written; returns how many records were changed.

        Raises
        ------
        ConfigurationError, RedcapUnavailable, RedcapRefused
            As `Redcaps.empty`.
        """
        places = self.measured(job_ids) if project.redcap_url else []
        return self._redcaps.empty(project, places) if places else 0


def _outgoing(one: MadeObject) -> Outgoing:
    return Outgoing(one.sop_uid, one.series_uid, one.study_uid, one.kind, Path())
