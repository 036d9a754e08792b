"""Every benchmark runs; how fast anything is, only `make bench` says."""

from math import isfinite
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks import SUITE, Budget, Figure, Scale
from benchmarks.archive import PROJECT, studies
from benchmarks.figure import as_json
from benchmarks.loading import load
from ror.archive import Catalogue
from ror.db import Database, tables
from select_lang.classification import Classifier

TINY = Scale(
    rounds=1,
    received=4,
    received_with_nagle=2,
    many=20,
    deidentified=3,
    frames=4,
    large_frames=8,
    folder_files=10,
    catalogue=40,
    scanned=12,
    archive=600,
    brain_slices=8,
    measurements=20,
    jobs=2,
    settle_seconds=0.3,
    sleeping=2,
    workers=(1, 2),
    finished=20,
    hosts=(1, 3),
    scheduled=60,
)
SERVERS = {"gateway", "path", "results", "tls", "web"}


BENCHMARKS = [pytest.param(name, marks=pytest.mark.orthanc if name in SERVERS else ()) for name in SUITE]


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_gives_figures_with_units(name: str, tmp_path: Path) -> None:
    figures = SUITE[name](TINY, tmp_path)
    if not figures:
        pytest.skip(f"the servers that {name} measures against are not installed")
    assert all(isfinite(one.ours) and one.unit for one in figures)
    assert all(one.peer for one in figures if one.theirs is not None)


def test_a_made_archive_is_loaded_as_the_catalogue_itself_would_write_it(database: Database) -> None:
    def rows() -> list[list[tuple[object, ...]]]:
        with database.read() as connection:
            queries = (sa.select(table).order_by(*table.primary_key) for table in written)
            return [[tuple(row) for row in connection.execute(query)] for query in queries]

    written = (tables.catalogue, tables.terms, tables.series)
    rules = Classifier.read("[]")
    made = list(studies(150))
    load(database.url, made, rules.digest)
    loaded = rows()
    with database.write() as connection:
        connection.execute(tables.catalogue.delete())
        connection.execute(tables.series.update().values(derived=None, classified_by=None))
    catalogue = Catalogue(database, lambda _project: rules)
    for study in made:
        catalogue.put(PROJECT, study)
    assert sum(map(len, made)) == len(loaded[0]) == 150
    assert rows() == loaded


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        (Budget.ratio(at_least=2.0), True),
        (Budget.ratio(at_least=2.1), False),
        (Budget.value(at_most=10.0), True),
        (Budget.value(at_most=9.9), False),
        (Budget.value(at_least=10.0), True),
        (None, None),
    ],
)
def test_a_budget_limits_the_value_or_its_ratio_to_the_peers(
    budget: Budget | None, kept: bool | None
) -> None:
    (told,) = as_json([Figure("speed", 10.0, "objects/s", "a peer", 5.0, budget)])
    assert told["reached"] is kept


def test_a_ratio_without_its_peer_is_neither_kept_nor_broken() -> None:
    assert Figure("speed", 10.0, "objects/s", budget=Budget.ratio(at_least=2.0)).reached is None
