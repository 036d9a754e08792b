"""Who is who: the pseudonym of a patient that is not derived from the project's secret.

Patients are found by keyed digests of their ids (`anonymizer.ProjectKey.subject_digest`); no id is in the database.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from anonymizer import OriginalIdentity, ProjectKey, PseudonymPattern, Subject, UnlistedPatient
from ror.db import Database, tables
from ror.errors import NotAllowed
from ror.model import PseudonymScheme
from ror.registry.pseudonym_rules import PseudonymRule

__all__ = ["KnownSubject", "SubjectStore"]


@dataclass(frozen=True, slots=True)
class KnownSubject:
    """One line of ``ror pseudonyms show``: a pseudonym, and how many studies the archive holds under it."""

    project: str
    pseudonym: str
    event: str
    added_at: float
    studies: int


class SubjectStore:
    """Subjects of projects whose patients are counted or coupled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, rule: PseudonymRule, key: ProjectKey, original: OriginalIdentity, *, weekdays: bool = True
    ) -> Subject | None:
        """The subject of a patient; None where the key derives the pseudonym, and for who is to be counted yet.

        `weekdays` is of the profile (`anonymizer.Profile`): whether dates move by whole weeks.

        Raises
        ------
        UnlistedPatient
            The project has a coupling list, and the patient is not on it.
        """
        if rule.scheme is PseudonymScheme.DERIVED or not original.patient_id:
            return None
        coupled = rule.scheme is PseudonymScheme.COUPLED
        digests = _listed(key, original) if coupled else [_person(key, original)]
        with self._database.read() as connection:
            row = _first_of(connection, rule.project, digests)
        if row is not None:
            # Several old ids may be one person: the new id stands for them, so that intervals stay between all studies.
            shift_days = key.shift_days(row.pseudonym, weekdays=weekdays) if coupled else None
            return Subject(row.pseudonym, row.event or None, shift_days)
        if coupled:
            raise UnlistedPatient(
                "unlisted_patient",
                "The coupling list does not name the patient",
                "Add them to it, and release the object.",
                "(0010,0020)",
            )
        return None

    def count(self, rule: PseudonymRule, key: ProjectKey, original: OriginalIdentity) -> Subject:
        """The subject of a patient, who gets the next number if they have none; the same one whoever asks at once."""
        table, digest = tables.pseudonym_rules, _person(key, original)
        with self._database.write() as connection:
            # The lock on the rule's row, in SQLite on the file, is what makes the counter atomic.
            locked = sa.select(table).where(table.c.project == rule.project).with_for_update()
            counter = connection.execute(locked).first()
            if counter is None or counter.scheme != PseudonymScheme.COUNTED:
                raise NotAllowed(
                    f"the patients of project {rule.project} are not counted any more", "send again"
                )
            known = _first_of(connection, rule.project, [digest])
            if known is not None:
                return Subject(known.pseudonym)
            number, pseudonym = _free(connection, rule.project, counter.pattern, counter.next_number)
            connection.execute(
                tables.subjects.insert().values(
                    project=rule.project,
                    digest=digest,
                    person=digest,
                    pseudonym=pseudonym,
                    event="",
                    number=number,
                    added_at=time.time(),
                )
            )
            update = table.update().where(table.c.project == rule.project).values(next_number=number + 1)
            connection.execute(update)
            return Subject(pseudonym)

    def list(self, project: str | None = None) -> list[KnownSubject]:
        """All subjects, or those of a project, by pseudonym."""
        table, studies = tables.subjects, tables.studies
        held = (
            sa.select(sa.func.count())
            .select_from(studies)
            .where(studies.c.project == table.c.project, studies.c.patient_id == table.c.pseudonym)
            .scalar_subquery()
        )
        query = (
            sa.select(
                table.c.project, table.c.pseudonym, table.c.event, table.c.added_at, held.label("studies")
            )
            .where(sa.true() if project is None else table.c.project == project)
            .order_by(table.c.project, table.c.pseudonym, table.c.event, table.c.digest)
        )
        with self._database.read() as connection:
            return [
                KnownSubject(row.project, row.pseudonym, row.event, row.added_at, row.studies)
                for row in connection.execute(query)
            ]


def _person(key: ProjectKey, original: OriginalIdentity) -> str:
    return key.subject_digest(original.patient_id, original.issuer)


def _listed(key: ProjectKey, original: OriginalIdentity) -> Sequence[str]:
    """Digests of the lines that may name a study, the most particular first."""
    accession_numbers = dict.fromkeys((original.accession_number, ""))
    issuers = dict.fromkeys((original.issuer, ""))
    return [
        key.subject_digest(original.patient_id, issuer, accession_number)
        for accession_number in accession_numbers
        for issuer in issuers
    ]


def _first_of(
    connection: sa.Connection, project: str, digests: Sequence[str]
) -> sa.Row[tuple[object, ...]] | None:
    table = tables.subjects
    query = sa.select(table).where(table.c.project == project, table.c.digest.in_(digests))
    found = {row.digest: row for row in connection.execute(query)}
    return next((found[digest] for digest in digests if digest in found), None)


def _free(connection: sa.Connection, project: str, pattern: str, number: int) -> tuple[int, str]:
    """The next number whose pseudonym nobody has: an earlier pattern may have made the same text of another number."""
    read, table = PseudonymPattern.of(pattern), tables.subjects
    while True:
        pseudonym = read.pseudonym(number)
        taken = sa.select(table.c.digest).where(table.c.project == project, table.c.pseudonym == pseudonym)
        if connection.execute(taken).first() is None:
            return number, pseudonym
        number += 1
