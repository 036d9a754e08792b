"""Statements over a whole archive in its database, SQLite and PostgreSQL, and one settled study in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import select_lang
from benchmarks.archive import PROJECT, studies
from benchmarks.figure import Budget, Figure
from benchmarks.loading import load
from benchmarks.memory import growth_mib
from benchmarks.questions import CLOSEST, EARLIEST, NO_TERM, THREE_NAMES, by_hand
from benchmarks.rounds import medians, seconds
from benchmarks.scale import Scale
from benchmarks.settled import measure_settled
from ror.archive import Catalogue
from ror.db import Database
from select_lang.classification import Classifier
from tests.support.postgres import NoPostgres, PostgresServer

__all__ = ["measure"]

_BY_HAND = "SQL by hand"
_OTHERS = {
    "an attribute that is no term": NO_TERM,
    "the closest in time": CLOSEST,
    "each patient's earliest study": EARLIEST,
}
# What an allocator keeps is no growth with the archive.
_FLAT_MIB = 10.0
_WIDTH = 150


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Seconds until the last match is out; MiB of memory for it; milliseconds for a settled study."""
    figures = _of_database(scale, folder, [f"sqlite:///{folder / name}" for name in ("tenth", "whole")])
    try:
        with PostgresServer.run() as server:
            urls = [server.empty_database() for _ in range(2)]
            figures += _of_database(scale, folder, urls)
    except NoPostgres as reason:
        print(f"left out: {reason}", file=sys.stderr)
    return figures


def _of_database(scale: Scale, folder: Path, urls: list[str]) -> list[Figure]:
    kind = sa.make_url(urls[0]).get_backend_name()
    sizes = (scale.archive // 10, scale.archive)
    for url, size in zip(urls, sizes, strict=True):
        print(f"  loading {size:,} series into {kind} …", file=sys.stderr)
        database = Database(url)
        database.migrate()
        database.close()
        load(url, studies(size), Classifier.shipped().digest)
    growths = [growth_mib(url) for url in urls]
    return [
        *_searched(urls[1], f"{scale.archive:,} series, {kind}", scale.rounds),
        *(
            Figure(f"memory for a search of {size:,} series, {kind}", growth, "MiB")
            for size, growth in zip(sizes, growths, strict=True)
        ),
        Figure(
            f"growth from {sizes[0]:,} to {sizes[1]:,} series, {kind}",
            growths[1] - growths[0],
            "MiB",
            budget=Budget.value(at_most=_FLAT_MIB),
        ),
        *measure_settled(urls[1], folder, scale.rounds),
    ]


def _searched(url: str, where: str, rounds: int) -> list[Figure]:
    database = Database(url)
    catalogue = Catalogue(database, lambda _project: Classifier.shipped())
    found: dict[str, int] = {}

    def search(text: str) -> None:
        found[text] = sum(1 for _ in catalogue.search(select_lang.read(text), PROJECT))

    def ask_by_hand() -> None:
        with database.read() as connection:
            found[_BY_HAND] = connection.exec_driver_sql(by_hand(connection.dialect.name)).scalar_one()

    with _asked() as asked:
        search(THREE_NAMES)
    print(_plan(url, *asked[-1]), file=sys.stderr)
    times = medians(
        {
            THREE_NAMES: lambda _: seconds(lambda: search(THREE_NAMES)),
            _BY_HAND: lambda _: seconds(ask_by_hand),
        },
        rounds,
    )
    others = medians(
        {name: lambda _, text=text: seconds(lambda: search(text)) for name, text in _OTHERS.items()}, 1
    )
    database.close()
    # A peer that answers another question would be no peer.
    assert found[THREE_NAMES] == found[_BY_HAND]
    what = f"three names and a check, {where}: {found[THREE_NAMES]:,} matches"
    return [
        Figure(what, times[THREE_NAMES], "s", _BY_HAND, times[_BY_HAND], Budget.value(at_most=2)),
        *(Figure(f"{name}, {where}: {found[_OTHERS[name]]:,}", one, "s") for name, one in others.items()),
    ]


@contextmanager
def _asked() -> Iterator[list[tuple[str, Any]]]:
    """What is sent to any database until the block ends: statements with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def _plan(url: str, statement: str, parameters: Any) -> str:
    """The database's own plan for a query; what it says of the many constants is cut off."""
    engine = sa.create_engine(url)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN (ANALYZE)"
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
    engine.dispose()
    # A scan of a list of constants says nothing.
    told = (str(row[-1]) for row in rows)
    return "\n".join(
        f"  {line[:_WIDTH]}" for line in told if not line.startswith(("LIST SUBQUERY", "SCAN anon_"))
    )
