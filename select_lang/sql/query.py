"""Statement → one SQL query: the series that have a name, of the groups that have every name they need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from select_lang.catalogue import Series
from select_lang.logic import leaves
from select_lang.rules import Values, attributes_of
from select_lang.sql.compile import Held, compile_rules, in_set_of
from select_lang.sql.said import keywords_beside_rules, said_columns
from select_lang.sql.tables import CatalogueTables, term_text, term_values
from select_lang.tree import Everything, Level, LineFilter, Statement

__all__ = ["is_compiled", "query_of"]

_MOST_NAMES = 62  # each is a bit of a 64-bit integer
_SEPARATOR, _PADDING = term_text(("", "")), " \0\t\r\n"
_OTHER_THAN_TEXT = (_SEPARATOR, term_text((_SEPARATOR,)))
_BY_CODE_POINT = {
    "sqlite": "BINARY",
    "postgresql": "C",
}  # as Python sorts, whatever the language of the database


def is_compiled(statement: Statement) -> bool:
    """Whether SQL can tell which names a series has; else all series are read, and asked in Python.

    A line filter looks at many attributes at once, and every series has a Path of its own.
    """
    wheres = statement.select.wheres
    rules = [leaf for where in wheres for leaf in leaves(where.rules)]
    alone = (
        isinstance(rule, LineFilter) or (not isinstance(rule, Everything) and rule.attribute == "Path")
        for rule in rules
    )
    return len(wheres) <= _MOST_NAMES and not any(alone)


def query_of(
    connection: sa.Connection, tables: CatalogueTables, statement: Statement, scope: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """Rows (SeriesInstanceUID, StudyInstanceUID, PatientID, names as bits, what it says), patient by patient.

    What a series says stands in `said_columns` of `keywords_beside_rules`. For a statement that is not compiled it is
    all attributes, of all series. One that limits the studies of a patient gets all series of its patients.
    """
    if not is_compiled(statement):
        every = _named(tables, _constant(0)).where(scope)
        return _rows(connection, tables, every.subquery("named"), tables.everything)
    names = _Names(connection, tables, scope).of(statement)
    named = _named(tables, names.bits, beyond=_beyond_terms(tables, statement)).where(scope)
    # Once more in other words, by which PostgreSQL can tell how few they are.
    having_one = named.where(names.has_any).cte("named").prefix_with("MATERIALIZED")
    said = said_columns(connection.dialect.name, tables.everything, keywords_beside_rules(statement))
    needed, limited = _needed(statement), statement.select.limit is not None
    if not needed and not limited:
        return _rows(connection, tables, having_one, said)
    keys = ["patient"] if statement.across_studies else ["patient", "study"]
    of_group = [having_one.c[key] for key in keys]
    has_needed = (sa.func.max(having_one.c.bits.bitwise_and(bit)) > 0 for bit in needed)
    complete = sa.select(*of_group).group_by(*of_group).having(sa.and_(sa.true(), *has_needed))
    if limited:
        of_patients = named.where(tables.catalogue.c.patient.in_(complete))
        return _rows(connection, tables, of_patients.subquery("of_patients"), said)
    return _rows(connection, tables, having_one, said).where(sa.tuple_(*of_group).in_(complete))


def _named(tables: CatalogueTables, bits: sa.ColumnElement[int], *, beyond: bool = False) -> sa.Select[Any]:
    """The rows of the catalogue, and the names of each as bits."""
    catalogue = tables.catalogue.c
    where = _with_described(tables) if beyond else tables.catalogue
    named = (catalogue.patient, catalogue.study, catalogue.series_uid, bits.label("bits"))
    return sa.select(*named).select_from(where)


def _beyond_terms(tables: CatalogueTables, statement: Statement) -> bool:
    """Whether a rule looks at an attribute that the catalogue itself does not have."""
    named = {attribute for where in statement.select.wheres for attribute in attributes_of(where.rules)}
    return not named <= tables.attributes.keys()


def _needed(statement: Statement) -> list[int]:
    """The bits of the names without which a group makes no job."""
    if statement.level is Level.SERIES:
        return []
    return [1 << number for number, where in enumerate(statement.select.wheres) if where.choice.required]


def _rows(
    connection: sa.Connection,
    tables: CatalogueTables,
    named: sa.FromClause,
    said: Sequence[sa.ColumnElement[Any]],
) -> sa.Select[Any]:
    described = tables.described
    patient, study = tables.terms.alias("of_patient"), tables.terms.alias("of_study")
    uids = (named.c.series_uid, study.c.text.label("study_uid"), patient.c.text.label("patient_id"))
    return (
        sa.select(*uids, named.c.bits, *said)
        .join_from(named, described, described.c.series_uid == named.c.series_uid)
        .join(patient, patient.c.id == named.c.patient)
        .join(study, study.c.id == named.c.study)
        .order_by(patient.c.text.collate(_BY_CODE_POINT[connection.dialect.name]))
    )


def _with_described(tables: CatalogueTables) -> sa.FromClause:
    catalogue, described = tables.catalogue, tables.described
    return catalogue.join(described, described.c.series_uid == catalogue.c.series_uid)


@dataclass(frozen=True, slots=True)
class _Told:
    """The names of a series as bits, and whether it has any."""

    bits: sa.ColumnElement[int]
    has_any: sa.ColumnElement[bool]


class _Names:
    """Tells by SQL which names a series has."""

    def __init__(
        self, connection: sa.Connection, tables: CatalogueTables, scope: sa.ColumnElement[bool]
    ) -> None:
        self._connection, self._tables, self._scope = connection, tables, scope
        self._held = cache(self._look_up)

    def of(self, statement: Statement) -> _Told:
        """The first name whose rules hold, and all that are shared, each as its bit; 0 without any."""
        in_set = in_set_of(self._connection.dialect.name)
        first: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[int]]] = []
        shared: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[int]]] = []
        for number, where in enumerate(statement.select.wheres):
            one = (compile_rules(where.rules, self._held, in_set), _constant(1 << number))
            (shared if where.choice.shared else first).append(one)
        bits: sa.ColumnElement[int] = sa.case(*first, else_=_constant(0)) if first else _constant(0)
        for one in shared:
            bits = bits + sa.case(one, else_=_constant(0))
        return _Told(bits, sa.or_(sa.false(), *(rules for rules, _bit in first + shared)))

    def _look_up(self, attribute: str) -> Held:
        """The values that the catalogue has of an attribute: its terms, or what the series say themselves."""
        column = self._tables.attributes.get(attribute)
        if column is not None:
            terms = self._tables.terms.c
            known = self._connection.execute(
                sa.select(terms.id, terms.text).where(terms.attribute == attribute)
            )
            return Held(column, tuple((number, _of_term(text)) for number, text in known))
        said = sa.func.coalesce(*(one[attribute].as_string() for one in self._tables.everything))
        every = sa.select(said).distinct().select_from(_with_described(self._tables))
        texts = self._connection.execute(every.where(self._scope, said.is_not(None))).scalars()
        return Held(said, tuple((text, _stripped(tuple(json.loads(text)))) for text in texts))


def _of_term(text: str) -> Values:
    # Nearly all are one value without padding, and there are a hundred thousand of some attributes.
    one = not any(sign in text for sign in _OTHER_THAN_TEXT)
    plain = text and one and text[0] not in _PADDING and text[-1] not in _PADDING
    return (text,) if plain else _stripped(term_values(text))


def _stripped(values: Values) -> Values:
    """As a series gives them."""
    return Series("", "", "", {"": values}).values("")


def _constant(number: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(number), sa.BigInteger())
