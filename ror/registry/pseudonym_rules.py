"""Where the pseudonyms of a project come from: its secret, a counter with a pattern, or a coupling list."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from anonymizer import PseudonymPattern
from ror.db import Database, tables
from ror.errors import ConfigurationError, NotAllowed
from ror.model import PseudonymScheme

__all__ = ["PseudonymRule", "PseudonymRuleStore"]

_GREATEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PseudonymRule:
    """The rule of one project.

    `pattern` is set where patients are counted; `keeps_identities` says whether the way back to the patient is kept,
    encrypted, of every study that is taken in from now on.
    """

    project: str
    scheme: PseudonymScheme = PseudonymScheme.DERIVED
    pattern: str = ""
    keeps_identities: bool = False


class PseudonymRuleStore:
    """Rules in the database; a project without one derives pseudonyms from its secret."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, project: str) -> PseudonymRule:
        """The rule of a project."""
        table = tables.pseudonym_rules
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.project == project)).first()
        if row is None:
            return PseudonymRule(project)
        return PseudonymRule(project, PseudonymScheme(row.scheme), row.pattern, row.keeps_identities)

    def set(self, rule: PseudonymRule, first: int | None = None) -> None:
        """Set the rule of a project that exists; `first` is the number of the next patient who is counted.

        Raises
        ------
        ProfileError
            The pattern makes no pseudonyms.
        ConfigurationError
            `first` would give a number again.
        NotAllowed
            The project holds studies, whose patients would get a second pseudonym by another scheme.
        """
        if rule.scheme is PseudonymScheme.COUNTED:
            PseudonymPattern.of(rule.pattern)
        table = tables.pseudonym_rules
        with self._database.write() as connection:
            query = sa.select(table).where(table.c.project == rule.project).with_for_update()
            row = connection.execute(query).first()
            held = PseudonymScheme.DERIVED if row is None else PseudonymScheme(row.scheme)
            if held is not rule.scheme:
                _require_no_studies(connection, rule.project, held)
            values = {
                "scheme": rule.scheme.value,
                "pattern": rule.pattern,
                "keeps_identities": rule.keeps_identities,
                "next_number": _next_number(1 if row is None else row.next_number, first),
            }
            connection.execute(
                self._database.insert(table)
                .values(project=rule.project, **values)
                .on_conflict_do_update(index_elements=["project"], set_=values)
            )


def _next_number(now: int, first: int | None) -> int:
    if first is None:
        return now
    if not now <= first <= _GREATEST:
        raise ConfigurationError(
            f"--first {first} is no number that can come next", advice=f"give one from {now} to {_GREATEST}"
        )
    return first


def _require_no_studies(connection: sa.Connection, project: str, held: PseudonymScheme) -> None:
    table = tables.studies
    query = sa.select(table.c.study_uid).where(table.c.project == project).limit(1)
    if connection.execute(query).first() is not None:
        raise NotAllowed(
            f"project {project} holds studies under pseudonyms that are {held.value}: "
            "their patients would get a second one",
            "make another project for the other pseudonyms, and route to it",
        )
