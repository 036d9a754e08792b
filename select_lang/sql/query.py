"""Statement → one SQL query: the series that have a name, of the groups that have every name they need."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import sqlalchemy as sa

from select_lang.logic import leaves
from select_lang.sql.compile import Held, compile_rules, in_set_of
from select_lang.sql.tables import CatalogueTables, term_values
from select_lang.tree import Everything, Level, LineFilter, Statement

__all__ = ["is_compiled", "query_of"]

_MOST_NAMES = 62  # each is a bit of a 64-bit integer


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
    """Rows (SeriesInstanceUID, StudyInstanceUID, PatientID, names as bits, all attributes), patient by patient.

    A statement that limits the studies of a patient gets all series of its patients, as does one that is not compiled.
    """
    if not is_compiled(statement):
        return _rows(tables, sa.literal_column("0")).where(scope)
    bits = _Names(connection, tables, scope).bits(statement)
    rows = _rows(tables, bits).where(scope)
    limited = statement.select.limit is not None
    if not limited:
        rows = rows.where(bits > 0)
    needed = _needed(statement)
    if not needed and not limited:
        return rows
    catalogue = tables.catalogue.c
    keys = [catalogue.patient] if statement.across_studies else [catalogue.patient, catalogue.study]
    # OFFSET 0 keeps both databases from working the names out anew wherever they are asked for.
    scan = sa.select(*keys, bits.label("bits")).select_from(_with_described(tables)).where(scope)
    named = scan.offset(0).subquery("named")
    of_group = [named.c[key.name] for key in keys]
    has_needed = (sa.func.max(named.c.bits.bitwise_and(bit)) > 0 for bit in needed)
    groups = sa.select(*of_group).where(named.c.bits > 0).group_by(*of_group)
    complete = groups.having(sa.and_(sa.true(), *has_needed)).offset(0).subquery("complete")
    return rows.where(*(complete.c[key.name] == key for key in keys))


def _needed(statement: Statement) -> list[int]:
    """The bits of the names without which a group makes no job."""
    if statement.level is Level.SERIES:
        return []
    return [1 << number for number, where in enumerate(statement.select.wheres) if where.choice.required]


def _rows(tables: CatalogueTables, bits: sa.ColumnElement[int]) -> sa.Select[Any]:
    catalogue, terms = tables.catalogue.c, tables.terms
    patient, study = terms.alias("patient"), terms.alias("study")
    return (
        sa.select(
            catalogue.series_uid,
            study.c.text.label("study_uid"),
            patient.c.text.label("patient_id"),
            bits.label("bits"),
            *tables.everything,
        )
        .select_from(_with_described(tables))
        .join(patient, patient.c.id == catalogue.patient)
        .join(study, study.c.id == catalogue.study)
        .order_by(patient.c.text)
    )


def _with_described(tables: CatalogueTables) -> sa.FromClause:
    catalogue, described = tables.catalogue, tables.described
    return catalogue.join(described, described.c.series_uid == catalogue.c.series_uid)


class _Names:
    """Tells by SQL which names a series has."""

    def __init__(
        self, connection: sa.Connection, tables: CatalogueTables, scope: sa.ColumnElement[bool]
    ) -> None:
        self._connection, self._tables, self._scope = connection, tables, scope
        self._held = cache(self._look_up)

    def bits(self, statement: Statement) -> sa.ColumnElement[int]:
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
        return bits

    def _look_up(self, attribute: str) -> Held:
        """The values that the catalogue has of an attribute: its terms, or what the series say themselves."""
        column = self._tables.attributes.get(attribute)
        if column is not None:
            terms = self._tables.terms.c
            known = self._connection.execute(
                sa.select(terms.id, terms.text).where(terms.attribute == attribute)
            )
            return Held(column, tuple((row.id, term_values(row.text)) for row in known))
        said = sa.func.coalesce(*(one[attribute].as_string() for one in self._tables.everything))
        every = sa.select(said).distinct().select_from(_with_described(self._tables))
        texts = self._connection.execute(every.where(self._scope, said.is_not(None))).scalars()
        return Held(said, tuple((text, tuple(json.loads(text))) for text in texts))


def _constant(number: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(number), sa.BigInteger())
