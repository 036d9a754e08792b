"""Which series match: by the catalogue, where it holds what is asked for, else by all that is told of each series.

The catalogue knows the studies that are matched, each attribute as the number of its values in the table of terms. So
a test is asked of every term once, and not of every series; the others, which still receive, are asked one by one, and
so are results beside images, of which the catalogue knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from ror.db import tables
from ror.model import StudyState
from ror.web.shelf import Place, Shelf

__all__ = ["Finding", "FoundSeries", "Test"]

Test: TypeAlias = Callable[[Sequence[object]], bool]

_study, _series, _catalogue = tables.studies.c, tables.series.c, tables.catalogue.c
_CATALOGUED = frozenset(tables.CATALOGUE_ATTRIBUTES)
_UNMATCHED = tuple(state for state in StudyState if state is not StudyState.MATCHED)
_MOST_TERMS = 5000  # numbers in one question; an attribute of which more match is asked of each series
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series that matches."""

    study_uid: str
    series_uid: str


class Finding:
    """Finds series of one project by tests of their attributes, those of the latest studies first."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def series(
        self, place: Place, among: Mapping[str, Sequence[str]], tests: Mapping[str, Test]
    ) -> Iterator[FoundSeries]:
        """Series of which every tested attribute matches; `among` narrows by UIDs and patients (`Shelf.series`).

        On PostgreSQL, an answer may lack a study that becomes matched while its question is asked.
        """
        if place.study or place.series or among or not tests.keys() & _CATALOGUED:
            yield from self._by_all(place, among, tests)
            return
        with self._shelf.read() as connection:
            terms = _terms(connection, tests)
            rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(_query(place, tests, terms))
            for study_uid, series_uid, _first, is_known, *values in rows:
                asked = zip(tests.items(), values, strict=True)
                if all(
                    (is_known and keyword in terms) or test(told or ()) for (keyword, test), told in asked
                ):
                    yield FoundSeries(study_uid, series_uid)

    def _by_all(
        self, place: Place, among: Mapping[str, Sequence[str]], tests: Mapping[str, Test]
    ) -> Iterator[FoundSeries]:
        for one in self._shelf.series(place, tests, among):
            if all(test(one.values[keyword]) for keyword, test in tests.items()):
                yield FoundSeries(one.study_uid, one.series_uid)


def _terms(connection: sa.Connection, tests: Mapping[str, Test]) -> dict[str, list[int]]:
    """The numbers of the terms that match, of the attributes that the catalogue has."""
    term, found = tables.terms.c, dict[str, list[int]]()
    for keyword in tests.keys() & _CATALOGUED:
        query = sa.select(term.id, term.text).where(term.attribute == keyword)
        numbers = [row.id for row in connection.execute(query) if tests[keyword](row.text.split("\\"))]
        if len(numbers) <= _MOST_TERMS:
            found[keyword] = numbers
    return found


def _query(place: Place, tests: Mapping[str, Test], terms: Mapping[str, Sequence[int]]) -> sa.Select[Any]:
    """Series that have all the terms, and those that the catalogue does not know; the latest first."""
    known = (
        _asked(place, tests, terms)
        .join(tables.catalogue, _catalogue.series_uid == _series.series_uid)
        .where(_study.state == StudyState.MATCHED, _catalogue.project == place.project)
        .where(*(_catalogue[keyword].in_(numbers) for keyword, numbers in terms.items()))
    )
    others = _asked(place, tests, {}).where(_study.state.in_(_UNMATCHED))
    results = _asked(place, tests, {}).where(_study.state == StudyState.MATCHED, _series.made_by.is_not(None))
    both = sa.union_all(known, others, results).subquery()
    return sa.select(both).order_by(both.c.first_received_at.desc(), both.c.study_uid, both.c.series_uid)


def _asked(place: Place, tests: Mapping[str, Test], known: Mapping[str, Any]) -> sa.Select[Any]:
    """Series with the attributes to be tested, NULL for those of which the answer is `known`."""
    unasked = sa.cast(sa.null(), sa.JSON)
    values = (unasked if keyword in known else _series.attributes[keyword] for keyword in tests)
    return (
        sa.select(
            _study.study_uid,
            _series.series_uid,
            _study.first_received_at,
            sa.literal(bool(known)).label("is_known"),
            *(value.label(f"value_{number}") for number, value in enumerate(values)),
        )
        .join(tables.series, _series.study_uid == _study.study_uid)
        .where(_study.project == place.project)
    )
