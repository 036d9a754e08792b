"""What stands now: studies and jobs that wait, hosts and what is taken of them, disks, the database.

Asked of indices at each scrape: how many jobs have ended well, or studies were matched, is not counted anew.
"""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from ror import __version__
from ror.app import App
from ror.db import Database, tables
from ror.engine import Host
from ror.model import JobState, StudyState

__all__ = ["Now"]

_MIB: Final = 2**20
_TOLD_STATES: Final = (JobState.QUEUED, JobState.RUNNING, JobState.REVIEW, JobState.FAILED)
_jobs, _studies = tables.jobs.c, tables.studies.c


class Now(Collector):
    """Gauges of an `App`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._folders = {"archive": app.home.archive, "home": app.home.root}

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now."""
        yield InfoMetricFamily("ror", "The release of ror that serves.", {"version": __version__})
        yield _database_seconds(self._app.database)
        yield from _studies_waiting(self._app.database)
        yield from _jobs_by_state(self._app.database)
        yield from _hosts(self._app)
        yield from _disks(self._folders)


def _database_seconds(database: Database) -> Metric:
    began = time.perf_counter()
    with database.read() as connection:
        connection.execute(sa.select(sa.literal(1))).scalar()
    took = time.perf_counter() - began
    return GaugeMetricFamily(
        "ror_database_latency_seconds", "Time that the database took to answer.", took, unit="seconds"
    )


def _studies_waiting(database: Database) -> Iterator[Metric]:
    number = GaugeMetricFamily("ror_studies", "Studies that are not matched yet.", labels=["state"])
    oldest = GaugeMetricFamily(
        "ror_study_age_seconds",
        "Time since the last object of the study that waits longest.",
        labels=["state"],
        unit="seconds",
    )
    now = time.time()
    with database.read() as connection:
        for state in (StudyState.RECEIVING, StudyState.SETTLED):
            waiting = sa.select(sa.func.count(), sa.func.min(_studies.last_received_at))
            count, since = connection.execute(waiting.where(_studies.state == state)).one()
            number.add_metric([state.value], count)
            oldest.add_metric([state.value], max(0.0, now - since) if count else 0.0)
    yield number
    yield oldest


def _jobs_by_state(database: Database) -> Iterator[Metric]:
    labels = ["project", "workflow"]
    number = GaugeMetricFamily(
        "ror_jobs", "Jobs that are not ended, or have failed.", labels=[*labels, "state"]
    )
    oldest = GaugeMetricFamily(
        "ror_queue_age_seconds", "Time since the oldest queued job was made.", labels=labels, unit="seconds"
    )
    now = time.time()
    columns = (_jobs.project, _jobs.workflow, _jobs.state)
    query = sa.select(*columns, sa.func.count(), sa.func.min(_jobs.created_at)).group_by(*columns)
    with database.read() as connection:
        rows = connection.execute(query.where(_jobs.state.in_(_TOLD_STATES))).all()
    for project, workflow, state, count, since in sorted(rows):
        number.add_metric([project, workflow, state], count)
        if state == JobState.QUEUED:
            oldest.add_metric([project, workflow], max(0.0, now - since))
    yield number
    yield oldest


def _hosts(app: App) -> Iterator[Metric]:
    rows, running = app.placer.taken()
    hosts = [row.host for row in rows]
    up, age, jobs = (dict[str, float]() for _ in range(3))
    for row in rows:
        up[row.host.name], age[row.host.name], jobs[row.host.name] = row.alive, row.silent_seconds, row.jobs
    yield _of_hosts("ror_host_up", "Whether the host was heard of lately.", up)
    yield _of_hosts("ror_host_heartbeat_age_seconds", "Time since the host was heard of.", age, "seconds")
    yield _of_hosts("ror_host_jobs", "Jobs that the host has.", jobs)

    slots, cores, memory = ({host.name: 0.0 for host in hosts} for _ in range(3))
    cards: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for one in running:
        if one.host not in slots:  # somebody has just removed it
            continue
        slots[one.host] += one.needs.slots
        cores[one.host] += one.needs.cpus
        memory[one.host] += one.needs.memory_mib * _MIB
        if one.gpu is not None:
            cards[one.host, one.gpu].append(one.needs.gpu_memory_mib * _MIB)
    has, asked = "that the host has", "that its jobs have asked for"
    yield _of_hosts("ror_host_slots", f"Programs at once {has}.", {one.name: one.slots for one in hosts})
    yield _of_hosts("ror_host_slots_asked", f"Programs at once {asked}.", slots)
    yield _of_hosts("ror_host_cpu_cores", f"Cores {has}.", {one.name: one.cpus for one in hosts})
    yield _of_hosts("ror_host_cpu_cores_asked", f"Cores {asked}.", cores)
    whole = {one.name: one.memory_mib * _MIB for one in hosts}
    yield _of_hosts("ror_host_memory_bytes", f"Memory {has}.", whole, "bytes")
    yield _of_hosts("ror_host_memory_asked_bytes", f"Memory {asked}.", memory, "bytes")
    yield from _gpus(hosts, cards)


def _gpus(hosts: Sequence[Host], cards: Mapping[tuple[str, str], Sequence[int]]) -> Iterator[Metric]:
    labels = ["host", "gpu"]
    has = GaugeMetricFamily("ror_gpu_memory_bytes", "Memory of the card.", labels=labels, unit="bytes")
    asked = GaugeMetricFamily(
        "ror_gpu_memory_asked_bytes",
        "Memory of the card that its jobs have asked for; who asks for no number has all of it.",
        labels=labels,
        unit="bytes",
    )
    for host in hosts:
        for card in host.gpus:
            key, whole = (host.name, card.id), card.memory_mib * _MIB
            has.add_metric(key, whole)
            asked.add_metric(key, sum(one or whole for one in cards.get(key, ())))
    yield has
    yield asked


def _disks(folders: dict[str, Path]) -> Iterator[Metric]:
    free = GaugeMetricFamily(
        "ror_disk_free_bytes", "Free on the disk of a folder.", labels=["folder"], unit="bytes"
    )
    size = GaugeMetricFamily(
        "ror_disk_size_bytes", "Size of the disk of a folder.", labels=["folder"], unit="bytes"
    )
    for name, folder in folders.items():
        usage = shutil.disk_usage(folder if folder.exists() else folder.parent)
        free.add_metric([name], usage.free)
        size.add_metric([name], usage.total)
    yield free
    yield size


def _of_hosts(name: str, told: str, values: Mapping[str, float], unit: str = "") -> Metric:
    family = GaugeMetricFamily(name, told, labels=["host"], unit=unit)
    for host, value in values.items():
        family.add_metric([host], value)
    return family
