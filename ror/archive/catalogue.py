"""The catalogue that select statements search: what each series of a settled study is, and which types it has.

A study is written into it before it is matched, and again when it settles with more; until then it is not searched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ror.db import Database, in_turn, tables
from select_lang import Match, Series, Statement
from select_lang.classification import Classifier
from select_lang.sql import CatalogueTables, search, term_text

__all__ = ["Catalogue"]

_AT_ONCE = 500  # constants in one query
_TERMS = "terms"
_PLACE = {"PatientID": "patient", "StudyInstanceUID": "study"}
_COLUMNS = {**_PLACE, **{attribute: attribute for attribute in tables.CATALOGUE_ATTRIBUTES}}
_TABLES = CatalogueTables(
    catalogue=tables.catalogue,
    terms=tables.terms,
    attributes={attribute: tables.catalogue.c[column] for attribute, column in _COLUMNS.items()},
    described=tables.series,
    everything=(tables.series.c.attributes, tables.series.c.derived),
)


class Catalogue:
    """Series as the select language sees them.

    `classifier_of` gives the classification rules of a project.
    """

    def __init__(self, database: Database, classifier_of: Callable[[str], Classifier]) -> None:
        self._database = database
        self._classifier_of = classifier_of

    def series(
        self, project: str, *, study_uid: str | None = None, patient_id: str | None = None
    ) -> list[Series]:
        """The series of a study, of a patient, or of the whole project, as they are now, settled or not."""
        return self._series(project, self._classifier_of(project), study_uid, patient_id)

    def _series(
        self, project: str, classifier: Classifier, study_uid: str | None, patient_id: str | None
    ) -> list[Series]:
        query, asked = _DESCRIBED, {"of_project": project}
        if study_uid is not None:
            query, asked = _OF_STUDY, asked | {"of_study": study_uid}
        elif patient_id is not None:
            query, asked = _OF_PATIENT, asked | {"of_patient": patient_id}
        with self._database.read() as connection:
            return [_as_series(project, row, classifier) for row in connection.execute(query, asked)]

    def write(self, project: str, study_uid: str) -> list[Series]:
        """Write a study into the catalogue, in place of what it says of it; return its series."""
        classifier = self._classifier_of(project)
        series = self._series(project, classifier, study_uid, None)
        self._put(project, series, classifier.digest)
        return series

    def put(self, project: str, series: Sequence[Series]) -> None:
        """Write all series of some studies into the catalogue, in place of what it says of these studies."""
        self._put(project, series, self._classifier_of(project).digest)

    def _put(self, project: str, series: Sequence[Series], by: str) -> None:
        studies = sorted({one.study_uid for one in series})
        with self._database.write() as connection:
            connection.execute(_locked(studies))
            in_turn(connection, _TERMS)  # none of them is to be forgotten meanwhile
            terms = {one.uid: _terms_of(one) for one in series}
            ids = self._term_ids(connection, {term for some in terms.values() for term in some})
            rows = [_row(project, uid, some, ids) for uid, some in terms.items()]
            for patient, study in sorted({(row["patient"], row["study"]) for row in rows}):
                place = {"of_project": project, "of_patient": patient, "of_study": study}
                connection.execute(_FORGET, place)
            if rows:
                connection.execute(_WRITE, rows)
                connection.execute(_DERIVE, [_derived(one, by) for one in series])

    def forget_unused_terms(self) -> None:
        """Delete what no series says any more: where a study is gone, its UID and what was only said of it."""
        terms = tables.terms
        for attribute, column in _TABLES.attributes.items():
            used = sa.select(column).where(column.is_not(None))
            unused = (terms.c.attribute == attribute) & terms.c.id.not_in(used)
            with self._database.write() as connection:  # of its own: others write, too
                in_turn(connection, _TERMS)
                connection.execute(terms.delete().where(unused))

    def search(self, statement: Statement, project: str) -> Iterator[Match]:
        """Every job that a statement makes of the settled studies of a project; holds one patient in memory."""
        with self._database.read(streams=True) as connection:
            yield from search(connection, _TABLES, statement, tables.catalogue.c.project == project)

    def outdated(self, projects: Iterable[str]) -> list[tuple[str, str]]:
        """(project, study) of what has settled and is not in the catalogue as the rules of its project say it."""
        study, series = tables.studies.c, tables.series.c
        found = []
        with self._database.read() as connection:
            for project in projects:
                query = (
                    sa.select(study.study_uid)
                    .distinct()
                    .join(tables.series, series.study_uid == study.study_uid)
                    .where(study.project == project, study.settled_at.is_not(None))
                    .where(series.made_by.is_(None))
                    .where(series.classified_by.is_distinct_from(self._classifier_of(project).digest))
                    .order_by(study.study_uid)
                )
                found += [(project, uid) for uid in connection.execute(query).scalars()]
        return found

    def _term_ids(
        self, connection: sa.Connection, wanted: set[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        by_digest = {_digest(*term): term for term in sorted(wanted)}
        known = _known(connection, list(by_digest))
        missing = [digest for digest in by_digest if digest not in known]
        if missing:
            rows = [
                {"attribute": by_digest[digest][0], "text": by_digest[digest][1], "digest": digest}
                for digest in missing
            ]
            # Nobody else is at it: none of them can be there meanwhile.
            known |= {row.digest: row.id for row in connection.execute(_NEW_TERMS, rows)}
        return {term: known[digest] for digest, term in by_digest.items()}


def _terms_of(series: Series) -> list[tuple[str, str]]:
    """The terms of a series, (attribute, text): its patient, its study, and the attributes that it has."""
    values = ((attribute, series.values(attribute)) for attribute in _COLUMNS)
    return [(attribute, term_text(some)) for attribute, some in values if some]


def _digest(attribute: str, text: str) -> str:
    """What tells a term from all others."""
    return hashlib.sha256(f"{attribute}\0{text}".encode()).hexdigest()[:32]


def _known(connection: sa.Connection, digests: Sequence[str]) -> dict[str, int]:
    terms = tables.terms.c
    known: dict[str, int] = {}
    for begin in range(0, len(digests), _AT_ONCE):
        query = sa.select(terms.digest, terms.id).where(terms.digest.in_(digests[begin : begin + _AT_ONCE]))
        known |= {row.digest: row.id for row in connection.execute(query)}
    return known


def _row(
    project: str, series_uid: str, terms: Sequence[tuple[str, str]], ids: dict[tuple[str, str], int]
) -> dict[str, Any]:
    # Every row names every column, or they could not be inserted together.
    empty = dict.fromkeys(_COLUMNS.values())
    numbers = {_COLUMNS[attribute]: ids[attribute, text] for attribute, text in terms}
    return {**empty, **numbers, "project": project, "series_uid": series_uid}


def _locked(study_uids: Sequence[str]) -> sa.Select[Any]:
    # Two that write the same study take turns; SQLite has one writer anyway.
    study_uid = tables.studies.c.study_uid
    return sa.select(study_uid).where(study_uid.in_(study_uids)).order_by(study_uid).with_for_update()


def _derived(series: Series, digest: str) -> dict[str, Any]:
    derived = {keyword: list(series.values(keyword)) for keyword in ("NumImages", "ClassifyTypes", "Path")}
    return {"of": series.uid, "what": derived, "by": digest}


def _described() -> sa.Select[Any]:
    study, series, instances = tables.studies.c, tables.series.c, tables.instances
    count = (
        sa.select(sa.func.count())
        .where(instances.c.series_uid == series.series_uid)
        .correlate(tables.series)
        .scalar_subquery()
    )
    return (
        sa.select(tables.series, study.patient_id, count.label("images"))
        .join(tables.studies, study.study_uid == series.study_uid)
        .where(study.project == sa.bindparam("of_project"), series.made_by.is_(None))
        .order_by(series.series_uid)
    )


# Each study that settles needs these; made anew, they would take longer than what they do.
_DESCRIBED = _described()
_OF_STUDY = _DESCRIBED.where(tables.studies.c.study_uid == sa.bindparam("of_study"))
_OF_PATIENT = _DESCRIBED.where(tables.studies.c.patient_id == sa.bindparam("of_patient"))
_FORGET = tables.catalogue.delete().where(
    tables.catalogue.c.project == sa.bindparam("of_project"),
    tables.catalogue.c.patient == sa.bindparam("of_patient"),
    tables.catalogue.c.study == sa.bindparam("of_study"),
)
_WRITE = tables.catalogue.insert()
_NEW_TERMS = tables.terms.insert().returning(tables.terms.c.digest, tables.terms.c.id)
_DERIVE = (
    tables.series.update()
    .where(tables.series.c.series_uid == sa.bindparam("of"))
    .values(derived=sa.bindparam("what"), classified_by=sa.bindparam("by"))
)


def _as_series(project: str, row: sa.Row[Any], classifier: Classifier) -> Series:
    values = {name: tuple(texts) for name, texts in row.attributes.items()}
    values["NumImages"] = (str(row.images),)
    values["Path"] = (f"{project}/{row.study_uid}/{row.series_uid}",)
    series = Series(row.series_uid, row.study_uid, row.patient_id, values)
    known = row.classified_by == classifier.digest
    types = tuple(row.derived["ClassifyTypes"]) if known else classifier.types(series)
    return Series(series.uid, series.study_uid, series.patient_id, {**values, "ClassifyTypes": types})
