"""The coupling lists of projects, in the database: keyed digests of old ids, and new ids."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from anonymizer import ProjectKey
from ror.db import Database, tables
from ror.errors import ConfigurationError, NotAllowed, NotFound
from ror.model import PseudonymScheme
from ror.registry.coupling_list import Coupling

__all__ = ["CouplingStore"]


class CouplingStore:
    """Adds rows of a coupling list all together or not at all, and takes a new id off it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, project: str, key: ProjectKey, couplings: Sequence[Coupling], *, merge: bool = False
    ) -> int:
        """Add couplings; return how many are new. With `merge`, several old ids may have one new id.

        Raises
        ------
        NotAllowed
            The pseudonyms of the project do not come from a list.
        ConfigurationError
            With a fault for each row that contradicts another one, or what was added before.
        """
        with self._database.write() as connection:
            self._lock(connection, project)
            listed = _Listed.of(connection, project)
            new = listed.add(key, couplings, merge=merge)
            if listed.faults:
                raise ConfigurationError(
                    "the coupling list contradicts itself, or what was added before:",
                    tuple(listed.faults),
                    "correct it; `ror pseudonyms uncouple` takes a new id off the list",
                )
            if new:
                now = time.time()
                rows = [{"project": project, "added_at": now, **row} for row in new]
                connection.execute(tables.subjects.insert(), rows)
            return len(new)

    def contradictions(
        self, project: str, key: ProjectKey, couplings: Sequence[Coupling], *, merge: bool = False
    ) -> list[str]:
        """A fault for each row that `add` would refuse, by line."""
        with self._database.read() as connection:
            listed = _Listed.of(connection, project)
        listed.add(key, couplings, merge=merge)
        return listed.faults

    def events(self, project: str) -> frozenset[str]:
        """The event names on a project's list, "" where a row has none; nothing where there is no list."""
        table = tables.subjects
        query = (
            sa.select(table.c.event).where(table.c.project == project, table.c.number.is_(None)).distinct()
        )
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def remove(self, project: str, pseudonym: str) -> None:
        """Take a new id off the list, with all old ids that it has.

        Raises
        ------
        NotAllowed
            The archive holds studies under it.
        NotFound
            It is not on the list.
        """
        studies, table = tables.studies, tables.subjects
        with self._database.write() as connection:
            self._lock(connection, project)
            held = sa.select(studies.c.study_uid).where(
                studies.c.project == project, studies.c.patient_id == pseudonym
            )
            if connection.execute(held.limit(1)).first() is not None:
                raise NotAllowed(
                    f"project {project} holds studies of {pseudonym}: their patient would get a second pseudonym",
                    "list the other old ids of the same patient with `ror pseudonyms couple --merge`",
                )
            mine = (table.c.project == project) & (table.c.pseudonym == pseudonym)
            if not connection.execute(table.delete().where(mine)).rowcount:
                raise NotFound(
                    f"{pseudonym} is not on the coupling list of project {project}",
                    f"see `ror pseudonyms show {project}`",
                )

    def _lock(self, connection: sa.Connection, project: str) -> None:
        table = tables.pseudonym_rules
        query = sa.select(table.c.scheme).where(table.c.project == project).with_for_update()
        if connection.execute(query).scalar() != PseudonymScheme.COUPLED:
            raise NotAllowed(
                f"the pseudonyms of project {project} do not come from a coupling list",
                f"ror pseudonyms set {project} --coupled",
            )


@dataclass(slots=True)
class _Listed:
    """What is on the list, to be held against what comes."""

    lines: dict[str, tuple[str, str]] = field(default_factory=dict)  # digest: pseudonym, event
    pseudonyms: dict[str, str] = field(default_factory=dict)  # by person
    persons: dict[str, str] = field(default_factory=dict)  # by pseudonym; one of them
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, connection: sa.Connection, project: str) -> _Listed:
        listed, table = cls(), tables.subjects
        for row in connection.execute(sa.select(table).where(table.c.project == project)):
            listed._note(row.digest, row.person, row.pseudonym, row.event)
        return listed

    def add(self, key: ProjectKey, couplings: Sequence[Coupling], *, merge: bool) -> list[dict[str, str]]:
        new = []
        for one in couplings:
            person = key.subject_digest(one.old_id, one.issuer)
            digest = key.subject_digest(one.old_id, one.issuer, one.accession_number)
            if self.lines.get(digest) == (one.new_id, one.event_name):
                continue
            fault = self._fault(one, digest, person, merge)
            if fault:
                self.faults.append(f"line {one.line}: {fault}")
                continue
            self._note(digest, person, one.new_id, one.event_name)
            new.append({"digest": digest, "person": person, "pseudonym": one.new_id, "event": one.event_name})
        return new

    def _fault(self, one: Coupling, digest: str, person: str, merge: bool) -> str:
        if self.pseudonyms.get(person, one.new_id) != one.new_id:
            return "its old id has another new id already"
        if digest in self.lines:
            return (
                "its old id has another event_name already; give each row the accession_number of its study"
            )
        if self.persons.get(one.new_id, person) != person and not merge:
            return "its new id is that of another old id already; give --merge if both are one person"
        return ""

    def _note(self, digest: str, person: str, pseudonym: str, event: str) -> None:
        self.lines[digest] = (pseudonym, event)
        self.pseudonyms[person] = pseudonym
        self.persons.setdefault(pseudonym, person)
