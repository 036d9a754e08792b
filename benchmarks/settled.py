"""One study that has settled in a large archive, against the fifty enabled workflows of its project."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import select_lang
from benchmarks.archive import PROJECT
from benchmarks.figure import Budget, Figure
from benchmarks.questions import fifty_workflows
from benchmarks.rounds import medians, seconds
from ror.archive import Catalogue, Index
from ror.db import Database, tables
from ror.engine import JobStore, Matcher
from ror.model import StudyState
from ror.registry import WorkflowStore
from select_lang.classification import Classifier

__all__ = ["measure_settled"]

_ALONE = "evaluated only"
_TURNS = 5


def measure_settled(url: str, folder: Path, rounds: int) -> list[Figure]:
    """Milliseconds; each turn has studies of its own, which get their instances first.

    Asked: classified, written into the catalogue, read with what else its patient has, and asked for by all statements.
    Matched: `Matcher.match`, which queues the jobs as well. The peer is asking the same series in memory.
    """
    database = Database(url)
    catalogue = Catalogue(database, lambda _project: Classifier.shipped())
    index = Index(database)
    matcher = Matcher(database, index, catalogue, WorkflowStore(database, folder), JobStore(database))
    statements = [select_lang.read(text) for text in fifty_workflows()]
    _enable(database)
    studies = _studies(database, 2 * rounds * _TURNS + 1)
    for study_uid in studies:
        _receive(database, study_uid)
    fresh = iter(studies)
    matcher.match(next(fresh))  # the statements are read once for all studies
    held = catalogue.series(PROJECT, study_uid=studies[0])
    queued: list[str] = []

    def ask() -> None:
        for study_uid in itertools.islice(fresh, _TURNS):
            own = catalogue.write(PROJECT, study_uid)
            of_patient = catalogue.series(PROJECT, patient_id=own[0].patient_id)
            for statement in statements:
                select_lang.evaluate(statement, of_patient if statement.across_studies else own)

    def match() -> None:
        for study_uid in itertools.islice(fresh, _TURNS):
            queued.extend(matcher.match(study_uid))

    times = medians(
        {
            "asked": lambda _: seconds(ask),
            "matched": lambda _: seconds(match),
            _ALONE: lambda _: seconds(lambda: [_ask(statements, held) for _ in range(_TURNS)]),
        },
        rounds,
    )
    kind = sa.make_url(url).get_backend_name()
    database.close()
    ms = {name: one / _TURNS * 1000 for name, one in times.items()}
    where = f"one settled study, {len(statements)} workflows, {kind}"
    jobs = round(len(queued) / rounds / _TURNS)
    return [
        Figure(f"{where}: asked", ms["asked"], "ms", _ALONE, ms[_ALONE], Budget.value(at_most=50)),
        Figure(f"{where}: matched, {jobs} jobs queued", ms["matched"], "ms", _ALONE, ms[_ALONE]),
    ]


def _ask(statements: Sequence[select_lang.Statement], held: Sequence[select_lang.Series]) -> None:
    for statement in statements:
        select_lang.evaluate(statement, held)


def _enable(database: Database) -> None:
    rows = [
        {
            "project": PROJECT,
            "name": f"workflow_{number}",
            "digest": f"{number:064x}",
            "version": "1.0.0",
            "select_text": text,
            "enabled": True,
            "added_at": float(number),
        }
        for number, text in enumerate(fifty_workflows())
    ]
    with database.write() as connection:
        connection.execute(tables.workflows.insert(), rows)


def _studies(database: Database, count: int) -> list[str]:
    series = tables.series.c
    several = sa.select(series.study_uid).group_by(series.study_uid).having(sa.func.count() >= 5).limit(count)
    with database.read() as connection:
        return list(connection.execute(several).scalars())


def _receive(database: Database, study_uid: str) -> None:
    """Let a study be as it is when it has just settled: its series have instances, and no types yet."""
    series, study = tables.series, tables.studies
    with database.write() as connection:
        of_study = series.c.study_uid == study_uid
        said = connection.execute(sa.select(series.c.series_uid, series.c.derived).where(of_study)).all()
        for uid, derived in said:
            connection.execute(tables.instances.insert(), _instances(uid, int(derived["NumImages"][0])))
        connection.execute(series.update().where(of_study).values(classified_by=None))
        settled = study.update().where(study.c.study_uid == study_uid)
        connection.execute(settled.values(state=StudyState.SETTLED, matched_at=None))


def _instances(series_uid: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "sop_uid": f"{series_uid[:50]}.{number}",
            "series_uid": series_uid,
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.4",
            "path": f"{series_uid}/{number}.dcm",
            "sha256": f"{number:064x}",
            "source_digest": "",
            "received_at": 0.5,
        }
        for number in range(count)
    ]
